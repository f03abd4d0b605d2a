"""Weights of series in sktime: each instance of a panel or hierarchy with weights of its own."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sktime.forecasting.reconcile import ReconcilerForecaster
from sktime.transformations.hierarchical.aggregate import Aggregator

from hyperforecast.sktime import BackboneForecaster, HNMVTSForecaster, LightSAEForecaster

FH = [1, 2, 3, 4]

BY_GRADIENTS: dict[str, Any] = {"n_epochs": 1, "random_state": 0, "solver": "adam"}


def wave(kind: int, n_rows: int, seed: int) -> np.ndarray:
    """Return an autoregression, of one of two kinds."""
    noise = np.random.default_rng(seed).standard_normal(n_rows + 50)
    x = np.zeros(n_rows + 50)
    for t in range(2, n_rows + 50):
        x[t] = (1.6 * x[t - 1] - 0.9 * x[t - 2] if kind else -0.7 * x[t - 1]) + noise[t]
    return x[50:]


def panel(n_instances: int = 8, step: int = 11) -> pd.DataFrame:
    """Return a panel of two kinds, with levels and lengths of their own."""
    parts = {}
    for n in range(n_instances):
        times = pd.period_range(f"20{10 + n}-01", periods=70 + step * n, freq="M")
        values = 10.0 ** (n % 4) * (5 + wave(n % 2, len(times), n))
        parts[f"shop {n}"] = pd.DataFrame({"sales": values}, index=times)
    return pd.concat(parts, names=["shop", "time"])


def make(**options: Any) -> HNMVTSForecaster:
    return HNMVTSForecaster(12, output_chunk_length=4, weights_by="series", **options)


@pytest.mark.parametrize("options", [{}, BY_GRADIENTS], ids=["solved", "trained"])
def test_each_instance_has_weights_of_its_own(options: dict[str, Any]) -> None:
    y = panel()
    forecaster = make(**options).fit(y, fh=FH)
    y_pred = forecaster.predict()
    assert y_pred.index.get_level_values(0).unique().tolist() == [f"shop {n}" for n in range(8)]
    assert np.isfinite(y_pred.to_numpy()).all()
    assert forecaster.model_.series_names == [f"shop {n}" for n in range(8)]
    vectors = forecaster.channel_embedding_
    assert vectors.index.name == "series"
    again = forecaster.clone().fit(y, fh=FH).predict()
    pd.testing.assert_frame_equal(again, y_pred)


def test_order_of_instances_does_not_matter() -> None:
    y = panel()
    expected = make().fit(y, fh=FH).predict()
    backwards = pd.concat([one for _, one in list(y.groupby(level=0))[::-1]])
    found = make().fit(backwards, fh=FH).predict()
    pd.testing.assert_frame_equal(found.sort_index(), expected.sort_index(), rtol=1e-3)


def test_levels_and_scales_of_an_instance_cost_nothing() -> None:
    y = panel(6)
    larger = y.copy()
    shop = larger.index.get_level_values(0) == "shop 2"
    larger.loc[shop] = 1e6 + 1e3 * larger.loc[shop]
    expected, found = (make().fit(one, fh=FH).predict() for one in (y, larger))
    np.testing.assert_allclose(
        (found.loc["shop 2"] - 1e6) / 1e3, expected.loc["shop 2"], rtol=1e-3, atol=1e-2
    )
    np.testing.assert_allclose(found.loc["shop 1"], expected.loc["shop 1"], rtol=1e-3)


@pytest.mark.parametrize("scaler", ["standard", None])
def test_by_gradients_gaps_are_filled_in_units_of_each_instance(scaler: str | None) -> None:
    y = panel(5)
    y[np.random.default_rng(0).random(y.shape) < 0.15] = np.nan
    moved = y.copy()
    shop = moved.index.get_level_values(0) == "shop 2"
    moved.loc[shop] = 1e4 + 1e2 * moved.loc[shop]
    options = BY_GRADIENTS | {
        "instance_norm": "revin",
        "scaler": scaler,
        "optimizer_kwargs": {"lr": 0.0},
    }
    expected, found = (make(**options).fit(one, fh=FH).predict() for one in (y, moved))
    at = found.index.get_level_values(0) == "shop 2"
    found.loc[at] = (found.loc[at] - 1e4) / 1e2
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-2)


def test_an_update_solves_again_on_all_rows_seen() -> None:
    y = panel()
    first = y.groupby(level=0).head(-4)
    last = y.groupby(level=0).tail(4)
    forecaster = make().fit(first, fh=FH)
    forecaster.update(last)
    expected = make().fit(y, fh=FH).predict()
    pd.testing.assert_frame_equal(forecaster.predict(), expected, rtol=1e-3)


def test_gradients_go_on_where_rows_are_not_remembered() -> None:
    y = panel()
    forecaster = make(**BY_GRADIENTS).set_config(remember_data=False)
    forecaster.fit(y.groupby(level=0).head(-4), fh=FH)
    few = y.groupby(level=0).tail(4).loc[["shop 3", "shop 5"]]
    forecaster.update(few)
    assert forecaster.model_.series_names == [f"shop {n}" for n in range(8)]
    assert np.isfinite(forecaster.predict().to_numpy()).all()


def test_an_instance_too_short_to_train_on_is_forecast_with_a_warning() -> None:
    short = pd.DataFrame(
        {"sales": 100 + wave(0, 14, 9)}, index=pd.period_range("2020-01", periods=14, freq="M")
    )
    y = pd.concat([panel(), pd.concat({"short": short}, names=["shop", "time"])])
    forecaster = make().fit(y, fh=FH)
    with pytest.warns(
        UserWarning, match="not trained on, 'short', are forecast with what is common"
    ):
        y_pred = forecaster.predict()
    assert (y_pred.loc["short"] - 100).abs().to_numpy().max() < 20


def test_intervals_of_instances_are_in_their_own_units() -> None:
    y = panel()
    forecaster = make(quantiles=(0.05, 0.5, 0.95), solver="exact").fit(y, fh=FH)
    intervals = forecaster.predict_interval(coverage=0.9)
    width = intervals.iloc[:, 1] - intervals.iloc[:, 0]
    relative = width.groupby(level=0).mean() / y["sales"].groupby(level=0).std()
    assert ((relative > 0.3) & (relative < 4)).all()
    shifted = make(quantiles=(0.05, 0.5, 0.95)).fit(100.0 * y + 7.0, fh=FH)
    found = shifted.predict_interval(coverage=0.9)
    pd.testing.assert_frame_equal(found, 100.0 * intervals + 7.0, rtol=1e-6)


def test_reconciled_forecasts_of_a_hierarchy_add_up() -> None:
    leaves = panel(3, step=0).reset_index()
    leaves["time"] = (
        leaves["shop"].map(dict.fromkeys(leaves["shop"].unique(), 0))
        + leaves.groupby("shop").cumcount()
    )
    leaves["region"] = "north"
    y = Aggregator().fit_transform(leaves.set_index(["region", "shop", "time"]))
    y_pred = ReconcilerForecaster(make(), method="bu").fit(y, fh=FH).predict()
    total = y_pred.loc[("__total", "__total")].to_numpy()
    parts = sum(y_pred.loc[("north", f"shop {n}")].to_numpy() for n in range(3))
    np.testing.assert_allclose(total, parts)


def test_gates_are_those_of_series() -> None:
    forecaster = LightSAEForecaster(
        12, output_chunk_length=4, rank=2, weights_by="both", n_epochs=1
    )
    gates = forecaster.fit(panel(3), fh=FH).channel_gates_
    assert gates.index.names == ["series", "channel"]
    assert len(gates) == 3


def test_columns_of_an_instance_have_common_factors() -> None:
    """The second column is the first of the step before."""
    parts = {}
    for n in range(4):
        first = np.random.default_rng(n).standard_normal(90 + 11 * n)
        times = pd.period_range("2010-01", periods=len(first), freq="M")
        values = {"first": 10.0**n * first, "next": 7 + np.append(0, first[:-1])}
        parts[f"shop {n}"] = pd.DataFrame(values, index=times)
    y = pd.concat(parts, names=["shop", "time"])
    for by in ("series", "both"):
        forecaster = HNMVTSForecaster(12, weights_by=by, n_factors=2, instance_norm="none")
        y_pred = forecaster.fit(y, fh=[1]).predict()
        assert forecaster.model_.network.factors is not None
        last = y.groupby(level=0).tail(1)["first"].to_numpy() / 10.0 ** np.arange(4)
        assert np.corrcoef(y_pred["next"] - 7, last)[0, 1] > 0.95
    with pytest.raises(ValueError, match="in sktime, a column for each instance"):
        HNMVTSForecaster(12, weights_by="series", n_factors=1).fit(y[["first"]], fh=[1])
    table = y["first"].unstack("shop").dropna()
    wide = HNMVTSForecaster(12, n_factors=1).fit(table, fh=[1])
    assert wide.predict().shape == (1, 4)


def test_weights_of_series_that_nothing_has_are_refused() -> None:
    with pytest.raises(ValueError, match="weights_by='series' would have no effect"):
        BackboneForecaster(12, weights_by="series").fit(panel(2), fh=FH)
