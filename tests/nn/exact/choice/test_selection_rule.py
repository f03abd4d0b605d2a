"""The rule by which a setting is preferred, on made-up errors just above and just below it."""

from collections.abc import Callable

import pytest
import torch
from made_race import START, MadeSplit, number, run_race
from torch import Tensor

from hyperforecast.nn.exact import SearchSpace, Setting
from hyperforecast.nn.exact.settings.options import RIDGES

TWO_NORMS = SearchSpace(norms=("none", "last"))
MIDDLE = START


def constant(error: float, n_channels: int = 1, n_windows: int = 16) -> Tensor:
    return torch.full((n_channels, n_windows), error, dtype=torch.float64)


def in_turns(shape: tuple[int, int], amplitude: float, dim: int, length: int = 1) -> Tensor:
    """Return ``amplitude`` with the sign of every stretch of ``length`` along an axis in turns."""
    size = shape[dim]
    signs = (torch.arange(size) // length % 2 * 2 - 1).double() * amplitude
    return signs.expand(shape) if dim == 1 else signs[:, None].expand(shape)


def preferred(
    monkeypatch: pytest.MonkeyPatch, gains: Tensor, n_apart: int = 100, simple: float = 1.0
) -> bool:
    """Say whether a norm that gains so much in each window is preferred; one ridge is compared."""

    def errors(setting: Setting) -> Tensor:
        return constant(simple, *gains.shape) - gains * (setting.norm == "last")

    split = MadeSplit(errors, TWO_NORMS, ridge=1.0)
    return run_race(monkeypatch, split, n_apart)[0].norm == "last"


class TestOneStandardError:
    @pytest.mark.parametrize(("gain", "expected"), [(0.0505, True), (0.0495, False)])
    def test_over_eight_blocks(
        self, monkeypatch: pytest.MonkeyPatch, gain: float, expected: bool
    ) -> None:
        # block means of 0.05 sqrt(7) in turns: deviation 0.05 sqrt(8), error 0.05
        gains = gain + in_turns((1, 16), 0.05 * 7**0.5, dim=1, length=2)
        assert preferred(monkeypatch, gains) == expected

    @pytest.mark.parametrize(("gain", "expected"), [(0.0505, True), (0.0495, False)])
    @pytest.mark.parametrize(("n_apart", "n_blocks"), [(0, 2), (1, 2), (2, 2), (4, 4)])
    def test_over_as_many_blocks_as_there_are_horizons_but_two(
        self,
        monkeypatch: pytest.MonkeyPatch,
        n_apart: int,
        n_blocks: int,
        gain: float,
        expected: bool,
    ) -> None:
        amplitude = 0.05 * (n_blocks - 1) ** 0.5
        gains = gain + in_turns((1, 16), amplitude, dim=1, length=16 // n_blocks)
        assert preferred(monkeypatch, gains, n_apart) == expected

    @pytest.mark.parametrize(("gain", "expected"), [(0.0505, True), (0.0495, False)])
    def test_over_six_channels(
        self, monkeypatch: pytest.MonkeyPatch, gain: float, expected: bool
    ) -> None:
        # three windows are too few for two blocks
        gains = gain + in_turns((6, 3), 0.05 * 5**0.5, dim=0)
        assert preferred(monkeypatch, gains) == expected

    def test_over_five_channels_is_none(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert not preferred(monkeypatch, constant(0.9, 5, 3))
        assert preferred(monkeypatch, constant(0.9, 6, 3))

    def test_over_either_suffices(self, monkeypatch: pytest.MonkeyPatch) -> None:
        in_time = in_turns((6, 16), 1.0, dim=1, length=2)
        over_channels = in_turns((6, 16), 1.0, dim=0)
        assert preferred(monkeypatch, 0.05 + in_time)
        assert preferred(monkeypatch, 0.05 + over_channels)
        assert not preferred(monkeypatch, 0.05 + in_time + over_channels)


class TestOnePerCent:
    @pytest.mark.parametrize(("gain", "expected"), [(0.0101, True), (0.0099, False)])
    def test_is_the_least_gain(
        self, monkeypatch: pytest.MonkeyPatch, gain: float, expected: bool
    ) -> None:
        assert preferred(monkeypatch, constant(gain)) == expected  # the same everywhere

    @pytest.mark.parametrize(("gain", "expected"), [(5.05, True), (4.95, False)])
    def test_is_a_part_of_the_error(
        self, monkeypatch: pytest.MonkeyPatch, gain: float, expected: bool
    ) -> None:
        assert preferred(monkeypatch, constant(gain), simple=500.0) == expected

    def test_no_gain_is_none_where_errors_are_zero(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert not preferred(monkeypatch, constant(0.0), simple=0.0)


class TestRequested:
    """What is asked for by name is selected with any gain, and only with one."""

    @staticmethod
    def selected(
        monkeypatch: pytest.MonkeyPatch, gain: float, what: str, requested: bool
    ) -> Setting:
        def errors(setting: Setting) -> Tensor:
            rich = setting.n_factors if what == "n_factors" else setting.embedding_dim
            gains = gain + in_turns((1, 16), 1.0, dim=1, length=2)  # far from clear
            return constant(2.0) - (rich > 0) * gains

        values = {"norms": ("none",), "embedding_dims": (0,), "n_factors": (0,)}
        values["n_factors" if what == "n_factors" else "embedding_dims"] = (0, 3)
        search = SearchSpace(**values, **{f"{what}_requested": requested})
        return run_race(monkeypatch, MadeSplit(errors, search, ridge=1.0))[0]

    @pytest.mark.parametrize("what", ["embedding_dim", "n_factors"])
    @pytest.mark.parametrize(
        ("gain", "requested", "expected"),
        [(1e-6, True, 3), (0.0, True, 0), (-1e-6, True, 0), (0.3, False, 0)],
    )
    def test_takes_any_gain(
        self,
        monkeypatch: pytest.MonkeyPatch,
        what: str,
        gain: float,
        requested: bool,
        expected: int,
    ) -> None:
        assert getattr(self.selected(monkeypatch, gain, what, requested), what) == expected

    @pytest.mark.parametrize(("requested", "expected"), [(True, 3), (False, 0)])
    def test_is_solved_with_every_ridge_that_may_gain(
        self, monkeypatch: pytest.MonkeyPatch, requested: bool, expected: int
    ) -> None:
        """Whose error falls slowly at first, which is not waited for without a wish."""
        falls = [1.3, 1.28, 1.25, 1.1, 0.5]

        def errors(setting: Setting) -> Tensor:
            away = number(setting) - MIDDLE
            if not setting.embedding_dim:
                return constant(1.0 + 0.2 * abs(away))
            return constant(falls[away] if 0 <= away < len(falls) else 1.5)

        search = SearchSpace(embedding_dims=(0, 3), embedding_dim_requested=requested)
        selected, _ = run_race(monkeypatch, MadeSplit(errors, search))
        assert selected.embedding_dim == expected

    def test_does_not_hold_for_the_norm(self, monkeypatch: pytest.MonkeyPatch) -> None:
        search = SearchSpace(
            ("none", "last"), embedding_dim_requested=True, n_factors_requested=True
        )

        def errors(setting: Setting) -> Tensor:
            return constant(1.0) - (setting.norm == "last") * constant(0.005)

        split = MadeSplit(errors, search, ridge=1.0)
        assert run_race(monkeypatch, split)[0].norm == "none"


def by_ridge(table: dict[object, dict[int, float]], key: Callable) -> Callable[[Setting], Tensor]:
    """Return errors from a table, and a valley around each row of it: all windows are alike."""

    def errors(setting: Setting) -> Tensor:
        row = table[key(setting)]
        nearest = min(row, key=lambda k: abs(k - number(setting)))
        return constant(row[nearest] + 0.3 * abs(nearest - number(setting)))

    return errors


class TestSecondComparison:
    """A richer setting is compared with the ridge of the simpler one, then each with its best.

    The embedding is compared with a norm that was selected with the ridge of the first one.
    """

    search = SearchSpace(("none", "last"), embedding_dims=(0, 2))

    def selected(self, monkeypatch: pytest.MonkeyPatch, table: dict) -> Setting:
        split = MadeSplit(
            by_ridge(table, lambda setting: (setting.norm, setting.embedding_dim)), self.search
        )
        return run_race(monkeypatch, split)[0]

    def test_the_simpler_one_has_its_best_ridge_too(self, monkeypatch: pytest.MonkeyPatch) -> None:
        m = MIDDLE
        table = {
            ("none", 0): {m: 1.0},
            ("last", 0): {m: 0.9, m - 1: 0.8, m - 2: 0.7},
            ("last", 2): {m: 0.95, m - 1: 0.8, m - 2: 0.75},  # better than 0.9, worse than 0.7
        }
        setting = self.selected(monkeypatch, table)
        assert (setting.norm, setting.embedding_dim, number(setting)) == ("last", 0, m - 2)

    def test_the_richer_one_wins_with_its_best_ridge(self, monkeypatch: pytest.MonkeyPatch) -> None:
        m = MIDDLE
        table = {
            ("none", 0): {m: 1.0},
            ("last", 0): {m: 0.9, m - 1: 0.85},
            ("last", 2): {m: 0.95, m - 1: 0.8, m - 2: 0.75},
        }
        setting = self.selected(monkeypatch, table)
        assert (setting.norm, setting.embedding_dim, number(setting)) == ("last", 2, m - 2)

    @pytest.mark.parametrize(("error", "dim"), [(0.8415 * 0.9999, 2), (0.8415 * 1.0001, 0)])
    def test_by_one_per_cent_of_the_best(
        self, monkeypatch: pytest.MonkeyPatch, error: float, dim: int
    ) -> None:
        m = MIDDLE
        table = {
            ("none", 0): {m: 1.0},
            ("last", 0): {m: 0.9, m - 1: 0.85},  # less one per cent is 0.8415
            ("last", 2): {m: 0.95, m - 1: error},
        }
        assert self.selected(monkeypatch, table).embedding_dim == dim

    def test_is_not_made_where_the_first_one_is_clear(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        m = MIDDLE
        errors = by_ridge({"none": {m: 1.0}, "last": {m: 0.9}}, lambda setting: setting.norm)
        split = MadeSplit(errors, TWO_NORMS)
        run_race(monkeypatch, split)
        first = [entry.norm for entry in split.solved].index("last")
        # the ridges of the simplest, then the norm once: its ridge is searched when it has won
        assert {entry.norm for entry in split.solved[:first]} == {"none"}
        assert split.solved[first].ridge == split.solved[0].ridge
        assert {entry.norm for entry in split.solved[first:]} == {"last"}


def by_setting(table: dict[tuple[int, int], float]) -> Callable[[Setting], Tensor]:
    """Return errors by length of the embedding and number of factors, the same in all windows."""
    return lambda setting: constant(table[setting.embedding_dim, setting.n_factors])


def compared(
    monkeypatch: pytest.MonkeyPatch,
    table: dict[tuple[int, int], float],
    n_channels: int = 100,
    **wishes: bool,
) -> list[tuple[int, int, bool]]:
    """Return embedding lengths and numbers of factors as compared, and whether they were taken."""
    dims, factors = ((sorted({key[i] for key in table})) for i in (0, 1))
    search = SearchSpace(embedding_dims=(*dims,), n_factors=(*factors,), **wishes)
    split = MadeSplit(by_setting(table), search, ridge=1.0, n_channels=n_channels)
    _, race = run_race(monkeypatch, split)
    return [(e.setting.embedding_dim, e.setting.n_factors, e.chosen) for e in race.compared]


class TestForwardSearch:
    def test_norms_are_compared_one_after_the_other(self, monkeypatch: pytest.MonkeyPatch) -> None:
        values = {"none": 1.0, "last": 0.9, "mean": 0.895, "revin": 0.8}
        split = MadeSplit(
            lambda setting: constant(values[setting.norm]), SearchSpace((*values,)), ridge=1.0
        )
        selected, race = run_race(monkeypatch, split)
        assert selected.norm == "revin"
        assert [entry.chosen for entry in race.compared] == [True, True, False, True]

    def test_longer_embeddings_as_long_as_errors_fall(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        table = {(0, 0): 1.0, (2, 0): 0.995, (4, 0): 0.9, (8, 0): 0.91, (16, 0): 0.1}
        # a fall that is no clear gain goes on; a rise ends it
        assert compared(monkeypatch, table) == [
            (0, 0, True),
            (2, 0, False),
            (4, 0, True),
            (8, 0, False),
        ]

    @pytest.mark.parametrize("error", [0.9, 1.1])
    def test_one_head_each_is_compared_even_so(
        self, monkeypatch: pytest.MonkeyPatch, error: float
    ) -> None:
        table = {(0, 0): 1.0, (2, 0): 1.05, (4, 0): 0.1, (8, 0): error}
        found = compared(monkeypatch, table, n_channels=8)
        assert found == [(0, 0, True), (2, 0, False), (8, 0, error < 1)]

    @pytest.mark.parametrize(
        ("error", "windows", "individual"),
        [(0.904, 50.0, True), (0.904, 49.0, False), (0.91, 50.0, False)],
    )
    def test_one_head_each_is_taken_where_it_is_as_good_and_windows_are_many(
        self, monkeypatch: pytest.MonkeyPatch, error: float, windows: float, individual: bool
    ) -> None:
        monkeypatch.setattr(MadeSplit, "windows_per_regressor", lambda *_: windows)
        table = {(0, 0): 1.0, (2, 0): 0.9, (8, 0): error}
        found = compared(monkeypatch, table, n_channels=8)
        assert found[:3] == [(0, 0, True), (2, 0, True), (8, 0, False)]
        assert ((8, 0, True) in found) == individual

    def test_factors_as_long_as_they_are_selected(self, monkeypatch: pytest.MonkeyPatch) -> None:
        table = {(0, 0): 1.0, (0, 5): 0.9, (0, 10): 0.895, (0, 15): 0.1}
        assert compared(monkeypatch, table) == [(0, 0, True), (0, 5, True), (0, 10, False)]

    def test_lengths_are_compared_again_after_factors(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """An embedding that does not pay alone pays with factors."""
        table = {(0, 0): 1.0, (2, 0): 1.1, (0, 5): 0.9, (2, 5): 0.7, (4, 0): 0.1, (4, 5): 0.6}
        assert compared(monkeypatch, table) == [
            (0, 0, True),
            (2, 0, False),
            (0, 5, True),
            (2, 5, True),
            (4, 5, True),
        ]

    def test_lengths_are_not_compared_again_without_factors(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        table = {(0, 0): 1.0, (2, 0): 1.1, (0, 5): 1.2, (2, 5): 0.1}
        assert compared(monkeypatch, table) == [(0, 0, True), (2, 0, False), (0, 5, False)]

    def test_factors_may_pay_together_with_an_embedding_that_did_not(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """They are tried with the lowest error so far, clear gain or not."""
        table = {(0, 0): 1.0, (2, 0): 0.995, (0, 5): 0.1, (2, 5): 0.9}
        assert compared(monkeypatch, table) == [(0, 0, True), (2, 0, False), (2, 5, True)]


class TestLastStep:
    """The largest ridge is taken that loses neither clearly nor more than one per cent."""

    @staticmethod
    def steps_taken(monkeypatch: pytest.MonkeyPatch, *losses: Tensor) -> int:
        """Return by how many ridges the best one is strengthened, given what each more loses."""

        def errors(setting: Setting) -> Tensor:
            away = number(setting) - MIDDLE
            if away <= 0:
                return constant(1.0 - 0.3 * away, *losses[0].shape)
            return constant(1.0, *losses[0].shape) + losses[min(away, len(losses)) - 1]

        selected, race = run_race(monkeypatch, MadeSplit(errors))
        assert race.compared[-1].setting == selected
        return number(selected) - MIDDLE

    noisy = in_turns((1, 16), 1.0, dim=1, length=2)  # standard error 1 / sqrt(7)
    much = constant(5.0)

    @pytest.mark.parametrize(("loss", "expected"), [(0.0099, 1), (0.0101, 0)])
    def test_one_per_cent_is_much(
        self, monkeypatch: pytest.MonkeyPatch, loss: float, expected: int
    ) -> None:
        assert self.steps_taken(monkeypatch, loss + self.noisy, self.much) == expected

    @pytest.mark.parametrize(("loss", "expected"), [(0.0049, 1), (0.0051, 0)])
    def test_one_standard_error_is_clear(
        self, monkeypatch: pytest.MonkeyPatch, loss: float, expected: int
    ) -> None:
        noisy = 0.005 * 7**0.5 * self.noisy  # standard error 0.005
        assert self.steps_taken(monkeypatch, loss + noisy, self.much) == expected

    @pytest.mark.parametrize(("loss", "expected"), [(0.0049, 1), (0.0051, 0)])
    def test_one_standard_error_over_channels_is_clear(
        self, monkeypatch: pytest.MonkeyPatch, loss: float, expected: int
    ) -> None:
        over_channels = in_turns((6, 16), 0.005 * 5**0.5, dim=0)
        in_time = in_turns((6, 16), 1.0, dim=1, length=2)
        losses = loss + over_channels + in_time
        assert self.steps_taken(monkeypatch, losses, self.much) == expected

    def test_each_is_compared_with_the_best(self, monkeypatch: pytest.MonkeyPatch) -> None:
        # half a per cent more each, of which none is clear by itself: the third loses too much
        losses = [0.0049 * k + self.noisy for k in (1, 2, 3)]
        assert self.steps_taken(monkeypatch, *losses, self.much) == 2

    def test_ends_at_the_first_that_loses(self, monkeypatch: pytest.MonkeyPatch) -> None:
        losses = [constant(0.0), 0.02 + self.noisy, constant(0.0)]
        assert self.steps_taken(monkeypatch, *losses) == 1

    def test_ends_with_the_largest(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert self.steps_taken(monkeypatch, constant(0.0)) == len(RIDGES) - 1 - START
