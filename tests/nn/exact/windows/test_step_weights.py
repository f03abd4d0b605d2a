"""Weights of windows and steps, and what steps have in common by them."""

from collections.abc import Callable

import pytest
import torch
from made_series import H, L, noise
from torch import Tensor

from hyperforecast.nn.exact import ObservedSeries, WindowLayout
from hyperforecast.nn.exact.windows.step_weights import StepWeights

T = 60


def linear(n_rows: int) -> Tensor:
    return torch.linspace(0, 1, n_rows, dtype=torch.float64)[:, None]


def exponential(n_rows: int) -> Tensor:
    return torch.exp(-10 * (1 - linear(n_rows)))


def arbitrary(n_rows: int) -> Tensor:
    return noise(n_rows, 3).abs()


def of(weight: Tensor | None, counts: Tensor | None = None, shift: int = 0) -> StepWeights:
    series = ObservedSeries(noise(T, 3), weight=weight, counts=counts)
    return StepWeights.of([series], WindowLayout(L, H, shift))


@pytest.mark.parametrize("shift", [0, 2])
@pytest.mark.parametrize(
    ("make", "n_groups", "rank"),
    [(exponential, 1, 1), (linear, H, 2), (arbitrary, H, H), (torch.ones_like, 1, 1)],
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_groups_and_basis_make_up_the_weights(
    make: Callable[[int], Tensor], n_groups: int, rank: int, shift: int, dtype: torch.dtype
) -> None:
    weight = make(T) if make is not torch.ones_like else torch.ones(T, 1, dtype=torch.float64)
    weights = of(weight.to(dtype).double(), shift=shift)
    assert weights.combination.shape == (n_groups, rank)
    (steps,), (basis,) = weights.steps, weights.basis
    for start in weights.starts[0]:
        for h in range(H):
            expected = weight.to(dtype).double()[start + L + shift + h]
            torch.testing.assert_close(steps[start, h], expected, rtol=0.0, atol=0.0)
    made = torch.einsum("gr,rnc->ngc", weights.combination, basis)[:, weights.group]
    made = made * weights.factor[:, None]
    tolerance = 1e-6 if dtype is torch.float32 else 1e-12
    torch.testing.assert_close(made, steps, rtol=0.0, atol=tolerance)


def test_windows_that_do_not_count_are_not_visited() -> None:
    counts = torch.zeros(T, dtype=torch.bool)
    counts[[3, 10]] = True
    assert of(None, counts).starts[0].tolist() == [3, 10]


def test_a_step_without_any_weight_is_an_error() -> None:
    weight = torch.ones(L + H, 1, dtype=torch.float64)
    weight[-1] = 0.0
    series = ObservedSeries(noise(L + H, 3), weight=weight)
    with pytest.raises(ValueError, match=f"sample weights of step {H} of the horizon are zero"):
        StepWeights.of([series], WindowLayout(L, H))
