"""Held-out windows."""

import pytest
import torch
from made_series import H, L, noise
from naive_windows import design

from hyperforecast.nn.exact import (
    ObservedSeries,
    Problem,
    SearchSpace,
    Setting,
    WindowLayout,
    solve_exact,
)
from hyperforecast.nn.exact.splits.hold_out import hold_out


class TestHoldOut:
    @pytest.mark.parametrize("shift", [0, 3])
    def test_targets_do_not_overlap_and_follow_in_time(self, shift: int) -> None:
        rows = torch.arange(100.0)[:, None]
        problem = Problem(L, H, shift)
        (((training,), (validation,)),) = hold_out(problem, [ObservedSeries(rows)], 0.2)
        _, trained, _ = design(training, WindowLayout(L, H, shift))
        _, held, _ = design(validation, WindowLayout(L, H, shift))
        n_windows = 100 - L - shift - H + 1
        assert len(held) == round(0.2 * n_windows)
        assert trained.max() < held.min()
        assert held.min() == trained.max() + 1  # and no row is lost between
        assert held.max() == 99

    def test_covariates_go_with_their_rows(self) -> None:
        rows = torch.arange(60.0)[:, None]
        series = ObservedSeries(
            rows, past=rows + 1, future=rows + 2, static=torch.ones(1, 1), start=5
        )
        ((training, validation),) = hold_out(Problem(L, H), [series], 0.25)
        for part in (*training, *validation):
            torch.testing.assert_close(part.past, part.target + 1)
            torch.testing.assert_close(part.future, part.target + 2)
            assert part.start == 5 + part.target[0].item()
            assert part.static is series.static

    def test_too_short_series_are_trained_on(self) -> None:
        long, short = ObservedSeries(noise(100, 1)), ObservedSeries(noise(L + H + 1, 1))
        ((training, validation),) = hold_out(Problem(L, H), [long, short], 0.2)
        assert len(training) == 2
        assert len(validation) == 1
        assert training[1].target is short.target

    @pytest.mark.parametrize(
        ("n_rows", "expected"), [(10, []), (11, [11]), (15, [15]), (16, [11, 11]), (17, [12, 11])]
    )
    def test_both_parts_hold_a_window_or_there_is_one(
        self, n_rows: int, expected: list[int]
    ) -> None:
        """A window spans eleven rows, and the last five are the targets that are held out."""
        ((training, validation),) = hold_out(Problem(6, 5), [ObservedSeries(noise(n_rows, 1))], 0.2)
        assert [len(one.target) for one in (*training, *validation)] == expected

    @pytest.mark.parametrize(("n_windows", "compares"), [(17, False), (18, True)])
    def test_four_windows_are_compared_on_and_three_are_not(
        self, n_windows: int, compares: bool
    ) -> None:
        series = ObservedSeries(noise(L + H + n_windows - 1, 3))
        (((_,), (held,)),) = hold_out(Problem(L, H), [series], 0.2)
        assert len(held.target) - L - H + 1 == (4 if compares else 3)
        assert bool(solve_exact(Problem(L, H), [series]).compared) == compares
        # two series of two windows each are four, the same one twice is two
        several = [ObservedSeries(noise(L + H + 9, 3, seed=k)) for k in range(2)]
        assert solve_exact(Problem(L, H), several).compared
        assert not solve_exact(Problem(L, H), [several[0], several[0]]).compared

    @pytest.mark.parametrize("n_windows", [2, 15])
    def test_nothing_to_hold_out_falls_back_to_the_simplest(self, n_windows: int) -> None:
        series = ObservedSeries(noise(L + H + n_windows - 1, 3))
        problem = Problem(
            L,
            H,
            search=SearchSpace(norms=("none", "last"), embedding_dims=(0, 2), n_factors=(0, 1)),
            quantiles=(0.01, 0.99),
        )
        with pytest.warns(UserWarning, match="take 99 independent windows"):
            solution = solve_exact(problem, [series])
        assert solution.compared == []
        assert solution.setting == Setting("last", 0, False, 0, 1e-2)
        assert (solution.residual_quantiles.offsets.diff(dim=2) > 0).all()
        assert torch.isfinite(solution.weights.weight).all()

    def test_a_short_straight_line_goes_on(self) -> None:
        line = torch.arange(10.0, dtype=torch.float64)[:, None]
        solution = solve_exact(
            Problem(4, 1, search=SearchSpace(norms=("none", "last"))), [ObservedSeries(line)]
        )
        series = solution.units.standardise(ObservedSeries(line))
        x, y, _ = design(series, WindowLayout(4, 1, norm="last"))
        weight, _ = solution.weights.of_channels(solution.mixing)
        torch.testing.assert_close(torch.einsum("tcp,chp->tch", x, weight), y)

    def test_nothing_to_hold_out_with_weights_of_their_own(self) -> None:
        solution = solve_exact(
            Problem(L, H, search=SearchSpace(embedding_dims=(3,))),
            [ObservedSeries(noise(L + H, 3))],
        )
        assert solution.setting.individual
        assert solution.mixing.shape == (3, 3)
