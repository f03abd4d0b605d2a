"""The optimizer of a training: one kernel for all weights, unless something else is asked for."""

from typing import Any

import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from darts import TimeSeries
from torch.optim import Optimizer

from hyperforecast.darts import HNMVTSModel

SERIES = TimeSeries.from_values(np.random.default_rng(0).normal(size=(60, 3)).cumsum(axis=0))


class OwnAdam(torch.optim.Adam):
    """Of which it is not known whether it has another kernel."""


class Watcher(pl.Callback):
    """Remembers the optimizer."""

    def on_train_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        self.optimizer: Optimizer = trainer.optimizers[0]


def fit(**options: Any) -> tuple[HNMVTSModel, dict[str, Any]]:
    watcher = Watcher()
    trainer = {"callbacks": [watcher], "enable_progress_bar": False, "accelerator": "cpu"}
    trainer |= options.pop("trainer", {})
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
