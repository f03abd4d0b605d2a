"""Means and deviations of series, against those of all their rows."""

from dataclasses import replace

import pytest
import torch
from made_series import noise

from hyperforecast.nn.exact import MeanDeviation, ObservedSeries, Units


def make(n_rows: int, seed: int) -> ObservedSeries:
    return ObservedSeries(
        10 + 3 * noise(n_rows, 2, seed=seed),
        past=noise(n_rows, 1, seed=seed + 1),
        future=noise(n_rows, 1, seed=seed + 2),
        static=noise(2, 3, seed=seed + 3),
    )


class TestMeanDeviation:
    def test_is_that_of_all_rows(self) -> None:
        parts = [noise(30, 2) + 5, noise(7, 2, seed=1)]
        found = MeanDeviation.of(parts)
        torch.testing.assert_close(found.mean, torch.cat(parts).mean(dim=0))
        torch.testing.assert_close(found.deviation, torch.cat(parts).std(dim=0, correction=0))

    @pytest.mark.parametrize("level", [1e6, 1e8, 1e10])
    def test_levels_cost_no_digits(self, level: float) -> None:
        whole = torch.arange(400.0, dtype=torch.float64)[:, None]  # exact beside any of the levels
        found, expected = MeanDeviation.of([whole + level]), MeanDeviation.of([whole])
        torch.testing.assert_close(found.mean - level, expected.mean, rtol=1e-12, atol=0.0)
        torch.testing.assert_close(found.deviation, expected.deviation, rtol=1e-12, atol=0.0)

    @pytest.mark.parametrize("value", [0.1, 1e9 / 3, -7.0, 0.0])
    def test_of_a_constant_is_its_value_and_zero(self, value: float) -> None:
        def rows(n: int) -> torch.Tensor:
            return torch.full((n, 1), value, dtype=torch.float64)

        found = MeanDeviation.of([rows(n) for n in (1001, 3, 7)])
        assert found.mean.item() == value
        assert found.deviation.item() == 0.0
        assert (found.standardise(rows(5)) == 0).all()

    def test_what_rounding_makes_of_a_constant_is_none(self) -> None:
        rounded = 0.1 * torch.arange(1, 500, dtype=torch.float64)
        rounded = (rounded / torch.arange(1, 500))[:, None]
        assert rounded.unique().numel() > 1
        assert MeanDeviation.of([rounded]).deviation.item() == 0.0


class TestUnits:
    def test_of_covariates_are_taken_where_windows_see_them(self) -> None:
        """The first rows of the future and the last rows of the past are in no window."""
        lookback, n_ahead = 5, 3
        several = [make(30, 0), make(20, 10)]
        expected = Units.of(several, lookback, n_ahead)
        hidden = []
        for one in several:
            past, future = one.past.clone(), one.future.clone()
            past[-n_ahead:], future[:lookback] = 1e9, 1e9
            hidden.append(replace(one, past=past, future=future))
        found = Units.of(hidden, lookback, n_ahead)
        for kind in ("target", "past", "future", "static"):
            torch.testing.assert_close(getattr(found, kind), getattr(expected, kind))
        torch.testing.assert_close(
            found.past.mean, torch.cat([o.past[:-n_ahead] for o in several]).mean(dim=0)
        )
        torch.testing.assert_close(
            found.static.mean, torch.cat([o.static for o in several]).mean(dim=0)
        )

    def test_standardise_all_that_there_is(self) -> None:
        series = make(200, 0)
        found = Units.of([series], 1, 0).standardise(series)
        for values in (found.target, found.past, found.future[1:], found.static):
            assert values.mean(dim=0).abs().max() < 1e-12
            torch.testing.assert_close(values.std(dim=0, correction=0), torch.ones_like(values[0]))
        bare = ObservedSeries(series.target, start=4)
        found = Units.of([bare], 1, 0).standardise(bare)
        assert found.past is found.future is found.static is None
        assert found.start == 4

    @pytest.mark.parametrize("channels", [None, (1, 1), (1, 2)])
    def test_series_are_standardised_together_as_each_alone(self, channels) -> None:
        """Of all channels, of one of three each, and of one and two."""
        several = [make(30, 0), make(20, 10)]
        if channels is not None:
            several = [
                replace(
                    one,
                    target=one.target[:, :n],
                    static=one.static[:n],
                    channels=2 - torch.arange(i, i + n),
                )
                for i, (one, n) in enumerate(zip(several, channels, strict=True))
            ]
        units = Units.of(several, 5, 3, None if channels is None else 3)
        for found, one in zip(units.standardise_all(several), several, strict=True):
            own = units.target.some(one.channels)
            unit = torch.where(own.deviation > 0, own.deviation, torch.inf)
            assert torch.equal(found.target, (one.target - own.mean) / unit)
            for kind in ("past", "future", "static"):
                expected = getattr(units, kind).standardise(getattr(one, kind))
                assert torch.equal(getattr(found, kind), expected)

    def test_a_channel_that_moves_elsewhere_is_in_units_of_that(self) -> None:
        still, moving = noise(50, 3), noise(20, 3, seed=1)
        still[:, 1:] = 4.0
        moving[:, 2] = 4.0
        before = Units.of([ObservedSeries(still)], 1, 0)
        found = before.with_channels_that_move([ObservedSeries(moving)]).target
        torch.testing.assert_close(found.mean, before.target.mean)
        assert found.deviation[0] == before.target.deviation[0]
        expected = (moving[:, 1] - 4.0).square().mean().sqrt()
        torch.testing.assert_close(found.deviation[1], expected)
        assert found.deviation[2] == 0.0

    @pytest.mark.parametrize(("factor", "replaced"), [(0.1, False), (50.0, False), (200.0, True)])
    def test_one_that_hardly_moves_is_in_units_of_where_it_does(
        self, factor: float, replaced: bool
    ) -> None:
        """By what it moves about its own mean there: another level alone is no movement."""
        still = noise(5000, 1)
        moving = ObservedSeries(1e6 + factor * noise(5000, 1, seed=1))
        before = Units.of([ObservedSeries(still)], 1, 0)
        found = before.with_channels_that_move([moving]).target
        torch.testing.assert_close(found.mean, before.target.mean)
        expected = factor if replaced else 1.0
        assert found.deviation.item() == pytest.approx(expected, rel=0.05)


def test_gaps_are_left_out() -> None:
    target = torch.randn(40, 2, dtype=torch.float64)
    gaps = torch.rand(40, 2) < 0.3
    gaps[0] = True
    filled = ObservedSeries(target.masked_fill(gaps, 9.0), gaps=gaps)
    found = Units.of([filled], 6, 2).target
    for channel in range(2):
        known = target[~gaps[:, channel], channel]
        torch.testing.assert_close(found.mean[channel], known.mean())
        torch.testing.assert_close(found.deviation[channel], known.std(correction=0))
