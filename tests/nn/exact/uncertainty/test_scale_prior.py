"""A prior of scales."""

import math

import pytest
import torch

from hyperforecast.nn.exact.uncertainty.scale_prior import ScalePrior, inverse_trigamma


@pytest.mark.parametrize("value", [1e-6, 0.1, 1.644934, 50.0, 1e4])
def test_trigamma_of_its_inverse_is_what_it_was(value: float) -> None:
    x = torch.tensor(inverse_trigamma(value), dtype=torch.float64)
    assert torch.polygamma(1, x).item() == pytest.approx(value, rel=1e-6)


def drawn(scale: float, degrees: float, of_each: torch.Tensor) -> torch.Tensor:
    """Scales of normal residuals, whose own are distributed as the prior says."""
    generator = torch.distributions.Chi2(torch.full((len(of_each),), degrees).double())
    true = scale * (degrees / generator.sample()).sqrt()
    return true * (torch.distributions.Chi2(of_each).sample() / of_each).sqrt()


def test_it_is_found_from_scales_of_few_and_of_many_residuals() -> None:
    of_each = torch.tensor([3.0, 10.0, 40.0]).double().repeat(4000)
    found = ScalePrior.of(drawn(2.0, 8.0, of_each), of_each)
    assert found.scale == pytest.approx(2.0, rel=0.03)
    assert found.degrees == pytest.approx(8.0, rel=0.15)


def test_scales_that_differ_by_chance_are_one() -> None:
    of_each = torch.full((500,), 5.0).double()
    scales = 3.0 * (torch.distributions.Chi2(of_each).sample() / 5).sqrt()
    found = ScalePrior.of(scales, of_each)
    posterior, degrees = found.posterior(scales, of_each)
    assert (degrees > 50).all()
    assert posterior.std() < 0.3 * scales.std()
    torch.testing.assert_close(posterior.mean().item(), 3.0, rtol=0.1, atol=0)


def test_posterior_is_the_mean_of_squares_by_degrees() -> None:
    scales, degrees = torch.tensor([1.0, 4.0, 0.0, 0.0]), torch.tensor([6.0, 2.0, 0.0, 3.0])
    posterior, total = ScalePrior(2.0, 2.0).posterior(scales, degrees)
    expected = [math.sqrt((2 * 4 + 6 * 1) / 8), math.sqrt((2 * 4 + 2 * 16) / 4), 2.0, 0.0]
    torch.testing.assert_close(posterior, torch.tensor(expected))
    assert total.tolist() == [8.0, 4.0, 2.0, 5.0]
    _, of_all = ScalePrior(2.0, math.inf).posterior(scales, degrees)
    assert of_all.tolist() == [11.0] * 4


def test_without_any_degree_it_is_the_mean() -> None:
    found = ScalePrior.of(torch.tensor([1.0, 3.0, 0.0]), torch.tensor([0.5, 0.0, 0.0]))
    assert (found.scale, found.degrees) == (2.0, math.inf)
    assert ScalePrior.of(torch.tensor([1.0, 3.0]), torch.tensor([0.5, 7.0])).scale == 3.0
    assert ScalePrior.of(torch.zeros(2), torch.ones(2)) == ScalePrior(0.0, math.inf)
