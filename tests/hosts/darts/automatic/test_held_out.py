"""Rows held out, and errors there."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
import torch
from darts import TimeSeries

from hyperforecast.darts import BackboneModel
from hyperforecast.darts.automatic import held_out as module
from hyperforecast.darts.automatic.held_out import (
    Gain,
    HeldOutWindows,
    Lengths,
    Observed,
    filler_before,
    split,
    squared,
    units_of,
    variances_of,
)
from hyperforecast.darts.automatic.naive import naive_map

LENGTHS = Lengths(lookback=5, horizon=3, shift=1)


def windows_of(*series: TimeSeries, variances: list[float] | None = None) -> HeldOutWindows:
    scale = np.ones(series[0].n_components) if variances is None else np.array(variances)
    return HeldOutWindows(Observed(list(series)), LENGTHS, scale)


class TestSplit:
    def test_targets_follow_each_other(self, series: TimeSeries) -> None:
        training, held_out = split(Observed([series]), LENGTHS, 0.2)
        first = held_out.series[0][LENGTHS.lookback + LENGTHS.shift :]
        assert training.series[0].end_time() + series.freq == first.start_time()
        n_windows = len(series) - LENGTHS.width + 1
        assert len(held_out.series[0]) - LENGTHS.width + 1 == round(0.2 * n_windows)

    def test_is_that_of_the_exact_solver(self, series: TimeSeries) -> None:
        """What is chosen here is what a model that holds rows out itself chooses."""
        training, held_out = split(Observed([series]), Lengths(12, 4, 0), 0.2)
        given = BackboneModel(12, 4, solver="exact")
        given.fit(training.series[0], val_series=held_out.series[0])
        alone = BackboneModel(12, 4, solver="exact", solver_kwargs={"validation_size": 0.2})
        alone.fit(series)
        pd.testing.assert_frame_equal(given.solver_report, alone.solver_report, atol=1e-6)

    def test_what_belongs_to_series_goes_with_them(self, make_series: Callable) -> None:
        long, short = make_series(60), make_series(10)
        data = Observed([short, long], [short, long], None, [short, long])
        training, held_out = split(data, LENGTHS, 0.2)
        assert [len(one) for one in training.series] == [10, 60 - len(held_out.series[0]) + 6]
        assert held_out.past_covariates == [long]
        assert held_out.to_fit().keys() == {"series", "past_covariates", "sample_weight"}
        assert held_out.inputs("val_").keys() == {"val_series", "val_past_covariates"}


class TestUnits:
    def named(self, **levels: float) -> Observed:
        """Series that are known by their components, one of a deviation each."""
        values = np.tile([[-1.0], [1.0]], (10, 1))
        return Observed(
            [TimeSeries.from_values(k * values, columns=[one]) for one, k in levels.items()]
        )

    def test_are_those_of_each_series_where_it_is_known_by_name(self) -> None:
        training = self.named(small=1.0, large=10.0)
        held_out = self.named(large=3.0, new=5.0, small=4.0)
        found = units_of(held_out, training)
        np.testing.assert_allclose(found, [[100.0], [50.5], [1.0]])
        assert units_of(held_out.of([], []), training).shape == (0, 1)

    def test_are_those_of_all_rows_where_it_is_not(self) -> None:
        training = Observed(
            [
                one.with_columns_renamed(one.components[0], "y")
                for one in self.named(small=1.0, large=10.0).series
            ]
        )
        np.testing.assert_allclose(units_of(training, training), [[50.5], [50.5]])

    def test_divide_the_errors_of_their_series(self, make_series: Callable) -> None:
        series = [make_series(40), make_series(30)]
        one, other = (
            HeldOutWindows(Observed(series), LENGTHS, np.array(units))
            for units in (np.ones(3), [[1.0] * 3, [4.0] * 3])
        )
        ones = naive_map("last value", LENGTHS.lookback, LENGTHS.horizon)
        found, expected = (w.residuals_of_map(ones) for w in (other, one))
        n_first = LENGTHS.n_windows(40)
        torch.testing.assert_close(found[:, :n_first], expected[:, :n_first])
        torch.testing.assert_close(2 * found[:, n_first:], expected[:, n_first:])


class TestErrors:
    def test_are_those_of_every_window_in_units_of_the_variances(
        self, make_series: Callable
    ) -> None:
        series = make_series(30)
        windows = windows_of(series, variances=[1.0, 4.0, 0.0])
        values = series.values()
        expected = [
            [np.square(values[t + 6 : t + 9, c] - values[t + 4, c]).mean() for t in range(22)]
            for c in range(3)
        ]
        found = squared(windows.residuals_of_map(naive_map("last value", 5, 3, shift=1)))
        np.testing.assert_allclose(found[0], expected[0], rtol=1e-6)
        np.testing.assert_allclose(found[1], np.array(expected[1]) / 4, rtol=1e-6)
        assert not found[2].any()  # constant in training

    def test_of_a_model_are_those_of_its_forecasts(
        self, make_series: Callable, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "MAX_TIMES", 7)
        monkeypatch.setattr(module, "MIN_TIMES", 7)
        series = [make_series(60), make_series(40, seed=1)[2:]]
        model = BackboneModel(5, 3, output_chunk_shift=1, solver="exact").fit(series)
        windows = windows_of(*series)
        found = squared(windows.residuals_of(model))
        assert found.shape == (3, len(windows.times))
        column = 0
        for one in series:
            begin = (one.start_time() - series[0].start_time()).days
            for t in range(len(one) - LENGTHS.width + 1):
                if (begin + t) % windows.stride:
                    continue
                forecast = model.predict(3, one[t : t + 5]).values()
                ahead = one.values()[t + 6 : t + 9]
                expected = np.square(ahead - forecast).mean(axis=0)
                np.testing.assert_allclose(found[:, column], expected, rtol=1e-4, atol=1e-6)
                assert windows.times[column] == begin + t
                column += 1
        assert column == found.shape[1] == 10

    def test_are_means_over_the_values_that_are_there(self, make_series: Callable) -> None:
        series = make_series(40)
        gappy = series.values().astype(float)
        gappy[20:23, 1], gappy[30, 2] = np.nan, np.nan
        data = Observed([series.with_values(gappy)])
        filler = filler_before(data, data, LENGTHS.lookback)
        assert filler is not None
        windows = HeldOutWindows(data, LENGTHS, np.ones(3), filler)
        last = naive_map("last value", 5, 3, shift=1)
        begins = range(len(gappy) - LENGTHS.width + 1)
        inputs = filler(torch.from_numpy(np.stack([gappy[t : t + 5].T for t in begins])))
        errors = np.stack([gappy[t + 6 : t + 9].T - inputs[t, :, -1:].numpy() for t in begins])
        found = squared(windows.residuals_of_map(last))
        assert found.mean() == pytest.approx(np.nanmean(np.square(errors)))
        assert not found[1, 14]  # whose three rows ahead are missing
        # what one gains on another is in these units, too
        zero = squared(windows.residuals_of_map(0 * last))
        ahead = np.stack([gappy[t + 6 : t + 9].T for t in begins])
        saved = np.nanmean(np.square(ahead)) - np.nanmean(np.square(errors))
        gain = saved / np.nanmean(np.square(ahead))
        assert windows.gain(zero, found).gain == pytest.approx(gain)

        model = BackboneModel(5, 3, output_chunk_shift=1, solver="exact").fit(data.series[0])
        forecasts = np.stack([model.predict(3, data.series[0][t : t + 5]).values() for t in begins])
        ahead = np.stack([gappy[t + 6 : t + 9] for t in begins])
        expected = np.nanmean(np.square(ahead - forecasts))
        assert squared(windows.residuals_of(model)).mean() == pytest.approx(expected, rel=1e-4)

    def test_units_are_those_of_the_values_that_are_there(self) -> None:
        values = np.array([[1.0, np.nan], [3.0, np.nan], [np.nan, np.nan], [8.0, np.nan]])
        found = variances_of([TimeSeries.from_values(values)])
        np.testing.assert_allclose(found, [np.var([1.0, 3.0, 8.0]), 0.0])

    def test_a_drift_goes_straight_on_over_gaps(self) -> None:
        rows = np.arange(60.0)[:, None] * [1.0, -2.0]
        held_out = Observed([TimeSeries.from_values(rows[40:])])
        rows[[3, 4, 20]] = np.nan
        before = Observed([TimeSeries.from_values(rows[:40])])
        filler = filler_before(held_out, before, LENGTHS.lookback)
        windows = HeldOutWindows(held_out, LENGTHS, np.ones(2), filler)
        drift = naive_map("drift", 5, 3, shift=1)
        found = windows.residuals_of_map(drift, drift=True, before=before)
        assert found.abs().max() < 0.02  # where rows are one and two apart

    def test_a_drift_knows_the_rows_before_alone(self, make_series: Callable) -> None:
        series = make_series(40)
        before, after = series[:20], series[20:]
        windows, values = windows_of(after), after.values()
        last = naive_map("drift", 5, 3, shift=1)
        change = drift_of(before.values())
        found = squared(windows.residuals_of_map(last, drift=True, before=Observed([before])))
        forecast = values[4] + change * np.arange(2, 5)[:, None]
        np.testing.assert_allclose(
            found[:, 0], np.square(values[6:9] - forecast).mean(0), rtol=1e-5
        )
        # without them, those up to the window's last one
        found = squared(windows.residuals_of_map(last, drift=True))
        change = drift_of(values[:8])
        forecast = values[7] + change * np.arange(2, 5)[:, None]
        np.testing.assert_allclose(
            found[:, 3], np.square(values[9:12] - forecast).mean(0), rtol=1e-5
        )


def drift_of(values: np.ndarray) -> np.ndarray:
    """Mean changes, of which those with larger standard errors are not told from zero."""
    changes = np.diff(values, axis=0)
    mean, error = changes.mean(axis=0), changes.std(axis=0, ddof=1) / np.sqrt(len(changes))
    return np.where(abs(mean) > error, mean - error**2 / mean, 0)


class TestDrift:
    """Whether a drift goes on: windows of five rows, the step after the next and two more."""

    LAST = naive_map("last value", 5, 3, shift=1)

    def of(self, values: np.ndarray) -> bool:
        return windows_of(TimeSeries.from_values(values)).drift_goes_on(self.LAST)

    def test_of_a_trend(self) -> None:
        noise = np.random.default_rng(0).normal(size=(80, 2))
        assert self.of(np.arange(80.0)[:, None] + noise)
        assert not self.of(noise)

    def test_of_a_trend_that_came_last(self) -> None:
        """Where rows held out alone would say that it does."""
        together = np.concatenate([np.zeros(60), np.arange(20.0)])
        noise = np.random.default_rng(0).normal(size=(80, 8))
        assert not self.of(-0.3 * np.arange(80.0)[:, None] + 0.6 * together[:, None] + noise)

    def test_early_windows_know_too_little(self) -> None:
        up_and_down = np.repeat([4.0, -4.0, 4.0, -4.0], 8)  # where mean changes are far off
        values = np.concatenate([up_and_down, np.ones(48)]).cumsum()
        windows = windows_of(TimeSeries.from_values(values[:, None]))
        errors = [squared(windows.residuals_of_map(self.LAST, drift=d)) for d in (False, True)]
        assert errors[0].mean() < errors[1].mean()
        assert self.of(values[:, None])

    def test_fewer_rows_than_a_late_window(self) -> None:
        assert not self.of(np.arange(8.0)[:, None])


class TestGain:
    def test_is_clear_beyond_a_standard_error_and_a_per_cent(self, series: TimeSeries) -> None:
        windows = windows_of(series)
        random = torch.Generator().manual_seed(0)
        errors = 1 + 0.01 * torch.rand(1, len(windows.times), generator=random)
        gain = windows.gain(errors, 0.97 * errors)
        assert gain.gain == pytest.approx(0.03)
        assert gain.clear
        assert gain.size.startswith("3.0 % ± 0.")
        assert not windows.gain(errors, 0.995 * errors).clear
        noisy = errors.clone()
        noisy[0, : noisy.shape[1] // 8] = 0.5  # one block of eight
        gain = windows.gain(errors, noisy)
        assert gain.gain > 0.05
        assert gain.standard_error > 0.9 * gain.gain

    def test_over_time_takes_more_than_channels_that_move_together(self) -> None:
        windows = windows_of(TimeSeries.from_values(np.zeros((40, 8))))
        reference = torch.ones(8, len(windows.times))
        first = torch.arange(len(windows.times)) < len(windows.times) // 8  # one block of eight
        errors = torch.where(first, 0.5, 1.0).expand(8, -1)
        assert windows.gain(reference, errors).clear
        assert not windows.gains_over_time(reference, errors + 1e-3)
        assert windows.gains_over_time(reference, 0.9 * reference)

    def test_of_errors_of_zero_there_is_none(self, series: TimeSeries) -> None:
        windows = windows_of(series)
        errors = torch.zeros(3, len(windows.times))
        assert windows.gain(errors, errors) == (0.0, 0.0, False)


class TestGainInASentence:
    def test_has_its_standard_error_beside_it(self) -> None:
        assert Gain(0.123, 0.01, True).size == "12.3 % ± 1.0 %"
        assert Gain(0.123, float("inf"), False).size == "12.3 %"

    def test_of_less_than_nothing_is_a_loss(self) -> None:
        assert Gain(-0.123, 0.01, False).size == "12.3 % ± 1.0 %"
        assert Gain(-0.123, 0.01, False).is_loss
        assert not Gain(-0.0004, 0.01, False).is_loss  # told as 0.0 %
        assert not Gain(0.123, 0.01, True).is_loss
