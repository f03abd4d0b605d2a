"""Forecasts as an affine map of the window, beside those of what they are of."""

import torch

from hyperforecast.nn.newcomers.affine_map import AffineMap

L, H, M = 5, 2, 3


def test_it_is_the_map_that_forecasts() -> None:
    torch.manual_seed(0)
    weight, constant = torch.randn(L, H, M).double(), torch.randn(H, M).double()
    found = AffineMap.of(lambda x, _: torch.einsum("bl,lhm->bhm", x.double(), weight) + constant, L)
    assert found is not None
    torch.testing.assert_close(found.weight, weight)
    torch.testing.assert_close(found.constant, constant)
    windows = torch.randn(7, L)
    expected = torch.einsum("bl,lhm->bhm", windows.double(), weight) + constant
    torch.testing.assert_close(found(windows), expected)


def test_there_is_none_of_what_bends() -> None:
    weight = torch.ones(L, H, M).double()
    assert AffineMap.of(lambda x, _: torch.einsum("bl,lhm->bhm", x, weight).relu(), L) is None


def test_common_factors_enter_by_weights_that_are_told_and_tried() -> None:
    torch.manual_seed(0)
    weight, of_factors = torch.randn(L, H, M).double(), torch.randn(M, H, 7).double()

    def forecast(x: torch.Tensor, factors: torch.Tensor | None) -> torch.Tensor:
        assert factors is not None
        own = torch.einsum("bl,lhm->bhm", x, weight)
        return own + torch.einsum("bf,mhf->bhm", factors, of_factors)

    found = AffineMap.of(forecast, L, of_factors)
    assert found is not None
    windows, factors = torch.randn(6, L).double(), torch.randn(6, 7).double()
    expected = forecast(windows, factors)
    torch.testing.assert_close(found(windows, found.added_by(factors)), expected)
    assert AffineMap.of(forecast, L, 1.1 * of_factors) is None
