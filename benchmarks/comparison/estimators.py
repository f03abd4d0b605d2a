"""What is compared, and between which options each chooses on validation."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from darts.models import DLinearModel, LinearRegressionModel, NLinearModel, TiDEModel, TSMixerModel
from torch import nn

from benchmarks.comparison.networks import Regressed, Repeated
from benchmarks.protocol import Dataset
from benchmarks.solver.fits import DartsNetwork
from benchmarks.training import train
from hyperforecast.darts import BackboneModel, HNMVTSModel, LightSAEModel, MoLAModel
from hyperforecast.nn.network import count_parameters

MAX_REGRESSORS = 2**29
"""Numbers in the table of regressors above which a regression on all channels is left out."""


class Task(NamedTuple):
    """What is forecast from what.

    Attributes
    ----------
    dataset : Dataset
    lookback, horizon : int
    season : int
        Rows that the seasonal naive forecast repeats.
    """

    dataset: Dataset
    lookback: int
    horizon: int
    season: int


class Fitted(NamedTuple):
    """What forecasts windows, and how many rows of them it sees."""

    network: nn.Module
    lookback: int
    parameters: int


class TooLargeError(Exception):
    """An estimator cannot be fitted to a task in the memory that there is."""


@dataclass(frozen=True)
class Estimator:
    """One of those compared.

    Attributes
    ----------
    source : str
        Which package has it.
    fit : callable
        From a task and options to :class:`Fitted`.
    grid : tuple of mapping
        Options between which validation chooses; what an estimator chooses by itself is not there.
    """

    source: str
    fit: Callable[..., Fitted]
    grid: tuple[Mapping[str, Any], ...] = ({},)


def last_value(task: Task) -> Fitted:
    """Repeat the last value."""
    return Fitted(Repeated(1, task.horizon), task.lookback, 0)


def seasonal_naive(task: Task) -> Fitted:
    """Repeat the last season."""
    return Fitted(Repeated(task.season, task.horizon), max(task.lookback, task.season), 0)


def linear_regression(task: Task, *, by_channel: bool) -> Fitted:
    """Fit least squares on the lags of all channels, or of each channel as a series of its own."""
    series = task.dataset.series("train")
    n_rows, n_channels = len(series), series.n_components
    if not by_channel and n_rows * task.lookback * n_channels > MAX_REGRESSORS:
        raise TooLargeError
    several = [series[name] for name in series.components] if by_channel else series
    model = LinearRegressionModel(lags=task.lookback, output_chunk_length=task.horizon)
    model.fit(several)
    regression: Any = model.model
    parameters = regression.coef_.size + regression.intercept_.size
    return Fitted(Regressed(model, by_channel), task.lookback, parameters)


def by_gradients(make: Callable[..., Any]) -> Callable[..., Fitted]:
    """Return what trains a model of Darts with early stopping on validation."""

    def fit(task: Task, **options: Any) -> Fitted:
        trained = train(
            make,
            task.dataset,
            task.lookback,
            task.horizon,
            seed=0,
            **{"n_epochs": 20, "patience": 3, "batch_size": 64, **options},
            pl_trainer_kwargs={
                "accelerator": "cpu",
                "enable_progress_bar": False,
                "enable_model_summary": False,
            },
        )
        network = getattr(trained.model, "network", None)
        if network is None:
            network = DartsNetwork(trained.model.model)
        return Fitted(network, task.lookback, count_parameters(network))

    return fit


def exactly(make: Callable[..., Any]) -> Callable[..., Fitted]:
    """Return what solves a model in closed form, its settings chosen on validation."""

    def fit(task: Task, **options: Any) -> Fitted:
        series = task.dataset.series("train")
        validation = task.dataset.series("validation", task.lookback)
        model = make(task.lookback, task.horizon, solver="exact", **options)
        network = model.fit(series, val_series=validation).network.eval().fold()
        return Fitted(network, task.lookback, count_parameters(network))

    return fit


RATES: tuple[Mapping[str, Any], ...] = tuple(
    {"optimizer_kwargs": {"lr": rate}} for rate in (1e-3, 3e-4)
)
SHARED = ({"shared_weights": True}, {"shared_weights": False})
NORMALISED = ({"use_reversible_instance_norm": True}, {"use_reversible_instance_norm": False})

OURS, DARTS = "hyperforecast", "Darts"

ESTIMATORS: dict[str, Estimator] = {
    "last value": Estimator("", last_value),
    "seasonal naive": Estimator("", seasonal_naive),
    "LinearRegressionModel": Estimator(
        DARTS, linear_regression, ({"by_channel": True}, {"by_channel": False})
    ),
    "DLinearModel": Estimator(DARTS, by_gradients(DLinearModel), SHARED),
    "NLinearModel": Estimator(DARTS, by_gradients(NLinearModel), SHARED),
    "TiDEModel": Estimator(DARTS, by_gradients(TiDEModel), NORMALISED),
    "TSMixerModel": Estimator(DARTS, by_gradients(TSMixerModel), NORMALISED),
    "BackboneModel, exact": Estimator(OURS, exactly(BackboneModel)),
    "BackboneModel, one each, exact": Estimator(
        OURS, exactly(BackboneModel), ({"individual": True},)
    ),
    "HNMVTSModel, exact": Estimator(OURS, exactly(HNMVTSModel)),
    "HNMVTSModel, rmlp, adam+exact": Estimator(
        OURS,
        by_gradients(HNMVTSModel),
        tuple(
            {
                "backbone": "rmlp",
                "solver": "adam+exact",
                "backbone_kwargs": {"d_model": 128},
                **rate,
            }
            for rate in RATES
        ),
    ),
    "LightSAEModel": Estimator(
        OURS,
        by_gradients(LightSAEModel),
        tuple({"backbone": name} for name in ("rlinear", "rmlp")),
    ),
    "MoLAModel": Estimator(
        OURS, by_gradients(MoLAModel), tuple({"backbone": "rlinear", **rate} for rate in RATES)
    ),
}
"""By name."""
