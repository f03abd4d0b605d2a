"""Weights of series: panels of Darts series, each with weights of its own."""

import copy
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from darts import TimeSeries
from darts.dataprocessing.transformers import BottomUpReconciliator
from darts.utils.likelihood_models.torch import QuantileRegression

from hyperforecast.darts import (
    BackboneModel,
    CentredQuantiles,
    HNMVTSModel,
    HyperforecastModel,
    HyperModel,
    LightSAEModel,
)
from hyperforecast.nn.exact.choice.ridge_search import RidgeSearch
from hyperforecast.nn.exact.settings.setting import Setting
from hyperforecast.nn.layers.channel_offsets import usual_offsets

L, H = 12, 4

BY_GRADIENTS: dict[str, Any] = {
    "n_epochs": 2,
    "random_state": 0,
    "pl_trainer_kwargs": {"accelerator": "cpu"},
}


def wave(kind: int, n_rows: int, seed: int) -> np.ndarray:
    """Return an autoregression, of one of two kinds."""
    noise = np.random.default_rng(seed).standard_normal(n_rows + 50)
    x = np.zeros(n_rows + 50)
    for t in range(2, n_rows + 50):
        x[t] = (1.6 * x[t - 1] - 0.9 * x[t - 2] if kind else -0.7 * x[t - 1]) + noise[t]
    return x[50:]


def of_values(values: np.ndarray, name: str, begin: str = "2020-01-01") -> TimeSeries:
    times = pd.date_range(begin, periods=len(values), freq="D")
    return TimeSeries.from_times_and_values(times, values, columns=[name])


def panel(n_series: int = 12) -> list[TimeSeries]:
    """Return univariate series of two kinds, with levels and lengths of their own."""
    return [
        of_values(10.0 ** (n % 4) * (5 + wave(n % 2, 70 + 13 * n, n)), f"s{n}", f"20{10 + n}-01-01")
        for n in range(n_series)
    ]


def shops(n_shops: int = 6, **static: Any) -> list[TimeSeries]:
    """Return series of two components, whose shop is a static covariate."""
    return [
        of_values(10.0**n * wave(n % 2, 80 + 9 * n, n), "sales")
        .stack(of_values(wave(1, 80 + 9 * n, 50 + n), "visits"))
        .with_static_covariates(pd.DataFrame({"shop": [f"shop {n}"], "size": [float(n)]}))
        for n in range(n_shops)
    ]


@pytest.fixture(scope="module")
def solved() -> HyperforecastModel:
    return HNMVTSModel(L, H, weights_by="series").fit(panel())


@pytest.fixture(scope="module")
def trained() -> HyperforecastModel:
    return LightSAEModel(L, H, rank=2, weights_by="series", **BY_GRADIENTS).fit(panel())


@pytest.fixture(params=["solved", "trained"])
def model(request: pytest.FixtureRequest) -> HyperforecastModel:
    return request.getfixturevalue(request.param)


def values_of(forecasts: Any) -> list[np.ndarray]:
    return [one.values().ravel() for one in forecasts]


def test_series_of_two_kinds_are_forecast_better_than_by_weights_for_all() -> None:
    series = panel(30)
    past = [one[:-20] for one in series]

    def error(model: HyperforecastModel) -> float:
        found = model.fit(past).historical_forecasts(
            series, forecast_horizon=H, retrain=False, last_points_only=False, start=-20 - H
        )
        scale = [one.values().std() for one in series]
        return float(
            np.mean(
                [
                    (((f - one.slice_intersect(f)).values() / s) ** 2).mean()
                    for one, many, s in zip(series, found, scale, strict=True)
                    for f in many
                ]
            )
        )

    alike = error(HNMVTSModel(L, H, weights_by="series", channel_embedding_dim=0))
    own = error(HNMVTSModel(L, H, weights_by="series"))
    assert own < 0.9 * alike


def test_each_series_has_its_own_forecast_in_any_order(model: HyperforecastModel) -> None:
    series = panel()
    forecasts = values_of(model.predict(H, series=series))
    backwards = values_of(model.predict(H, series=series[::-1]))[::-1]
    for number, (one, other) in enumerate(zip(forecasts, backwards, strict=True)):
        np.testing.assert_allclose(one, other, rtol=1e-5)
        alone = model.predict(H, series=series[number]).values().ravel()
        np.testing.assert_allclose(one, alone, rtol=1e-5)


def test_a_series_is_known_by_its_name(model: HyperforecastModel) -> None:
    series = panel()
    assert model.series_names == [f"s{n}" for n in range(12)]
    renamed = series[1].with_columns_renamed("s1", "s0")
    assert not np.allclose(
        model.predict(H, series=renamed).values(), model.predict(H, series=series[1]).values()
    )


def test_an_unknown_series_is_forecast_with_a_warning_and_others_as_before(
    model: HyperforecastModel,
) -> None:
    series = panel()
    expected = model.predict(H, series=series[3]).values()
    new = of_values(1e6 + 1e3 * wave(0, 60, 99), "new")
    with pytest.warns(UserWarning, match="not trained on, 'new', are forecast with what is common"):
        forecasts = model.predict(H, series=[new, series[3]])
    np.testing.assert_allclose(forecasts[1].values(), expected, rtol=1e-12)
    assert np.isfinite(forecasts[0].values()).all()
    assert model.series_names == [f"s{n}" for n in range(12)]


def test_solved_forecasts_of_an_unknown_series_are_in_its_own_units(
    solved: HyperforecastModel,
) -> None:
    rows = wave(0, 60, 99)
    with pytest.warns(UserWarning, match="not trained on"):
        small, large = solved.predict(
            H, series=[of_values(rows, "small"), of_values(1e6 + 1e3 * rows, "large")]
        )
    np.testing.assert_allclose((large.values() - 1e6) / 1e3, small.values(), rtol=1e-3, atol=1e-4)


def test_series_that_nobody_named_are_forecast_each_in_its_own_units(
    solved: HyperforecastModel,
) -> None:
    rows = wave(0, 60, 99)
    unnamed = [of_values(level + scale * rows, "0") for level, scale in [(0, 1), (1e6, 1e3)]]
    mixed = [unnamed[0], panel()[3], unnamed[1]]
    with pytest.warns(UserWarning, match="not trained on, '0'"):
        found = solved.predict(H, series=mixed)
    with pytest.warns(UserWarning, match="not trained on, '0'"):
        alone = [solved.predict(H, series=one) for one in mixed]
    np.testing.assert_allclose(values_of(found), values_of(alone), rtol=1e-12)


def test_saved_and_loaded_it_knows_its_series(model: HyperforecastModel, tmp_path: Path) -> None:
    series = panel()
    expected = values_of(model.predict(H, series=series))
    model.save(tmp_path / "model.pt")
    loaded = type(model).load(tmp_path / "model.pt")
    assert loaded.series_names == model.series_names
    np.testing.assert_allclose(values_of(loaded.predict(H, series=series)), expected, rtol=1e-6)
    options = {"rank": 2} if isinstance(model, LightSAEModel) else {}
    again = type(model)(L, H, weights_by="series", **options)
    again.load_weights(tmp_path / "model.pt")
    np.testing.assert_allclose(values_of(again.predict(H, series=series)), expected, rtol=1e-6)


def test_another_model_takes_vectors_longer_than_one_over(tmp_path: Path) -> None:
    series = panel(3)
    arguments = {"weights_by": "series", "channel_embedding_dim": 2, **BY_GRADIENTS}
    trained = HNMVTSModel(
        L, H, **arguments, save_checkpoints=True, work_dir=str(tmp_path), model_name="trained"
    ).fit(series, val_series=series)
    trained.save(tmp_path / "model.pt")
    expected = values_of(trained.predict(H, series=series))
    again = HNMVTSModel(L, H, **arguments)
    again.load_weights(tmp_path / "model.pt")
    np.testing.assert_allclose(values_of(again.predict(H, series=series)), expected, rtol=1e-6)
    of_checkpoint = HNMVTSModel(L, H, **arguments)
    of_checkpoint.load_weights_from_checkpoint("trained", str(tmp_path), best=False)
    np.testing.assert_allclose(
        values_of(of_checkpoint.predict(H, series=series)), expected, rtol=1e-6
    )


def test_a_backtest_over_a_list_is_that_of_its_windows(model: HyperforecastModel) -> None:
    series = panel()[:3]
    found = model.historical_forecasts(
        series, forecast_horizon=H, retrain=False, last_points_only=False, start=-10
    )
    for one, many in zip(series, found, strict=True):
        for forecast in many:
            past = one.drop_after(forecast.start_time())
            expected = model.predict(H, series=past).values()
            np.testing.assert_allclose(forecast.values(), expected, rtol=1e-4)


def test_a_backtest_over_a_series_not_trained_on_sees_the_rows_up_to_then(
    model: HyperforecastModel,
) -> None:
    rows = of_values(np.concatenate([wave(0, 60, 9), 1e3 * wave(1, 20, 9)]), "new")
    options: dict[str, Any] = {"start": 58, "forecast_horizon": 2, "last_points_only": False}
    with pytest.warns(UserWarning, match="not trained on, 'new'"):
        found = model.historical_forecasts(rows, retrain=False, stride=3, **options)
    for one in found[:2]:
        with pytest.warns(UserWarning, match="not trained on, 'new'"):
            assert one == model.predict(2, series=rows.drop_after(one.start_time()))


def test_a_backtest_trains_again() -> None:
    model = HNMVTSModel(L, H, weights_by="series")
    error = model.backtest(panel()[:4], forecast_horizon=H, start=-8, stride=4)
    assert np.isfinite(error).all()


@pytest.mark.parametrize(
    ("weights_by", "options"),
    [("both", {}), ("both", BY_GRADIENTS), ("series", BY_GRADIENTS)],
    ids=["both-solved", "both-trained", "series-trained"],
)
def test_series_of_several_components_are_known_by_a_static_covariate(
    weights_by: str, options: dict[str, Any]
) -> None:
    series = shops()
    model = HNMVTSModel(
        L, H, weights_by=weights_by, series_id="shop", channel_embedding_dim=2, **options
    ).fit(series)
    assert model.series_names == [f"shop {n}" for n in range(6)]
    assert model.covariate_names == {"static_covariates": ["size"]}
    vectors = model.network.channel_embedding()
    assert vectors is not None
    solved_alike = model.solver_report is not None and vectors.shape[1] == 0
    assert solved_alike or len(vectors) == {"series": 6, "both": 12}[weights_by]
    forecasts = model.predict(H, series=series)
    assert forecasts[0].static_covariates.loc[:, "shop"].iloc[0] == "shop 0"
    mirrored = [one[["visits", "sales"]] for one in series]
    for one, other in zip(forecasts, model.predict(H, series=mirrored), strict=True):
        np.testing.assert_allclose(other[["sales", "visits"]].values(), one.values(), rtol=1e-4)


def test_static_covariates_left_out_leave_the_name() -> None:
    model = HNMVTSModel(L, H, weights_by="both", series_id="shop", use_static_covariates=False)
    series = shops()
    model.fit(series)
    assert model.network.static_covariate_map is None
    assert len(model.predict(H, series=series)) == 6


def test_covariates_of_series_without_a_common_time_axis() -> None:
    series = panel(4)
    covariates = [
        TimeSeries.from_times_and_values(
            pd.date_range(one.start_time(), periods=len(one) + H, freq="D"),
            np.random.default_rng(0).standard_normal((len(one) + H, 1)),
        )
        for one in series
    ]
    lagged = [
        one + 100 * c.slice_intersect(one).with_columns_renamed(c.components[0], one.components[0])
        for one, c in zip(series, covariates, strict=True)
    ]
    model = HNMVTSModel(L, H, weights_by="series").fit(lagged, future_covariates=covariates)
    up = [c + 1.0 for c in covariates]
    forecasts = model.predict(H, series=lagged[0], future_covariates=covariates[0])
    changed = model.predict(H, series=lagged[0], future_covariates=up[0])
    assert (changed.values() > forecasts.values() + 50).any()


def test_a_series_too_short_for_a_window_has_the_mean_weights() -> None:
    short = of_values(1e3 + wave(0, L + H - 1, 5), "short")
    model = HNMVTSModel(L, H, weights_by="series", solver="exact")
    with pytest.warns(UserWarning, match="'short' .* shorter than a window of 16 rows"):
        model.fit([*panel(), short])
    forecast = model.predict(H, series=short).values()
    assert np.abs(forecast - 1e3).max() < 50


def followers(n_shops: int = 5) -> list[TimeSeries]:
    """Return series whose second component is the first of the step before, at other levels."""
    series = []
    for n in range(n_shops):
        first = np.random.default_rng(n).standard_normal(80 + 10 * n)
        noise = 1e-3 * np.random.default_rng(50 + n).standard_normal(len(first))
        values = np.stack([5 + 10.0**n * first, noise + np.append(0, first[:-1])], axis=1)
        times = pd.date_range("2020-01-01", periods=len(first))
        series.append(
            TimeSeries.from_times_and_values(
                times, values, columns=["first", "next"]
            ).with_static_covariates(pd.DataFrame({"shop": [f"shop {n}"]}))
        )
    return series


class TestFactors:
    """Common factors of the components of a series, which share its time axis."""

    options: dict[str, Any] = {"series_id": "shop", "solver": "exact", "instance_norm": "none"}

    @pytest.mark.parametrize("quantiles", [False, True])
    def test_tell_a_component_what_another_one_was(self, quantiles: bool) -> None:
        options = {**self.options, "weights_by": "both", "channel_embedding_dim": 2}
        if quantiles:
            options["likelihood"] = QuantileRegression([0.1, 0.5, 0.9])
        model = HNMVTSModel(L, H, n_factors=2, **options).fit(followers())
        assert model.network.factors is not None
        for one in followers():
            first = one["first"].values()
            expected = (first[-1, 0] - 5) / 10.0 ** followers().index(one)
            more = {"predict_likelihood_parameters": True} if quantiles else {}
            found = model.predict(H, series=one, **more).values()[0]
            assert found[-2 if quantiles else 1] == pytest.approx(expected, rel=0.35)

    @pytest.mark.parametrize("by", ["series", "both"])
    def test_units_and_order_of_components_do_not_matter(self, by: str) -> None:
        options = {**self.options, "weights_by": by, "channel_embedding_dim": 2, "n_factors": 1}
        model = HNMVTSModel(L, H, **options).fit(followers())
        expected = [one.values() for one in model.predict(H, series=followers())]
        scale, level = np.array([1e3, 0.1]), np.array([-7.0, 1e3])
        moved = [one.with_values(one.values() * scale + level) for one in followers()]
        found = HNMVTSModel(L, H, **options).fit(moved).predict(H, series=moved)
        turned = [one[["next", "first"]] for one in followers()]
        other = HNMVTSModel(L, H, **options).fit(turned).predict(H, series=turned)
        for one, same, turn in zip(expected, found, other, strict=True):
            np.testing.assert_allclose((same.values() - level) / scale, one, rtol=1e-4, atol=1e-4)
            np.testing.assert_allclose(turn.values()[:, ::-1], one, rtol=1e-4, atol=1e-4)

    def test_come_out_at_none_where_they_tell_nothing(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        series = [
            one.with_values(np.random.default_rng(n).standard_normal((len(one), 2)).cumsum(axis=0))
            for n, one in enumerate(followers())
        ]
        starts: dict[int, set[str]] = {0: set(), 2: set()}
        solve = RidgeSearch.solve

        def noting(self: RidgeSearch, setting: Setting, *others: Any) -> Any:
            if setting.embedding_dim and not setting.individual:
                starts[setting.n_factors].add(setting.embedding_start)
            return solve(self, setting, *others)

        monkeypatch.setattr(RidgeSearch, "solve", noting)
        model = HNMVTSModel(L, H, weights_by="both", n_factors=2, **self.options).fit(series)
        assert starts == {0: {"autocorrelation"}, 2: {"autocorrelation", "weights"}}
        report = model.solver_report
        assert set(report.n_factors) == {0, 2}
        assert model.network.factors is None
        # and nothing of what is compared without them depends on it
        plain = HNMVTSModel(L, H, weights_by="both", n_factors=0, **self.options).fit(series)
        without = report[report.n_factors == 0].reset_index(drop=True)
        pd.testing.assert_frame_equal(without, plain.solver_report)
        for one, other in zip(
            model.predict(H, series=series), plain.predict(H, series=series), strict=True
        ):
            np.testing.assert_array_equal(one.values(), other.values())

    def test_are_saved_and_new_series_have_them(self, tmp_path: Path) -> None:
        options = {**self.options, "weights_by": "both", "n_factors": 2}
        model = HNMVTSModel(L, H, **options).fit(followers())
        model.save(str(tmp_path / "model.pt"))
        loaded = HNMVTSModel.load(str(tmp_path / "model.pt"))
        for other in (loaded, copy.deepcopy(model)):
            for one in followers():
                np.testing.assert_array_equal(
                    other.predict(H, series=one).values(), model.predict(H, series=one).values()
                )
        new = followers(6)[5]
        with pytest.warns(UserWarning, match="not trained on, 'shop 5'"):
            forecast = model.predict(H, series=new).values()
        assert forecast[0, 1] == pytest.approx(new["first"].values()[-1, 0] / 1e5, abs=0.5)


class TestSeriesOfSeveralComponents:
    """Weights of a series, which all its components share."""

    options: dict[str, Any] = {"weights_by": "series", "series_id": "shop", "solver": "exact"}

    def test_have_one_row_for_each_series(self) -> None:
        model = HNMVTSModel(L, H, channel_embedding_dim=2, **self.options).fit(shops())
        assert len(model.network.head.generate()[0]) == 6
        for one in shops():
            assert np.isfinite(model.predict(H, series=one).values()).all()

    def test_of_two_equal_components_are_those_of_one(self) -> None:
        twice = [
            one["sales"].stack(one["sales"].with_columns_renamed("sales", "again"))
            for one in shops()
        ]
        twice = [
            one.with_static_covariates(pd.DataFrame({"shop": [f"shop {n}"]}))
            for n, one in enumerate(twice)
        ]
        alone = [one["sales"] for one in twice]
        fixed = {"channel_embedding_dim": 2, "solver_kwargs": {"ridge": 0.1}}
        model = HNMVTSModel(L, H, **self.options, **fixed).fit(twice)
        expected = HNMVTSModel(L, H, **self.options, **fixed).fit(alone)
        for one, other in zip(twice, alone, strict=True):
            found = model.predict(H, series=one).values()
            np.testing.assert_allclose(found[:, 0], found[:, 1], rtol=1e-6)
            same = expected.predict(H, series=other).values()
            np.testing.assert_allclose(found[:, :1], same, rtol=1e-4)

    def test_have_intervals_of_each_component(self) -> None:
        series = [one.with_values(one.values() * [1.0, 1e4]) for one in shops()]
        likelihood = QuantileRegression([0.1, 0.5, 0.9])
        options = {**self.options, "channel_embedding_dim": 2}
        model = HNMVTSModel(L, H, likelihood=likelihood, **options).fit(series)
        plain = HNMVTSModel(L, H, likelihood=likelihood, **options).fit(shops())
        for one, other in zip(series, shops(), strict=True):
            found, same = (
                m.predict(H, series=s, predict_likelihood_parameters=True).values()
                for m, s in ((model, one), (plain, other))
            )
            np.testing.assert_allclose(found / np.repeat([1.0, 1e4], 3), same, rtol=1e-3, atol=1e-3)


class TestGaps:
    """Missing values, which are filled in units of each series."""

    options: dict[str, Any] = {
        "weights_by": "both",
        "series_id": "shop",
        "solver": "exact",
        "channel_embedding_dim": 2,
    }

    @staticmethod
    def with_gaps(series: list[TimeSeries]) -> list[TimeSeries]:
        holes = [
            np.random.default_rng(n).random((len(one), 2)) < 0.1 for n, one in enumerate(series)
        ]
        return [
            one.with_values(np.where(hole, np.nan, one.values()))
            for one, hole in zip(series, holes, strict=True)
        ]

    def test_levels_and_scales_of_series_do_not_matter(self) -> None:
        """Nor how those of one component compare with those of another."""
        series = self.with_gaps(shops())
        scale = np.array([[10.0 ** (n % 3), 10.0 ** (2 - n % 3)] for n in range(6)])
        level = np.array([[100.0 * n, -1000.0 * n] for n in range(6)])
        moved = [
            one.with_values(one.values() * by + of)
            for one, by, of in zip(series, scale, level, strict=True)
        ]
        expected, found = (
            values_of(HNMVTSModel(L, H, **self.options).fit(some).predict(H, series=some))
            for some in (series, moved)
        )
        for one, other, by, of in zip(expected, found, scale, level, strict=True):
            np.testing.assert_allclose(
                (other.reshape(H, 2) - of) / by, one.reshape(H, 2), rtol=1e-3, atol=1e-3
            )

    def test_a_window_without_values_is_at_the_level_of_its_series(self) -> None:
        series = panel(4)
        options = {**self.options, "series_id": None, "instance_norm": "none"}
        model = HNMVTSModel(L, H, **options).fit(series)
        for one in series:
            values = one.values()
            last = np.where(np.arange(len(one))[:, None] >= len(one) - L, np.nan, values)
            forecast = model.predict(H, series=one.with_values(last)).values()
            assert np.abs(forecast - values.mean()).max() < values.std()

    @pytest.mark.parametrize("by", ["series", "both"])
    @pytest.mark.parametrize("more", [{}, {"use_reversible_instance_norm": True}])
    def test_by_gradients_one_series_in_other_units_moves_no_other(
        self, by: str, more: dict[str, Any]
    ) -> None:
        def forecasts(some: list[TimeSeries]) -> list[np.ndarray]:
            # weights stay as they start: steps would depend on units
            model = HNMVTSModel(L, H, **options).fit(some)
            known = model.predict(H, series=some)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)
                new = model.predict(H, series=unseen)
            return [one.values() for one in [*known, new]]

        options = BY_GRADIENTS | {
            "solver": "adam",
            "instance_norm": "revin",
            "weights_by": by,
            "series_id": "shop",
            "optimizer_kwargs": {"lr": 0.0},
            **more,
        }
        *series, unseen = self.with_gaps(shops(7))
        empty = series[2].values().copy()
        empty[-L:, 1] = np.nan  # a window without any value
        series[2] = series[2].with_values(empty)
        scale, level = np.array([100.0, 1e4]), np.array([-30.0, 7e4])
        moved = [*series]
        moved[2] = series[2].with_values(empty * scale + level)
        expected, found = forecasts(series), forecasts(moved)
        found[2] = (found[2] - level) / scale
        for one, other in zip(expected, found, strict=True):
            np.testing.assert_allclose(other, one, rtol=1e-3, atol=1e-3)


class TestSampleWeights:
    """Of series that are solved for."""

    options: dict[str, Any] = {
        "weights_by": "series",
        "solver": "exact",
        "channel_embedding_dim": 0,
        "instance_norm": "last",
        "solver_kwargs": {"ridge": 0.1, "combine": False, "pool": False},
    }

    @staticmethod
    def one_each(series: list[TimeSeries], weights: list[float]) -> list[TimeSeries]:
        return [
            of_values(np.full(len(one), weight), "weight", str(one.start_time().date()))
            for one, weight in zip(series, weights, strict=True)
        ]

    def test_of_zero_leave_a_series_out(self) -> None:
        series, even = panel(), panel()[::2]
        weights = self.one_each(series, [float(n % 2 == 0) for n in range(12)])
        model = HNMVTSModel(L, H, **self.options).fit(series, sample_weight=weights)
        expected = HNMVTSModel(L, H, **self.options).fit(even)
        for one, other in zip(
            values_of(model.predict(H, series=even)),
            values_of(expected.predict(H, series=even)),
            strict=True,
        ):
            np.testing.assert_allclose(one, other, rtol=1e-9)

    def test_that_are_all_one_change_nothing(self) -> None:
        series = panel()
        weights = self.one_each(series, [3.0] * 12)
        own = {**self.options, "channel_embedding_dim": 2}
        for options in (own, {"weights_by": "series", "solver": "exact"}):
            model = HNMVTSModel(L, H, **options).fit(series, sample_weight=weights)
            expected = HNMVTSModel(L, H, **options).fit(series)
            for one, other in zip(
                values_of(model.predict(H, series=series)),
                values_of(expected.predict(H, series=series)),
                strict=True,
            ):
                np.testing.assert_allclose(one, other, rtol=1e-6)

    @pytest.mark.parametrize("weights", ["linear", "exponential"])
    @pytest.mark.parametrize("covariates", [False, True])
    def test_may_fall_with_age(self, weights: str, covariates: bool) -> None:
        """Alone, or with future covariates, whose coefficients all steps share."""
        series, more = panel(), {}
        if covariates:
            times = [pd.date_range(one.start_time(), periods=len(one) + H) for one in series]
            more["future_covariates"] = [
                TimeSeries.from_times_and_values(index, wave(0, len(index), n), columns=["c"])
                for n, index in enumerate(times)
            ]
        model = HNMVTSModel(L, H, **self.options).fit(series, sample_weight=weights, **more)
        assert len(model.solver_report)
        longest = max(map(len, series))
        given = np.linspace(0, 1, longest)
        given = np.exp(-10 * (1 - given)) if weights == "exponential" else given
        rows = [one.with_values(7 * given[-len(one) :, None]) for one in series]
        expected = HNMVTSModel(L, H, **self.options).fit(series, sample_weight=rows, **more)
        plain = HNMVTSModel(L, H, **self.options).fit(series, **more)
        found, same, other = (
            np.concatenate(values_of(one.predict(H, series=series, **more)))
            for one in (model, expected, plain)
        )
        np.testing.assert_allclose(found, same, rtol=1e-5)
        assert np.abs(found / other - 1).max() > 1e-2

    def test_a_stride_as_long_as_the_horizon_is_weights_of_every_few_windows(self) -> None:
        """As if rows counted at which the windows' horizons begin, for a horizon of one."""
        series = panel()
        counted = [
            of_values(
                (np.arange(len(one), 0, -1) % 5 == 1).astype(float),
                "weight",
                str(one.start_time().date()),
            )
            for one in series
        ]
        model = HNMVTSModel(L, 1, **self.options).fit(series, stride=5)
        expected = HNMVTSModel(L, 1, **self.options).fit(series, sample_weight=counted)
        for one, other in zip(
            values_of(model.predict(1, series=series)),
            values_of(expected.predict(1, series=series)),
            strict=True,
        ):
            np.testing.assert_allclose(one, other, rtol=1e-9)


@pytest.fixture(scope="module")
def made() -> list[TimeSeries]:
    """Series that are alike but for level and unit, of very different lengths."""
    lengths = [L + H + 4 + n * n for n in range(30)]
    return [
        of_values(10.0 ** (n % 4) * (5 + wave(0, length + H, n)), f"s{n}")
        for n, length in enumerate(lengths)
    ]


@pytest.fixture(scope="module")
def probabilistic(made: list[TimeSeries]) -> HyperforecastModel:
    likelihood = QuantileRegression([0.05, 0.5, 0.95])
    model = HNMVTSModel(L, H, weights_by="series", likelihood=likelihood)
    return model.fit([one[:-H] for one in made])


class TestQuantiles:
    @staticmethod
    def quantiles(model: HyperforecastModel, series: list[TimeSeries]) -> np.ndarray:
        found = model.predict(H, series=series, predict_likelihood_parameters=True)
        return np.stack([one.values() for one in found])

    def test_cover_what_follows_short_and_long_series(
        self, probabilistic: HyperforecastModel, made: list[TimeSeries]
    ) -> None:
        assert probabilistic.solver_report is not None
        found = self.quantiles(probabilistic, [one[:-H] for one in made])
        after = np.stack([one[-H:].values() for one in made])[..., 0]
        inside = (found[..., 0] <= after) & (after <= found[..., 2])
        assert 0.8 < inside[:15].mean() <= 1.0
        assert 0.8 < inside[15:].mean() <= 1.0
        assert (np.diff(found, axis=2) > 0).all()

    def test_middle_is_the_forecast_without_them(self, made: list[TimeSeries]) -> None:
        past = [one[:-H] for one in made]
        plain, centred = (
            HNMVTSModel(L, H, weights_by="series", likelihood=likelihood).fit(past)
            for likelihood in (None, CentredQuantiles([0.1, 0.5, 0.9]))
        )
        expected = np.stack([one.values() for one in plain.predict(H, series=past)])
        found = self.quantiles(centred, past)[..., 1:2]
        np.testing.assert_allclose(found, expected, rtol=1e-12)

    def test_of_new_series_are_the_usual_ones_in_their_own_units(
        self, probabilistic: HyperforecastModel, made: list[TimeSeries]
    ) -> None:
        model = copy.deepcopy(probabilistic)
        new = made[20].with_columns_renamed("s20", "new") * 1e3
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            found = self.quantiles(model, [new])[0]
        width = np.diff(found, axis=1) / new.values().std(ddof=0)
        offsets = model.network.channel_offsets.offsets.detach()
        expected = usual_offsets(offsets[:, None])[0, 0].diff(dim=1)
        np.testing.assert_allclose(width, expected, rtol=1e-6)
        before = self.quantiles(model, made)
        model.add_series([new])
        width = np.diff(self.quantiles(model, [new])[0], axis=1) / new.values().std(ddof=0)
        np.testing.assert_allclose(width, expected, rtol=1e-6)
        assert np.array_equal(self.quantiles(model, made), before)

    def test_are_saved_and_loaded(
        self, probabilistic: HyperforecastModel, made: list[TimeSeries], tmp_path: Path
    ) -> None:
        probabilistic.save(str(tmp_path / "model.pt"))
        loaded = HNMVTSModel.load(str(tmp_path / "model.pt"))
        expected = self.quantiles(probabilistic, made)
        np.testing.assert_array_equal(self.quantiles(loaded, made), expected)

    def test_each_component_of_a_series_has_its_own(self) -> None:
        series = [one * 100.0 if n else one for n, one in enumerate(shops())]
        model = HNMVTSModel(
            L,
            H,
            weights_by="both",
            series_id="shop",
            likelihood=QuantileRegression([0.1, 0.5, 0.9]),
        ).fit(series)
        found = self.quantiles(model, series)  # (series, H, components times quantiles)
        width = found[..., 2::3] - found[..., ::3]
        units = np.stack([one.values().std(axis=0) for one in series])
        assert model.network.channel_offsets.offsets.shape == (12, H, 3)
        assert (width > 0).all()
        assert (width.mean(axis=1) / units < 5).all()


def test_reconciled_forecasts_add_up() -> None:
    parts = panel(2)
    n_rows = min(map(len, parts))
    a, b = (
        of_values(one.values()[:n_rows, 0], name) for one, name in zip(parts, "ab", strict=True)
    )
    total = (a + b.with_columns_renamed("b", "a")).with_columns_renamed("a", "total")
    model = HNMVTSModel(L, H, weights_by="series").fit([total, a, b])
    forecasts = model.predict(H, series=[total, a, b])
    table = forecasts[0].stack(forecasts[1]).stack(forecasts[2])
    table = table.with_hierarchy({"a": ["total"], "b": ["total"]})
    adjusted = BottomUpReconciliator().transform(table)
    sums = adjusted["a"].values() + adjusted["b"].values()
    np.testing.assert_allclose(adjusted["total"].values(), sums)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: BackboneModel(L, H, weights_by="series"), "would have no effect: nothing in this"),
        (lambda: HNMVTSModel(L, H, series_id="shop"), "series_id='shop' has no effect"),
        (lambda: HNMVTSModel(L, H, weights_by="shop"), "weights_by"),
        (
            lambda: HyperModel(L, H, head="hn-mvts", weights_by="series", solver="adam+exact"),
            "weights_by='series', of which",
        ),
        (
            lambda: HNMVTSModel(L, H, weights_by="series").fit(
                [one.with_columns_renamed(one.components[0], "y") for one in panel(3)]
            ),
            "All 3 series are named 'y', so weights cannot be told apart",
        ),
        (
            lambda: HNMVTSModel(L, H, weights_by="both").fit(shops()),
            "A series of 2 components has no name of its own",
        ),
        (
            lambda: HNMVTSModel(L, H, weights_by="series", series_id="id").fit(shops()),
            "series_id='id' names no static covariate of the series; it has: 'shop', 'size'",
        ),
        (
            lambda: HyperModel(
                L, H, head="individual", weights_by="series", series_id="shop", solver="exact"
            ).fit(
                [
                    one.with_static_covariates(
                        pd.DataFrame({"shop": [str(n)] * 2, "size": [0.0, 1.0]})
                    )
                    for n, one in enumerate(shops())
                ]
            ),
            r"static covariates differ between components of a series.*weights_by='both' tells",
        ),
        (
            lambda: HNMVTSModel(L, H, weights_by="series", n_factors=1).fit(panel()),
            r"each series has one. Series that share a time axis.*axis='component'.*'channel'",
        ),
    ],
)
def test_what_is_wrong_is_told(make: Any, words: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        with pytest.raises(ValueError, match=words):
            make()


def test_more_series_than_were_trained_on_need_a_new_model(trained: HyperforecastModel) -> None:
    new = of_values(wave(0, 60, 99), "new")
    with pytest.raises(ValueError, match="no weights for the series 'new': it was trained on 12"):
        trained.fit([*panel(), new])


def test_exported_it_takes_the_number_of_the_series(
    solved: HyperforecastModel, tmp_path: Path
) -> None:
    runtime = pytest.importorskip("onnxruntime")
    solved.to_onnx(str(tmp_path / "model.onnx"))
    session = runtime.InferenceSession(str(tmp_path / "model.onnx"))
    for number, one in enumerate(panel()[:4]):
        rows = one.values()[None, -L:].astype(one.dtype)
        given = {"past_target": rows, "static_covariates": np.full((1, 1, 1), number, one.dtype)}
        names = [entry.name for entry in session.get_inputs()]
        assert set(names) <= {"past_target", "static_covariates", "x_past", "x_static"}
        inputs = {
            name: given["static_covariates" if "static" in name else "past_target"]
            for name in names
        }
        (found,) = session.run(None, inputs)
        expected = solved.predict(H, series=one).values()
        np.testing.assert_allclose(found.reshape(H, 1), expected, rtol=1e-4)


def test_intervals_do_not_depend_on_the_order_of_series() -> None:
    options: dict[str, Any] = {"weights_by": "series", "channel_embedding_dim": 2}
    options["likelihood"] = QuantileRegression([0.1, 0.5, 0.9])
    series = panel(14)
    models = [
        HNMVTSModel(L, H, solver="exact", **options).fit(some) for some in (series, series[::-1])
    ]
    expected, found = (m.network.channel_offsets.state_dict()["offsets"] for m in models)
    np.testing.assert_allclose(found.flip(0), expected, rtol=1e-3, atol=1e-3)
