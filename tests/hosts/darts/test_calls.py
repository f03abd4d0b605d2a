"""Arguments of `fit` and `predict` are of the kinds that a Darts model takes."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from darts import TimeSeries
from darts.utils.likelihood_models.torch import GaussianLikelihood

from hyperforecast.darts import BackboneModel, HyperforecastModel
from tests.hosts.darts.every_model import H, L, each_model


def make(model_class: type[HyperforecastModel] = BackboneModel, **kwargs: Any) -> Any:
    return model_class(L, H, **{"n_epochs": 1, "random_state": 0, **kwargs})


@each_model
@pytest.mark.parametrize(
    "argument", ["series", "val_series", "past_covariates", "future_covariates", "sample_weight"]
)
def test_series_of_another_kind(
    model_class: type, argument: str, series: TimeSeries, panel: pd.DataFrame
) -> None:
    for wrong, place, kind in (
        (panel, argument, "DataFrame"),
        (panel.to_numpy(), argument, "ndarray"),
        ([series, panel], f"{argument}[1]", "DataFrame"),
        (3, argument, "int"),
    ):
        message = (
            f"`{place}` must be a TimeSeries; got a {kind}. Make one, for example with "
            f"TimeSeries.from_dataframe, and give `{argument}` a TimeSeries or a list of them."
        )
        with pytest.raises(TypeError, match=f"^{re.escape(message)}$"):
            make(model_class).fit(**{"series": series, argument: wrong})


@pytest.mark.parametrize("argument", ["series", "past_covariates", "future_covariates"])
def test_series_of_another_kind_to_forecast_from(
    argument: str, series: TimeSeries, panel: pd.DataFrame
) -> None:
    model = make().fit(series)
    with pytest.raises(TypeError, match=f"`{argument}` must be a TimeSeries; got a DataFrame"):
        model.predict(H, **{argument: panel})


def test_empty_lists(series: TimeSeries) -> None:
    for given in ({"series": []}, {"series": series, "val_series": []}):
        with pytest.raises(ValueError, match=r"is an empty list\. Give at least one TimeSeries"):
            make().fit(**given)


def test_series_without_components() -> None:
    series = TimeSeries.from_dataframe(pd.DataFrame(index=pd.RangeIndex(40)))
    with pytest.raises(ValueError, match="`series` has no components"):
        make().fit(series)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"epochs": -1}, "epochs must be a whole number >= 0; got -1."),
        ({"epochs": "3"}, "epochs must be a whole number >= 0; got '3'."),
        ({"stride": 0}, "stride must be a whole number of steps >= 1; got 0."),
        ({"max_samples_per_ts": 1.5}, "max_samples_per_ts must be a whole number >= 1; got 1.5."),
        ({"load_best": "yes"}, "load_best must be True or False; got 'yes'."),
        ({"dataloader_kwargs": 4}, "dataloader_kwargs must be a dict; got 4."),
    ],
)
def test_wrong_arguments_of_fit(arguments: dict, message: str, series: TimeSeries) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        make().fit(series, **arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n": 0}, "n must be a whole number of steps >= 1; got 0."),
        ({"n": 1.5}, "n must be a whole number of steps >= 1; got 1.5."),
        ({"n": "3"}, "n must be a whole number of steps >= 1; got '3'."),
        ({"n": H, "num_samples": 0}, "num_samples must be a whole number >= 1; got 0."),
        ({"n": H, "batch_size": -1}, "batch_size must be a whole number >= 1; got -1."),
        ({"n": H, "roll_size": True}, "roll_size must be a whole number of steps >= 1; got True."),
        ({"n": H, "random_state": [1]}, "random_state must be a whole number >= 0 and <="),
    ],
)
def test_wrong_arguments_of_predict(arguments: dict, message: str, series: TimeSeries) -> None:
    model = make().fit(series)
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        model.predict(**arguments)


def test_numbers_of_numpy(series: TimeSeries) -> None:
    model = make(likelihood=GaussianLikelihood()).fit(series, epochs=np.int64(1))
    found = model.predict(
        n=np.int64(H), batch_size=np.int64(2), num_samples=np.int64(3), random_state=np.int64(0)
    )
    assert found.n_samples == 3


class TestCoverage:
    """Covariates that do not reach over all windows are an error, of every solver."""

    @pytest.mark.parametrize("kind", ["past_covariates", "future_covariates"])
    @pytest.mark.parametrize("options", [{"n_epochs": 1}, {"solver": "exact"}])
    def test_of_late_and_short_ones(self, kind: str, options: dict, series: TimeSeries) -> None:
        for given in (series["a"][5:], series["a"][: -H - 1]):
            with pytest.raises(ValueError, match=f"`{kind}` must cover the series that they"):
                BackboneModel(L, H, **options).fit(series, **{kind: given})

    def test_is_asked_of_windows_that_are_trained_on(self, series: TimeSeries) -> None:
        late = series["a"][60:]
        make().fit(series, past_covariates=late, max_samples_per_ts=120 - 60 - L - H + 1)
        with pytest.raises(ValueError, match="must cover"):
            make().fit(series, past_covariates=late, max_samples_per_ts=120 - 60 - L - H + 2)

    def test_past_ones_need_not_reach_over_the_horizon(self, series: TimeSeries) -> None:
        make().fit(series, past_covariates=series["a"][:-H])

    def test_of_another_frequency(self, series: TimeSeries, make_series: Callable) -> None:
        hourly = TimeSeries.from_times_and_values(
            pd.date_range("2019-01-01", periods=24 * 800, freq="h"), np.zeros(24 * 800)
        )
        with pytest.raises(ValueError, match=r"must have the times of the series .* steps of D"):
            make().fit(series, future_covariates=hourly)


def test_values_whose_squares_are_infinite(series: TimeSeries) -> None:
    for dtype, huge in (("float32", 1e30), ("float64", 1e300)):
        values = series.values().astype(dtype)
        values[7, 1] = huge
        message = f"`series` holds values that are too large for {dtype}, the first in 'b' at 2020"
        with pytest.raises(ValueError, match=message):
            make().fit(series.astype(dtype).with_values(values))


def test_covariates_in_another_precision(series: TimeSeries) -> None:
    covariates = {
        "past_covariates": series["a"].astype("float64"),
        "future_covariates": series["b"].astype("float64"),
    }
    train, static = series[:100], pd.DataFrame({"s": [1.0, 2.0, 3.0]}, index=[*"abc"])
    mixed = make().fit(train.with_static_covariates(static), **covariates)
    single = make().fit(
        train.with_static_covariates(static.astype("float32")),
        **{kind: one.astype("float32") for kind, one in covariates.items()},
    )
    np.testing.assert_allclose(
        mixed.predict(H, **covariates).values(), single.predict(H).values(), rtol=1e-5, atol=1e-6
    )
    double = train.with_static_covariates(static).astype("float64")
    np.testing.assert_allclose(
        mixed.predict(H, series=double, **covariates).values(),
        single.predict(H).values(),
        rtol=1e-5,
    )
