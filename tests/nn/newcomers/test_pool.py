"""Places of new channels among known ones, beside what is made by hand."""

from dataclasses import replace

import pytest
import torch

from hyperforecast.nn.newcomers.pool import RIDGE, Pool
from hyperforecast.nn.newcomers.step_errors import StepErrors
from hyperforecast.nn.newcomers.unknown_level import UnknownLevel

K, N = 3, 5


def known(seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    places = torch.randn(N, K, generator=generator, dtype=torch.float64)
    slopes = torch.randn(N, 20, K, generator=generator, dtype=torch.float64)
    return places, slopes.mT @ slopes / 20


def level(variance: float = 0.0, n_known: int = N) -> UnknownLevel:
    """A level that is known, or one whose mean has a variance, whatever it is like."""
    slopes = torch.tensor([[1.0, 0.0, 0.0], [0.5, 0.5, 0.0]]).double()
    half = torch.full((n_known + 1,), 0.5 if variance else 0.0).double()
    return UnknownLevel(
        torch.tensor([1.0, 2.0]).double(), slopes, half, torch.tensor(variance).double()
    )


def test_with_no_row_it_is_the_least_loss_of_all_together() -> None:
    """The gradient of what all lose, with the ridge, is zero there."""
    places, losses = known()
    mean, ridge = places.mean(dim=0), RIDGE * losses.mean(dim=0).diagonal().mean()

    def lost(place: torch.Tensor) -> torch.Tensor:
        each = [(place - b) @ q @ (place - b) for b, q in zip(places, losses, strict=True)]
        return torch.stack(each).mean()

    place = Pool.of(places, losses).start.clone().requires_grad_()
    total = lost(place) + ridge * (place - mean).square().sum()
    (gradient,) = torch.autograd.grad(total, place)
    assert gradient.abs().max() < 1e-10
    assert lost(place) < lost(mean)


def test_channels_alike_in_all_directions_meet_in_their_mean() -> None:
    places, losses = known()
    found = Pool.of(places, losses[:1].expand(N, -1, -1)).start
    torch.testing.assert_close(found, places.mean(dim=0))


def test_a_direction_that_a_channel_never_moves_along_is_left_to_the_others() -> None:
    """Of two channels, one of which has windows along the first direction alone."""
    places = torch.tensor([[1.0, 5.0], [3.0, -1.0]]).double()
    losses = torch.stack([torch.diag(torch.tensor([1.0, 0.0])), torch.eye(2)]).double()
    found = Pool.of(places, losses).start
    torch.testing.assert_close(found, torch.tensor([2.0, -1.0]).double(), rtol=0, atol=0.1)


def errors_of(missed: torch.Tensor, slopes: torch.Tensor) -> StepErrors:
    return StepErrors.of(missed, slopes, 1e-12)


def rows_of(place: torch.Tensor, n_rows: int, noise: float) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    slopes = torch.randn(n_rows, 2, K, generator=generator, dtype=torch.float64)
    more = noise * torch.randn(n_rows, 2, generator=generator, dtype=torch.float64)
    return slopes @ place + more, slopes


@pytest.mark.parametrize("number", range(N))
def test_rows_of_a_known_channel_bring_it_to_that_channel(number: int) -> None:
    places, losses = known()
    pool = Pool.of(places, losses)
    distances = [(pool.start - places[number]).norm()]
    for n_rows in (4, 40, 400):
        found = pool.place(errors_of(*rows_of(places[number], n_rows, 0.1)), level())
        distances.append((found - places[number]).norm())
    assert distances[-1] < 0.02 * distances[0]


def test_rows_like_none_are_learned_from_when_there_are_many() -> None:
    places, losses = known()
    pool = Pool.of(places, losses)
    other = torch.tensor([3.0, -3.0, 3.0]).double()
    few, many = (pool.place(errors_of(*rows_of(other, n, 0.1)), level()) for n in (10, 20_000))
    assert (many - other).norm() < 0.05 * other.norm()
    assert (many - other).norm() < (few - other).norm() < (pool.start - other).norm()


def test_what_is_not_known_of_a_horizon_does_not_count() -> None:
    places, losses = known()
    pool = Pool.of(places, losses)
    missed, slopes = rows_of(places[0], 30, 0.1)
    gone = missed.clone()
    gone[:, 1] = torch.nan
    found = pool.place(errors_of(gone, slopes), level())
    other = slopes.clone()
    other[:, 1] = 1e3
    assert torch.equal(found, pool.place(errors_of(gone, other), level()))
    assert not torch.allclose(found, pool.place(errors_of(missed, slopes), level()))


def test_a_step_that_no_row_shows_says_nothing_of_what_it_is_like() -> None:
    """Nothing is missed there, and levels that are almost known make no difference."""
    places, losses = known()
    pool = Pool.of(places, losses)
    missed, slopes = rows_of(places[0], 6, 1.0)
    missed[:, 1] = torch.nan
    expected, found = (pool.place(errors_of(missed, slopes), level(v)) for v in (0.0, 1e-9))
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-6)


def test_attributes_say_where_it_is_before_a_row_is_seen() -> None:
    places, losses = known()
    pool = Pool.of(places, losses, from_zero=True)
    assert not pool.start.any()
    rows = rows_of(torch.zeros(K).double(), 200, 0.1)
    assert pool.place(errors_of(*rows), level()).norm() < 0.05


def test_one_known_channel_is_where_all_others_are() -> None:
    places, losses = known()
    pool = Pool.of(places[:1], losses[:1])
    torch.testing.assert_close(pool.start, places[0])
    found = pool.place(errors_of(*rows_of(places[0], 50, 0.1)), level(n_known=1))
    torch.testing.assert_close(found, places[0], rtol=0, atol=0.05)


def test_the_order_of_known_channels_makes_no_difference() -> None:
    places, losses = known()
    rows = rows_of(places[2] + 0.3, 10, 1.0)
    found = Pool.of(places, losses).place(errors_of(*rows), level(1.0))
    other = Pool.of(places.flip(0), losses.flip(0)).place(errors_of(*rows), level(1.0))
    torch.testing.assert_close(other, found)


def test_steps_that_are_forecast_well_say_what_it_is_like() -> None:
    """Noise at one step, however large, hides nothing of what another says exactly."""
    places, losses = known()
    pool = Pool.of(places, losses)
    missed, slopes = rows_of(places[1], 40, 0.01)
    loud = missed.clone()
    loud[:, 1] += 30 * torch.randn(40, generator=torch.Generator().manual_seed(2)).double()
    expected, found = (pool.place(errors_of(m, slopes), level()) for m in (missed, loud))
    assert (expected - places[1]).norm() < 0.02
    assert (found - places[1]).norm() < 0.1


def test_a_level_that_is_not_known_is_followed() -> None:
    """Rows whose mean may be far off: the forecast gains by one what the level does."""
    places, losses = known()
    pool = Pool.of(places, losses)
    rows = rows_of(places[0], 6, 3.0)
    lost = [
        level().errors(pool.place(errors_of(*rows), level(variance))).sum().item()
        for variance in (0.0, 1.0, 1e6)
    ]
    assert lost[0] > lost[1] > 10 * lost[2]


def test_directions_without_effect_leave_the_mean() -> None:
    places, _ = known()
    pool = Pool.of(places, torch.zeros(N, K, K).double())
    torch.testing.assert_close(pool.start, places.mean(dim=0))
    missed, slopes = rows_of(places[0], 30, 0.1)
    found = pool.place(errors_of(missed, torch.zeros_like(slopes)), level())
    torch.testing.assert_close(found, places.mean(dim=0))


def test_windows_that_are_made_up_in_part_say_what_it_is_like_alone() -> None:
    places, losses = known()
    pool = Pool.of(places, losses)
    missed, slopes = rows_of(torch.tensor([3.0, -3.0, 3.0]).double(), 400, 0.1)
    none = errors_of(missed[:0], slopes[:0])
    alike = pool.place(none, level(), errors_of(missed, slopes))
    moved = pool.place(errors_of(missed, slopes), level(), none)
    torch.testing.assert_close(moved, pool.place(errors_of(missed, slopes), level()))
    assert (moved - alike).norm() > 0.1
    assert min((alike - b).norm() for b in [*places, pool.start]) < 1e-4


def test_several_channels_lie_where_each_does_alone() -> None:
    places, losses = known()
    pool, generator = Pool.of(places, losses), torch.Generator().manual_seed(3)
    missed = torch.randn(4, 30, 2, generator=generator).double()
    slopes = torch.randn(4, 30, 2, K, generator=generator).double()
    variances = torch.tensor([0.5, 1.0, 2.0, 0.1]).double()
    whole, filled = slice(10, None), slice(10)
    found = pool.place(
        errors_of(missed[:, whole], slopes[:, whole]),
        replace(level(1.0), variance=variances),
        errors_of(missed[:, filled], slopes[:, filled]),
    )
    for number in range(4):
        expected = pool.place(
            errors_of(missed[number, whole], slopes[number, whole]),
            level(variances[number].item()),
            errors_of(missed[number, filled], slopes[number, filled]),
        )
        torch.testing.assert_close(found[number], expected)
