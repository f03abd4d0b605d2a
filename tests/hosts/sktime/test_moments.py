"""Updates of solved forecasters that keep moments in the place of rows."""

import copy
import dataclasses
import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
from darts import TimeSeries
from sktime.split import ExpandingWindowSplitter

from hyperforecast.sktime import BackboneForecaster, HNMVTSForecaster

L, H = 6, 2
FH = [1, 2]
ALONE = {"ridge": 0.01, "pool": False, "combine": False}
FIXED = {"instance_norm": "mean", "n_factors": 0, "solver_kwargs": ALONE}


@pytest.fixture(scope="module")
def y() -> pd.DataFrame:
    """Channels of opposite dynamics, that a change in the middle turns round."""
    rng = np.random.default_rng(3)
    values = np.zeros((160, 3))
    for t in range(1, len(values)):
        slopes = np.array([0.9, -0.7, 0.2]) * (1 if t < 80 else -1)
        values[t] = slopes * values[t - 1] + rng.normal(size=3)
    index = pd.period_range("2001-01", periods=len(values), freq="M")
    return pd.DataFrame(5 + 3 * values, index=index, columns=["a", "b", "c"])


def make(**kwargs: Any) -> Any:
    forecaster = BackboneForecaster(L, scaler=None, **{"individual": True, **FIXED, **kwargs})
    return forecaster.set_config(remember_data=False)


def in_pieces(forecaster: Any, y: pd.DataFrame, *, X: Any = None, params: bool = True) -> Any:
    """Update by one row, some, and many."""
    for first, end in ((80, 81), (81, 85), (85, len(y))):
        rows = None if X is None else X.iloc[first:end]
        forecaster.update(y.iloc[first:end], X=rows, update_params=params)
    return forecaster


def close(one: pd.DataFrame, other: pd.DataFrame) -> None:
    # series are float32 inside
    pd.testing.assert_frame_equal(one, other, rtol=1e-5, atol=1e-5, check_freq=False)


class TestAnUpdate:
    def test_equals_a_fit_on_all_rows(self, y: pd.DataFrame) -> None:
        updated = in_pieces(make().fit(y.iloc[:80], fh=FH), y)
        assert getattr(updated, "_y", None) is None, "no rows are kept"
        close(updated.predict(), make().fit(y, fh=FH).predict())
        stayed = make().fit(y.iloc[:80], fh=FH).update(y.iloc[80:], update_params=False)
        assert (updated.predict() - stayed.predict()).abs().max().max() > 0.1

    def test_of_weights_that_channels_share_is_in_the_units_of_the_fit(
        self, y: pd.DataFrame
    ) -> None:
        """Which say how much each channel counts: those of all rows are others."""
        fitted = make(individual=False).fit(y.iloc[:80], fh=FH)
        anew = dataclasses.replace(fitted.trained_.running, moments=None)
        rows = TimeSeries.from_values(y.to_numpy("float32"), columns=list("abc"))
        at_once = copy.deepcopy(fitted.model_)
        at_once.solve_for(at_once.counting(anew, [rows]))
        expected = at_once.predict(2, series=rows).values()
        np.testing.assert_allclose(in_pieces(fitted, y).predict(), expected, rtol=1e-6)

    def test_with_covariates_equals_a_fit_on_all_rows(self, y: pd.DataFrame) -> None:
        X = y[["b", "c"]].shift(1, fill_value=0.0)
        parts = {"past_covariates": ["c"]}
        updated = make(**parts).fit(y[["a"]].iloc[:80], X=X.iloc[:80], fh=FH)
        updated = in_pieces(updated, y[["a"]].iloc[:158], X=X)
        whole = make(**parts).fit(y[["a"]].iloc[:158], X=X.iloc[:158], fh=FH)
        close(updated.predict(X=X.iloc[158:]), whole.predict(X=X.iloc[158:]))

    def test_keeps_the_setting_and_the_scale(self, y: pd.DataFrame) -> None:
        updated = HNMVTSForecaster(L).set_config(remember_data=False).fit(y.iloc[:80], fh=FH)
        combination, scaler = updated.trained_.running.combination, updated.trained_.y_scaler
        report = updated.model_.solver_report
        in_pieces(updated, y)
        assert updated.trained_.running.combination == combination
        np.testing.assert_array_equal(updated.trained_.y_scaler.common.mean, scaler.common.mean)
        pd.testing.assert_frame_equal(updated.model_.solver_report, report)
        assert updated.model_.epochs_trained == 0

    def test_rows_between_are_counted_too(self, y: pd.DataFrame) -> None:
        """Rows that came without new weights are among those of the next ones."""
        updated = make().fit(y.iloc[:80], fh=FH)
        updated = in_pieces(updated, y.iloc[:150], params=False)
        updated.update(y.iloc[150:])
        close(updated.predict(), make().fit(y, fh=FH).predict())

    def test_rows_held_out_are_counted_too(self, y: pd.DataFrame) -> None:
        updated = make(validation_size=0.2).fit(y.iloc[:80], fh=FH)
        close(in_pieces(updated, y).predict(), make().fit(y, fh=FH).predict())

    def test_after_memory_is_switched_off(self, y: pd.DataFrame) -> None:
        updated = make().set_config(remember_data=True).fit(y.iloc[:80], fh=FH)
        assert updated.trained_.running.moments is None
        in_pieces(updated.set_config(remember_data=False), y)
        close(updated.predict(), make().fit(y, fh=FH).predict())

    @pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda f: pickle.loads(pickle.dumps(f))])
    def test_of_a_copy(self, duplicate: Any, y: pd.DataFrame) -> None:
        updated = make().fit(y.iloc[:80], fh=FH)
        twin = duplicate(updated)
        close(in_pieces(twin, y).predict(), make().fit(y, fh=FH).predict())
        (moments,) = updated.trained_.running.moments.values()
        assert moments.n_windows == 80 - L - H + 1

    def test_of_a_saved_one(self, y: pd.DataFrame, tmp_path: Any) -> None:
        from sktime.base import load

        make().fit(y.iloc[:80], fh=FH).save(str(tmp_path / "f"))
        loaded = load(str(tmp_path / "f"))
        close(in_pieces(loaded, y).predict(), make().fit(y, fh=FH).predict())

    def test_keeps_quantiles(self, y: pd.DataFrame) -> None:
        updated = make(quantiles=(0.1, 0.5, 0.9)).fit(y.iloc[:80], fh=FH)

        def width() -> np.ndarray:
            quantiles = updated.predict_quantiles(alpha=[0.1, 0.9])
            return quantiles.to_numpy()[:, 1::2] - quantiles.to_numpy()[:, ::2]

        before = width()
        in_pieces(updated, y)
        np.testing.assert_allclose(width(), before, rtol=1e-3)


class TestPanels:
    names = ("store", "time")

    def panel(self, **parts: pd.DataFrame) -> pd.DataFrame:
        return pd.concat(parts, names=self.names)

    def test_instances_go_on_apart(self, y: pd.DataFrame) -> None:
        updated = make().fit(self.panel(one=y.iloc[:80], two=2 * y.iloc[:70]), fh=FH)
        updated.update(self.panel(two=2 * y.iloc[70:90]))
        updated.update(self.panel(one=y.iloc[80:83], two=2 * y.iloc[90:91]))
        whole = make().fit(self.panel(one=y.iloc[:83], two=2 * y.iloc[:91]), fh=FH)
        close(updated.predict(), whole.predict())

    def test_an_instance_may_come_later_and_row_by_row(self, y: pd.DataFrame) -> None:
        updated = make().fit(self.panel(one=y.iloc[:80]), fh=FH)
        for first, end in ((0, 7), (7, 8), (8, 40)):  # at first too short for a window
            updated.update(self.panel(two=3 * y.iloc[first:end]))
        whole = make().fit(self.panel(one=y.iloc[:80], two=3 * y.iloc[:40]), fh=FH)
        close(updated.predict().loc[["two"]], whole.predict().loc[["two"]])


class TestRowsThatCameBefore:
    def test_count_once(self, y: pd.DataFrame) -> None:
        """As `update_predict` gives them with an expanding window."""
        updated = make().fit(y.iloc[:80], fh=[1])
        cv = ExpandingWindowSplitter(fh=[1], initial_window=1, step_length=1)
        moving = updated.update_predict(y.iloc[80:90], cv=cv, update_params=True)
        for i in range(81, 89):
            by_hand = make(output_chunk_length=1).fit(y.iloc[:i], fh=[1]).predict()
            np.testing.assert_allclose(moving.loc[y.index[i]], by_hand.iloc[0], rtol=1e-5)

    def test_overlaps_count_once(self, y: pd.DataFrame) -> None:
        updated = make().fit(y.iloc[:80], fh=FH)
        updated.update(y.iloc[70:100])
        updated.update(y.iloc[40:60])  # played back: nothing is new
        updated.update(y.iloc[60:160])
        close(updated.predict(), make().fit(y, fh=FH).predict())

    def test_with_other_values_are_refused(self, y: pd.DataFrame) -> None:
        updated = make().fit(y.iloc[:80], fh=FH)
        before = updated.predict()
        with pytest.raises(ValueError, match=r"The row 2007-07 came before with other values"):
            updated.update(y.iloc[78:90] + 1)
        pd.testing.assert_frame_equal(updated.predict(), before)


class TestForgetting:
    def test_reaches_the_moments(self, y: pd.DataFrame) -> None:
        """In pieces as at once."""
        updated = in_pieces(make(forgetting=0.97).fit(y.iloc[:80], fh=FH), y)
        remembering = in_pieces(make().fit(y.iloc[:80], fh=FH), y)
        anew = dataclasses.replace(updated.trained_.running, moments=None)
        rows = TimeSeries.from_values(y.to_numpy("float32"), columns=list("abc"))
        at_once = copy.deepcopy(updated.model_)
        at_once.solve_for(at_once.counting(anew, [rows], forgetting=0.97))
        expected = at_once.predict(2, series=rows).values()
        np.testing.assert_allclose(updated.predict(), expected, rtol=1e-5)
        assert (updated.predict() - remembering.predict()).abs().max().max() > 0.1

    def test_of_one_changes_nothing(self, y: pd.DataFrame) -> None:
        updated = in_pieces(make(forgetting=1.0).fit(y.iloc[:80], fh=FH), y)
        close(updated.predict(), make().fit(y, fh=FH).predict())

    @pytest.mark.parametrize(
        ("options", "remembers", "said"),
        [
            ({"forgetting": 0.0}, False, r"forgetting must be in \(0, 1\]; got 0.0"),
            ({"forgetting": 1.5}, False, r"forgetting must be in \(0, 1\]; got 1.5"),
            ({"forgetting": 0.9}, True, "has no effect with remember_data=True"),
            (
                {"forgetting": 0.9, "solver": "adam", "solver_kwargs": None},
                False,
                "keeps no moments",
            ),
            (
                {"solver_kwargs": {"choose_every": 3}},
                False,
                "choose_every has no effect in sktime",
            ),
        ],
    )
    def test_without_effect_is_an_error(
        self, options: dict, remembers: bool, said: str, y: pd.DataFrame
    ) -> None:
        forecaster = make(**options).set_config(remember_data=remembers)
        with pytest.raises(ValueError, match=said):
            forecaster.fit(y, fh=FH)

    def test_of_weights_by_gradients_is_an_error_of_the_update(self, y: pd.DataFrame) -> None:
        options = {"forgetting": 0.9, "solver_kwargs": None, "n_epochs": 1}
        forecaster = make(**options).fit(y.iloc[:80], fh=FH)
        with pytest.raises(ValueError, match="no moments to fade"):
            forecaster.update(y.iloc[80:])
