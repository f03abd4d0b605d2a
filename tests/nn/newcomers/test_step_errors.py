"""Errors at each step as quadratic forms, beside those that a loop finds."""

import torch

from hyperforecast.nn.newcomers.quadratic_error import QuadraticError
from hyperforecast.nn.newcomers.step_errors import StepErrors
from hyperforecast.nn.newcomers.unknown_level import UnknownLevel

T, H, K = 12, 3, 4


def windows() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    missed = torch.randn(T, H, generator=generator).double()
    missed[2, 1] = torch.nan
    slopes = torch.randn(T, H, K, generator=generator).double()
    return missed, slopes, torch.randn(5, K, generator=generator).double()


def test_they_are_those_of_a_loop() -> None:
    missed, slopes, places = windows()
    found = StepErrors.of(missed, slopes, 1e-3)(places)
    for place, errors in zip(places, found, strict=True):
        for step in range(H):
            left = missed[:, step] - slopes[:, step] @ place
            torch.testing.assert_close(errors[step], left[left.isfinite()].square().mean())
    least = StepErrors.of(missed, slopes, 1e3)(places)
    torch.testing.assert_close(least, torch.full_like(found, 1e3))


def test_those_of_all_windows_are_those_of_parts() -> None:
    missed, slopes, places = windows()
    parts = StepErrors.of(missed[:5], slopes[:5], 0.0) + StepErrors.of(missed[5:], slopes[5:], 0.0)
    torch.testing.assert_close(parts(places), StepErrors.of(missed, slopes, 0.0)(places))
    assert parts.n_windows == T


def test_at_other_levels_they_are_larger_by_what_is_lost_by_these() -> None:
    missed, slopes, places = windows()
    found = StepErrors.of(missed, slopes, 0.0)
    level = UnknownLevel(
        torch.randn(H).double(), torch.randn(H, K).double(), torch.zeros(1), torch.ones(())
    )
    expected = found(places) + 0.7 * level.errors(places)
    torch.testing.assert_close(found.at_levels(level, torch.tensor(0.7).double())(places), expected)


def test_weighed_alike_they_are_the_mean_error() -> None:
    missed, slopes, places = windows()
    found = StepErrors.of(missed, slopes, 0.0).weighed(torch.ones(H).double())
    expected = QuadraticError(found.gram, found.right, found.total, T)
    left = missed - slopes @ places[0]
    torch.testing.assert_close(expected(places[0]), left[left.isfinite()].square().mean())
    weight = torch.tensor([4.0, 1.0, 0.0]).double()
    root = weight.sqrt()
    expected = StepErrors.of(missed * root, slopes * root[:, None]).weighed(torch.ones(H).double())
    found = StepErrors.of(missed, slopes, 0.0).weighed(weight)
    torch.testing.assert_close(found(places), expected(places))


def test_those_of_several_channels_are_those_of_each() -> None:
    missed, slopes, places = windows()
    other = missed.flip(0)
    both = StepErrors.of(torch.stack([missed, other]), torch.stack([slopes, 2 * slopes]), 1e-3)
    for number, one in enumerate((missed, other)):
        expected = StepErrors.of(one, (1 + number) * slopes, 1e-3)
        torch.testing.assert_close(both(places)[number], expected(places))
        own = both(torch.stack([places[:2], places[2:4]]))[number]
        torch.testing.assert_close(own, expected(places[2 * number : 2 * number + 2]))
        weight = torch.tensor([4.0, 1.0, 0.5]).double()
        found, expected = both.weighed(weight), expected.weighed(weight)
        torch.testing.assert_close(found.gram[number], expected.gram)
        torch.testing.assert_close(found.total[number], expected.total)
    joined = StepErrors.of(torch.cat([missed, other]), torch.cat([slopes, 2 * slopes]), 1e-3)
    torch.testing.assert_close(both.of_all()(places), joined(places))
    assert both.of_all().n_windows == joined.n_windows == 2 * T
