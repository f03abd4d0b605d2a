"""The error of places as a quadratic form, beside what is forecast window by window."""

import torch

from hyperforecast.nn.newcomers.quadratic_error import QuadraticError
from hyperforecast.nn.newcomers.step_errors import StepErrors

T, H, K = 12, 3, 4


def windows() -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    return torch.randn(T, H).double(), torch.randn(T, H, K).double()


def error_of(missed: torch.Tensor, slopes: torch.Tensor) -> QuadraticError:
    return StepErrors.of(missed, slopes).weighed(torch.ones(H).double())


def test_it_is_the_mean_square_of_what_is_missed() -> None:
    missed, slopes = windows()
    missed[2, 1] = torch.nan
    places = torch.randn(5, K).double()
    found = error_of(missed, slopes)
    assert found.n_windows == T
    for place, error in zip(places, found(places), strict=True):
        left = (missed - slopes @ place).flatten()
        torch.testing.assert_close(error, left[left.isfinite()].square().mean())
    torch.testing.assert_close(found.scaled(3.0)(places), 3 * found(places))


def test_a_place_is_drawn_to_least_error_and_least_loss_together() -> None:
    missed, slopes = windows()
    own, place = error_of(missed, slopes), torch.randn(K).double()
    loss, weight = torch.diag(torch.tensor([1.0, 2.0, 3.0, 4.0])).double(), 0.7
    found = own.drawn(place, loss, weight).requires_grad_()
    step = found - place
    total = step @ loss @ step + weight / own(place) * own(found)
    (gradient,) = torch.autograd.grad(total, found)
    assert gradient.abs().max() < 1e-10
    assert own(found) < own(place)
    assert torch.equal(own.drawn(place, loss, 0.0), place)


def test_about_a_place_it_is_the_squared_distance() -> None:
    place, other = torch.randn(2, K).double()
    found = QuadraticError.about(place)(other)
    torch.testing.assert_close(found, (other - place).square().sum())


def test_of_several_channels_it_is_that_of_each() -> None:
    (missed, slopes), (other, steps) = windows(), windows()
    missed[3, 0] = torch.nan
    both = error_of(torch.stack([missed, other + 1]), torch.stack([slopes, 2 * steps]))
    each = error_of(missed, slopes), error_of(other + 1, 2 * steps)
    places, loss = torch.randn(2, K).double(), torch.eye(K).double()
    expected = torch.stack([error(place) for error, place in zip(each, places, strict=True)])
    torch.testing.assert_close(both(places), expected)
    apart = [own(place) for own, place in zip(both.of_each(), places, strict=True)]
    torch.testing.assert_close(torch.stack(apart), expected)
    found = both.drawn(places, loss, 0.7)
    for number, (error, place) in enumerate(zip(each, places, strict=True)):
        torch.testing.assert_close(found[number], error.drawn(place, loss, 0.7))
