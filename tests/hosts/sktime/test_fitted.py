"""In-sample forecasts, any horizon after `fit`, and the tools of sktime that ask for them."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from darts import TimeSeries
from sktime.forecasting.base import ForecastingHorizon
from sktime.forecasting.reconcile import ReconcilerForecaster
from sktime.forecasting.residual_booster import ResidualBoostingForecaster
from sktime.forecasting.squaring_residuals import SquaringResiduals
from sktime.split import ExpandingWindowSplitter
from sktime.transformations.detrend import Detrender
from sktime.transformations.hierarchical.aggregate import Aggregator

from hyperforecast.sktime import BackboneForecaster, HNMVTSForecaster, LightSAEForecaster

L, H = 12, 4
each_forecaster = pytest.mark.parametrize("cls", [HNMVTSForecaster, BackboneForecaster])


def make(cls: type = BackboneForecaster, **kwargs: Any) -> Any:
    return cls(**{"input_chunk_length": L, "random_state": 0, **kwargs})


def in_sample(index: pd.Index) -> ForecastingHorizon:
    return ForecastingHorizon(index, is_relative=False)


def by_window(forecaster: Any, window: np.ndarray) -> np.ndarray:
    """First step of the network's forecast from a window (L, C)."""
    with torch.no_grad():
        values = torch.tensor(window[None], dtype=torch.float32)
        return forecaster.model_.network.eval()(values)[0, 0, :, 0].numpy()


class TestFittedValues:
    @each_forecaster
    def test_are_one_step_forecasts_of_every_window(self, cls: type, panel: pd.DataFrame) -> None:
        """Equal to a loop over the rows, with the first one repeated where they are too few."""
        forecaster = make(cls, scaler=None).fit(panel, fh=range(1, H + 1))
        fitted = forecaster.predict(fh=in_sample(panel.index))
        rows = panel.to_numpy()
        padded = np.concatenate([rows[:1]] * (L - 1) + [rows])
        windows = [rows.mean(axis=0, keepdims=True).repeat(L, axis=0)]
        windows += [padded[i : i + L] for i in range(len(rows) - 1)]
        expected = [by_window(forecaster, window) for window in windows]
        np.testing.assert_allclose(fitted, expected, rtol=1e-4, atol=1e-5)
        pd.testing.assert_index_equal(fitted.index, panel.index, exact=True)

    @pytest.mark.parametrize("options", [{}, {"quantiles": (0.1, 0.5, 0.9)}])
    def test_equal_the_forecast_made_at_that_time(
        self, options: dict[str, Any], panel: pd.DataFrame
    ) -> None:
        forecaster = make(**options).fit(panel, fh=[1, 2])
        fitted = forecaster.predict(fh=[-30, -7, 0])
        for n in (30, 7, 0):
            past = panel.iloc[: len(panel) - 1 - n]
            then = forecaster.update(past.iloc[-L:], update_params=False).predict(fh=[1])
            np.testing.assert_allclose(fitted.loc[then.index], then, rtol=1e-4, atol=1e-5)
            forecaster.update(panel.iloc[-60:], update_params=False)

    def test_with_steps_ahead_and_in_any_order(self, panel: pd.DataFrame) -> None:
        forecaster = make().fit(panel, fh=[1, 2])
        both = forecaster.predict(fh=[-3, 0, 1, 5])
        pd.testing.assert_frame_equal(both.iloc[:2], forecaster.predict(fh=[-3, 0]))
        pd.testing.assert_frame_equal(both.iloc[2:], forecaster.predict(fh=[1, 5]))
        residuals = forecaster.predict_residuals(panel)
        np.testing.assert_allclose(
            residuals.iloc[[-4, -1]], panel.iloc[[-4, -1]] - both.iloc[:2], atol=1e-6
        )

    def test_asked_for_in_fit(self, panel: pd.DataFrame) -> None:
        """The model forecasts one step at once."""
        forecaster = make().fit(panel, fh=[-2, 0])
        assert forecaster.model_.output_chunk_length == 1
        assert list(forecaster.predict().index) == list(panel.index[[-3, -1]])

    def test_quantiles(self, panel: pd.DataFrame) -> None:
        forecaster = make(quantiles=(0.1, 0.5, 0.9)).fit(panel, fh=[1, 2])
        fh = in_sample(panel.index)
        interval = forecaster.predict_interval(fh=fh, coverage=0.8)
        assert (panel.index == interval.index).all()
        low, high = (interval["a", 0.8, end].iloc[L:] for end in ("lower", "upper"))
        assert ((low <= panel["a"].iloc[L:]) & (panel["a"].iloc[L:] <= high)).mean() > 0.6
        median = forecaster.predict(fh=fh)["a"].iloc[L:]
        assert ((low <= median) & (median <= high)).all()
        with pytest.raises(ValueError, match="lie beyond the learned ones"):
            forecaster.predict_quantiles(fh=fh, alpha=[0.01])

    def test_covariates(self, panel: pd.DataFrame) -> None:
        """Equal to Darts' backtest by the same weights."""
        y, X = panel[["a"]], panel[["b", "c"]]
        forecaster = make(scaler=None, past_covariates=["c"]).fit(y, X=X, fh=[1, 2])
        of = TimeSeries.from_dataframe
        expected = forecaster.model_.historical_forecasts(
            of(y), past_covariates=of(X[["c"]]), future_covariates=of(X[["b"]]), retrain=False
        )
        fitted = forecaster.predict(fh=in_sample(y.index))
        assert fitted.notna().all(axis=None)
        np.testing.assert_allclose(
            fitted.loc[expected.time_index], expected.values(), rtol=1e-4, atol=1e-5
        )
        given = forecaster.predict(fh=in_sample(y.index), X=X)
        pd.testing.assert_frame_equal(given, fitted)

    def test_of_panels(self, panel: pd.DataFrame) -> None:
        """Those of each series alone; before its first row an instance has none."""
        parts = {"x": panel.iloc[10:], "y": panel.iloc[:90] + 5}
        y = pd.concat(parts, names=["store", "time"])
        forecaster = make(scaler=None).fit(y, fh=[1, 2])
        fitted = forecaster.predict(fh=in_sample(panel.index[:60]))
        assert fitted.loc["x"].iloc[:10].isna().all(axis=None)
        for store, part in parts.items():
            alone = make(scaler=None).fit(part, fh=[1, 2])
            alone.trained_ = forecaster.trained_
            times = part.index[part.index <= panel.index[59]]
            expected = alone.predict(fh=in_sample(times))
            np.testing.assert_allclose(fitted.loc[store].loc[times], expected, rtol=1e-4)

    def test_full_windows_alone_where_short_ones_are_not_wanted(self, panel: pd.DataFrame) -> None:
        padded = make().fit(panel, fh=[1]).predict(fh=in_sample(panel.index))
        full = make(short_instances="raise").fit(panel, fh=[1]).predict(fh=in_sample(panel.index))
        assert full.iloc[:L].isna().all(axis=None)
        pd.testing.assert_frame_equal(full.iloc[L:], padded.iloc[L:])

    def test_after_an_update(self, panel: pd.DataFrame) -> None:
        forecaster = make().fit(panel.iloc[:100], fh=[1, 2])
        forecaster.update(panel.iloc[100:], update_params=False)
        fitted = forecaster.predict(fh=in_sample(panel.index[50:]))
        other = make().fit(panel.iloc[:100], fh=[1, 2]).predict(fh=in_sample(panel.index[50:100]))
        np.testing.assert_allclose(fitted.loc[other.index], other, rtol=1e-5)
        assert fitted.notna().all(axis=None)

    def test_without_memory_of_the_rows_kept(self, panel: pd.DataFrame) -> None:
        """Lookback and horizon, less one, are kept; windows of others are not there any more."""
        remembering = make().fit(panel, fh=range(1, H + 1))
        forecaster = make().set_config(remember_data=False).fit(panel, fh=range(1, H + 1))
        last = [-2, -1, 0]
        pd.testing.assert_frame_equal(forecaster.predict(fh=last), remembering.predict(fh=last))
        with pytest.raises(ValueError, match=r"of the last 3 rows.*set_config\(remember_data=True"):
            forecaster.predict(fh=[-3])

    @pytest.mark.parametrize(
        "index",
        [
            pd.RangeIndex(5, 125),
            pd.date_range("2010-01-31", periods=120, freq="ME"),
            pd.bdate_range("2020-01-01", periods=120),
            pd.period_range("1990Q1", periods=120, freq="Q"),
            pd.date_range("2020-02-01", periods=120, freq="D", tz="Europe/Berlin"),
        ],
    )
    def test_labels(self, index: pd.Index, panel: pd.DataFrame) -> None:
        y = panel.set_axis(index)
        forecaster = make().fit(y, fh=[1, 2])
        expected = make().fit(panel, fh=[1, 2]).predict(fh=[-5, -1, 0]).to_numpy()
        for fh in ([-5, -1, 0], in_sample(index[[-6, -2, -1]])):
            fitted = forecaster.predict(fh=fh)
            assert list(fitted.index) == list(index[[-6, -2, -1]])
            np.testing.assert_allclose(fitted, expected, rtol=1e-9)


class TestAnyHorizonAfterFit:
    def test_another_and_a_longer_one(self, panel: pd.DataFrame) -> None:
        """In rounds, each from the forecasts of the one before."""
        forecaster = make().fit(panel, fh=[1, 2, 3])
        three, seven = forecaster.predict(), forecaster.predict(fh=range(1, 8))
        pd.testing.assert_frame_equal(seven.iloc[:3], three, check_freq=False)
        two = forecaster.predict(fh=[2, 6])
        pd.testing.assert_frame_equal(two, seven.iloc[[1, 5]], check_freq=False)
        forecaster.update(three, update_params=False)
        again = forecaster.predict(fh=[1, 2, 3])
        np.testing.assert_allclose(seven.loc[again.index], again, rtol=1e-4, atol=1e-5)

    def test_a_step_does_not_depend_on_how_far_is_forecast(self, panel: pd.DataFrame) -> None:
        forecaster = make().fit(panel, fh=[1, 2, 3])
        long = forecaster.predict(fh=range(1, 8))
        for n in (2, 4, 5):
            np.testing.assert_allclose(forecaster.predict(fh=range(1, n + 1)), long[:n], rtol=1e-5)

    def test_fit_without_one(self, panel: pd.DataFrame) -> None:
        """One step at once, unless another number of steps is given."""
        forecaster = make().fit(panel)
        assert forecaster.model_.output_chunk_length == 1
        assert make(output_chunk_length=5).fit(panel).model_.output_chunk_length == 5
        one = make().fit(panel, fh=[1])
        pd.testing.assert_frame_equal(forecaster.predict(fh=[1, 9]), one.predict(fh=[1, 9]))
        with pytest.raises(ValueError, match="`fh` must be passed"):
            make().fit(panel).predict()

    @pytest.mark.parametrize("options", [{}, {"output_chunk_length": 3}])
    def test_update_predict(self, options: dict[str, Any], panel: pd.DataFrame) -> None:
        """Equal to updates and forecasts by hand."""
        past, new = panel.iloc[:100], panel.iloc[100:]
        forecaster = make(**options).fit(past, fh=[1, 2, 3])
        cv = ExpandingWindowSplitter(fh=[1, 5], initial_window=5, step_length=5)
        found = forecaster.update_predict(new, cv=cv, update_params=False)
        for n in (5, 10):
            forecaster.update(new.iloc[n - 5 : n], update_params=False)
            expected = forecaster.predict(fh=[1, 5])
            of_this_cutoff = found.xs(new.index[n - 1], axis=1, level=0).dropna()
            np.testing.assert_allclose(of_this_cutoff, expected, rtol=1e-5)


@pytest.fixture
def hierarchy(panel: pd.DataFrame) -> pd.DataFrame:
    """Two shops of two regions each, with their totals."""
    parts = {
        (region, shop): panel[["a"]].iloc[:60] * (1 + i) + panel[["b"]].iloc[:60].to_numpy() * j
        for i, region in enumerate(["north", "south"])
        for j, shop in enumerate(["one", "two"])
    }
    return Aggregator().fit_transform(pd.concat(parts, names=["region", "shop", "time"]))


class TestTools:
    @pytest.mark.parametrize("method", ["mint_shrink", "mint_cov", "wls_var", "ols"])
    @pytest.mark.parametrize("cls", [HNMVTSForecaster, BackboneForecaster])
    def test_reconciler(self, method: str, cls: type, hierarchy: pd.DataFrame) -> None:
        """Forecasts add up; errors are those of the fitted values."""
        forecaster = ReconcilerForecaster(make(cls), method=method).fit(hierarchy, fh=[1, 2])
        forecast = forecaster.predict()
        bottom = forecast.drop(index="__total", level=1).groupby(level=[0, 2]).sum()
        for region in ("north", "south"):
            total = forecast.loc[(region, "__total")]
            np.testing.assert_allclose(bottom.loc[region], total, rtol=1e-6)
        if method == "ols":
            return
        base = make(cls).fit(hierarchy, fh=[1, 2])
        times = hierarchy.index.get_level_values(-1).unique()
        residuals = hierarchy - base.predict(fh=in_sample(times))
        assert residuals.notna().all(axis=None)  # one gap, and sktime does not shrink
        pd.testing.assert_frame_equal(forecaster.residuals_, residuals)

    def test_residual_boosting(self, panel: pd.DataFrame) -> None:
        """Equal to adding the forecast of the residuals by hand; columns are taken one by one."""
        boosted = ResidualBoostingForecaster(make(), make(HNMVTSForecaster))
        found = boosted.fit(panel, fh=[1, 2]).predict()
        for column in panel:
            y = panel[[column]]
            base = make().fit(y, fh=[1, 2])
            residuals = y - base.predict(fh=in_sample(y.index))
            of_residuals = make(HNMVTSForecaster).fit(residuals, fh=[1, 2])
            expected = base.predict(fh=[1, 2]) + of_residuals.predict()
            pd.testing.assert_frame_equal(found[[column]], expected)

    def test_detrender(self, panel: pd.DataFrame) -> None:
        """What is taken away in sample comes back, and ahead of it the forecast is added."""
        detrender = Detrender(make()).fit(panel)
        detrended = detrender.transform(panel)
        fitted = make().fit(panel).predict(fh=in_sample(panel.index))
        pd.testing.assert_frame_equal(detrended, panel - fitted)
        restored = detrender.inverse_transform(detrended)
        pd.testing.assert_frame_equal(restored, panel, check_dtype=False)
        ahead = panel.iloc[:3].set_axis(pd.date_range("2020-04-30", periods=3)) * 0
        expected = make().fit(panel).predict(fh=[1, 2, 3])
        np.testing.assert_allclose(detrender.inverse_transform(ahead), expected)

    def test_squaring_residuals(self, panel: pd.DataFrame) -> None:
        forecaster = SquaringResiduals(make(input_chunk_length=6), initial_window=110)
        y = panel["a"]
        forecast = forecaster.fit(y, fh=[1, 2]).predict()
        of_the_first_window = make(input_chunk_length=6).fit(y.iloc[:110], fh=[1, 2])
        np.testing.assert_allclose(forecast, of_the_first_window.predict(fh=[11, 12]), rtol=1e-5)
        assert (forecaster.predict_var() > 0).all(axis=None)

    def test_trained_by_gradients(self, panel: pd.DataFrame) -> None:
        forecaster = make(LightSAEForecaster, n_epochs=1, backbone_kwargs={"d_model": 4})
        fitted = forecaster.fit(panel, fh=[1, 2]).predict(fh=in_sample(panel.index))
        assert fitted.notna().all(axis=None)
