"""Missing values in y and X: fitted on, forecast from, updated with, and left out of scales."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from hyperforecast.sktime import BackboneForecaster, HNMVTSForecaster
from hyperforecast.sktime.scaling import Scale

NAN = np.nan
FH = [1, 2, 3, 4]


def with_gaps(table: pd.DataFrame, share: float = 0.2, seed: int = 0) -> pd.DataFrame:
    return table.mask(np.random.default_rng(seed).random(table.shape) < share)


def make(**kwargs: Any) -> BackboneForecaster:
    return BackboneForecaster(**{"input_chunk_length": 12, "output_chunk_length": 4, **kwargs})


@pytest.mark.parametrize("options", [{}, {"solver": "adam", "n_epochs": 2}], ids=["exact", "adam"])
@pytest.mark.parametrize("cls", [BackboneForecaster, HNMVTSForecaster])
def test_of_series_panels_and_covariates(cls: type, options: dict, panel: pd.DataFrame) -> None:
    forecaster = cls(12, 4, **options)
    assert forecaster.get_tag("capability:missing_values")
    y, X = with_gaps(panel[["a", "b"]]), with_gaps(panel[["c"]])
    found = forecaster.fit(y.iloc[:100], X=X.iloc[:100], fh=FH).predict(X=X.iloc[100:104])
    assert np.isfinite(found.to_numpy()).all()
    names = ["store", "time"]
    several = pd.concat({"x": y, "y": with_gaps(panel[["a", "b"]], seed=1)}, names=names)
    assert np.isfinite(cls(12, 4, **options).fit(several, fh=FH).predict().to_numpy()).all()


@pytest.mark.parametrize("remember_data", [True, False])
@pytest.mark.parametrize("update_params", [True, False])
def test_of_new_rows(remember_data: bool, update_params: bool, panel: pd.DataFrame) -> None:
    y = with_gaps(panel)
    forecaster = make().set_config(remember_data=remember_data).fit(y.iloc[:80], fh=FH)
    forecaster.update(y.iloc[80:100], update_params=update_params)
    found = forecaster.predict()
    assert np.isfinite(found.to_numpy()).all()
    error = np.abs(found.to_numpy() - panel.iloc[100:104].to_numpy()).mean()
    assert error < 0.4 * panel.to_numpy().std()


def test_fitted_values_of_rows_with_gaps(panel: pd.DataFrame) -> None:
    forecaster = make().fit(with_gaps(panel), fh=FH)
    found = forecaster.predict(fh=list(range(-119, 1)))
    assert np.isfinite(found.to_numpy()).all()


def test_a_column_of_x_without_any_value_is_named(panel: pd.DataFrame) -> None:
    message = r"X has no value at all in 'c': all are NaN"
    with pytest.raises(ValueError, match=message):
        make().fit(panel[["a"]], X=panel[["b", "c"]].assign(c=NAN), fh=FH)


def test_quantiles(panel: pd.DataFrame) -> None:
    forecaster = make(quantiles=[0.1, 0.5, 0.9]).fit(with_gaps(panel), fh=FH)
    assert np.isfinite(forecaster.predict_quantiles(alpha=[0.1, 0.9]).to_numpy()).all()


class TestScale:
    def test_is_that_of_what_is_there(self) -> None:
        values = np.array([[1.0, NAN, 5.0], [NAN, NAN, 5.0], [3.0, NAN, NAN], [8.0, NAN, 5.0]])
        scale = Scale.of(values)
        np.testing.assert_allclose(scale.mean, [4.0, 0.0, 5.0])
        np.testing.assert_allclose(scale.deviation, [np.std([1.0, 3.0, 8.0]), 0.0, 0.0])
        assert np.isnan(scale.transform(values)[1, 0])

    def test_goes_on_with_more_rows(self) -> None:
        values = np.random.default_rng(0).normal(size=(30, 3))
        values[::4, 0] = NAN
        values[:20, 1] = NAN
        together = Scale.of(values)
        for cut in (10, 25):
            found = Scale.of(values[:cut]).extended(values[cut:])
            np.testing.assert_allclose(found.mean, together.mean)
            np.testing.assert_allclose(found.deviation, together.deviation)
            np.testing.assert_array_equal(found.n_rows, [22, 10, 30])
