"""The sktime forecasters: what they forecast, for which times, from which rows."""

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import numpy as np
import pandas as pd
import pytest
import pytorch_lightning as pl
import torch
from darts import TimeSeries
from sktime.forecasting.base import ForecastingHorizon

from hyperforecast.sktime import (
    BackboneForecaster,
    BaseHyperforecastForecaster,
    HNMVTSForecaster,
)

L, H = 12, 4
each_forecaster = pytest.mark.parametrize("cls", [HNMVTSForecaster, BackboneForecaster])


def make(cls: type[BaseHyperforecastForecaster] = HNMVTSForecaster, **kwargs: Any) -> Any:
    return cls(**{"input_chunk_length": L, "n_epochs": 2, "random_state": 0, **kwargs})


def to_instances(frame: pd.DataFrame, lengths: dict[str, int]) -> pd.DataFrame:
    """Make a panel of unequal lengths: instance k is the first rows, plus a constant."""
    parts = {k: frame.iloc[:n] + i for i, (k, n) in enumerate(lengths.items())}
    return pd.concat(parts, names=["store", "time"])


class TestOneForecastOnThreeLevels:
    @each_forecaster
    @pytest.mark.parametrize("backbone", ["dlinear", "nlinear"])
    def test_network_model_and_forecaster_agree(
        self, cls: type, backbone: str, panel: pd.DataFrame
    ) -> None:
        forecaster = make(cls, backbone=backbone, scaler=None).fit(panel, fh=range(1, H + 1))
        forecast = forecaster.predict()

        window = torch.tensor(panel.to_numpy()[None, -L:])
        with torch.no_grad():
            by_network = forecaster.model_.network.eval()(window)[0, :, :, 0].numpy()
        by_model = forecaster.model_.predict(H, series=TimeSeries.from_dataframe(panel))

        np.testing.assert_allclose(forecast, by_network, rtol=1e-6, atol=1e-6)
        np.testing.assert_allclose(forecast, by_model.values(), rtol=1e-6, atol=1e-6)

    @each_forecaster
    def test_scaling_is_undone(self, cls: type, panel: pd.DataFrame) -> None:
        forecaster = make(cls).fit(panel, fh=[1, 2])
        mean, deviation = panel.mean().to_numpy(), panel.std(ddof=0).to_numpy()
        window = torch.tensor(((panel.to_numpy()[None, -L:] - mean) / deviation), dtype=torch.float)
        with torch.no_grad():
            scaled = forecaster.model_.network.eval()(window)[0, :, :, 0].numpy()
        np.testing.assert_allclose(
            forecaster.predict(), scaled * deviation + mean, rtol=1e-4, atol=1e-5
        )

    def test_units_do_not_matter(self, panel: pd.DataFrame) -> None:
        one = make().fit(panel, fh=[1, 2, 3]).predict()
        other = make().fit(panel * 1000 + 1e6, fh=[1, 2, 3]).predict()
        np.testing.assert_allclose((other - 1e6) / 1000, one, atol=1e-3)

    def test_constant_channel(self, panel: pd.DataFrame) -> None:
        forecast = make().fit(panel.assign(b=7.3), fh=[1, 2]).predict()
        assert np.isfinite(forecast.to_numpy()).all()
        np.testing.assert_allclose(forecast["b"], 7.3, atol=1.0)

    def test_it_learns(self, make_panel: Callable[..., pd.DataFrame]) -> None:
        y = make_panel(300, 3, noise=0.01)
        train, test = y.iloc[:-H], y.iloc[-H:]
        fh = range(1, H + 1)
        forecast = make(n_epochs=40, optimizer_kwargs={"lr": 5e-3}).fit(train, fh=fh).predict()
        naive = np.abs(test - train.iloc[-1]).to_numpy().mean()
        assert np.abs(forecast - test).to_numpy().mean() < 0.2 * naive


class TestHorizon:
    def test_steps_are_picked_from_the_whole_horizon(self, panel: pd.DataFrame) -> None:
        forecaster = make(output_chunk_length=6).fit(panel)
        every = forecaster.predict(fh=range(1, 7))
        some = forecaster.predict(fh=[2, 5])
        pd.testing.assert_frame_equal(some, every.iloc[[1, 4]], check_freq=False)

    def test_from_the_largest_step_of_fh(self, panel: pd.DataFrame) -> None:
        assert make().fit(panel, fh=[2, 5]).model_.output_chunk_length == 5

    def test_absolute_fh(self, panel: pd.DataFrame) -> None:
        dates = pd.DatetimeIndex(["2020-05-01", "2020-05-03"])  # the last row is 2020-04-29
        fh = ForecastingHorizon(dates, is_relative=False)
        forecaster = make().fit(panel, fh=fh)
        assert forecaster.model_.output_chunk_length == 4
        relative = make().fit(panel, fh=[2, 4]).predict()
        pd.testing.assert_frame_equal(forecaster.predict(), relative, check_freq=False)

    def test_periods_on_timestamps_are_the_days_that_they_begin(self, panel: pd.DataFrame) -> None:
        forecaster = make().fit(panel, fh=[1, 2])
        periods = pd.period_range("2020-04-30", periods=2, freq="D")  # the last row is 2020-04-29
        found = forecaster.predict(ForecastingHorizon(periods, is_relative=False))
        np.testing.assert_array_equal(found, forecaster.predict([1, 2]))

    def test_without_quantiles_it_is_said_what_gives_intervals(self, panel: pd.DataFrame) -> None:
        forecaster = make().fit(panel, fh=[1])
        for method in (forecaster.predict_interval, forecaster.predict_quantiles):
            with pytest.raises(NotImplementedError, match=r"quantiles=\(0\.05, 0\.5, 0\.95\), or"):
                method()

    def test_beyond_the_chunk_it_goes_on_from_its_own_forecasts(self, panel: pd.DataFrame) -> None:
        forecaster = make(output_chunk_length=2).fit(panel)
        six = forecaster.predict(fh=range(1, 7))
        fed = panel
        for _ in range(3):
            forecaster.update(fed.iloc[-2:], update_params=False)
            fed = forecaster.predict(fh=[1, 2])
            np.testing.assert_allclose(fed, six.loc[fed.index], rtol=1e-4, atol=1e-5)

    @pytest.mark.parametrize(
        ("rows", "horizon", "lookback"), [(300, 12, 36), (300, 4, 24), (52, 5, 23), (20, 3, 8)]
    )
    def test_default_lookback(
        self, rows: int, horizon: int, lookback: int, make_panel: Callable[..., pd.DataFrame]
    ) -> None:
        forecaster = make(input_chunk_length=None, n_epochs=0).fit(make_panel(rows, 2), fh=horizon)
        assert forecaster.model_.input_chunk_length == lookback


class TestDefaultLookback:
    """From the bulk of the instances: a short one does not cost the others their lookback."""

    @pytest.mark.parametrize(
        ("lengths", "lookback"),
        [
            ([120] * 9, 24),
            ([120] * 9 + [12], 24),
            ([120] * 9 + [3], 24),
            ([120, 3], 24),
            ([120, 20, 20], 20),
            ([52, 52, 30], 23),
        ],
    )
    def test_of_a_panel(self, lengths: list[int], lookback: int, panel: pd.DataFrame) -> None:
        y = to_instances(panel, {f"{i:02}": n for i, n in enumerate(lengths)})
        forecaster = make(BackboneForecaster, input_chunk_length=None, n_epochs=0)
        with warned_of(sum(n < lookback for n in lengths)):
            forecaster.fit(y, fh=[5])
        assert forecaster.model_.input_chunk_length == lookback

    @pytest.mark.parametrize("rows", [12, 3])
    def test_a_short_instance_changes_nothing_for_the_others(
        self, rows: int, make_panel: Callable[..., pd.DataFrame]
    ) -> None:
        parts = {i: make_panel(80, 1, seed=i) for i in range(10)}
        alone = BackboneForecaster().fit(pd.concat(parts, names=["store"]), fh=range(1, 9))
        parts[10] = make_panel(rows, 1, seed=10)
        beside = BackboneForecaster()
        with warned_of(1):
            beside.fit(pd.concat(parts, names=["store"]), fh=range(1, 9))
        pd.testing.assert_frame_equal(beside.predict().drop(index=10, level=0), alone.predict())


def warned_of(n_short: int) -> Any:
    if not n_short:
        return nullcontext()
    return pytest.warns(UserWarning, match="forecast from these, with the first one repeated")


class TestShortInstances:
    """Those with fewer rows than the lookback."""

    def fitted(self, panel: pd.DataFrame, n_rows: int, **options: Any) -> Any:
        y = pd.concat({"x": panel, "short": panel.iloc[:n_rows] + 50}, names=["store", "time"])
        with warned_of(1):
            return make(BackboneForecaster, **options).fit(y, fh=[1, 2])

    @pytest.mark.parametrize("n_rows", [1, 2, L - 1])
    def test_the_first_row_is_repeated(self, n_rows: int, panel: pd.DataFrame) -> None:
        forecaster = self.fitted(panel, n_rows, scaler=None)
        rows = panel.iloc[:n_rows].to_numpy() + 50
        padded = np.concatenate([rows[:1]] * (L - n_rows) + [rows])
        expected = forecaster.model_.predict(2, series=TimeSeries.from_values(padded))
        forecast = forecaster.predict().loc["short"]
        np.testing.assert_allclose(forecast, expected.values(), rtol=1e-5)
        assert list(forecast.index) == list(panel.index[n_rows : n_rows + 2])

    def test_with_covariates(self, panel: pd.DataFrame) -> None:
        """What is known of X goes on from the first row, too."""
        y, X = panel[["a"]], panel[["b", "c"]]
        names = ["store", "time"]
        forecaster = make(BackboneForecaster, scaler=None, past_covariates=["c"])
        with warned_of(1):
            forecaster.fit(
                pd.concat({"x": y.iloc[:80], "short": y.iloc[:5]}, names=names),
                X=pd.concat({"x": X.iloc[:80], "short": X.iloc[:7]}, names=names),
                fh=[1, 2],
            )
        ahead = pd.concat({"x": X[["b"]].iloc[80:82], "short": X[["b"]].iloc[5:7]}, names=names)
        forecast = forecaster.predict(X=ahead).loc["short"]

        def series(frame: pd.DataFrame, n: int) -> TimeSeries:
            rows = frame.to_numpy()[:n]
            columns = list(frame.columns)
            return TimeSeries.from_values(np.concatenate([rows[:1]] * 7 + [rows]), columns=columns)

        expected = forecaster.model_.predict(
            2,
            series=series(y, 5),
            past_covariates=series(X[["c"]], 5),
            future_covariates=series(X[["b"]], 7),
        )
        np.testing.assert_allclose(forecast, expected.values(), rtol=1e-5)

    def test_they_grow_out_of_it(self, panel: pd.DataFrame) -> None:
        forecaster = self.fitted(panel, 3, scaler=None)
        new = pd.concat({"short": panel.iloc[3:40] + 50}, names=["store", "time"])
        forecaster.update(new, update_params=False)
        whole = TimeSeries.from_dataframe(panel.iloc[:40] + 50)
        expected = forecaster.model_.predict(2, series=whole)
        forecast = forecaster.predict().loc["short"]
        np.testing.assert_allclose(forecast, expected.values(), rtol=1e-5)

    @pytest.mark.parametrize("update_params", [True, False])
    def test_an_error_names_them_where_that_is_asked_for(
        self, update_params: bool, panel: pd.DataFrame
    ) -> None:
        names = ["store", "time"]
        forecaster = make(BackboneForecaster, short_instances="raise")
        message = r"made from 12 rows.*the series \('short',\) has 3\. Give more rows"
        y = pd.concat({"x": panel, "short": panel.iloc[:3]}, names=names)
        with pytest.raises(ValueError, match=message):
            forecaster.fit(y, fh=[1])
        forecaster.fit(pd.concat({"x": panel.iloc[:80]}, names=names), fh=[1])
        expected = forecaster.predict()
        with pytest.raises(ValueError, match=message):
            forecaster.update(y.loc[["short"]], update_params=update_params)
        pd.testing.assert_frame_equal(forecaster.predict(), expected)


class TestTimeIndex:
    INDICES: dict[str, tuple[pd.Index, pd.Index]] = {
        "range": (pd.RangeIndex(5, 65), pd.RangeIndex(65, 68)),
        "integers": (pd.Index(range(-3, 57)), pd.Index([57, 58, 59])),
        "days": (pd.date_range("2020-01-01", periods=60), pd.date_range("2020-03-01", periods=3)),
        "months": (
            pd.date_range("2015-01-31", periods=60, freq="ME"),
            pd.DatetimeIndex(["2020-01-31", "2020-02-29", "2020-03-31"]),
        ),
        "working days": (
            pd.bdate_range("2020-01-01", periods=60),
            pd.DatetimeIndex(["2020-03-25", "2020-03-26", "2020-03-27"]),
        ),
        "quarters": (
            pd.period_range("2005Q1", periods=60, freq="Q"),
            pd.period_range("2020Q1", periods=3, freq="Q"),
        ),
        "days of a time zone with summer time": (
            pd.date_range("2020-02-01", periods=60, freq="D", tz="Europe/Berlin"),
            pd.date_range("2020-04-01", periods=3, freq="D", tz="Europe/Berlin"),
        ),
        "hours of a time zone": (
            pd.date_range("2020-03-27 12:00", periods=60, freq="h", tz="Europe/Berlin"),
            pd.date_range("2020-03-30 01:00", periods=3, freq="h", tz="Europe/Berlin"),
        ),
    }

    @pytest.mark.parametrize("kind", INDICES)
    @pytest.mark.parametrize("named_frequency", [True, False])
    def test_labels(self, kind: str, named_frequency: bool, panel: pd.DataFrame) -> None:
        index, expected = self.INDICES[kind]
        if not named_frequency and isinstance(index, pd.DatetimeIndex):
            index = pd.DatetimeIndex(list(index))
        forecast = make().fit(panel.iloc[:60].set_axis(index), fh=[1, 3]).predict()
        assert list(forecast.index) == list(expected[[0, 2]])
        plain = make().fit(panel.iloc[:60], fh=[1, 3]).predict()
        np.testing.assert_array_equal(forecast, plain)

    def test_two_rows_a_month_apart_do_not_say_their_step(self, panel: pd.DataFrame) -> None:
        """Thirty-one days on from 1 February is 3 March."""
        index = pd.DatetimeIndex(["2020-01-01", "2020-02-01"])
        with pytest.raises(ValueError, match="no step can be told from so few rows"):
            make(input_chunk_length=1).fit(panel.iloc[:2].set_axis(index), fh=[1])
        index = pd.date_range("2020-01-01", periods=2, freq="MS")
        forecast = make(input_chunk_length=1).fit(panel.iloc[:2].set_axis(index), fh=[1]).predict()
        assert list(forecast.index) == [pd.Timestamp("2020-03-01")]

    def test_forecasts_keep_the_frequency(self, panel: pd.DataFrame) -> None:
        forecaster = make().fit(panel, fh=[1, 2, 3])
        for fh in ([1, 2, 3], [2, 3], [1], [-1, 0, 1]):
            assert forecaster.predict(fh=fh).index.freq == panel.index.freq

    @pytest.mark.parametrize(
        ("rows", "periods"), [("D", "D"), ("ME", "M"), ("MS", "M"), ("W", "W"), ("QE", "Q")]
    )
    @pytest.mark.parametrize("tz", [None, "Europe/Berlin"])
    def test_periods_on_timestamps(
        self, rows: str, periods: str, tz: str | None, panel: pd.DataFrame
    ) -> None:
        """A period stands for the row that lies in it, ahead and behind."""
        y = panel.set_axis(pd.date_range("2020-01-31", periods=120, freq=rows, tz=tz))
        forecaster = make().fit(y, fh=[1, 2])
        last = y.index[-1].tz_localize(None)
        fh = pd.period_range(last, periods=3, freq=periods)[1:]
        pd.testing.assert_frame_equal(forecaster.predict(fh=fh), forecaster.predict(fh=[1, 2]))
        fh = pd.period_range(end=last, periods=4, freq=periods)
        pd.testing.assert_frame_equal(
            forecaster.predict(fh=fh), forecaster.predict(fh=[-3, -2, -1, 0])
        )

    def test_labels_that_are_no_rows(self, panel: pd.DataFrame) -> None:
        forecaster = make().fit(panel, fh=[1])
        numbered = make().fit(panel.reset_index(drop=True), fh=[1])
        numbers = ForecastingHorizon([121], is_relative=False)
        for one, fh, message in (
            (forecaster, pd.period_range("2020-05", periods=1, freq="M"), "in which 31 rows lie"),
            (forecaster, pd.DatetimeIndex(["2020-05-01 12:00"]), "no whole number of steps from"),
            (forecaster, pd.DatetimeIndex(["2020-04-01 12:00"]), "no whole number of steps from"),
            (forecaster, pd.date_range("2020-05-01", periods=1, tz="UTC"), "the rows by timestamp"),
            (forecaster, numbers, "fh is labelled by numbers, the rows by timestamps"),
            (numbered, pd.DatetimeIndex(["2020-05-01"]), "by timestamps, the rows by numbers"),
            (numbered, pd.period_range("2020-05", periods=1, freq="M"), "by periods of M, the row"),
        ):
            with pytest.raises(ValueError, match=message):
                one.predict(fh=fh)


class TestPanels:
    LENGTHS: dict[str, int] = {"x": 100, "y": 60, "z": 83}

    @each_forecaster
    def test_one_network_for_all(self, cls: type, panel: pd.DataFrame) -> None:
        y = to_instances(panel, self.LENGTHS)
        forecaster = make(cls).fit(y, fh=[1, 2])
        assert forecaster.model_.network.n_channels == 3
        assert forecaster.predict().index.names == ["store", "time"]

    @each_forecaster
    @pytest.mark.parametrize("fh", [[1, 2], [2, 4]])
    def test_every_instance_is_forecast_from_its_own_end(
        self, cls: type, fh: list[int], panel: pd.DataFrame
    ) -> None:
        """Equal to a forecast of the series alone by the same weights, under its own dates."""
        y = to_instances(panel, self.LENGTHS)
        forecaster = make(cls, scaler=None).fit(y, fh=fh)
        forecast = forecaster.predict()
        for i, (store, n) in enumerate(self.LENGTHS.items()):
            alone = panel.iloc[:n] + i
            expected = forecaster.model_.predict(4, series=TimeSeries.from_dataframe(alone))
            steps = np.array(fh)
            np.testing.assert_allclose(
                forecast.loc[store], expected.values()[steps - 1], rtol=1e-5, atol=1e-5
            )
            dates = panel.index[n - 1] + pd.to_timedelta(steps, unit="D")
            assert list(forecast.loc[store].index) == list(dates)

    def test_absolute_fh_with_unequal_ends(self, panel: pd.DataFrame) -> None:
        """The same dates lie another number of steps after each series' end."""
        y = to_instances(panel, {"x": 100, "y": 97})
        dates = panel.index[[101, 102]]
        fh = ForecastingHorizon(dates, is_relative=False)
        forecaster = make(scaler=None).fit(y, fh=fh)
        assert forecaster.model_.output_chunk_length == 6
        forecast = forecaster.predict()
        for store, n, i in (("x", 100, 0), ("y", 97, 1)):
            alone = TimeSeries.from_dataframe(panel.iloc[:n] + i)
            expected = forecaster.model_.predict(6, series=alone).to_dataframe().loc[dates]
            np.testing.assert_allclose(forecast.loc[store], expected, rtol=1e-5, atol=1e-5)
            assert list(forecast.loc[store].index) == list(dates)

    def test_hierarchy(self, panel: pd.DataFrame) -> None:
        flat = to_instances(panel, self.LENGTHS)
        y = pd.concat({"north": flat, "south": flat * 2}, names=["region"])
        forecast = make(scaler=None).fit(y, fh=[1, 3]).predict()
        assert forecast.index.names == ["region", "store", "time"]
        assert len(forecast) == 2 * 3 * 2

    def test_a_series_too_short_to_train_on_is_still_forecast(self, panel: pd.DataFrame) -> None:
        y = to_instances(panel, {"x": 100, "y": L})
        forecast = make().fit(y, fh=[1, 4]).predict()
        assert list(forecast.loc["y"].index) == list(panel.index[[L, L + 3]])


class TestCovariates:
    @staticmethod
    def driven(n: int = 160) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Make y that is X's column ``now`` at the same step, and the other column's last value."""
        random = np.random.default_rng(1)
        index = pd.date_range("2021-01-01", periods=n)
        X = pd.DataFrame(random.normal(size=(n, 2)), index=index, columns=["now", "before"])
        y = X["now"] * 3 + X["before"].shift(1, fill_value=0) * 2
        return y.to_frame("y"), X

    def fitted(self, **kwargs: Any) -> tuple[Any, pd.DataFrame, pd.DataFrame]:
        y, X = self.driven()
        kwargs = {"n_epochs": 60, "optimizer_kwargs": {"lr": 1e-2}, **kwargs}
        return make(input_chunk_length=4, **kwargs), y, X

    @each_forecaster
    def test_both_kinds_are_used_in_their_role(self, cls: type) -> None:
        forecaster, y, X = self.fitted(cls=cls, past_covariates=["before"])
        forecaster.fit(y.iloc[:-1], X=X.iloc[:-1], fh=[1])
        forecast = forecaster.predict(X=X[["now"]].iloc[-1:])
        np.testing.assert_allclose(forecast, y.iloc[-1:], atol=0.5)
        # what happens in a past covariate after the cutoff is not looked at
        later = X.iloc[-1:].assign(before=1e6)
        pd.testing.assert_frame_equal(forecaster.predict(X=later), forecast)

    def test_known_ahead_and_beyond_the_chunk(self) -> None:
        forecaster, y, X = self.fitted(output_chunk_length=1)
        forecaster.fit(y.iloc[:-5], X=X.iloc[:-5])
        forecast = forecaster.predict(fh=range(1, 6), X=X.iloc[-5:])
        errors = np.abs(forecast["y"] - y["y"].iloc[-5:])
        assert errors.iloc[0] < 1.0
        assert np.corrcoef(forecast["y"], 3 * X["now"].iloc[-5:])[0, 1] > 0.7

    def test_columns_go_by_name(self) -> None:
        forecaster, y, X = self.fitted(past_covariates=("before",), n_epochs=2)
        forecaster.fit(y.iloc[:-2], X=X.iloc[:-2], fh=[1, 2])
        one, other = (forecaster.predict(X=X[c].iloc[-2:]) for c in (list(X), list(X)[::-1]))
        pd.testing.assert_frame_equal(one, other)

    def test_x_known_at_fit_needs_no_x_at_predict(self) -> None:
        forecaster, y, X = self.fitted(n_epochs=2)
        given = forecaster.fit(y.iloc[:-2], X=X.iloc[:-2], fh=[1, 2]).predict(X=X.iloc[-2:])
        known = forecaster.fit(y.iloc[:-2], X=X, fh=[1, 2]).predict()
        # the scale of X is that of the rows trained on, in both cases
        pd.testing.assert_frame_equal(given, known)

    def test_panel(self) -> None:
        forecaster, y, X = self.fitted(past_covariates=["before"])
        names = ["store", "time"]
        train = {"x": slice(None, -2), "y": slice(None, -5)}
        y_train = pd.concat({k: y.iloc[rows] for k, rows in train.items()}, names=names)
        X_train = pd.concat({k: X.iloc[rows] for k, rows in train.items()}, names=names)
        X_ahead = pd.concat({"x": X.iloc[-2:], "y": X.iloc[-5:-3]}, names=names)
        forecast = forecaster.fit(y_train, X=X_train, fh=[1, 2]).predict(X=X_ahead)
        np.testing.assert_allclose(forecast.loc["x"].iloc[:1], y.iloc[[-2]], atol=1.0)
        np.testing.assert_allclose(forecast.loc["y"].iloc[:1], y.iloc[[-5]], atol=1.0)

    @pytest.mark.parametrize("horizon", [None, 1])
    def test_x_up_to_the_last_step_of_an_absolute_fh_is_enough(self, horizon: int | None) -> None:
        """Though an instance that ends later has fewer steps to it than the others."""
        forecaster, y, X = self.fitted(n_epochs=2, output_chunk_length=horizon)
        names, dates = ["store", "time"], y.index[100:102]
        fh = ForecastingHorizon(dates, is_relative=False)
        ends = {"early": 97, "late": 100}
        forecaster.fit(
            pd.concat({k: y.iloc[:n] for k, n in ends.items()}, names=names),
            X=pd.concat({k: X.iloc[:n] for k, n in ends.items()}, names=names),
            fh=fh,
        )
        known = pd.concat({k: X.iloc[n:102] for k, n in ends.items()}, names=names)
        longer = pd.concat({k: X.iloc[n:120] for k, n in ends.items()}, names=names)
        forecast = forecaster.predict(X=known)
        assert list(forecast.loc["late"].index) == list(dates)
        pd.testing.assert_frame_equal(forecast, forecaster.predict(X=longer))

    def test_a_step_does_not_depend_on_how_far_the_others_reach(self) -> None:
        """Also by a backbone that reads what is known ahead as a whole."""
        forecaster, y, X = self.fitted(cls=BackboneForecaster, n_epochs=1, backbone="lstm")
        forecaster.fit(y.iloc[:-5], X=X.iloc[:-5], fh=[1, 2, 3])
        whole, one = (forecaster.predict(fh=fh, X=X.iloc[-5:]) for fh in ([1, 2, 3], [2]))
        np.testing.assert_allclose(one, whole.iloc[[1]], rtol=1e-5)
        less = forecaster.predict(fh=[2], X=X.iloc[-5:-3])
        assert np.abs(less - one).max(axis=None) > 1e-3, "what is not known is not read"

    def test_past_covariates_stop_it_from_going_on(self) -> None:
        forecaster, y, X = self.fitted(past_covariates=["before"], output_chunk_length=2)
        forecaster.fit(y, X=X)
        with pytest.raises(ValueError, match=r"fh reaches step 3.*'before'.*output_chunk_length=3"):
            forecaster.predict(fh=[3], X=X)


class TestValidation:
    def test_best_epoch_is_kept(self, panel: pd.DataFrame) -> None:
        """A learning rate that rises tenfold by epoch: the last epoch is not the best one."""
        losses = []

        class Losses(pl.Callback):
            def __deepcopy__(self, memo: dict) -> "Losses":
                return self

            def on_validation_end(self, trainer: pl.Trainer, pl_module: Any) -> None:
                if not trainer.sanity_checking:
                    losses.append(trainer.callback_metrics["val_loss"].item())

        forecaster = make(
            n_epochs=5,
            optimizer_kwargs={"lr": 1e-3},
            lr_scheduler_cls=torch.optim.lr_scheduler.ExponentialLR,
            lr_scheduler_kwargs={"gamma": 10.0},
            backbone="nlinear",
            validation_size=0.2,
            scaler=None,
            pl_trainer_kwargs={"callbacks": [Losses()]},
        )
        network = forecaster.fit(panel, fh=[1]).model_.network.eval()
        assert len(losses) == 5
        assert losses[-1] > 2 * min(losses)
        held_out = torch.tensor(panel.to_numpy()[-24 - L :])
        windows = held_out.unfold(0, L + 1, 1).transpose(1, 2)  # (B, L + 1, C)
        with torch.no_grad():
            error = network(windows[:, :L])[..., 0] - windows[:, L:]
        assert error.square().mean().item() == pytest.approx(min(losses), rel=1e-4)

    def test_patience_stops_training(self, panel: pd.DataFrame) -> None:
        kwargs = {"n_epochs": 50, "optimizer_kwargs": {"lr": 10.0}, "validation_size": 0.2}
        patient = make(**kwargs, patience=1).fit(panel, fh=[1])
        assert patient.model_.epochs_trained < 50

    def test_held_out_rows_do_not_reach_the_scaler(self, panel: pd.DataFrame) -> None:
        wild = panel.copy()
        wild.iloc[-20:] = 1e6
        forecaster = make(validation_size=20 / 120, n_epochs=1).fit(wild, fh=[1, 2])
        np.testing.assert_allclose(
            forecaster.trained_.y_scaler.of(()).mean, panel.iloc[:-20].mean(), rtol=1e-5
        )
