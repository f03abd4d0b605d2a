"""Channels that were not trained on, in models of which no weights belong to a channel."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from darts import TimeSeries
from darts.utils.likelihood_models.torch import QuantileRegression

from hyperforecast.darts import BackboneModel, HNMVTSModel, HyperforecastModel

L, H = 12, 4
NORMS = ["none", "last", "mean"]


def shared(series: Any, norm: str = "none", **options: Any) -> HyperforecastModel:
    """A solved model with one head for all."""
    return BackboneModel(L, H, instance_norm=norm, random_state=0, **options).fit(series)


def renamed(series: TimeSeries, names: str) -> TimeSeries:
    return series.with_columns_renamed(list(map(str, series.components)), list(names))


def new(*names: str) -> Any:
    return pytest.warns(UserWarning, match=f"not trained on, {', '.join(map(repr, names))}")


@pytest.mark.parametrize("norm", NORMS)
def test_a_copy_under_another_name_is_forecast_alike(norm: str, series: TimeSeries) -> None:
    """Beside those trained on, in any order: the same rows have the same units."""
    model = shared(series, norm)
    expected = model.predict(H)
    copies = renamed(series, "xyz")
    with new("y"):
        found = model.predict(H, series=copies["y"].stack(series["c"]))
    assert list(found.components) == ["y", "c"]
    np.testing.assert_allclose(found["y"].values(), expected["b"].values(), rtol=1e-4)
    np.testing.assert_allclose(found["c"].values(), expected["c"].values(), rtol=1e-5)
    with new("x", "y", "z"):
        found = model.predict(H, series=series.stack(copies))
    np.testing.assert_allclose(found.values()[:, 3:], expected.values(), rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(model.predict(H).values(), expected.values())


@pytest.mark.parametrize("norm", NORMS)
def test_in_units_of_their_own(norm: str, series: TimeSeries) -> None:
    model = shared(series, norm)
    large = renamed(series, "xyz").map(lambda values: 1000 * values + 500)
    with new("x", "y"):
        found = model.predict(H, series=large[["x", "y"]])
    expected = model.predict(H).values()[:, :2] * 1000 + 500
    np.testing.assert_allclose(found.values(), expected, rtol=1e-3)


def test_fewer_than_all_are_no_news(series: TimeSeries, recwarn: pytest.WarningsRecorder) -> None:
    model = shared(series)
    found = model.predict(9, series=series[["c", "a"]])
    expected = model.predict(9)[["c", "a"]]
    np.testing.assert_allclose(found.values(), expected.values(), rtol=1e-5)
    assert not [one for one in recwarn if "not trained on" in str(one.message)]


def test_generated_heads_that_are_the_same(series: TimeSeries) -> None:
    """Where the solver finds vectors of length zero best."""
    model = HNMVTSModel(L, H, channel_embedding_dim=0, n_factors=0, random_state=0).fit(series)
    with new("x"):
        found = model.predict(H, series=renamed(series["a"], "x"))
    np.testing.assert_allclose(found.values(), model.predict(H)["a"].values(), rtol=1e-4)


def test_with_covariates_and_several_series(make_series: Callable[..., TimeSeries]) -> None:
    static = pd.DataFrame({"size": np.float32([1, 2, 3])})
    panel = [make_series(60, 3, seed=i).with_static_covariates(static) for i in range(2)]
    past = [make_series(60, 2, seed=i + 5) for i in range(2)]
    future = [make_series(70, 1, seed=i + 9) for i in range(2)]
    model = BackboneModel(L, H, random_state=0)
    model.fit(panel, past_covariates=past, future_covariates=future)
    both = {"past_covariates": past, "future_covariates": future}
    expected = model.predict(H, series=panel, **both)
    copies = [one.stack(renamed(one, "xyz")) for one in panel]
    with new("x", "y", "z"):
        found = model.predict(H, series=copies, **both)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one.values()[:, :3], other.values(), rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(one.values()[:, 3:], other.values(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "options",
    [
        {"individual": True},
        {"n_factors": 1, "n_epochs": 1},
        {"n_factors": 3, "n_epochs": 1},
        {"likelihood": QuantileRegression([0.1, 0.5, 0.9])},
        {"backbone": "tsmixer", "n_epochs": 1},
        {"use_reversible_instance_norm": True, "n_epochs": 1},
    ],
)
def test_where_weights_belong_to_channels_they_are_refused(
    options: dict[str, Any], series: TimeSeries
) -> None:
    model = BackboneModel(L, H, random_state=0, **options).fit(series)
    copies = renamed(series, "xyz")
    others = (series.stack(copies), series[["a", "b"]].stack(copies["z"]), series[["a"]])
    for other in others:
        with pytest.raises(ValueError, match="not those that the model was trained on"):
            model.predict(H, series=other)


def test_trained_by_gradients(series: TimeSeries) -> None:
    model = shared(series, "last", backbone="rmlp", n_epochs=1)
    with new("x"):
        found = model.predict(H, series=renamed(series["a"], "x"))
    np.testing.assert_allclose(found.values(), model.predict(H)["a"].values(), rtol=1e-4)


def test_backtests_see_the_rows_up_to_then() -> None:
    """New channels are in units of these: what comes later changes nothing."""
    values = np.random.default_rng(0).normal(size=(80, 3)).astype(np.float32)
    model = shared(TimeSeries.from_values(values[:, :2], columns=["a", "b"]))
    later = np.concatenate([3 + values, 1e3 * values])
    rows = TimeSeries.from_values(later, columns=["x", "y", "z"])
    options = {"start": 74, "forecast_horizon": H, "retrain": False, "last_points_only": False}
    with new("x", "y", "z"):
        found = model.historical_forecasts(rows[:80], **options)
        assert model.historical_forecasts(rows[:81], **options)[: len(found)] == found
    with new("x", "y", "z"):
        assert found[0] == model.predict(H, series=rows[:74])
