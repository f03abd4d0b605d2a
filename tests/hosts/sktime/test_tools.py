"""Every tool of sktime around every forecaster; docs/tools.md lists them."""

import importlib.util
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression
from sktime.forecasting.compose import (
    AutoEnsembleForecaster,
    BaggingForecaster,
    ColumnEnsembleForecaster,
    EnsembleForecaster,
    FallbackForecaster,
    FhPlexForecaster,
    ForecastByLevel,
    ForecastingPipeline,
    ForecastX,
    IgnoreX,
    MultiplexForecaster,
    Permute,
    StackingForecaster,
    TransformedTargetForecaster,
)
from sktime.forecasting.conformal import ConformalIntervals
from sktime.forecasting.enbpi import EnbPIForecaster
from sktime.forecasting.model_evaluation import evaluate
from sktime.forecasting.model_selection import (
    ForecastingGridSearchCV,
    ForecastingOptunaSearchCV,
    ForecastingRandomizedSearchCV,
)
from sktime.forecasting.naive import NaiveForecaster, NaiveVariance
from sktime.forecasting.online_learning import OnlineEnsembleForecaster
from sktime.forecasting.reconcile import ReconcilerForecaster
from sktime.forecasting.residual_booster import ResidualBoostingForecaster
from sktime.forecasting.squaring_residuals import SquaringResiduals
from sktime.forecasting.stream import DontUpdate, UpdateEvery, UpdateRefitsEvery
from sktime.split import ExpandingWindowSplitter
from sktime.transformations.bootstrap import MovingBlockBootstrapTransformer
from sktime.transformations.detrend import Deseasonalizer, Detrender
from sktime.transformations.difference import Differencer
from sktime.transformations.hierarchical.aggregate import Aggregator
from sktime.transformations.lag import Lag

from hyperforecast.sktime import (
    AutoHyperForecaster,
    BackboneForecaster,
    HNMVTSForecaster,
    HyperForecaster,
    HyperLSTMForecaster,
    HyperTCNForecaster,
    HyperTransformerForecaster,
    LightSAEForecaster,
    MoLAForecaster,
)

FH = [1, 2]
Make = Callable[[], Any]

FORECASTERS: dict[str, Make] = {
    "HNMVTSForecaster": lambda: HNMVTSForecaster(6),
    "BackboneForecaster": lambda: BackboneForecaster(6),
    "HyperForecaster": lambda: HyperForecaster(6, head="individual"),
    "LightSAEForecaster": lambda: LightSAEForecaster(6, backbone_kwargs={"d_model": 4}, n_epochs=1),
    "MoLAForecaster": lambda: MoLAForecaster(6, 2, backbone="dlinear", n_segments=2, n_epochs=1),
    "HyperLSTMForecaster": lambda: HyperLSTMForecaster(6, hyper_size=2, n_epochs=1),
    "HyperTCNForecaster": lambda: HyperTCNForecaster(6, layer_embedding_dim=2, n_epochs=1),
    "HyperTransformerForecaster": lambda: HyperTransformerForecaster(6, rank=2, n_epochs=1),
    "AutoHyperForecaster": lambda: AutoHyperForecaster(6),
}


def the_rest_is_slow(tools: Any) -> list[Any]:
    """All forecasters with all tools; all but one forecaster are run by `make test-slow`."""
    return [
        pytest.param(
            make,
            tool,
            id=f"{name}-{tool}",
            marks=[] if name == "HNMVTSForecaster" and "loky" not in tool else pytest.mark.slow,
        )
        for name, make in FORECASTERS.items()
        for tool in tools
    ]


def needs(*packages: str) -> None:
    for package in packages:
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed")


@pytest.fixture
def y(make_panel: Callable[..., pd.DataFrame]) -> pd.DataFrame:
    """Forty days of one channel."""
    return make_panel(40, 1)


@pytest.fixture
def X(make_panel: Callable[..., pd.DataFrame]) -> pd.DataFrame:
    """Two columns beside it, two days longer."""
    return make_panel(42, 3, seed=1)[["b", "c"]]


def splitter() -> ExpandingWindowSplitter:
    return ExpandingWindowSplitter(fh=FH, initial_window=30, step_length=5)


def search(backend: str | None) -> Callable[[Make], Any]:
    def made(make: Make) -> Any:
        return ForecastingGridSearchCV(
            make(), splitter(), {"scaler": ["standard", None]}, backend=backend
        )

    return made


def enbpi(make: Make) -> Any:
    needs("tsbootstrap")
    bootstrap = MovingBlockBootstrapTransformer(n_series=2, block_length=5, return_indices=True)
    return EnbPIForecaster(make(), bootstrap, random_state=0)


def optuna_search(make: Make) -> Any:
    needs("optuna")
    from optuna.distributions import CategoricalDistribution

    scalers = {"scaler": CategoricalDistribution(["standard", "global"])}
    return ForecastingOptunaSearchCV(make(), splitter(), scalers, n_evals=2)


AROUND_ONE_SERIES: dict[str, Callable[[Make], Any]] = {
    "TransformedTargetForecaster": lambda make: TransformedTargetForecaster(
        [("difference", Differencer()), ("season", Deseasonalizer(sp=7)), ("forecast", make())]
    ),
    "Detrender": lambda make: TransformedTargetForecaster(
        [("trend", Detrender(make())), ("forecast", NaiveForecaster())]
    ),
    "MultiplexForecaster": lambda make: MultiplexForecaster(
        [("ours", make()), ("naive", NaiveForecaster())], selected_forecaster="ours"
    ),
    "EnsembleForecaster": lambda make: EnsembleForecaster(
        [("ours", make()), ("naive", NaiveForecaster())]
    ),
    "AutoEnsembleForecaster": lambda make: AutoEnsembleForecaster(
        [("ours", make()), ("naive", NaiveForecaster())], method="inverse-variance"
    ),
    "StackingForecaster": lambda make: StackingForecaster(
        [("ours", make()), ("naive", NaiveForecaster())], LinearRegression()
    ),
    "OnlineEnsembleForecaster": lambda make: OnlineEnsembleForecaster(
        [("ours", make()), ("naive", NaiveForecaster())]
    ),
    "FallbackForecaster": lambda make: FallbackForecaster(
        [("ours", make()), ("naive", NaiveForecaster())]
    ),
    "ColumnEnsembleForecaster": lambda make: ColumnEnsembleForecaster(make()),
    "FhPlexForecaster": lambda make: FhPlexForecaster(make()),
    "Permute": lambda make: Permute(
        TransformedTargetForecaster([("difference", Differencer()), ("forecast", make())])
    ),
    "IgnoreX": lambda make: IgnoreX(make()),
    "BaggingForecaster": lambda make: BaggingForecaster(
        MovingBlockBootstrapTransformer(n_series=2, block_length=5), make()
    ),
    "ResidualBoostingForecaster": lambda make: ResidualBoostingForecaster(
        make(), NaiveForecaster(strategy="mean")
    ),
    "SquaringResiduals": lambda make: SquaringResiduals(make(), initial_window=36),
    "NaiveVariance": lambda make: NaiveVariance(make(), initial_window=30),
    "ConformalIntervals": lambda make: ConformalIntervals(make(), initial_window=0.8),
    "EnbPIForecaster": enbpi,
    "UpdateRefitsEvery": lambda make: UpdateRefitsEvery(make(), refit_interval=1),
    "UpdateEvery": lambda make: UpdateEvery(make(), update_interval=1),
    "DontUpdate": lambda make: DontUpdate(make()),
    "ForecastByLevel": lambda make: ForecastByLevel(make(), groupby="local"),
    "ForecastingGridSearchCV": search(None),
    "ForecastingGridSearchCV, threading": search("threading"),
    "ForecastingGridSearchCV, loky": search("loky"),
    "ForecastingGridSearchCV, dask": search("dask"),
    "ForecastingGridSearchCV, ray": search("ray"),
    "ForecastingRandomizedSearchCV": lambda make: ForecastingRandomizedSearchCV(
        make(), splitter(), {"scaler": ["standard", None]}, n_iter=1, backend=None, random_state=0
    ),
    "ForecastingOptunaSearchCV": optuna_search,
}
WITH_INTERVALS = ("NaiveVariance", "ConformalIntervals", "EnbPIForecaster", "SquaringResiduals")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("make", "tool"), the_rest_is_slow(AROUND_ONE_SERIES))
def test_around_one_series(make: Make, tool: str, y: pd.DataFrame) -> None:
    """Fit, predict, update, and predict again from the new rows."""
    needs(*({"dask", "ray"} & {tool.rpartition(", ")[2]}))
    forecaster = AROUND_ONE_SERIES[tool](make).fit(y.iloc[:38], fh=FH)
    forecast = forecaster.predict()
    assert list(forecast.index) == list(y.index[38:])
    assert np.isfinite(forecast.to_numpy(dtype=float)).all()
    if tool in WITH_INTERVALS:
        interval = forecaster.predict_interval(coverage=0.5)
        assert (interval.iloc[:, 0] <= interval.iloc[:, 1]).all()
    if tool == "SquaringResiduals":
        return  # it hands its forecaster the new rows without those in between
    forecaster.update(y.iloc[38:], update_params=False)
    later = forecaster.predict()
    assert list(later.index) == list(pd.date_range(y.index[-1], periods=3)[1:])
    assert np.isfinite(later.to_numpy(dtype=float)).all()


AROUND_COVARIATES: dict[str, Callable[[Make], Any]] = {
    "ForecastX": lambda make: ForecastX(make(), NaiveForecaster()),
    "ForecastX, of X": lambda make: ForecastX(
        make(), IgnoreX(make()), fit_behaviour="use_forecast"
    ),
    "ForecastingPipeline": lambda make: ForecastingPipeline(
        [("lag", Lag(0, index_out="original", keep_column_names=True)), ("forecast", make())]
    ),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("make", "tool"), the_rest_is_slow(AROUND_COVARIATES))
def test_around_covariates(make: Make, tool: str, y: pd.DataFrame, X: pd.DataFrame) -> None:
    forecaster = AROUND_COVARIATES[tool](make).fit(y, X=X.iloc[:40], fh=FH)
    forecast = forecaster.predict(X=None if tool.startswith("ForecastX") else X.iloc[40:])
    assert list(forecast.index) == list(X.index[40:])
    assert np.isfinite(forecast.to_numpy(dtype=float)).all()


STRATEGIES = ["refit", "update", "no-update_params"]
RECONCILERS = [*ReconcilerForecaster.METHOD_LIST]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("make", "method"), the_rest_is_slow(RECONCILERS))
def test_reconcilers(make: Make, method: str, y: pd.DataFrame) -> None:
    """Forecasts add up."""
    if method.endswith(":nonneg"):
        needs("cvxpy")
    names = [(region, store) for region in ("north", "south") for store in ("one", "two")]
    stores = {name: (1 + i) * y + i for i, name in enumerate(names)}
    hierarchy = Aggregator().fit_transform(pd.concat(stores, names=["region", "store", "time"]))
    forecast = ReconcilerForecaster(make(), method=method).fit(hierarchy, fh=FH).predict()
    bottom = pd.concat([forecast.loc[name] for name in names], axis=1).sum(axis=1)
    np.testing.assert_allclose(bottom, forecast.loc[("__total", "__total"), "a"], rtol=1e-5)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("make", "strategy"), the_rest_is_slow(STRATEGIES))
def test_evaluate(make: Make, strategy: str, y: pd.DataFrame) -> None:
    results = evaluate(make(), splitter(), y, strategy=strategy, error_score="raise")
    scores = results.filter(like="test_").to_numpy()
    assert len(results) == 2
    assert np.isfinite(scores).all()
