"""The race between forms and ridges: the simplest wins unless another gains clearly."""

import math

import pytest
import torch

from hyperforecast.nn.exact import ObservedSeries
from hyperforecast.nn.solved_head import HeadOptions, SolvedHead, solve_head
from hyperforecast.nn.solved_head.forms import HeadForm
from hyperforecast.nn.solved_head.race import HeadRace
from tests.nn.solved_head.made import arguments, network_of

N = 8


def process(lags: torch.Tensor, n_rows: int = 600, seed: int = 0) -> ObservedSeries:
    """Channels that each follow their own last value by a factor of their own."""
    random = torch.Generator().manual_seed(seed)
    shocks = torch.randn(n_rows, len(lags), generator=random, dtype=torch.float64)
    rows = [shocks[0]]
    for shock in shocks[1:]:
        rows.append(lags * rows[-1] + shock)
    return ObservedSeries(torch.stack(rows))


def solved(lags: torch.Tensor, **others) -> SolvedHead:
    """A network whose head was trained for nothing, solved on channels of some dynamics."""
    series, validation = process(lags), process(lags, seed=1)
    given = {
        **arguments("nlinear", {"hn-mvts": {"channel_embedding_dim": 2}}, instance_norm="none"),
        "n_channels": N,
    }
    network = network_of(given)
    network.head.terms["hn-mvts"].context.weight.data[:, 0] = (
        lags - 0.8
    ).sign() + 0.01 * torch.arange(N)
    return solve_head(network, given, [series], [validation], **others)


ALIKE = torch.full((N,), 0.8).double()
NEARLY_ALIKE = torch.tensor([0.85, 0.75]).repeat(N // 2).double()
UNLIKE = torch.tensor([0.8, -0.8]).repeat(N // 2).double()


def test_channels_that_are_alike_get_one_head() -> None:
    race = solved(ALIKE)
    assert race.compared[-1].embedding_dim == 0
    assert race.arguments["parts"]["hn-mvts"]["channel_embedding_dim"] == 0
    assert [row.chosen for row in race.compared if row.embedding_dim == N] == [False]


def test_channels_of_two_kinds_keep_their_vectors() -> None:
    race = solved(UNLIKE)
    assert race.compared[-1].embedding_dim == 2
    # h steps ahead nobody can know 1 - 0.8^2h of the variance
    least = sum(1 - 0.8 ** (2 * h) for h in (1, 2, 3, 4)) / 4
    assert race.compared[-1].validation_mse < 1.05 * least
    assert race.compared[1].validation_mse > 1.1 * least


def test_a_wish_is_granted_for_any_gain() -> None:
    """Which is too small for vectors that nobody asked for."""
    asked, unasked = solved(NEARLY_ALIKE, requested=2).compared, solved(NEARLY_ALIKE).compared
    assert {row.embedding_dim for row in asked} == {0, 2}
    two = min(row.validation_mse for row in unasked[1:] if row.embedding_dim == 2)
    zero = min(row.validation_mse for row in unasked if row.embedding_dim == 0)
    assert 0.99 * zero < two < zero
    assert asked[-1].embedding_dim == 2
    assert unasked[-1].embedding_dim == 0


def test_the_head_as_it_was_trained_comes_first() -> None:
    first = solved(UNLIKE).compared[0]
    assert (first.ridge, first.embedding_dim, first.individual) == (math.inf, 2, False)


def test_of_ridges_that_lose_nothing_the_strongest_is_taken() -> None:
    rows = solved(ALIKE).compared
    best = min(row.validation_mse for row in rows if row.embedding_dim == 0)
    last = rows[-1]
    assert last.ridge > min(row.ridge for row in rows)
    assert last.validation_mse <= 1.01 * best


def test_a_ridge_that_is_given_is_taken() -> None:
    rows = solved(UNLIKE, options=HeadOptions(ridge=0.5)).compared
    assert {row.ridge for row in rows[1:]} == {0.5}


@pytest.mark.parametrize("ridge", [0.0, -1.0, math.inf, math.nan])
def test_a_ridge_has_to_be_positive_and_finite(ridge: float) -> None:
    with pytest.raises(ValueError, match=r"ridge must be (positive|a finite number)"):
        HeadOptions(ridge=ridge)


@pytest.mark.parametrize("size", [0.0, 1.0])
def test_a_part_of_the_windows_is_held_out(size: float) -> None:
    with pytest.raises(ValueError, match="validation_size must be a part of the windows"):
        HeadOptions(validation_size=size)


def test_memory_has_to_be_positive() -> None:
    with pytest.raises(ValueError, match="max_memory_gb must be positive"):
        HeadOptions(max_memory_gb=0.0)


@pytest.mark.parametrize("n_solved", [1, 2, 3, 4, 6, 9, 14])
def test_what_was_compared_when_time_was_over_is_what_there_is(
    n_solved: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[tuple[int, float]] = []
    candidate = HeadRace._candidate

    def noted(race: HeadRace, form: HeadForm, ridge: float) -> object:
        tried.append((form.embedding_dim, ridge))
        return candidate(race, form, ridge)

    monkeypatch.setattr(HeadRace, "_candidate", noted)
    whole = solved(UNLIKE).compared
    in_time = list(tried)
    assert len(in_time) > 15
    tried.clear()
    found = solved(UNLIKE, is_late=lambda: len(tried) >= n_solved).compared
    assert tried[:n_solved] == in_time[:n_solved]
    # what is at work ends, and no change, which takes no solution, is compared, too
    assert len(tried) <= n_solved + 2
    assert found[0] == whole[0]
    chosen = [row for row in found if row.chosen][-1]
    assert chosen.validation_mse <= whole[0].validation_mse
    assert (len(found) == 1) == (n_solved == 1)


def test_before_all_windows_are_seen_the_head_stays_as_it_was() -> None:
    late = solved(UNLIKE, is_late=lambda: True)
    assert late.compared == []
    before = solved(UNLIKE, selected=math.inf).network.state_dict()
    for name, value in late.network.state_dict().items():
        torch.testing.assert_close(value, before[name], rtol=0, atol=0)
