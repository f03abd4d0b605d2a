"""Scales of instances, against numpy and hand-made values; and what forecasts follow from them."""

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sktime.transformations.hierarchical.aggregate import Aggregator

from hyperforecast.sktime import (
    BackboneForecaster,
    BaseHyperforecastForecaster,
    HNMVTSForecaster,
    MoLAForecaster,
)
from hyperforecast.sktime.scaling import InstanceScaler, Scale

L = 12
FH = [1, 2, 3]
NAMES = ["store", "time"]
EXACT: dict[str, Any] = {"input_chunk_length": L, "solver": "exact"}
ADAM: dict[str, Any] = {"input_chunk_length": L, "n_epochs": 3, "random_state": 0}
both_solvers = pytest.mark.parametrize("options", [EXACT, ADAM], ids=["exact", "adam"])


def numbers(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape)


class TestScale:
    def test_mean_and_deviation(self) -> None:
        values = numbers(50, 3) * [1.0, 20.0, 300.0] + [0.0, 5.0, -1e6]
        scale = Scale.of(values)
        np.testing.assert_allclose(scale.mean, values.mean(axis=0), rtol=1e-12)
        np.testing.assert_allclose(scale.deviation, values.std(axis=0), rtol=1e-9)

    @pytest.mark.parametrize("unit", [1e-300, 1e-12, 1.0, 1e12, 1e200])
    def test_any_unit(self, unit: float) -> None:
        values = numbers(50, 2)
        np.testing.assert_allclose(
            Scale.of(values * unit).transform(values * unit),
            Scale.of(values).transform(values),
            rtol=1e-5,
            atol=1e-6,
        )

    def test_a_small_deviation_beside_a_large_offset(self) -> None:
        values = 1e10 + 1e-2 * numbers(200, 1)
        scaled = Scale.of(values).transform(values)
        assert scaled.std() == pytest.approx(1, rel=1e-3)

    @pytest.mark.parametrize("value", [0.0, 7.3, -1e-9, 1e12])
    def test_a_constant_is_restored_exactly(self, value: float) -> None:
        values = np.full((31, 1), value)
        scale = Scale.of(values)
        assert scale.deviation == 0
        assert (scale.transform(values) == 0).all()
        assert (scale.restore(numbers(4, 1, 2)) == value).all()

    def test_what_rounding_leaves_of_a_constant_is_no_deviation(self) -> None:
        values = np.array([[0.3], [0.1 * 3], [0.3]])
        assert np.ptp(values) > 0
        assert Scale.of(values).deviation == 0

    def test_there_and_back(self) -> None:
        values = numbers(40, 2) * [1e-6, 1e6] + [3.0, 5.0]
        scale = Scale.of(values)
        restored = scale.restore(scale.transform(values)[..., None].astype(float))
        np.testing.assert_allclose(restored[..., 0], values, rtol=1e-6)

    @pytest.mark.parametrize("cut", [1, 2, 17, 39])
    def test_row_by_row_or_all_at_once(self, cut: int) -> None:
        values = numbers(40, 3) * [1.0, 1e3, 0.0] + [0.0, 1e6, 4.0]
        scale = Scale.of(values[:cut]).extended(values[cut:])
        expected = Scale.of(values)
        np.testing.assert_allclose(scale.mean, expected.mean, rtol=1e-12, atol=1e-15)
        np.testing.assert_allclose(scale.deviation, expected.deviation, rtol=1e-9, atol=0)
        assert scale.n_rows == 40

    def test_constants_are_completed(self) -> None:
        scale = Scale(np.array([1.0, 2.0]), np.array([0.0, 3.0]), 9)
        other = Scale(np.array([10.0, 20.0]), np.array([4.0, 5.0]), 7)
        completed = scale.completed(other)
        np.testing.assert_array_equal(completed.mean, [10, 2])
        np.testing.assert_array_equal(completed.deviation, [4, 3])


class TestInstanceScaler:
    ROWS: dict[tuple, np.ndarray] = {
        ("x",): np.array([[0.0], [2.0]]),
        ("y",): np.array([[100.0], [300.0]]),
    }

    def test_each_by_its_own_rows(self) -> None:
        scaler = InstanceScaler.fit("standard", self.ROWS, 1)
        assert (scaler.of(("x",)).mean, scaler.of(("x",)).deviation) == (1, 1)
        assert (scaler.of(("y",)).mean, scaler.of(("y",)).deviation) == (200, 100)
        assert scaler.common.mean.item() == pytest.approx(100.5)

    def test_all_by_the_rows_of_all(self) -> None:
        scaler = InstanceScaler.fit("global", self.ROWS, 1)
        for key in (("x",), ("y",), ("new",)):
            assert scaler.of(key).mean.item() == pytest.approx(100.5)
        assert scaler.of_others([("new",)]) == []

    def test_none(self) -> None:
        scaler = InstanceScaler.fit(None, self.ROWS, 1)
        assert (scaler.of(("x",)).mean, scaler.of(("x",)).deviation) == (0, 1)

    def test_training_on_keeps_scales_and_adds_new_ones(self) -> None:
        scaler = InstanceScaler.fit("standard", self.ROWS, 1)
        later = scaler.having_seen({("new",): Scale.of(np.array([[5.0], [7.0]]))})
        rows = {("x",): np.array([[50.0], [60.0]]), ("new",): np.array([[1.0]])}
        rows[("newest",)] = np.array([[8.0], [10.0]])
        assert later.of_others(rows) == [("new",), ("newest",)]
        after = later.trained_on(rows)
        means = [after.of(key).mean.item() for key in (("x",), ("y",), ("new",), ("newest",))]
        assert means == [1, 200, 6, 9]
        assert after.of_others(rows) == []
        assert scaler.of_others(rows) == [("new",), ("newest",)], "the one before is as it was"


def two_levels(panel: pd.DataFrame) -> pd.DataFrame:
    """Two instances of the same shape, at 10 and at 10,000."""
    y = panel[["a"]].astype(float)
    return pd.concat(
        {"small": 10 + y, "large": 1000 * (10 + y.iloc[::-1].set_axis(y.index))}, names=NAMES
    )


class TestLevels:
    @pytest.mark.parametrize(
        "likelihood", [{"quantiles": (0.05, 0.5, 0.95)}, {"likelihood": "gaussian", "n_epochs": 5}]
    )
    def test_intervals_are_in_the_units_of_the_instance(
        self, likelihood: dict, panel: pd.DataFrame
    ) -> None:
        y = two_levels(panel)
        forecaster = BackboneForecaster(L, random_state=0, **likelihood).fit(y, fh=FH)
        interval = forecaster.predict_interval(coverage=0.9)
        widths = interval.xs("upper", axis=1, level=2) - interval.xs("lower", axis=1, level=2)
        ranges = y.groupby(level=0)["a"].agg(np.ptp)
        for store in ("small", "large"):
            assert (widths.loc[store].to_numpy() < 2 * ranges[store]).all()
            assert (widths.loc[store].to_numpy() > 0.01 * ranges[store]).all()

    @staticmethod
    def levels(n: int = 60, n_rows: int = 80) -> pd.DataFrame:
        """Waves and noise around levels of 1 to 1,000."""
        random = np.random.default_rng(0)
        time = pd.date_range("2020-01-01", periods=n_rows)
        waves = np.sin(2 * np.pi * np.arange(n_rows) / 12 + random.uniform(0, 6, (n, 1)))
        walks = 0.1 * random.normal(size=(n, n_rows)).cumsum(axis=1)
        values = 10 + waves + walks + 0.4 * random.normal(size=(n, n_rows))
        values *= np.geomspace(1, 1000, n)[:, None]
        parts = {i: pd.DataFrame({"y": one}, index=time) for i, one in enumerate(values)}
        return pd.concat(parts, names=NAMES)

    @pytest.mark.parametrize(
        "forecaster",
        [
            BackboneForecaster(L),
            BackboneForecaster(L, solver="adam", n_epochs=2, random_state=0),
            MoLAForecaster(L, backbone="dlinear", n_epochs=2, n_segments=2, random_state=0),
        ],
        ids=["exact", "adam", "mola"],
    )
    def test_accuracy_is_that_of_scaled_series(
        self, forecaster: BaseHyperforecastForecaster
    ) -> None:
        y = self.levels()
        level = np.repeat(np.geomspace(1, 1000, 60), 80)
        train, test = y.groupby(level=0).head(76), y.groupby(level=0).tail(4)
        steps = train["y"].groupby(level=0).diff().abs().groupby(level=0).mean()

        def mase(forecast: pd.Series) -> float:
            errors = (test["y"] - forecast).abs().groupby(level=0).mean()
            return float((errors / steps).mean())

        fh = [1, 2, 3, 4]
        found = mase(forecaster.fit(train, fh=fh).predict()["y"])
        alike = y.div(level, axis=0).groupby(level=0).head(76)
        by_hand = forecaster.fit(alike, fh=fh).predict()["y"]
        expected = mase(by_hand * np.repeat(np.geomspace(1, 1000, 60), 4))
        assert found == pytest.approx(expected, rel=1e-3)
        assert found < 0.9

    def test_totals_of_a_hierarchy_are_covered(self) -> None:
        """Totals are as many times as large as there are instances."""
        flat = self.levels(20, 140)
        regions = {region: flat.loc[i : i + 4] for i, region in ((0, "n"), (5, "s"), (10, "w"))}
        y = Aggregator().fit_transform(pd.concat(regions, names=["region", *NAMES]))
        groups = y.groupby(level=[0, 1])
        forecaster = BackboneForecaster(L, quantiles=(0.05, 0.5, 0.95))
        forecaster.fit(groups.head(100), fh=[1])
        covered = []
        for i in range(100, 139):
            interval = forecaster.predict_interval(coverage=0.9)["y"][0.9]
            new = groups.nth(i)
            total = new.index.get_level_values(1) == "__total"
            inside = (interval["lower"] <= new["y"]) & (new["y"] <= interval["upper"])
            covered.append(inside[total])
            forecaster.update(new, update_params=False)
        assert 0.8 <= np.concatenate(covered).mean() <= 1.0


class TestEquivariance:
    """One instance in another unit: its own forecasts are in that unit, the others' as before."""

    @both_solvers
    @pytest.mark.parametrize(("factor", "offset"), [(1024.0, 0.0), (1.0, 4096.0), (2.0**-20, -1.0)])
    def test_one_instance(
        self, options: dict, factor: float, offset: float, panel: pd.DataFrame
    ) -> None:
        panel = panel.astype(float)
        stores = {"x": panel, "y": 2 * panel.iloc[:70], "z": panel.iloc[:100] ** 2}
        one = BackboneForecaster(**options).fit(pd.concat(stores, names=NAMES), fh=FH).predict()
        stores["y"] = factor * stores["y"] + offset
        other = BackboneForecaster(**options).fit(pd.concat(stores, names=NAMES), fh=FH).predict()
        np.testing.assert_allclose(other.loc[["x", "z"]], one.loc[["x", "z"]], rtol=1e-4, atol=1e-5)
        expected = factor * one.loc["y"] + offset
        np.testing.assert_allclose(other.loc["y"], expected, rtol=1e-4, atol=1e-5 * factor)

    @both_solvers
    def test_one_channel_of_one_instance(self, options: dict, panel: pd.DataFrame) -> None:
        panel = panel.astype(float)
        stores = {"x": panel, "y": panel.iloc[:70]}
        one = HNMVTSForecaster(**options).fit(pd.concat(stores, names=NAMES), fh=FH).predict()
        stores["y"] = stores["y"] * [1.0, 4096.0, 1.0]
        other = HNMVTSForecaster(**options).fit(pd.concat(stores, names=NAMES), fh=FH).predict()
        other.loc["y", "b"] = other.loc["y", "b"].to_numpy() / 4096
        np.testing.assert_allclose(other, one, rtol=1e-4, atol=1e-5)

    @both_solvers
    def test_covariates_of_one_instance(self, options: dict, panel: pd.DataFrame) -> None:
        y, X = panel[["a"]].astype(float), panel[["b", "c"]].astype(float)
        seen, ahead = slice(None, 80), slice(80, 83)

        def forecast(factor: float) -> pd.DataFrame:
            Xs = {"x": X, "y": factor * X + 8.0 * (factor - 1)}
            ys = {"x": y.iloc[seen], "y": 2 * y.iloc[seen]}
            fitted = BackboneForecaster(**options).fit(
                pd.concat(ys, names=NAMES),
                X=pd.concat({k: one.iloc[seen] for k, one in Xs.items()}, names=NAMES),
                fh=FH,
            )
            known = {k: one.iloc[ahead] for k, one in Xs.items()}
            return fitted.predict(X=pd.concat(known, names=NAMES))

        np.testing.assert_allclose(forecast(512.0), forecast(1.0), rtol=1e-4, atol=1e-5)

    def test_the_common_scale_is_an_option(self, panel: pd.DataFrame) -> None:
        forecaster = BackboneForecaster(**EXACT, scaler="global").fit(two_levels(panel), fh=FH)
        scaler = forecaster.trained_.y_scaler
        np.testing.assert_array_equal(scaler.of(("small",)).mean, scaler.of(("large",)).mean)
        rows = two_levels(panel).to_numpy()
        np.testing.assert_allclose(scaler.common.mean, rows.mean(axis=0))
        np.testing.assert_allclose(scaler.common.deviation, rows.std(axis=0))


class TestCovariatesThatAnInstanceHoldsConstant:
    def test_say_how_instances_differ(self, panel: pd.DataFrame) -> None:
        """A size of the store, say: by its own rows it would be 0 for every store."""
        y = pd.concat({k: panel[["a"]] for k in "xyz"}, names=NAMES)
        sizes = {"x": 1.0, "y": 2.0, "z": 6.0}
        X = pd.concat({k: panel[["b"]].assign(size=s) for k, s in sizes.items()}, names=NAMES)
        trained = BackboneForecaster(L, past_covariates=["b", "size"]).fit(y, X=X, fh=[1]).trained_
        for store, size in sizes.items():
            _, scale = trained.scales((store,), panel[["a"]].to_numpy())
            scaled = scale.transform(np.array([[0.0, size]]))[0, 1]
            assert scaled == pytest.approx((size - 3) / np.std([1, 2, 6]))


class TestLaterInstances:
    def fitted(self, panel: pd.DataFrame, **options: Any) -> Any:
        y = pd.concat({"x": panel.iloc[:80], "y": panel.iloc[:80] * 2}, names=NAMES)
        return BackboneForecaster(**{**EXACT, **options}).fit(y, fh=FH)

    @pytest.mark.parametrize("factor", [1e-3, 1e4])
    def test_they_are_scaled_by_their_own_rows(self, factor: float, panel: pd.DataFrame) -> None:
        forecaster = self.fitted(panel, quantiles=(0.1, 0.5, 0.9))
        new = {"x'": panel.iloc[:80].astype(float), "new": factor * panel.iloc[:80].astype(float)}
        forecaster.update(pd.concat(new, names=NAMES), update_params=False)
        intervals = forecaster.predict_interval(coverage=0.8)
        np.testing.assert_allclose(intervals.loc["new"], factor * intervals.loc["x'"], rtol=1e-4)

    def test_their_scale_goes_on_with_their_rows(self, panel: pd.DataFrame) -> None:
        at_once, in_steps = self.fitted(panel), self.fitted(panel)
        at_once.update(pd.concat({"new": panel.iloc[:70]}, names=NAMES), update_params=False)
        for first, last in ((0, 1), (1, 2), (2, 40), (40, 70)):
            rows = pd.concat({"new": panel.iloc[first:last]}, names=NAMES)
            with pytest.warns(UserWarning, match="has 1") if first == 0 else nullcontext():
                in_steps.update(rows, update_params=False)
        one, other = (f.trained_.y_scaler.of(("new",)) for f in (at_once, in_steps))
        np.testing.assert_allclose(other.mean, one.mean, rtol=1e-12)
        np.testing.assert_allclose(other.deviation, one.deviation, rtol=1e-9)
        np.testing.assert_allclose(in_steps.predict(), at_once.predict(), rtol=1e-6)

    def test_rows_that_replace_others_make_it_anew(self, panel: pd.DataFrame) -> None:
        forecaster = self.fitted(panel)
        forecaster.update(pd.concat({"new": panel.iloc[:14]}, names=NAMES), update_params=False)
        corrected = panel.iloc[5:20] + 100
        forecaster.update(pd.concat({"new": corrected}, names=NAMES), update_params=False)
        seen = pd.concat([panel.iloc[:5], corrected])
        mean = forecaster.trained_.y_scaler.of(("new",)).mean
        np.testing.assert_allclose(mean, seen.mean(), rtol=1e-6)

    def test_that_of_instances_trained_on_stays(self, panel: pd.DataFrame) -> None:
        forecaster = self.fitted(panel)
        before = forecaster.trained_.y_scaler.of(("x",))
        rows = pd.concat({"x": panel.iloc[80:] + 5}, names=NAMES)
        forecaster.update(rows, update_params=False)
        assert forecaster.trained_.y_scaler.of(("x",)) is before

    def test_after_pretraining(self, make_panel: Callable[..., pd.DataFrame]) -> None:
        """The weights as they are, on a series of another level."""
        y = make_panel(80, 2).astype(float)
        stores = pd.concat({"x": y, "z": y * 3}, names=NAMES)
        forecaster = BackboneForecaster(**ADAM).pretrain(stores, fh=FH).set_params(n_epochs=0)
        one = forecaster.fit(y, fh=FH).predict()
        other = forecaster.fit(1024 * y + 2048, fh=FH).predict()
        np.testing.assert_allclose((other - 2048) / 1024, one, rtol=1e-5, atol=1e-5)


class TestConstants:
    @both_solvers
    @pytest.mark.parametrize("value", [0.0, 7.3])
    @pytest.mark.parametrize("unit", [1e-6, 1e6])
    @pytest.mark.parametrize("scaler", ["standard", "global"])
    def test_a_constant_channel_forecasts_itself(
        self, options: dict, value: float, unit: float, scaler: Any, panel: pd.DataFrame
    ) -> None:
        y = (panel * unit).assign(b=value)
        forecaster = HNMVTSForecaster(**options, scaler=scaler, quantiles=(0.1, 0.5, 0.9))
        forecaster.fit(y, fh=FH)
        assert (forecaster.predict()["b"] == value).all()
        assert (forecaster.predict_interval(coverage=0.8)["b"] == value).all(axis=None)

    def test_in_one_instance_of_a_panel(self, panel: pd.DataFrame) -> None:
        y = pd.concat({"x": panel, "still": panel.assign(b=-3.7)}, names=NAMES)
        forecast = BackboneForecaster(**EXACT).fit(y, fh=FH).predict()
        assert (forecast.loc["still", "b"] == -3.7).all()
        assert (forecast.loc["x", "b"] != -3.7).all()

    def test_one_that_begins_to_vary_is_forecast_from_its_rows(self, panel: pd.DataFrame) -> None:
        """Equal to an instance that is seen for the first time."""
        still = panel.iloc[:80].assign(b=0.0)
        y = pd.concat({"x": panel.iloc[:80], "sleeps": still}, names=NAMES)
        forecaster = BackboneForecaster(**EXACT).fit(y, fh=FH)
        awake = 1e3 * panel.iloc[80:]
        forecaster.update(pd.concat({"sleeps": awake}, names=NAMES), update_params=False)
        forecast = forecaster.predict().loc["sleeps", "b"]
        assert awake["b"].min() < forecast.mean() < awake["b"].max()
        assert forecast.std() > 0.1 * awake["b"].std()

    def test_training_on_without_memory(self, panel: pd.DataFrame) -> None:
        forecaster = BackboneForecaster(**ADAM).set_config(remember_data=False)
        forecaster.fit(panel.iloc[:80].assign(b=0.0), fh=FH)
        forecaster.update(panel.iloc[80:].assign(b=1e6 * panel["b"]), update_params=True)
        forecast = forecaster.predict()
        assert np.abs(forecast[["a", "c"]]).max(axis=None) < 10
        assert 1e5 < np.abs(forecast["b"]).max() < 1e7
