"""What is compared, and between which options each chooses on validation."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from darts import TimeSeries
from darts.models import DLinearModel, LinearRegressionModel, NLinearModel, TiDEModel, TSMixerModel

from benchmarks.comparison import elsewhere
from benchmarks.comparison.budget import PATIENCE, PROCESSOR_SECONDS, Budget
from benchmarks.comparison.measuring import Estimator, Fitted, TooLargeError, network_fitted
from benchmarks.comparison.networks import Regressed, Repeated
from benchmarks.comparison.tasks import Task
from benchmarks.solver.fits import DartsNetwork
from benchmarks.solver.vector_autoregression import chosen, regression
from benchmarks.training import train
from hyperforecast.darts import (
    AutoHyperModel,
    BackboneModel,
    HNMVTSModel,
    HyperforecastModel,
    LightSAEModel,
    MoLAModel,
)
from hyperforecast.nn.network import count_parameters

MAX_REGRESSORS = 2**27
"""Numbers in the table of regressors above which a regression on all channels is left out, or on
single channels takes fewer rows."""

BATCH, MAX_EPOCHS = 64, 100

QUIET = {"accelerator": "cpu", "enable_progress_bar": False, "enable_model_summary": False}


def last_value(task: Task) -> Fitted:
    """Repeat the last value."""
    return network_fitted(task, Repeated(1, task.horizon), 0)


def seasonal_naive(task: Task) -> Fitted:
    """Repeat the last season."""
    return network_fitted(task, Repeated(task.season, task.horizon), 0, lookback=task.season)


def linear_regression(task: Task, *, by_channel: bool) -> Fitted:
    """Fit least squares on the lags of all channels, or of each channel as a series of its own."""
    series = task.dataset.series("train")
    n_rows, n_channels = len(series), series.n_components
    known = None if task.known is None else task.known.series("train")
    n_columns = n_channels + (0 if known is None else known.n_components)
    n_numbers = n_rows * n_columns * (task.lookback + task.horizon)
    if not by_channel and n_numbers > MAX_REGRESSORS:
        raise TooLargeError
    model = LinearRegressionModel(
        lags=task.lookback,
        lags_future_covariates=None if known is None else (task.lookback, task.horizon),
        output_chunk_length=task.horizon,
    )
    stride = -(-n_numbers // MAX_REGRESSORS)
    if by_channel:
        several = [series[name] for name in series.components]
        model.fit(several, future_covariates=known and [known] * n_channels, stride=stride)
    else:
        model.fit(series, future_covariates=known, stride=stride)
    network = Regressed.of_darts(model, task.horizon, by_channel)
    return network_fitted(task, network, network.weight.numel() + network.bias.numel())


def vector_autoregression(task: Task) -> Fitted:
    """Regress on the last values of all channels, their number and the ridge as validation says."""
    n_lags, ridge = chosen(task.dataset, task.horizon)
    found = regression(task.dataset, task.horizon, n_lags, ridge)
    told = f"{n_lags} rows, ridge {ridge:.1g}"
    n_parameters = found.weight.numel() + found.bias.numel()
    return network_fitted(task, Regressed(*found), n_parameters, lookback=n_lags, chosen=told)


def by_gradients(
    source: str,
    make: Callable[..., Any],
    grid: tuple[Mapping[str, Any], ...],
    *,
    n_stages: int = 1,
) -> Estimator:
    """Return what trains a model of Darts within the budget, its best epoch on validation kept."""

    def fit(task: Task, **options: Any) -> Fitted:
        budget = Budget(PROCESSOR_SECONDS / n_stages)
        if not make(task.lookback, task.horizon, **options).supports_future_covariates:
            task = task._replace(known=None)
        trained = train(
            make,
            task.dataset,
            task.lookback,
            task.horizon,
            seed=0,
            callbacks=[budget],
            fit_options={"stride": task.stride("train"), **known_ahead(task)},
            n_epochs=MAX_EPOCHS,
            patience=PATIENCE,
            batch_size=BATCH,
            pl_trainer_kwargs=QUIET,
            **options,
        )
        network = getattr(trained.model, "network", None)
        if network is None:
            network = DartsNetwork(trained.model.model)
        return network_fitted(task, network, count_parameters(network), steps=budget.steps)

    return Estimator(source, fit, grid, by_gradients=True, knows=True)


def known_ahead(task: Task) -> dict[str, TimeSeries]:
    """Return what is known ahead, as arguments of ``fit``."""
    if task.known is None:
        return {}
    return {
        "future_covariates": task.known.series("train"),
        "val_future_covariates": task.known.series("validation", task.lookback),
    }


def exactly(make: Callable[..., Any]) -> Callable[..., Fitted]:
    """Return what solves a model in closed form, its settings chosen on validation."""

    def fit(task: Task, **options: Any) -> Fitted:
        series = task.dataset.series("train")
        validation = task.dataset.series("validation", task.lookback)
        model = make(task.lookback, task.horizon, pl_trainer_kwargs=QUIET, **options)
        model.fit(series, val_series=validation, **known_ahead(task))
        network = model.network.eval().fold()
        told = dict.fromkeys(filter(None, (_kind(model), _settings(model))))
        return network_fitted(task, network, count_parameters(network), chosen=": ".join(told))

    return fit


def _kind(model: HyperforecastModel) -> str:
    """Return what an automatic model chose."""
    if not isinstance(model, AutoHyperModel):
        return ""
    board = model.leaderboard()
    return board.loc[board["chosen"], "candidate"].item()


def _settings(model: HyperforecastModel) -> str:
    """Return what the exact solver chose: how many settings are added up, and the largest one."""
    report = model.solver_report
    if report is None or "share" not in report:
        return ""
    added = report[report["share"] > 0]
    largest = (
        report[report["chosen"]].iloc[-1] if added.empty else report.loc[added["share"].idxmax()]
    )
    heads = "one each" if largest["individual"] else f"d = {largest['channel_embedding_dim']}"
    return f"{max(len(added), 1)} added up, first {heads} with {largest['n_factors']} factors"


def solved(make: Callable[..., Any]) -> Callable[..., Fitted]:
    """Return what solves a linear model in closed form."""
    return exactly(partial(make, solver="exact"))


def automatic(task: Task) -> Fitted:
    """Let the automatic model choose, between points alone."""
    season = task.season if task.season <= task.lookback else None
    return exactly(AutoHyperModel)(task, season=season, quantiles=None)


RATES = tuple({"optimizer_kwargs": {"lr": rate}} for rate in (1e-3, 3e-4))
SHARED = ({"shared_weights": True}, {"shared_weights": False})
NORMALISED = ({"use_reversible_instance_norm": True}, {"use_reversible_instance_norm": False})
RMLP: dict[str, Any] = {"backbone": "rmlp", "backbone_kwargs": {"d_model": 128}}

OURS, DARTS = "hyperforecast", "Darts"

AUTOMATIC = "AutoHyperModel, fast"

ESTIMATORS: dict[str, Estimator] = {
    "last value": Estimator("", last_value),
    "seasonal naive": Estimator("", seasonal_naive),
    "vector autoregression by ridge": Estimator("", vector_autoregression),
    AUTOMATIC: Estimator(OURS, automatic, knows=True),
    "BackboneModel, exact": Estimator(OURS, solved(BackboneModel), knows=True),
    "BackboneModel, one each, exact": Estimator(
        OURS, solved(partial(BackboneModel, individual=True)), knows=True
    ),
    "HNMVTSModel, exact": Estimator(OURS, solved(HNMVTSModel), knows=True),
    "LinearRegressionModel": Estimator(
        DARTS, linear_regression, ({"by_channel": True}, {"by_channel": False}), knows=True
    ),
    "DLinearModel": by_gradients(DARTS, DLinearModel, SHARED),
    "NLinearModel": by_gradients(DARTS, NLinearModel, SHARED),
    "TiDEModel": by_gradients(DARTS, TiDEModel, NORMALISED),
    "TSMixerModel": by_gradients(DARTS, TSMixerModel, NORMALISED),
    **elsewhere.ESTIMATORS,
    "BackboneModel, rmlp, adam+exact": by_gradients(
        OURS, partial(BackboneModel, solver="adam+exact", **RMLP), RATES
    ),
    "HNMVTSModel, rmlp, adam+exact": by_gradients(
        OURS, partial(HNMVTSModel, solver="adam+exact", **RMLP), RATES
    ),
    "LightSAEModel": by_gradients(
        OURS, LightSAEModel, ({"backbone": "rlinear"}, {"backbone": "rmlp"})
    ),
    "MoLAModel, rlinear": by_gradients(
        OURS, partial(MoLAModel, backbone="rlinear"), RATES, n_stages=2
    ),
}
"""By name, in the order in which they are measured."""
