"""Quantiles of Student's t."""

import math

import pytest
import torch

from hyperforecast.nn.exact.uncertainty.student_t import student_t_quantiles

LEVELS = torch.tensor([0.01, 0.25, 0.5, 0.9, 0.975, 0.999], dtype=torch.float64)


def test_one_degree_is_cauchy() -> None:
    expected = torch.tan(math.pi * (LEVELS - 0.5))
    torch.testing.assert_close(student_t_quantiles(LEVELS, 1.0), expected, rtol=1e-6, atol=1e-9)


def test_two_degrees_have_a_formula() -> None:
    expected = (2 * LEVELS - 1) / (2 * LEVELS * (1 - LEVELS)).sqrt()
    torch.testing.assert_close(student_t_quantiles(LEVELS, 2.0), expected, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize(("degrees", "expected"), [(5, 2.015), (30, 1.697), (120, 1.658)])
def test_is_that_of_the_tables(degrees: float, expected: float) -> None:
    found = student_t_quantiles(torch.tensor([0.95], dtype=torch.float64), degrees).item()
    assert found == pytest.approx(expected, abs=1e-3)


def test_does_not_jump_where_it_is_nearly_normal() -> None:
    below, above = (student_t_quantiles(LEVELS, degrees) for degrees in (199.9999, 200.0))
    torch.testing.assert_close(below, above, rtol=1e-5, atol=1e-6)


def test_is_normal_in_the_limit() -> None:
    found = student_t_quantiles(LEVELS, math.inf)
    torch.testing.assert_close(found, torch.special.ndtri(LEVELS))
