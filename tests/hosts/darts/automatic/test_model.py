"""The automatic Darts model."""

import copy
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from darts import TimeSeries
from darts.models import NaiveDrift, NaiveSeasonal

import hyperforecast.darts
from hyperforecast.automatic.names import BY_SERIES, GENERATED, NAIVE, ONE_FOR_ALL
from hyperforecast.darts import AutoHyperModel, BackboneModel, CentredQuantiles, HNMVTSModel
from hyperforecast.darts.automatic.held_out import HeldOutWindows, Lengths, Observed
from hyperforecast.darts.automatic.options import LEVELS
from hyperforecast.darts.automatic.race import Entry, beats
from hyperforecast.darts.automatic.time_limit import TimeLimit

L, H = 12, 4
POINTS = {"quantiles": None}


def make(**arguments: Any) -> AutoHyperModel:
    return AutoHyperModel(**{"input_chunk_length": L, "output_chunk_length": H, **arguments})


def made(values: np.ndarray, freq: str = "D") -> TimeSeries:
    index = pd.date_range("2001-01-01", periods=len(values), freq=freq)
    return TimeSeries.from_times_and_values(index, values.astype(np.float32))


def walk(n_rows: int = 300, n_channels: int = 3, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n_rows, n_channels)).cumsum(axis=0)


def opposite(n_rows: int = 400) -> np.ndarray:
    """Channels of which half return to where they were, and half go on."""
    random = np.random.default_rng(0)
    values = np.zeros((n_rows, 6))
    for t in range(2, n_rows):
        values[t] = np.repeat([0.9, -0.9], 3) * values[t - 1] + random.normal(size=6)
    return values


@pytest.fixture(scope="module")
def fitted() -> AutoHyperModel:
    return make().fit(made(opposite()))


class TestChoice:
    def test_of_a_walk_is_the_last_value(self) -> None:
        series = made(walk())
        model = make(**POINTS).fit(series)
        expected = NaiveSeasonal(K=1).fit(series).predict(H)
        np.testing.assert_allclose(model.predict(H).values(), expected.values(), rtol=1e-5)
        assert model.verdict.startswith("The last value: ")

    def test_of_a_week_that_repeats_is_the_season(self) -> None:
        random = np.random.default_rng(0)
        week = random.normal(size=(7, 2)) * 5
        series = made(np.tile(week, (12, 1)) + 0.01 * walk(84, 2))
        model = make(candidates=NAIVE, **POINTS).fit(series)
        expected = NaiveSeasonal(K=7).fit(series).predict(3 * H)
        np.testing.assert_allclose(model.predict(3 * H).values(), expected.values(), atol=1e-5)
        assert "candidates=['seasonal naive'], season=7" in model.as_code()

    def test_of_a_trend_is_the_drift(self) -> None:
        series = made(np.arange(200.0)[:, None] * [1.0, -2.0] + walk(200, 2) * 0.1)
        model = make(candidates=NAIVE, **POINTS).fit(series)
        expected = NaiveDrift().fit(series["0"]).predict(H)
        np.testing.assert_allclose(model.predict(H)["0"].values(), expected.values(), rtol=1e-4)

    def test_of_a_trend_that_turned_in_between_is_no_drift(self) -> None:
        """One stretch that goes on as the rows before it did, in all channels, is one gain."""
        slope = np.repeat([0.5, -0.1, 0.5], [80, 130, 30])
        noise = np.random.default_rng(0).normal(size=(240, 8))
        series = made(slope.cumsum()[:, None] + 0.1 * noise, "h")
        model = make(candidates=NAIVE, validation_size=0.1, **POINTS).fit(series)
        assert "candidates=['last value']" in model.as_code()
        assert model.leaderboard().iloc[0]["candidate"] == "drift"

    @pytest.mark.parametrize(
        ("simpler", "horizon", "taken"),
        [("last value", H, False), (ONE_FOR_ALL, H, True), ("last value", 10 * H, True)],
    )
    def test_in_one_stretch_of_time_is_none_beside_a_naive_forecast(
        self, simpler: str, horizon: int, taken: bool
    ) -> None:
        """Unless there are no two stretches."""
        lengths = Lengths(L, horizon, 0)
        series = made(np.zeros((63 + horizon - H, 8)))
        windows = HeldOutWindows(Observed([series]), lengths, np.ones(8))
        residuals = torch.ones(8, len(windows.times), H)
        less = residuals.clone()
        less[:, : len(windows.times) // 8] = 0.5  # in a block of eight, all channels alike
        less[:, len(windows.times) // 8 :] = 1.001
        assert beats(Entry("", less, 0, 0), Entry(simpler, residuals, 0, 0), windows) == taken

    @pytest.mark.parametrize("walks", [False, True])
    def test_on_fewer_rows_than_two_horizons_is_asked_of_earlier_rows_too(
        self, walks: bool
    ) -> None:
        """Noise about a level is held out; before that it may have walked away for a while."""
        random = np.random.default_rng(0)
        values = random.normal(size=(420, 3))
        if walks:
            values[180:330] += 4 * random.normal(size=(150, 3)).cumsum(axis=0)
        model = make(output_chunk_length=60, candidates=["last value", ONE_FOR_ALL], **POINTS)
        model.fit(made(values))
        assert model.leaderboard().iloc[0]["candidate"] == ONE_FOR_ALL
        assert (model.best_class_ == "BackboneModel") != walks
        assert model.verdict.endswith("but not on earlier rows.") == walks

    def test_on_few_rows_is_asked_of_earlier_rows_by_the_lookback_of_half_of_them(self) -> None:
        """With the lookback of all rows, half of them would teach a model next to nothing."""
        months = np.arange(90)[:, None]
        values = np.sin(2 * np.pi * months / 12 + np.arange(3)) + 0.01 * months
        values = values + 0.3 * np.random.default_rng(1).normal(size=values.shape)
        model = AutoHyperModel(output_chunk_length=12, **POINTS).fit(made(values, "MS"))
        assert model.verdict.startswith("One head for all: ")
        assert "better than the seasonal naive forecast" in model.verdict

    def test_of_channels_that_differ_is_generated(self, fitted: AutoHyperModel) -> None:
        assert fitted.best_class_ == "HNMVTSModel"
        assert fitted.verdict.startswith("Generated heads: ")
        assert fitted.verdict.endswith("better than one head for all.")

    def test_of_channels_that_are_alike_is_one_head(self) -> None:
        values = opposite(800)[:, :3]
        model = make(candidates=[ONE_FOR_ALL, GENERATED], **POINTS).fit(made(values))
        assert model.best_class_ == "BackboneModel"
        assert model.verdict.startswith("One head for all: generated heads gained ")

    def test_of_series_with_gaps_is_that_of_the_whole(self, fitted: AutoHyperModel) -> None:
        values = opposite()
        values[np.random.default_rng(0).random(values.shape) < 0.1] = np.nan
        model = make().fit(made(values))
        assert model.best_class_ is fitted.best_class_
        skills = [one.leaderboard().set_index("candidate")["skill"] for one in (model, fitted)]
        pd.testing.assert_series_equal(*skills, check_index_type=False, rtol=0.3, check_like=True)
        season = np.tile([[1.0], [5.0], [2.0], [7.0], [1.0], [0.0], [9.0]], (20, 2))
        season[np.random.default_rng(0).random(season.shape) < 0.1] = np.nan
        naive = make(candidates=NAIVE, **POINTS).fit(made(season))
        assert naive.verdict.startswith("The seasonal naive forecast: ")

    def test_of_a_few_rows_is_naive(self) -> None:
        model = AutoHyperModel(output_chunk_length=3).fit(made(walk(9, 2), "YS"))
        assert set(model.leaderboard()["candidate"]) <= set(NAIVE)
        assert len(model.predict(3)) == 3

    def test_of_one_candidate_takes_no_windows_to_compare(self) -> None:
        series = made(walk(18))
        model = make(candidates=[GENERATED], **POINTS).fit(series)
        expected = HNMVTSModel(L, H, solver="exact").fit(series).predict(H)
        np.testing.assert_array_equal(model.predict(H).values(), expected.values())
        assert model.leaderboard()["skill"].isna().all()
        assert model.verdict == "Generated heads: nothing else was compared."

    def test_is_made_on_validation_series_where_there_are_some(self) -> None:
        values = opposite()
        model = make(**POINTS).fit(made(values[:300]), val_series=made(values[280:]))
        trained = BackboneModel(L, H, solver="exact")
        trained.fit(made(values[:300]), val_series=made(values[280:]))
        board = model.leaderboard().set_index("candidate")
        assert board.loc[ONE_FOR_ALL, "parameters"] == sum(
            one.numel() for one in trained.network.parameters()
        )

    @pytest.mark.parametrize("arguments", [{}, {"validation_size": 0.3, "quantiles": None}])
    @pytest.mark.parametrize("candidate", ["drift", ONE_FOR_ALL, GENERATED])
    def test_is_made_again_by_the_code(self, candidate: str, arguments: dict[str, Any]) -> None:
        series = made(opposite())
        model = make(candidates=[candidate], **arguments).fit(series)
        other = eval(model.as_code(), vars(hyperforecast.darts)).fit(series)
        again = getattr(hyperforecast.darts, model.best_class_)(**model.best_params_).fit(series)
        options = {"predict_likelihood_parameters": model.likelihood is not None}
        for one in (other, again):
            found, expected = one.predict(H, **options), model.predict(H, **options)
            np.testing.assert_allclose(found.values(), expected.values(), atol=1e-6)

    def test_leaves_out_what_cannot_be_fitted(
        self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        def fails(*args: object, **kwargs: object) -> None:
            raise ValueError("nothing but rounding")

        monkeypatch.setattr(HNMVTSModel, "fit", fails)
        model = make(**POINTS).fit(made(opposite()))
        assert set(model.leaderboard()["candidate"]) == {*NAIVE, ONE_FOR_ALL}
        assert "'generated' is left out of the comparison: nothing but rounding" in caplog.text
        with pytest.raises(ValueError, match="nothing but rounding"):
            make(candidates=[GENERATED]).fit(made(opposite()))


class TestLookback:
    def test_is_chosen_by_rows_and_season(self) -> None:
        model = AutoHyperModel(output_chunk_length=6, candidates=["last value"])
        assert model.fit(made(walk(2000), "h")).input_chunk_length == 168
        assert model.fit(made(walk(60), "h")).input_chunk_length == 24
        assert AutoHyperModel(output_chunk_length=6).input_chunk_length == 1  # the least

    def test_that_is_given_stays(self, fitted: AutoHyperModel) -> None:
        assert fitted.input_chunk_length == L


class TestLeaderboard:
    def test_has_a_row_for_each_candidate_the_best_first(self, fitted: AutoHyperModel) -> None:
        board = fitted.leaderboard()
        assert sorted(board["candidate"]) == sorted((*NAIVE, ONE_FOR_ALL, GENERATED))
        assert board["validation_mse"].is_monotonic_increasing
        assert board.loc[board["chosen"], "candidate"].tolist() == [GENERATED]
        naive = board["candidate"].isin(NAIVE)
        assert not board.loc[naive, "parameters"].any()
        assert (board.loc[~naive, "parameters"] > 0).all()
        seasonal = board.set_index("candidate").loc["seasonal naive"]
        assert (seasonal["skill"], seasonal["standard_error"]) == (0.0, 0.0)
        skill = 1 - board["validation_mse"] / seasonal["validation_mse"]
        np.testing.assert_allclose(board["skill"], skill)

    def test_before_a_fit_there_is_none(self) -> None:
        for ask in (lambda m: m.verdict, lambda m: m.leaderboard(), lambda m: m.as_code()):
            with pytest.raises(ValueError, match="call `fit\\(\\)` first"):
                ask(make())


class TestQuantiles:
    def test_are_there_by_default_around_the_point(self, fitted: AutoHyperModel) -> None:
        found = fitted.predict(H, predict_likelihood_parameters=True).values()
        levels = found.reshape(H, 6, len(LEVELS))
        assert (np.diff(levels, axis=2) >= 0).all()
        point = levels[..., LEVELS.index(0.5)]
        np.testing.assert_allclose(fitted.predict(H).values(), point, rtol=1e-6)
        np.testing.assert_array_equal(fitted.predict(H).values(), fitted.predict(H).values())
        assert fitted.predict(H, num_samples=20).n_samples == 20

    def test_leave_the_point_where_it_is(self, fitted: AutoHyperModel) -> None:
        alone = make(**POINTS).fit(made(opposite()))
        np.testing.assert_allclose(
            alone.predict(3 * H).values(), fitted.predict(3 * H).values(), atol=1e-5
        )

    def test_hold_what_they_say(self) -> None:
        series = made(walk(2000, 2))
        model = make(candidates=["last value"]).fit(series[:1000])
        forecasts = model.historical_forecasts(
            series[1000:],
            retrain=False,
            forecast_horizon=H,
            last_points_only=False,
            predict_likelihood_parameters=True,
        )
        inside = []
        for one in forecasts:
            actual = series.slice_intersect(one).values()
            levels = one.values().reshape(*actual.shape, -1)
            inside.append((levels[..., 0] <= actual) & (actual <= levels[..., -1]))
        assert 0.87 < np.mean(inside) < 0.93


class TestDarts:
    def test_covariates_lists_and_static_covariates(self, make_series: Callable) -> None:
        static = pd.DataFrame({"size": [1.0, 2.0, 3.0]})
        series = [make_series(90).with_static_covariates(static) for _ in range(2)]
        series[1] = series[1] + 1.0
        known = [make_series(100, n_channels=2, seed=7) for _ in range(2)]
        model = make().fit(series, past_covariates=known, future_covariates=known)
        turned = [one[["c", "a", "b"]] for one in series]
        found = model.predict(H, turned, past_covariates=known, future_covariates=known)
        expected = model.predict(H, series, past_covariates=known, future_covariates=known)
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_allclose(one["b"].values(), other["b"].values(), atol=1e-5)

    def test_files_and_copies(self, fitted: AutoHyperModel, tmp_path: Path) -> None:
        fitted.save(str(tmp_path / "model.pt"))
        expected = fitted.predict(H).values()
        loaded = AutoHyperModel.load(str(tmp_path / "model.pt"))
        for one in (loaded, copy.deepcopy(fitted)):
            np.testing.assert_array_equal(one.predict(H).values(), expected)
            assert one.verdict == fitted.verdict
            pd.testing.assert_frame_equal(one.leaderboard(), fitted.leaderboard())
        weights = make()
        weights.load_weights(str(tmp_path / "model.pt"))
        found = weights.predict(H, series=fitted.training_series)
        np.testing.assert_array_equal(found.values(), expected)
        assert weights.as_code() == fitted.as_code()

    def test_onnx(self, fitted: AutoHyperModel, tmp_path: Path) -> None:
        onnxruntime = pytest.importorskip("onnxruntime")
        fitted.to_onnx(str(tmp_path / "model.onnx"))
        session = onnxruntime.InferenceSession(str(tmp_path / "model.onnx"))
        window = fitted.training_series[-L:].values().astype(np.float32)[None]
        (found,) = session.run(None, {session.get_inputs()[0].name: window})
        expected = fitted.predict(H, predict_likelihood_parameters=True).values()
        np.testing.assert_allclose(found.reshape(H, -1), expected, atol=1e-4)

    def test_backtests_that_train_again_choose_again(self) -> None:
        series = made(walk(120, 2))
        model = AutoHyperModel(output_chunk_length=H, candidates=NAIVE[:1])
        forecasts = model.historical_forecasts(
            series, start=100, forecast_horizon=H, stride=8, retrain=True, last_points_only=False
        )
        for one in forecasts:
            before = series.drop_after(one.start_time())
            np.testing.assert_allclose(
                one.values(), NaiveSeasonal(K=1).fit(before).predict(H).values(), rtol=1e-4
            )

    def test_an_error_changes_nothing(self, fitted: AutoHyperModel) -> None:
        model = copy.deepcopy(fitted)
        wrong = made(np.full((50, 6), np.nan))
        with pytest.raises(ValueError, match="NaN"):
            model.fit(wrong)
        np.testing.assert_array_equal(
            model.predict(H, series=fitted.training_series).values(), fitted.predict(H).values()
        )

    def test_random_numbers_stay_where_they_are(self) -> None:
        state = torch.get_rng_state()
        make(candidates=["last value"]).fit(made(walk(60)))
        assert torch.equal(torch.get_rng_state(), state)


class TestTimeLimit:
    def test_ends_the_race_before_the_next_candidate(self) -> None:
        model = make(time_limit=1e-9, **POINTS).fit(made(opposite()))
        assert sorted(model.leaderboard()["candidate"]) == sorted(NAIVE)

    def test_leaves_no_model_without_a_forecast(self) -> None:
        model = make(time_limit=1e-9, candidates=[GENERATED, ONE_FOR_ALL], **POINTS)
        model.fit(made(opposite()))
        assert model.leaderboard()["candidate"].tolist() == [ONE_FOR_ALL]
        assert model.solver_report is not None
        assert len(model.solver_report) == 1  # one setting, that had nothing beside it
        assert model.verdict.endswith("time_limit ended the comparison.")

    @pytest.mark.parametrize(("seconds", "is_cut"), [(1000, False), (40, True)])
    def test_ends_within_a_candidate(
        self, monkeypatch: pytest.MonkeyPatch, seconds: int, is_cut: bool
    ) -> None:
        """By a clock that goes on by a second whenever it is looked at."""
        series = made(opposite())
        whole = make(candidates=[GENERATED], **POINTS).fit(series)
        monkeypatch.setattr(
            "hyperforecast.darts.automatic.model.TimeLimit",
            lambda seconds, last_fit: TimeLimit(seconds, last_fit, count().__next__),
        )
        model = make(candidates=[GENERATED], time_limit=seconds, **POINTS).fit(series)
        found, expected = (one.predict(H).values() for one in (model, whole))
        assert np.array_equal(found, expected) != is_cut
        assert np.isfinite(found).all()
        assert ("time_limit" in model.verdict) == is_cut
        reports = [one.leaderboard()["validation_mse"].item() for one in (model, whole)]
        assert (reports[0] == reports[1]) != is_cut
        assert reports[0] < 1.3 * reports[1]


def shops(n_channels: int = 1) -> list[TimeSeries]:
    """Series of two kinds, which return to where they were or go on, known by their components."""
    random = np.random.default_rng(3)
    series = []
    for number in range(16):
        values = random.normal(size=(150 + 5 * number, n_channels))
        for t in range(1, len(values)):
            values[t] += (0.9 if number % 2 else -0.9) * values[t - 1]
        names = [f"shop {number}", "other"][:n_channels]
        series.append(TimeSeries.from_values(values.astype(np.float32), columns=names))
    return series


def as_attribute(series: TimeSeries, **others: float) -> TimeSeries:
    """Return a series that is known by a static covariate."""
    static = pd.DataFrame({"shop": [series.components[0]], **others})
    return series.with_columns_renamed(series.components[0], "sales").with_static_covariates(static)


@pytest.fixture(scope="module")
def of_shops() -> AutoHyperModel:
    return make().fit(shops())


class TestBySeries:
    def test_is_chosen_where_series_differ(self, of_shops: AutoHyperModel) -> None:
        assert of_shops.verdict.startswith("Heads generated by series: ")
        assert of_shops.leaderboard()["candidate"].tolist()[:2] == [BY_SERIES, ONE_FOR_ALL]
        assert of_shops.weights_by == "series"

    def test_is_the_model_of_its_line_of_code(self, of_shops: AutoHyperModel) -> None:
        expected = eval(of_shops.as_code(), vars(hyperforecast.darts)).fit(shops())
        for one in shops()[:3]:
            np.testing.assert_array_equal(
                of_shops.predict(H, one).values(), expected.predict(H, one).values()
            )

    def test_does_not_depend_on_what_tells_names(self, of_shops: AutoHyperModel) -> None:
        named = [as_attribute(one) for one in shops()]
        model = make(series_id="shop").fit(named)
        assert model.verdict == of_shops.verdict
        found, expected = model.predict(H, named[:3]), of_shops.predict(H, shops()[:3])
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_array_equal(one.values(), other.values())

    def test_does_not_depend_on_the_units_of_series(self) -> None:
        series = shops()
        scaled = [10.0 ** (number % 4) * one for number, one in enumerate(series)]
        names = [*NAIVE, BY_SERIES]
        found, expected = (make(candidates=names, **POINTS).fit(one) for one in (scaled, series))
        assert found.verdict == expected.verdict
        kept = ["candidate", "skill", "validation_mse", "chosen"]
        pd.testing.assert_frame_equal(
            found.leaderboard()[kept], expected.leaderboard()[kept], rtol=1e-4
        )

    def test_of_several_components_is_by_both(self) -> None:
        named = [as_attribute(one) for one in shops(2)]
        model = make(series_id="shop", candidates=[BY_SERIES]).fit(named)
        assert model.weights_by == "both"
        assert model.network.n_series == len(named)

    def test_is_not_compared_without_names(self) -> None:
        for n_channels in (1, 2):
            series = [as_attribute(one).with_static_covariates(None) for one in shops(n_channels)]
            assert BY_SERIES not in set(make().fit(series).leaderboard()["candidate"])

    def test_names_are_no_input_of_the_others(self) -> None:
        named = [as_attribute(one, size=float(i)) for i, one in enumerate(shops())]
        sizes = [one.with_static_covariates(one.static_covariates[["size"]]) for one in named]
        models = [
            make(candidates=[ONE_FOR_ALL], series_id="shop").fit(named),
            make(candidates=[ONE_FOR_ALL]).fit(sizes),
        ]
        for model, given in zip(models, (named, sizes), strict=True):
            assert model.weights_by == "channel"
            past = model.historical_forecasts(given[0], forecast_horizon=H, retrain=False)
            np.testing.assert_allclose(
                past.values(),
                models[1]
                .historical_forecasts(sizes[0], forecast_horizon=H, retrain=False)
                .values(),
            )

    @pytest.mark.parametrize("name", [ONE_FOR_ALL, "last value"])
    def test_code_of_the_others_takes_named_series(self, name: str) -> None:
        named = [as_attribute(one) for one in shops()]
        model = make(candidates=[name], series_id="shop").fit(named)
        made_again = eval(model.as_code(), vars(hyperforecast.darts)).fit(named)
        np.testing.assert_allclose(
            made_again.predict(H, named[0]).values(), model.predict(H, named[0]).values(), rtol=1e-6
        )

    def test_saves_and_adds(self, of_shops: AutoHyperModel, tmp_path: Path) -> None:
        path = tmp_path / "model.pt"
        of_shops.save(str(path))
        loaded = AutoHyperModel.load(str(path))
        expected = of_shops.predict(H, shops()[0]).values()
        np.testing.assert_array_equal(loaded.predict(H, shops()[0]).values(), expected)
        new = shops()[1].with_columns_renamed("shop 1", "new")
        more = loaded.add_series(new)
        assert more.series_names == [*of_shops.series_names, "new"]
        np.testing.assert_array_equal(more.predict(H, shops()[0]).values(), expected)


class TestProgress:
    def test_is_printed_if_asked_for(self, capsys: pytest.CaptureFixture) -> None:
        model = make(candidates=NAIVE[:2]).fit(made(walk(60)), verbose=True)
        out = capsys.readouterr().out
        assert "last value: validation MSE " in out
        assert model.verdict in out
        model.fit(made(walk(60)))
        assert not capsys.readouterr().out


class TestErrors:
    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"output_chunk_length": None}, "Give output_chunk_length: the number of steps"),
            ({"output_chunk_length": 0}, "output_chunk_length must be a whole number of steps"),
            ({"n_epochs": 3, "loss_fn": torch.nn.L1Loss()}, "loss_fn, n_epochs would have no ef"),
            ({"quantiles": (0.1, 0.5)}, "beside 0.1 there is no 0.9"),
            ({"quantiles": (0.1, 0.9)}, "the median, 0.5, is not among them"),
            ({"quantiles": (0.0, 0.5, 1.0)}, "quantiles"),
            ({"candidates": ("drfit",)}, "Unknown candidate 'drfit'. Did you mean 'drift'"),
            ({"candidates": ()}, "candidates must name at least one; got none."),
            ({"time_limit": 0}, "time_limit must be"),
            ({"validation_size": 1.0}, "validation_size must be"),
            ({"season": 1}, "season must be a whole number of steps >= 2"),
            ({"backbone": "rmlp"}, "backbone would have no effect: the automatic model chooses"),
            ({"periods": 7}, "periods would have no effect: the automatic model chooses"),
            ({"weights_by": "series"}, "weights_by would have no effect: the automatic model"),
        ],
    )
    def test_of_the_constructor(self, arguments: dict[str, Any], message: str) -> None:
        with pytest.raises(ValueError, match=message):
            make(**arguments)

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"epochs": 3}, "epochs would have no effect"),
            ({"load_best": True}, "load_best would have no effect"),
        ],
    )
    def test_of_fit(self, arguments: dict[str, Any], message: str) -> None:
        with pytest.raises(ValueError, match=message):
            make().fit(made(walk(60)), **arguments)

    def test_too_few_rows(self) -> None:
        for model, n_rows, needed in (
            (AutoHyperModel(output_chunk_length=H), H, H + 1),
            (make(), L + H - 1, L + H),
        ):
            message = rf"too short to train on: a window takes {needed} rows .*has {n_rows}\."
            with pytest.raises(ValueError, match=message):
                model.fit(made(walk(n_rows)))

    def test_too_few_rows_to_validate_on(self) -> None:
        message = rf"`val_series` are too short to validate on: .* {L + H} rows .*has {L + H - 1}\."
        with pytest.raises(ValueError, match=message):
            make().fit(made(walk(60)), val_series=made(walk(L + H - 1)))

    def test_no_season(self) -> None:
        model = make(candidates=["seasonal naive"])
        message = "None of the candidates 'seasonal naive' can forecast: there is a season of 24"
        with pytest.raises(ValueError, match=message):
            model.fit(made(walk(60), "h"))
        with pytest.raises(ValueError, match="there is no season"):
            model.fit(TimeSeries.from_values(walk(60)))

    def test_a_dataset_has_no_rows_to_hold_out(self) -> None:
        with pytest.raises(NotImplementedError, match="Call `fit` with the series"):
            make().fit_from_dataset(None)


def test_the_likelihood_compares_by_its_levels() -> None:
    assert CentredQuantiles([0.1, 0.5, 0.9]) == CentredQuantiles([0.1, 0.5, 0.9])
    assert CentredQuantiles([0.1, 0.5, 0.9]) != CentredQuantiles([0.2, 0.5, 0.8])


def days(n_rows: int = 30 * 24) -> TimeSeries:
    """Hours of two channels, each with a day whose course is told by no few hours."""
    random = np.random.default_rng(3)
    course = random.normal(size=(24, 2))
    values = 5.0 + course[np.arange(n_rows) % 24] + 0.3 * random.normal(size=(n_rows, 2))
    return made(values, "h")


@pytest.fixture(scope="module")
def cyclic() -> AutoHyperModel:
    return make(candidates=("last value", "one for all")).fit(days()[:-100])


class TestCycles:
    def test_a_season_beyond_the_lookback_is_compared(self, cyclic: AutoHyperModel) -> None:
        assert cyclic.network.periods == (24,)
        assert cyclic.best_params_["periods"] == 24
        forecasts = cyclic.historical_forecasts(
            days(), start=-90, start_format="position", forecast_horizon=H, retrain=False
        )
        missed = (days().slice_intersect(forecasts) - forecasts).values()
        assert np.square(missed).mean() < 0.15  # noise has 0.09, the course of a day 1

    def test_it_is_made_again_by_its_line_of_code(self, cyclic: AutoHyperModel) -> None:
        # with quantiles it names a class that the line does not import
        given = {k: v for k, v in cyclic.best_params_.items() if k != "likelihood"}
        again = BackboneModel(**given).fit(days()[:-100])
        expected = cyclic.predict(H, series=days()[:-50])
        found = again.predict(H, series=days()[:-50])
        # settings are then compared with the cycle of all rows taken away, and may differ a little
        np.testing.assert_allclose(found.values(), expected.values(), atol=0.15)

    def test_saved_and_loaded_it_knows_the_phase(
        self, cyclic: AutoHyperModel, tmp_path: Path
    ) -> None:
        cyclic.save(tmp_path / "model.pt")
        loaded = AutoHyperModel.load(tmp_path / "model.pt")
        for end in (-100, -93):
            expected = cyclic.predict(H, series=days()[:end])
            found = loaded.predict(H, series=days()[:end])
            np.testing.assert_allclose(found.values(), expected.values(), rtol=1e-6)

    def test_none_is_compared_where_the_lookback_or_few_rows_say_enough(self) -> None:
        for given, rows in (
            ({"input_chunk_length": 48}, 30 * 24),
            ({"candidates": ("one for all",), "season": 360}, 30 * 24),
        ):
            model = make(**{"candidates": ("one for all",), **POINTS, **given})
            model.fit(days(rows))
            assert "periods" not in model.best_params_
            assert model.network.periods is None
