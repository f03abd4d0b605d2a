"""The sktime forecasters: what fails leaves them as they were."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sktime.split import ExpandingWindowSplitter

import hyperforecast.sktime.base
from hyperforecast.sktime import BackboneForecaster, HNMVTSForecaster

L = 12
FH = [1, 2, 3]
NAMES = ["store", "time"]


def make(cls: type = BackboneForecaster, **kwargs: Any) -> Any:
    return cls(**{"input_chunk_length": L, "n_epochs": 1, "random_state": 0, **kwargs})


def state(forecaster: Any) -> dict[str, Any]:
    """Return everything that a forecaster is, as bytes or values that can be compared."""
    weights = forecaster.trained_.model.model.state_dict()
    return {
        "attributes": {name: id(value) for name, value in vars(forecaster).items()},
        "weights": {k: v.clone().numpy() for k, v in weights.items() if hasattr(v, "clone")},
        "rows": getattr(forecaster, "_y", None),
        "cutoff": list(forecaster.cutoff),
        "forecast": forecaster.predict(),
        "context": {key: one.y.copy() for key, one in forecaster._context.items()},
    }


def assert_unchanged(forecaster: Any, before: dict[str, Any]) -> None:
    after = state(forecaster)
    assert after["attributes"] == before["attributes"]
    assert after["cutoff"] == before["cutoff"]
    assert after["rows"] is before["rows"]
    pd.testing.assert_frame_equal(after["forecast"], before["forecast"])
    assert after["context"].keys() == before["context"].keys()
    for key, rows in after["context"].items():
        pd.testing.assert_frame_equal(rows, before["context"][key])
    for name, values in after["weights"].items():
        np.testing.assert_array_equal(values, before["weights"][name])


@pytest.fixture(params=[RuntimeError, KeyboardInterrupt])
def breaking(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[[], type]:
    """Let training fail, or be interrupted, from the time of a call on, after its work is done."""

    def start() -> type[BaseException]:
        def fail(model: Any, *args: Any, **kwargs: Any) -> None:
            train(model, *args, **kwargs)
            raise request.param("in the middle")

        train = hyperforecast.sktime.base.train
        monkeypatch.setattr(hyperforecast.sktime.base, "train", fail)
        return request.param

    return start


@pytest.mark.parametrize("cls", [BackboneForecaster, HNMVTSForecaster])
@pytest.mark.parametrize("remember", [True, False])
def test_a_failed_update(
    cls: type, remember: bool, panel: pd.DataFrame, breaking: Callable[[], type]
) -> None:
    forecaster = make(cls).set_config(remember_data=remember).fit(panel.iloc[:80], fh=FH)
    before = state(forecaster)
    error = breaking()
    with pytest.raises(error, match="in the middle"):
        forecaster.update(panel.iloc[80:], update_params=True)
    assert_unchanged(forecaster, before)


def test_a_failed_update_of_a_panel_with_a_new_instance(
    panel: pd.DataFrame, breaking: Callable[[], type]
) -> None:
    forecaster = make().fit(pd.concat({"x": panel.iloc[:80]}, names=NAMES), fh=FH)
    before = state(forecaster)
    error = breaking()
    with pytest.raises(error):
        forecaster.update(pd.concat({"x": panel.iloc[80:], "y": panel}, names=NAMES))
    assert_unchanged(forecaster, before)


@pytest.mark.parametrize(
    "change",
    [
        lambda y: y.rename(columns={"b": "d"}),
        lambda y: y.assign(a=np.inf),
        lambda y: y.iloc[2:],
        lambda y: y.reset_index(drop=True),
        lambda y: y.tz_localize("UTC"),
        lambda y: pd.concat({"x": y}, names=NAMES),
    ],
    ids=["other names", "infinite", "gap", "numbers", "time zone", "panel"],
)
def test_a_refused_update(
    change: Callable[[pd.DataFrame], pd.DataFrame], panel: pd.DataFrame
) -> None:
    forecaster = make().fit(panel.iloc[:80], fh=FH)
    before = state(forecaster)
    for method in (forecaster.update, forecaster.update_predict_single):
        with pytest.raises((ValueError, TypeError)):
            method(change(panel.iloc[80:]))
        assert_unchanged(forecaster, before)


def test_the_format_of_forecasts_stays(panel: pd.DataFrame) -> None:
    """Also where the rows that were refused came in another one."""
    forecaster = make().fit(panel["a"].iloc[:80], fh=FH)
    expected, converters = forecaster.predict(), dict(forecaster._converter_store_y)
    assert converters
    with pytest.raises(ValueError, match="irregular"):
        forecaster.update(panel[["a"]].iloc[85:])
    assert forecaster._converter_store_y == converters
    pd.testing.assert_series_equal(forecaster.predict(), expected)


def test_an_update_predict_that_fails_on_its_way(
    panel: pd.DataFrame, breaking: Callable[[], type]
) -> None:
    forecaster = make().fit(panel.iloc[:80], fh=[1])
    before = state(forecaster)
    error = breaking()
    cv = ExpandingWindowSplitter(fh=[1], initial_window=1)
    with pytest.raises(error):
        forecaster.update_predict(panel.iloc[80:84], cv=cv, reset_forecaster=False)
    assert_unchanged(forecaster, before)


def test_a_failed_refit(panel: pd.DataFrame, breaking: Callable[[], type]) -> None:
    forecaster = make().fit(panel.iloc[:80], fh=FH)
    before = state(forecaster)
    error = breaking()
    with pytest.raises(error):
        forecaster.fit(panel * 2, fh=[1])
    assert_unchanged(forecaster, before)
    with pytest.raises(TypeError):
        forecaster.fit("no table", fh=[1])
    assert_unchanged(forecaster, before)


@pytest.mark.parametrize("before", ["new", "pretrained", "fitted"])
def test_a_failed_pretraining(
    before: str, panel: pd.DataFrame, breaking: Callable[[], type]
) -> None:
    stores = pd.concat({"x": panel, "y": panel * 2}, names=NAMES)
    forecaster = make()
    if before == "pretrained":
        forecaster.pretrain(stores, fh=FH)
    elif before == "fitted":
        forecaster.fit(panel, fh=FH)
    attributes = dict(vars(forecaster))
    error = breaking()
    with pytest.raises(error):
        forecaster.pretrain(stores, fh=FH)
    assert forecaster.state == before
    assert {k: id(v) for k, v in vars(forecaster).items()} == {
        k: id(v) for k, v in attributes.items()
    }
