"""Whole fits and what they took: by the exact solver, and by gradients."""

from collections.abc import Callable
from typing import Any, NamedTuple

import pytorch_lightning as pl
from darts.models.forecasting.torch_forecasting_model import TorchForecastingModel
from darts.utils.data.torch_datasets.utils import PLModuleInput
from pytorch_lightning.callbacks import Callback
from torch import Tensor, nn

from benchmarks.protocol import Dataset
from benchmarks.timing import Clock, timed
from benchmarks.training import train
from hyperforecast.darts import HNMVTSModel

WINDOWS = {"weather": (336, 96), "ETTh1": (336, 96), "los_speed": (96, 12)}
"""Lookback and horizon of the data sets that are fitted."""


ONE_SETTING = {"combine": False, "pool": False, "neighbours": False}
"""Options of the solver by which one setting forecasts alone, one head for all or one each."""


class Fit(NamedTuple):
    """A trained network and what its training took.

    ``to_best`` goes to the end of the epoch whose weights are kept, ``total`` to the end of the
    fit.
    """

    network: nn.Module
    to_best: Clock
    total: Clock
    epochs: int | None = None


class BestEpoch(Callback):
    """Notes when the validation loss was lowest."""

    def __init__(self) -> None:
        self.loss, self.time = float("inf"), Clock(float("nan"), float("nan"))

    def on_validation_epoch_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Compare the epoch's loss."""
        loss = trainer.callback_metrics.get("val_loss")
        if not trainer.sanity_checking and loss is not None and loss.item() < self.loss:
            self.loss, self.time = loss.item(), Clock.now()


class DartsNetwork(nn.Module):
    """The network of a Darts model, as the protocol calls it."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(
        self, past: Tensor, before: Tensor | None = None, ahead: Tensor | None = None
    ) -> Tensor:
        """Forecast windows (B, L, C) -> (B, H, C, 1), with what is known of window and horizon."""
        given = PLModuleInput(
            past_target=past, historic_future_covariates=before, future_covariates=ahead
        )
        return self.module(given).prediction


def fit_exactly(
    dataset: Dataset, lookback: int, horizon: int, *, held_out: bool = False, **options: Any
) -> tuple[Fit, HNMVTSModel]:
    """Solve for a model; choose its settings on the validation part, or on training rows."""
    model = HNMVTSModel(lookback, horizon, solver="exact", **options)
    validation = None if held_out else dataset.series("validation", lookback)
    series = dataset.series("train")
    _, total = timed(lambda: model.fit(series, val_series=validation))
    return Fit(model.network, total, total), model


def fit_by_gradients(
    make: Callable[..., TorchForecastingModel],
    dataset: Dataset,
    lookback: int,
    horizon: int,
    patience: int,
) -> Fit:
    """Train until the validation loss has not fallen for ``patience`` epochs; take the best."""
    best = BestEpoch()
    training = train(
        make,
        dataset,
        lookback,
        horizon,
        seed=0,
        patience=patience,
        callbacks=[best],
        n_epochs=100,
        pl_trainer_kwargs={
            "accelerator": "cpu",
            "enable_progress_bar": False,
            "enable_model_summary": False,
        },
    )
    network = DartsNetwork(training.model.model)
    return Fit(network, best.time.since(training.start), training.taken, training.epochs)


def chosen(model: HNMVTSModel) -> dict[str, Any]:
    """Return the setting that won, as a table shows it."""
    report = model.solver_report
    selected = report[report["chosen"]].iloc[-1]
    return {
        "norm": selected["instance_norm"],
        "d": "each" if selected["individual"] else selected["channel_embedding_dim"],
        "K": selected["n_factors"],
        "ridge": f"{selected['ridge']:.0e}",
    }
