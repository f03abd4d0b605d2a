"""Training steps are timed on the same network and windows."""

import torch

from benchmarks import training_steps
from benchmarks.training_steps import Sizes, step_of
from hyperforecast.nn import HyperLinear


def test_a_step_trains_in_the_way_that_is_timed(monkeypatch):
    calls = []
    multiplied = HyperLinear._multiplied

    def noted(self, x, *given):
        y = multiplied(self, x, *given)
        calls.append(y is not None)
        return y

    monkeypatch.setattr(HyperLinear, "_multiplied", noted)
    sizes = Sizes(3, 8, 4)
    step_of("dlinear", sizes, 2, "hn-mvts")()
    step_of("dlinear", sizes, 2, "hn-mvts", in_pieces=False)()
    step_of("dlinear", sizes, 2, None)()
    assert calls == [True, False]


def test_every_way_has_a_column(monkeypatch, capsys):
    monkeypatch.setattr(training_steps, "SIZES", {"few": Sizes(3, 8, 4)})
    before = torch.get_num_threads()
    training_steps.main(["--windows", "few", "--backbones", "dlinear", "--repetitions", "1"])
    torch.set_num_threads(before)
    assert "ratio, weights held whole" in capsys.readouterr().out
