"""The error of places as a quadratic form, beside what is forecast window by window."""

import torch

from hyperforecast.nn.newcomers.quadratic_error import QuadraticError

T, H, K = 12, 3, 4


def windows() -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    return torch.randn(T, H).double(), torch.randn(T, H, K).double()


def test_it_is_the_mean_square_of_what_is_missed() -> None:
    missed, slopes = windows()
    missed[2, 1] = torch.nan
    places = torch.randn(5, K).double()
    found = QuadraticError.of(missed, slopes, 0.0)
    assert found.n_windows == T
    for place, error in zip(places, found(places), strict=True):
        left = (missed - slopes @ place).flatten()
        torch.testing.assert_close(error, left[left.isfinite()].square().mean())
    torch.testing.assert_close(found.scaled(3.0)(places), 3 * found(places))


def test_a_place_is_drawn_to_least_error_and_least_loss_together() -> None:
    missed, slopes = windows()
    own, place = QuadraticError.of(missed, slopes, 0.0), torch.randn(K).double()
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
