"""Infinite values in any input of `fit` and `predict` are named with their place."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from darts import TimeSeries

from hyperforecast.darts import BackboneModel, HNMVTSModel, HyperforecastModel
from tests.hosts.darts.every_model import H, L, each_model

COVARIATES = ["past_covariates", "future_covariates"]
each_covariate = pytest.mark.parametrize("kind", COVARIATES)
each_value = pytest.mark.parametrize("value", [np.inf, -np.inf])
LONG = 120 + 3 * H


def make(model_class: type[HyperforecastModel] = HNMVTSModel, **kwargs: Any) -> HyperforecastModel:
    return model_class(L, H, **{"n_epochs": 1, "random_state": 0, **kwargs})


def spoilt(series: TimeSeries, row: int, value: float = np.inf, channel: int = 0) -> TimeSeries:
    values = series.values().copy()
    values[row, channel] = value
    return series.with_values(values)


@pytest.fixture
def covariates(make_series: Callable) -> TimeSeries:
    return make_series(LONG, 2, seed=1).with_columns_renamed(["a", "b"], ["wind", "sun"])


class TestCovariatesToForecastFrom:
    @each_model
    @each_covariate
    @each_value
    def test_are_named(
        self,
        model_class: type,
        kind: str,
        value: float,
        series: TimeSeries,
        covariates: TimeSeries,
    ) -> None:
        model = make(model_class).fit(series, **{kind: covariates})
        message = (
            f"`{kind}` holds infinite values: 1 in 'sun', the first at "
            f"{covariates.time_index[115]}. Expected finite numbers"
        )
        with pytest.raises(ValueError, match=re.escape(message)):
            model.predict(H, **{kind: spoilt(covariates, 115, value, channel=1)})

    def test_of_several_series_with_the_index(
        self, series: TimeSeries, covariates: TimeSeries
    ) -> None:
        model = make().fit([series, series], past_covariates=[covariates] * 2)
        with pytest.raises(ValueError, match=r"`past_covariates\[1\]` holds infinite .* in 'wind'"):
            model.predict(
                H, series=[series] * 2, past_covariates=[covariates, spoilt(covariates, 119)]
            )

    @pytest.mark.parametrize(
        ("kind", "n", "first", "last"),
        [
            ("past_covariates", 1, 120 - L, 119),
            ("past_covariates", 2 * H, 120 - L, 119 + H),
            ("future_covariates", 1, 120 - L, 119 + H),
            ("future_covariates", 2 * H, 120 - L, 119 + 2 * H),
        ],
    )
    def test_do_no_harm_in_rows_that_are_not_used(
        self, kind: str, n: int, first: int, last: int, series: TimeSeries, covariates: TimeSeries
    ) -> None:
        model = make().fit(series, **{kind: covariates})
        expected = model.predict(n, **{kind: covariates})
        for row in (first - 1, last + 1):
            found = model.predict(n, **{kind: spoilt(covariates, row)})
            np.testing.assert_array_equal(found.values(), expected.values())
        for row in (first, last):
            with pytest.raises(ValueError, match=f"`{kind}` holds infinite"):
                model.predict(n, **{kind: spoilt(covariates, row)})

    @each_covariate
    def test_of_other_times_than_the_series(
        self, kind: str, series: TimeSeries, covariates: TimeSeries
    ) -> None:
        model = make().fit(series, **{kind: covariates})
        early = covariates.shift(-LONG).append(covariates)  # starts before the series
        model.predict(H, **{kind: spoilt(early, LONG + 120 - L - 1)})
        with pytest.raises(ValueError, match=f"`{kind}` holds infinite"):
            model.predict(H, **{kind: spoilt(early, LONG + 120 - L)})
        late = series[20:100]  # a series that starts after its covariates
        model.predict(H, series=late, **{kind: spoilt(covariates, 100 - L - 1)})
        with pytest.raises(ValueError, match=f"`{kind}` holds infinite"):
            model.predict(H, series=late, **{kind: spoilt(covariates, 100 - L)})

    @each_covariate
    def test_of_backtests(self, kind: str, series: TimeSeries, covariates: TimeSeries) -> None:
        model = make().fit(series, **{kind: covariates})
        options = {"retrain": False, "forecast_horizon": H, "start": 80}
        for row, harmless in ((80 - L - 1, True), (80 - L, False), (100, False)):
            given = {kind: spoilt(covariates, row)}
            if harmless:
                found = model.historical_forecasts(series, **given, **options)
                assert np.isfinite(found.values()).all()
            else:
                with pytest.raises(ValueError, match=f"`{kind}` holds infinite"):
                    model.historical_forecasts(series, **given, **options)


class TestStaticCovariates:
    STATIC = pd.DataFrame({"area": [1.0, 2.0, 3.0], "age": [1.0, np.nan, np.nan]}, index=[*"abc"])
    MESSAGE = (
        "The static covariates of `{}` hold 2 NaN or infinite values, the first in column 'age' of "
        "'b'. Expected finite numbers; fill them in, drop the column, or leave static covariates "
        "out with use_static_covariates=False."
    )

    @pytest.mark.parametrize("solver", ["exact", "adam"])
    def test_in_fit(self, solver: str, series: TimeSeries) -> None:
        bad = series.with_static_covariates(self.STATIC.astype("float32"))
        good = series.with_static_covariates(self.STATIC.fillna(0).astype("float32"))
        options = {"n_epochs": 1} if solver == "adam" else {}
        for given, name in (
            ({"series": bad}, "series"),
            ({"series": [good, bad]}, "series[1]"),
            ({"series": good, "val_series": bad}, "val_series"),
        ):
            model = HNMVTSModel(L, H, solver=solver, **options)
            with pytest.raises(ValueError, match=re.escape(self.MESSAGE.format(name))):
                model.fit(**given)

    def test_in_predict(self, series: TimeSeries) -> None:
        good = series.with_static_covariates(self.STATIC.fillna(0).astype("float32"))
        bad = series.with_static_covariates(self.STATIC.astype("float32"))
        model = make().fit(good)
        with pytest.raises(ValueError, match=re.escape(self.MESSAGE.format("series"))):
            model.predict(H, series=bad)

    def test_that_are_no_numbers(self, series: TimeSeries) -> None:
        good = series.with_static_covariates(self.STATIC[["area"]])
        bad = series.with_static_covariates(pd.DataFrame({"area": [*"xyz"]}, index=[*"abc"]))
        message = r"static covariates of `series\[1\]` are not all numbers: 'area'\. Encode them"
        with pytest.raises(ValueError, match=message):
            make().fit([good, bad])
        model = make().fit(good)
        with pytest.raises(ValueError, match=message):
            model.predict(H, series=[good, bad])

    def test_of_other_shapes(self, series: TimeSeries) -> None:
        good = series.with_static_covariates(self.STATIC[["area"]])
        one_row = series.with_static_covariates(self.STATIC[["area"]][:1])
        for bad, said in ((one_row, r"\(1, 1\)"), (series, "no static covariates")):
            message = rf"`series\[1\]` has {said} and `series\[0\]` \(3, 1\), as \(rows, columns\)"
            with pytest.raises(ValueError, match=message):
                make().fit([good, bad])
            model = make().fit(good)
            with pytest.raises(ValueError, match=message):
                model.predict(H, series=[good, bad])
        make(use_static_covariates=False).fit([good, one_row, series])

    def test_that_are_left_out_do_no_harm(self, series: TimeSeries) -> None:
        bad = series.with_static_covariates(self.STATIC.astype("float32"))
        model = make(use_static_covariates=False).fit(bad)
        assert np.isfinite(model.predict(H).values()).all()


class TestSampleWeights:
    @pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
    @pytest.mark.parametrize("argument", ["sample_weight", "val_sample_weight"])
    def test_that_are_not_finite(self, value: float, argument: str, series: TimeSeries) -> None:
        weights = series.with_values(np.ones_like(series.values()))
        given = {"val_series": series, "sample_weight": weights, "val_sample_weight": weights}
        given[argument] = spoilt(weights, 7, value, channel=2)
        message = f"`{argument}` holds NaN or infinite values: 1 in 'c', the first at 2020-01-08"
        with pytest.raises(ValueError, match=re.escape(message)):
            make().fit(series, **given)

    def test_that_are_negative(self, series: TimeSeries) -> None:
        weights = series.with_values(np.ones_like(series.values()))
        message = (
            "`sample_weight[1]` holds negative weights, the first in 'b' at 2020-01-08 00:00:00. "
            "Expected numbers >= 0; with 0 a step is left out."
        )
        with pytest.raises(ValueError, match=re.escape(message)):
            make().fit([series] * 2, sample_weight=[weights, spoilt(weights, 7, -1.0, 1)])

    def test_by_name_and_zeros_are_taken(self, series: TimeSeries) -> None:
        assert np.isfinite(make().fit(series, sample_weight="linear").predict(H).values()).all()
        weights = spoilt(series.with_values(np.ones_like(series.values())), 7, 0.0)
        assert np.isfinite(make().fit(series, sample_weight=weights).predict(H).values()).all()


def test_all_inputs_that_are_not_finite_are_named_at_once(
    series: TimeSeries, covariates: TimeSeries
) -> None:
    with pytest.raises(ValueError, match="2 arguments are wrong") as caught:
        make().fit(spoilt(series, 3), past_covariates=spoilt(covariates, 5))
    assert "`series` holds infinite" in str(caught.value)
    assert "`past_covariates` holds infinite" in str(caught.value)


def test_validation_series_are_named(series: TimeSeries) -> None:
    with pytest.raises(ValueError, match="`val_series` holds infinite values: 1 in 'a'"):
        make(BackboneModel).fit(series, val_series=spoilt(series, 3))


@pytest.mark.parametrize("argument", ["series", "val_series", "past_covariates"])
def test_series_without_rows_are_named(argument: str, series: TimeSeries) -> None:
    given = {"series": [series, series], "past_covariates": [series["a"]] * 2}
    given["val_series"], given["val_past_covariates"] = given["series"], given["past_covariates"]
    given[argument] = [given[argument][0], given[argument][1][:0]]
    with pytest.raises(ValueError, match=rf"`{argument}\[1\]` has no rows. Give at least one"):
        HNMVTSModel(12, 4, n_epochs=1).fit(**given)


def test_nothing_is_forecast_from_no_rows(series: TimeSeries) -> None:
    model = HNMVTSModel(12, 4).fit(series)
    with pytest.raises(ValueError, match="`series` has no rows"):
        model.predict(4, series=series[:0])


def test_a_forecast_of_weights_that_encoders_spoiled_says_so() -> None:
    def spoiled(index: pd.Index) -> np.ndarray:
        return np.where(np.asarray(index) == 3, -np.inf, 0.0)

    series = TimeSeries.from_values(np.random.default_rng(0).normal(size=(40, 2)))
    encoders = {"custom": {"past": [spoiled]}}
    model = HNMVTSModel(6, 2, n_epochs=1, add_encoders=encoders).fit(series)
    with pytest.raises(ValueError, match=r"not finite: 4 of 4 .*, because weights are: .*encoders"):
        model.predict(2)
