"""Errors of single windows, and residual quantiles."""

from collections.abc import Sequence

import pytest
import torch
from made_series import H, L, clustered, noise
from naive_windows import design

from hyperforecast.nn.exact import (
    BasisWeights,
    ExactOptions,
    ObservedSeries,
    Problem,
    SearchSpace,
    Setting,
    WindowLayout,
)
from hyperforecast.nn.exact.settings.candidate import Candidate
from hyperforecast.nn.exact.splits import validation_windows
from hyperforecast.nn.exact.splits.data_split import DataSplit
from hyperforecast.nn.exact.splits.validation_windows import ValidationWindows


def windows_of(series: Sequence[ObservedSeries]) -> ValidationWindows:
    search = SearchSpace(n_factors=(0, 2))
    split = DataSplit(Problem(L, H, search=search), series, ExactOptions(), None, "validation")
    return ValidationWindows(split)


def made_candidate(windows: ValidationWindows, norm: str = "last", n_factors: int = 0) -> Candidate:
    """A candidate with any weights."""
    n_regressors = L + 8 * n_factors + 1
    weights = BasisWeights(noise(1, H, n_regressors, seed=2), noise(1, 0))
    setting = Setting(norm, 0, False, n_factors)
    return Candidate(setting, weights, windows.split.mixing(setting), 0.0)


class TestErrors:
    @pytest.mark.parametrize("n_factors", [0, 2])
    @pytest.mark.parametrize("norm", ["none", "last", "mean", "revin"])
    def test_are_those_of_forecasts_one_by_one(self, norm: str, n_factors: int) -> None:
        series = [clustered(40), clustered(L + H, seed=4), clustered(25, seed=5)]
        windows = windows_of(series)
        candidate = made_candidate(windows, norm, n_factors)
        loadings = windows.split.loadings[:, :n_factors] if n_factors else None
        weight, _ = candidate.weights.of_channels(candidate.mixing)
        expected = []
        for one in windows.split.series:
            x, y, _ = design(one, WindowLayout(L, H, 0, norm, loadings, L if n_factors else 0))
            expected.append((y - torch.einsum("tcp,chp->tch", x, weight)).square().mean(dim=2))
        torch.testing.assert_close(windows.errors(candidate), torch.cat(expected).T)
        assert windows.series.tolist() == [0] * 31 + [1] + [2] * 16

    def test_windows_of_too_short_series_are_none(self) -> None:
        windows = windows_of([clustered(L + H - 1), clustered(20)])
        assert windows.errors(made_candidate(windows)).shape == (8, 11)
        assert windows.series.tolist() == [0] * 11

    def test_are_taken_once_of_each_candidate(self) -> None:
        windows = windows_of([clustered(40)])
        candidate = made_candidate(windows)
        assert windows.errors(candidate) is windows.errors(candidate)

    @pytest.mark.parametrize("max_windows", [512, 5])
    def test_of_a_norm_are_not_those_of_another(
        self, max_windows: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Windows are kept for one setting at a time, if they are few."""
        monkeypatch.setattr(validation_windows, "MAX_WINDOWS", max_windows)
        series = [clustered(40, seed=k) for k in range(3)]
        windows = windows_of(series)
        for norm in ("none", "last", "none", "last"):
            found = windows.errors(made_candidate(windows, norm))
            torch.testing.assert_close(
                found, windows_of(series).errors(made_candidate(windows, norm))
            )


class TestTimes:
    """Where in time the windows lie of which errors are taken."""

    def test_series_lie_where_they_start(self) -> None:
        rows = noise(L + H + 2, 1)  # three windows
        series = [ObservedSeries(rows, start=start) for start in (100, 98, 200)]
        windows = windows_of(series)
        assert windows.times.tolist() == [100, 101, 102, 98, 99, 100, 200, 201, 202]
        assert windows.n_apart == 8 // H  # two of the nine windows begin together

    def test_series_begin_together_if_they_do_not_say(self) -> None:
        windows = windows_of([ObservedSeries(noise(L + H + n - 1, 1, seed=n)) for n in (3, 5)])
        assert windows.times.tolist() == [0, 1, 2, 0, 1, 2, 3, 4]
        assert windows.n_apart == 5 // H

    @pytest.mark.parametrize(("n_windows", "stride"), [(512, 1), (513, 2), (1024, 2), (1025, 3)])
    def test_windows_are_evenly_spread(self, n_windows: int, stride: int) -> None:
        windows = windows_of([ObservedSeries(noise(L + H + n_windows - 1, 1))])
        assert windows.times.tolist() == list(range(0, n_windows, stride))
        assert windows.n_apart == n_windows // H  # of all windows

    @pytest.mark.parametrize(("max_values", "n_windows"), [(0, 64), (100 * 2 * (L + H), 100)])
    def test_as_many_as_fit_but_64(
        self, max_values: int, n_windows: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(validation_windows, "MAX_COMPARED", max_values)
        windows = windows_of([ObservedSeries(noise(L + H + 6400 - 1, 2))])
        assert windows.times.tolist() == list(range(0, 6400, 6400 // n_windows))

    def test_windows_of_several_series_are_taken_at_the_same_times(self) -> None:
        target = noise(L + H + 1500 - 1, 1)
        long = ObservedSeries(target, start=0)
        late = ObservedSeries(noise(L + H + 10 - 1, 1, seed=1), start=1000)
        windows = windows_of([long, late])
        expected = [*range(0, 1500, 3)]
        assert windows.times.tolist() == [*expected, *(t for t in expected if 1000 <= t < 1010)]
        # and the errors are those of these windows
        candidate = made_candidate(windows)
        x, y, _ = design(windows.split.series[1], WindowLayout(L, H, norm="last"))
        weight, _ = candidate.weights.of_channels(candidate.mixing)
        errors = (y - torch.einsum("tcp,chp->tch", x, weight)).square().mean(dim=2).T
        torch.testing.assert_close(windows.errors(candidate)[:, 500:], errors[:, 2::3])

    def test_the_same_windows_are_taken_of_a_series_given_twice(self) -> None:
        series = ObservedSeries(noise(L + H + 900 - 1, 1))
        once, twice = windows_of([series]), windows_of([series, series])
        assert twice.times.tolist() == once.times.tolist() * 2
        assert twice.n_apart == once.n_apart
        assert set(twice.series.tolist()) == {0}
