"""The optimizer of a training: one kernel for all weights, unless something else is asked for."""

from typing import Any

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from darts import TimeSeries
from pytorch_lightning.callbacks import WeightAveraging
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import ExponentialLR

from hyperforecast.darts import HNMVTSModel, HyperModel, MoLAModel

SERIES = TimeSeries.from_values(np.random.default_rng(0).normal(size=(60, 3)).cumsum(axis=0))


class OwnAdam(torch.optim.Adam):
    """Of which it is not known whether it has another kernel."""


class Watcher(pl.Callback):
    """Remembers the optimizer."""

    def on_train_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        self.optimizer: Optimizer = trainer.optimizers[0]


def fit(**options: Any) -> tuple[HNMVTSModel, dict[str, Any]]:
    watcher = Watcher()
    given = options.pop("trainer", {})
    trainer = {"enable_progress_bar": False, "accelerator": "cpu", **given}
    trainer["callbacks"] = [watcher, *given.get("callbacks", [])]
    model = HNMVTSModel(
        6, 3, solver="adam", n_epochs=4, random_state=0, pl_trainer_kwargs=trainer, **options
    )
    model.fit(SERIES)
    return model, watcher.optimizer.param_groups[0]


def test_adam_takes_a_step_in_one_kernel() -> None:
    fused, group = fit()
    assert group["fused"] is True
    plain, group = fit(optimizer_kwargs={"fused": False})
    assert group["fused"] is False
    for a, b in zip(fused.network.parameters(), plain.network.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6)
    assert fused.model.optimizer_kwargs == {}  # as it is saved


def test_gradients_are_clipped_in_mixed_precision() -> None:
    assert (
        fit(trainer={"precision": "bf16-mixed", "gradient_clip_val": 1.0})[1]["fused"] is not True
    )
    assert fit(trainer={"precision": "bf16-mixed"})[1]["fused"] is True


class Recorder(pl.Callback):
    """Keeps the weights after every step."""

    def __init__(self) -> None:
        self.steps: list[list[Tensor]] = []

    def on_train_batch_end(self, trainer: pl.Trainer, module: pl.LightningModule, *_: Any) -> None:
        self.steps.append([one.detach().clone() for one in module.parameters()])


def test_weights_are_averaged_over_the_steps() -> None:
    recorder = Recorder()
    model, _ = fit(batch_size=16, trainer={"callbacks": [recorder, WeightAveraging()]})
    assert len(recorder.steps) == 16
    for found, *steps in zip(model.model.parameters(), *recorder.steps, strict=True):
        torch.testing.assert_close(found.detach(), torch.stack(steps).mean(dim=0))


@pytest.mark.parametrize(
    "options",
    [
        {"optimizer_kwargs": {"foreach": True}},
        {"optimizer_cls": torch.optim.SGD},
        {"optimizer_cls": OwnAdam},
    ],
)
def test_what_was_asked_for_stays(options: dict[str, Any]) -> None:
    assert fit(**options)[1].get("fused") is None


def test_gradients_are_clipped() -> None:
    still, _ = fit(optimizer_kwargs={"lr": 0.0})
    moved, group = fit(
        optimizer_kwargs={"lr": 1e-2, "eps": 1.0}, trainer={"gradient_clip_val": 1e-6}
    )
    assert group["fused"] is True
    free, _ = fit(optimizer_kwargs={"lr": 1e-2, "eps": 1.0})

    def distance(model: HNMVTSModel) -> float:
        pairs = zip(model.network.parameters(), still.network.parameters(), strict=True)
        return sum((a - b).square().sum().item() for a, b in pairs)

    assert 0 < distance(moved) < 1e-6 * distance(free)


def weights(model: HNMVTSModel) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Return the weights of the base, and those of what generates weights."""
    state, own = dict(model.network.named_parameters()), model.network.generating()
    base = {name: one.detach() for name, one in state.items() if name not in own}
    return base, {name: one.detach() for name, one in own.items()}


def test_what_generates_weights_has_a_rate_of_its_own() -> None:
    started, _ = fit(optimizer_kwargs={"lr": 0.0})
    held, group = fit(optimizer_kwargs={"lr": 1e-2}, generator_lr=0.0)
    assert group["fused"] is True
    moved, _ = fit(optimizer_kwargs={"lr": 0.0}, generator_lr=1e-2)
    both, _ = fit(optimizer_kwargs={"lr": 1e-2})
    torch.testing.assert_close(weights(held)[1], weights(started)[1], rtol=0, atol=0)
    torch.testing.assert_close(weights(moved)[0], weights(started)[0], rtol=0, atol=0)
    for number, model in ((0, held), (1, moved), (0, both), (1, both)):
        start = weights(started)[number]
        assert any(not one.equal(start[name]) for name, one in weights(model)[number].items())
    alike, _ = fit(optimizer_kwargs={"lr": 1e-2}, generator_lr=1e-2)
    torch.testing.assert_close(weights(alike), weights(both), rtol=0, atol=0)
    assert held.model.optimizer_cls is torch.optim.Adam  # as it is saved


def test_a_scheduler_lowers_both_rates() -> None:
    scheduler = {"lr_scheduler_cls": ExponentialLR, "lr_scheduler_kwargs": {"gamma": 0.1}}
    model, _ = fit(optimizer_kwargs={"lr": 1e-2}, generator_lr=1e-3, **scheduler)
    rates = [group["lr"] for group in model.trainer.optimizers[0].param_groups]
    assert rates == pytest.approx([1e-6, 1e-7])


def test_every_stage_has_the_rate() -> None:
    """Its adapters generate weights, and are trained in the second stage."""
    common = {"n_epochs": 1, "n_segments": 3, "random_state": 0, "backbone": "rlinear"}
    common |= {"backbone_kwargs": {"d_model": 4}, "n_base_epochs": 1}
    model = MoLAModel(6, 3, generator_lr=0.0, **common).fit(SERIES)
    start = MoLAModel(6, 3, optimizer_kwargs={"lr": 0.0}, **common).fit(SERIES)
    for name, one in model.network.adapters().items():
        assert one.equal(start.network.adapters()[name])


def test_a_rate_asks_for_gradients() -> None:
    assert HNMVTSModel(6, 3, generator_lr=1e-3, random_state=0).fit(SERIES).solver_report is None
    with pytest.raises(ValueError, match="generator_lr"):
        HNMVTSModel(6, 3, generator_lr=1e-3, solver="exact").fit(SERIES)


@pytest.mark.parametrize("parts", [{}, {"head": "individual"}])
def test_a_rate_for_nothing_is_an_error(parts: dict[str, str]) -> None:
    model = HyperModel(6, 3, generator_lr=1e-3, solver="adam", n_epochs=1, **parts)
    with pytest.raises(ValueError, match="no weight of this network is generated"):
        model.fit(SERIES)
    with pytest.raises(ValueError, match="generator_lr must be a finite number >= 0"):
        HyperModel(6, 3, generator_lr=-1.0)
