"""The automatic forecaster."""

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sktime.datasets import load_airline
from sktime.forecasting.naive import NaiveForecaster

import hyperforecast.darts
import hyperforecast.sktime
from hyperforecast.darts.automatic import candidates as auto_candidates
from hyperforecast.darts.automatic import gradients as auto_gradients
from hyperforecast.darts.automatic.candidates import Preset
from hyperforecast.darts.automatic.options import LEVELS
from hyperforecast.sktime import AutoHyperForecaster

FH = [1, 2, 3]
NAIVE = ("last value", "seasonal naive", "drift")


def walk(n_rows: int = 200, n_channels: int = 2) -> pd.DataFrame:
    values = np.random.default_rng(0).normal(size=(n_rows, n_channels)).cumsum(axis=0)
    index = pd.date_range("2020-01-01", periods=n_rows, freq="D")
    return pd.DataFrame(values, index=index, columns=list("ab")[:n_channels])


def names() -> dict[str, Any]:
    return {**vars(hyperforecast.sktime), **vars(hyperforecast.darts)}


@pytest.fixture(scope="module")
def airline() -> AutoHyperForecaster:
    return AutoHyperForecaster().fit(load_airline(), fh=range(1, 13))


class TestChoice:
    def test_of_a_season_with_a_trend(self, airline: AutoHyperForecaster) -> None:
        assert airline.model_.best_class_ == "BackboneModel"
        assert airline.verdict_.startswith("One head for all: ")
        assert "better than the seasonal naive forecast" in airline.verdict_
        board = airline.leaderboard()
        assert set(board["candidate"]) == {*NAIVE, "one for all"}

    def test_of_a_walk_is_the_last_value(self) -> None:
        y = walk()
        forecaster = AutoHyperForecaster(candidates=NAIVE[:2]).fit(y, fh=FH)
        expected = NaiveForecaster().fit(y, fh=FH).predict()
        pd.testing.assert_frame_equal(forecaster.predict(), expected, rtol=1e-5, check_freq=False)

    @pytest.mark.parametrize(
        "index",
        [
            pd.period_range("2000-01", periods=60, freq="M"),
            pd.date_range("2000-01-31", periods=60, freq="ME"),
        ],
        ids=["periods", "dates"],
    )
    def test_knows_the_season_of_the_index(self, index: pd.Index) -> None:
        values = np.tile(np.random.default_rng(0).normal(size=12), 5)
        y = pd.DataFrame({"a": values}, index=index)
        forecaster = AutoHyperForecaster(candidates=NAIVE).fit(y, fh=range(1, 25))
        np.testing.assert_allclose(forecaster.predict()["a"], values[:24], atol=1e-5)
        panel = pd.concat({"x": y, "z": -y}, names=["instance", "time"])
        forecaster = AutoHyperForecaster(candidates=NAIVE).fit(panel, fh=range(1, 13))
        np.testing.assert_allclose(forecaster.predict().loc["z", "a"], -values[:12], atol=1e-5)

    @pytest.mark.parametrize("candidate", ["drift", "one for all"])
    def test_is_made_again_by_the_code(self, candidate: str) -> None:
        y = load_airline()
        forecaster = AutoHyperForecaster(candidates=[candidate], scaler=None).fit(y, fh=FH)
        assert "scaler=None" in forecaster.as_code()
        other = eval(forecaster.as_code(), names()).fit(y, fh=FH)
        pd.testing.assert_series_equal(other.predict(), forecaster.predict())
        pd.testing.assert_frame_equal(
            other.predict_interval(coverage=0.9), forecaster.predict_interval(coverage=0.9)
        )


class TestLookback:
    def test_is_chosen_by_rows_and_season(self) -> None:
        forecaster = AutoHyperForecaster(candidates=NAIVE).fit(walk(200), fh=FH)
        assert forecaster.model_.input_chunk_length == 65  # a third of them
        forecaster = AutoHyperForecaster(24, candidates=NAIVE).fit(walk(200), fh=FH)
        assert forecaster.model_.input_chunk_length == 24


class TestQuantiles:
    def test_lie_around_the_point(self, airline: AutoHyperForecaster) -> None:
        found = airline.predict_quantiles(alpha=list(LEVELS))
        assert (found.diff(axis=1).iloc[:, 1:] >= 0).all().all()
        np.testing.assert_allclose(found.iloc[:, LEVELS.index(0.5)], airline.predict())

    def test_are_none_where_none_are_wanted(self) -> None:
        y = load_airline()
        forecaster = AutoHyperForecaster(quantiles=None).fit(y, fh=FH)
        assert forecaster.model_.likelihood is None
        assert not forecaster.get_tag("capability:pred_int")


class TestSktime:
    def test_covariates_and_panels(self, make_panel: Callable) -> None:
        y = pd.concat({i: make_panel(60, seed=i) for i in range(3)}, names=["instance", "time"])
        X = pd.concat({i: make_panel(66, 2, seed=9 + i) for i in range(3)}, names=y.index.names)
        X.columns = ["known", "seen"]
        before = X[X.index.isin(y.index)]
        forecaster = AutoHyperForecaster(12, past_covariates=["seen"], quantiles=None)
        forecaster.fit(y, X=before, fh=FH)
        ahead = X[~X.index.isin(y.index)].groupby(level=0).head(3)
        found = forecaster.predict(X=ahead[["known"]])
        assert found.shape == (9, 3)
        assert np.isfinite(found.to_numpy()).all()

    def test_instances_have_weights_of_their_own(self) -> None:
        random = np.random.default_rng(3)
        panel = {}
        for number in range(16):
            values = random.normal(size=150 + 5 * number)
            for t in range(1, len(values)):
                values[t] += (0.9 if number % 2 else -0.9) * values[t - 1]
            index = pd.date_range("2020-01-01", periods=len(values), freq="D")
            panel[f"shop {number}"] = pd.DataFrame({"sales": 10.0**number * values}, index=index)
        y = pd.concat(panel, names=["shop", "day"])
        forecaster = AutoHyperForecaster(12, output_chunk_length=4).fit(y, fh=FH)
        assert forecaster.verdict_.startswith("Heads generated by series: ")
        expected = eval(forecaster.as_code(), names()).fit(y, fh=FH).predict()
        found = forecaster.predict()
        pd.testing.assert_frame_equal(found, expected)
        for one in (pickle.loads(pickle.dumps(forecaster)), copy.deepcopy(forecaster)):
            pd.testing.assert_frame_equal(one.predict(), found)
        new = pd.concat({"new": panel["shop 15"]}, names=["shop", "day"])
        forecaster.update(new, update_params=False)
        with pytest.warns(UserWarning, match="'new'"):
            ahead = forecaster.predict()
        assert np.isfinite(ahead.loc["new"].to_numpy()).all()
        pd.testing.assert_frame_equal(ahead.drop("new"), found)

    def test_copies_and_pickles(self, airline: AutoHyperForecaster) -> None:
        expected = airline.predict()
        for one in (pickle.loads(pickle.dumps(airline)), copy.deepcopy(airline)):
            pd.testing.assert_series_equal(one.predict(), expected)
            assert one.verdict_ == airline.verdict_
            assert one.as_code() == airline.as_code()
        assert airline.clone().get_params() == airline.get_params()

    @pytest.mark.parametrize("candidate", ["last value", "one for all"])
    def test_update_without_rows_keeps_what_was_chosen(self, candidate: str) -> None:
        y = walk(150)
        forecaster = AutoHyperForecaster(12, candidates=[candidate], quantiles=None)
        forecaster.set_config(remember_data=False)
        forecaster.fit(y.iloc[:120], fh=FH).update(y.iloc[120:], update_params=True)
        found = forecaster.predict()
        assert found.index[0] == y.index[-1] + y.index.freq
        if candidate == "last value":
            np.testing.assert_allclose(found, np.tile(y.iloc[-1], (3, 1)), rtol=1e-5)
        everything = AutoHyperForecaster(12, candidates=[candidate], quantiles=None)
        scale = everything.fit(y.iloc[:120], fh=FH).trained_.y_scaler
        assert forecaster.trained_.y_scaler.common.mean == pytest.approx(scale.common.mean)

    def test_update_with_rows_compares_again(self) -> None:
        y = walk(150)
        forecaster = AutoHyperForecaster(12, candidates=NAIVE).fit(y.iloc[:120], fh=FH)
        forecaster.update(y.iloc[120:], update_params=True)
        alone = AutoHyperForecaster(12, candidates=NAIVE).fit(y, fh=FH)
        pd.testing.assert_frame_equal(
            forecaster.leaderboard().drop(columns=["forecast_seconds"]),
            alone.leaderboard().drop(columns=["forecast_seconds"]),
        )

    def test_progress_is_printed_if_asked_for(self, capsys: pytest.CaptureFixture) -> None:
        forecaster = AutoHyperForecaster(candidates=NAIVE, verbose=True).fit(walk(), fh=FH)
        assert forecaster.verdict_ in capsys.readouterr().out

    def test_wrong_parameters_are_all_named(self) -> None:
        forecaster = AutoHyperForecaster(candidates=["drfit"], season=1, quantiles=(0.1, 0.9))
        with pytest.raises(ValueError, match="3 arguments are wrong") as error:
            forecaster.fit(walk(), fh=FH)
        assert "Did you mean 'drift'" in str(error.value)
        with pytest.raises(TypeError, match="unexpected keyword argument 'backbone'"):
            AutoHyperForecaster(backbone="rmlp")


class TestNonlinear:
    """Backbones that gradients train."""

    def test_are_copied_updated_and_said(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(auto_gradients, "MAX_EPOCHS", 2)
        y = walk(120)
        forecaster = AutoHyperForecaster(6, candidates=("rmlp",), random_state=0)
        forecaster.fit(y[:-10], fh=FH)
        y_pred = forecaster.predict()
        for other in (pickle.loads(pickle.dumps(forecaster)), copy.deepcopy(forecaster)):
            pd.testing.assert_frame_equal(other.predict(), y_pred)
        assert forecaster.as_code().startswith("BackboneForecaster(input_chunk_length=6,")
        assert "backbone='rmlp'" in forecaster.as_code()
        assert forecaster.verdict_.startswith("RMLP: ")
        intervals = forecaster.predict_interval(coverage=0.9)
        assert (intervals.to_numpy()[:, ::2] < intervals.to_numpy()[:, 1::2]).all()
        forecaster.update(y[-10:])
        assert forecaster.predict().index[0] == y.index[-1] + y.index.freq

    def test_are_added_up_by_the_best_preset(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(auto_gradients, "MAX_EPOCHS", 1)
        preset = Preset(("rmlp",), 1, n_seeds=1, combines=True)
        monkeypatch.setitem(auto_candidates.PRESETS, "best", preset)
        # rows that turn back beyond a threshold, and noise that no candidate knows
        y = walk(200)
        random = np.random.default_rng(1)
        for t in range(1, len(y)):
            y.iloc[t] = 3 - 2 * np.abs(y.iloc[t - 1]).clip(upper=3) + random.normal(size=y.shape[1])
        forecaster = AutoHyperForecaster(6, presets="best", random_state=0).fit(y, fh=FH)
        board = forecaster.leaderboard().set_index("candidate")
        assert board["share"].sum() == pytest.approx(1.0)
        other = pickle.loads(pickle.dumps(forecaster))
        pd.testing.assert_frame_equal(other.predict(), forecaster.predict())
        assert board["chosen"]["combined"]
        assert forecaster.verdict_.startswith("A sum (")
        assert forecaster.as_code() == (
            "AutoHyperForecaster(input_chunk_length=6, output_chunk_length=3, presets='best', "
            "season=7, random_state=0)"
        )


def test_a_day_is_known_from_any_row_on() -> None:
    random = np.random.default_rng(3)
    n_rows = 20 * 24
    values = random.normal(size=24)[np.arange(n_rows) % 24] + 0.1 * random.normal(size=n_rows)
    index = pd.date_range("2020-01-01 05:00", periods=n_rows, freq="h")
    y = pd.Series(values, index=index)
    forecaster = AutoHyperForecaster(6, candidates=("one for all",), quantiles=None)
    forecaster.fit(y[:-50], fh=[1, 2, 3])
    assert forecaster.model_.network.periods == (24,)
    assert np.abs(forecaster.predict() - y[-50:-47]).max() < 0.4
    forecaster.update(y[-50:-31], update_params=False)
    assert np.abs(forecaster.predict() - y[-31:-28]).max() < 0.4
