"""The sktime forecasters: `update` with and without new weights."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from darts import TimeSeries
from sktime.split import ExpandingWindowSplitter

from hyperforecast.sktime import BackboneForecaster, HNMVTSForecaster

L, H = 12, 4
FH = range(1, H + 1)
each_forecaster = pytest.mark.parametrize("cls", [HNMVTSForecaster, BackboneForecaster])


def make(cls: type = HNMVTSForecaster, **kwargs: Any) -> Any:
    return cls(**{"input_chunk_length": L, "n_epochs": 2, "random_state": 0, **kwargs})


def weights(forecaster: Any) -> np.ndarray:
    parameters = forecaster.model_.network.parameters()
    return np.concatenate([p.detach().numpy().ravel() for p in parameters])


class TestWithoutNewWeights:
    @each_forecaster
    @pytest.mark.parametrize("n_new", [1, 3, 30])
    @pytest.mark.parametrize("remember", [True, False])
    def test_the_forecast_is_made_from_the_new_rows(
        self, cls: type, n_new: int, remember: bool, panel: pd.DataFrame
    ) -> None:
        forecaster = make(cls, scaler=None).set_config(remember_data=remember)
        forecaster.fit(panel.iloc[:80], fh=FH)
        before = weights(forecaster)
        forecaster.update(panel.iloc[80 : 80 + n_new], update_params=False)
        np.testing.assert_array_equal(weights(forecaster), before)

        seen = panel.iloc[: 80 + n_new]
        expected = forecaster.model_.predict(H, series=TimeSeries.from_dataframe(seen))
        forecast = forecaster.predict()
        np.testing.assert_allclose(forecast, expected.values(), rtol=1e-5, atol=1e-6)
        assert list(forecast.index) == list(expected.time_index)

    def test_overlapping_rows_replace_old_ones(self, panel: pd.DataFrame) -> None:
        forecaster = make().fit(panel.iloc[:80], fh=FH)
        corrected = panel.iloc[75:85] + 1
        forecaster.update(corrected, update_params=False)
        other = make().fit(panel.iloc[:80], fh=FH)
        other.update(pd.concat([panel.iloc[70:75], corrected]), update_params=False)
        pd.testing.assert_frame_equal(forecaster.predict(), other.predict())

    def test_earlier_rows_do_not_see_later_ones(self, panel: pd.DataFrame) -> None:
        """As `update_predict` needs it, which plays back rows that were seen before."""
        forecaster = make().fit(panel, fh=FH)
        forecaster.update(panel.iloc[40:60], update_params=False)
        forecast = forecaster.predict()
        assert forecast.index[0] == panel.index[60]
        other = make().fit(panel, fh=FH)
        other.update(panel.iloc[30:60], update_params=False)
        pd.testing.assert_frame_equal(forecast, other.predict())

    def test_one_instance_moves_on(self, panel: pd.DataFrame) -> None:
        names = ["store", "time"]
        y = pd.concat({"x": panel.iloc[:80], "y": panel.iloc[:70] * 2}, names=names)
        forecaster = make(scaler=None).fit(y, fh=[1, 2])
        before = forecaster.predict()
        forecaster.update(pd.concat({"y": panel.iloc[70:75] * 2}, names=names), update_params=False)
        after = forecaster.predict()
        pd.testing.assert_frame_equal(after.loc["x"], before.loc["x"])
        alone = TimeSeries.from_dataframe(panel.iloc[:75] * 2)
        expected = forecaster.model_.predict(2, series=alone)
        np.testing.assert_allclose(after.loc["y"], expected.values(), rtol=1e-5, atol=1e-5)
        assert list(after.loc["y"].index) == list(panel.index[75:77])

    def test_a_new_instance_is_forecast_too(self, panel: pd.DataFrame) -> None:
        names = ["store", "time"]
        forecaster = make(scaler=None).fit(pd.concat({"x": panel}, names=names), fh=[1, 2])
        forecaster.update(pd.concat({"new": panel.iloc[:40]}, names=names), update_params=False)
        forecast = forecaster.predict()
        expected = forecaster.model_.predict(2, series=TimeSeries.from_dataframe(panel.iloc[:40]))
        np.testing.assert_allclose(forecast.loc["new"], expected.values(), rtol=1e-5, atol=1e-5)

    def test_update_predict(self, panel: pd.DataFrame) -> None:
        """Equal to updating and predicting by hand."""
        forecaster = make().fit(panel.iloc[:80], fh=[1])
        cv = ExpandingWindowSplitter(fh=[1], initial_window=1, step_length=1)
        moving = forecaster.update_predict(panel.iloc[80:90], cv=cv, update_params=False)
        for i in range(80, 89):
            forecaster.update(panel.iloc[i : i + 1], update_params=False)
            np.testing.assert_allclose(
                moving.loc[panel.index[i + 1]], forecaster.predict().iloc[0], rtol=1e-6
            )

    def test_covariates_move_on(self, panel: pd.DataFrame) -> None:
        y, X = panel[["a"]], panel[["b", "c"]]
        forecaster = make(past_covariates=["c"]).fit(y.iloc[:80], X=X.iloc[:80], fh=[1, 2])
        forecaster.update(y.iloc[80:90], X=X.iloc[80:90], update_params=False)
        moved = forecaster.predict(X=X.iloc[90:92])
        changed = X.copy()
        changed.iloc[85] += 1
        other = make(past_covariates=["c"]).fit(y.iloc[:80], X=X.iloc[:80], fh=[1, 2])
        other.update(y.iloc[80:90], X=changed.iloc[80:90], update_params=False)
        assert (other.predict(X=X.iloc[90:92]) != moved).all().all()


class TestWithNewWeights:
    @each_forecaster
    def test_equals_a_fit_on_all_rows(self, cls: type, panel: pd.DataFrame) -> None:
        updated = make(cls).fit(panel.iloc[:80], fh=FH)
        updated.update(panel.iloc[80:], update_params=True)
        fitted = make(cls).fit(panel, fh=FH)
        pd.testing.assert_frame_equal(updated.predict(), fitted.predict(), check_freq=False)

    def test_playing_back_does_not_train_on_later_rows(self, panel: pd.DataFrame) -> None:
        played = make().fit(panel, fh=FH)
        played.update(panel.iloc[40:60], update_params=True)
        fitted = make().fit(panel.iloc[:60], fh=FH)
        pd.testing.assert_frame_equal(played.predict(), fitted.predict(), check_freq=False)

    @each_forecaster
    @pytest.mark.parametrize("n_new", [1, 5])
    def test_without_memory_training_goes_on(
        self, cls: type, n_new: int, panel: pd.DataFrame
    ) -> None:
        forecaster = make(cls, n_epochs=1, optimizer_kwargs={"lr": 1e-4})
        forecaster.set_config(remember_data=False).fit(panel.iloc[:80], fh=FH)
        before, scale = weights(forecaster), forecaster.trained_.y_scaler.of(()).mean
        forecaster.update(panel.iloc[80 : 80 + n_new], update_params=True)
        step = np.abs(weights(forecaster) - before).max()
        assert 0 < step < 5e-4, "one small step from the weights before"
        np.testing.assert_array_equal(forecaster.trained_.y_scaler.of(()).mean, scale)
        assert forecaster.predict().index[0] == panel.index[80 + n_new]

    def test_without_memory_only_the_context_is_kept(
        self, make_panel: Callable[..., pd.DataFrame]
    ) -> None:
        y = make_panel(5000, 3)
        forecaster = make(n_epochs=1, batch_size=512)
        large = len(forecaster.fit(y, fh=FH).save()[1])
        small = len(forecaster.set_config(remember_data=False).fit(y, fh=FH).save()[1])
        assert large - small > y.memory_usage(index=False).sum() / 2
        assert [len(i.y) for i in forecaster._context.values()] == [L + H - 1]
