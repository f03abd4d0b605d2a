"""Moments of features: of all windows, a chunk of the channels at a time."""

import pytest
import torch

from hyperforecast.nn.exact import Moments
from hyperforecast.nn.exact.choice.late import OutOfTime
from hyperforecast.nn.solved_head import feature_moments
from hyperforecast.nn.solved_head.feature_moments import FeatureMoments
from hyperforecast.nn.solved_head.feature_rows import FeatureTap
from hyperforecast.nn.solved_head.output_layers import OutputLayers
from tests.nn.solved_head.made import CUTTER, C, arguments, network_of, observed, windows_of

SERIES = [observed(40), observed(30, seed=1)]


@pytest.fixture
def tap() -> FeatureTap:
    layers = OutputLayers(network_of(arguments("rmlp")))
    return FeatureTap(layers, torch.tensor([1.0, 2.0, 3.0]).double(), torch.device("cpu"))


@pytest.mark.parametrize(("max_gb", "n_chunks", "passes"), [(1.0, 1, 1), (1e-9, C, 2 * C)])
def test_the_network_runs_again_only_for_what_does_not_fit(
    tap, max_gb, n_chunks, passes, monkeypatch
) -> None:
    runs = []
    monkeypatch.setattr(feature_moments, "MAX_VALUES", 2**30)  # a series is one block
    tap.network.register_forward_hook(lambda *_: runs.append(1))
    moments = FeatureMoments(tap, CUTTER, SERIES, max_gb * 2**30)
    assert [len(list(moments)) for _ in range(2)] == [n_chunks, n_chunks]
    assert len(runs) == passes * len(SERIES)
    moments.release()
    list(moments)
    assert len(runs) > passes * len(SERIES)


@pytest.mark.parametrize("max_values", [1, 2**30])
def test_they_are_the_sums_over_every_window(tap, max_values, monkeypatch) -> None:
    monkeypatch.setattr(feature_moments, "MAX_VALUES", max_values)
    [(channels, moments)] = FeatureMoments(tap, CUTTER, SERIES, 2**30)
    expected = [Moments.of_rows(*tap.rows(windows_of(one))) for one in SERIES]
    assert channels == slice(0, C)
    assert moments.n_windows == sum(one.n_windows for one in expected)
    for name in ("xx", "xy", "yy"):
        torch.testing.assert_close(
            getattr(moments, name), sum(getattr(one, name) for one in expected)
        )


def test_no_chunk_is_begun_when_time_is_over(tap, monkeypatch) -> None:
    runs = []
    monkeypatch.setattr(feature_moments, "MAX_VALUES", 1)  # blocks of 32 windows at most
    tap.network.register_forward_hook(lambda *_: runs.append(1))
    late = FeatureMoments(tap, CUTTER, [observed(120)], 2**30, lambda: len(runs) >= 2)
    with pytest.raises(OutOfTime):
        list(late)
    assert len(runs) == 2
