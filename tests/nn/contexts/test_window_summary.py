import pytest
import torch
from torch import Tensor, nn

from hyperforecast.nn import Condition, WindowSummary
from hyperforecast.nn.contexts.window_summary import window_statistics

B, C, L, E = 5, 3, 8, 4


def make() -> WindowSummary:
    return WindowSummary(L, E).double()


def windows() -> Tensor:
    return torch.randn(B, C, L, dtype=torch.float64).cumsum(dim=-1)


def test_statistics_by_hand() -> None:
    x = torch.tensor([1.0, 3.0, 2.0, 6.0], dtype=torch.float64)
    mean, deviation, last, slope, step = window_statistics(x).tolist()
    assert mean == 3.0
    assert deviation == pytest.approx((14 / 4 + 1e-5) ** 0.5)  # of -2, 0, -1, 3
    assert last == 6.0
    # least squares through (-1/2, 1), (-1/6, 3), (1/6, 2), (1/2, 6)
    assert slope == pytest.approx((2.5 - 1 / 6) / (2 * (1 / 4 + 1 / 36)))
    assert step == pytest.approx((2 + 1 + 4) / 3)


def test_against_a_loop_over_windows_and_channels() -> None:
    summary, x = make(), windows()
    vectors = summary(Condition(x))
    for b in range(B):
        hidden = [
            nn.functional.gelu(
                summary.embedding(x[b, n]) + summary.statistics(window_statistics(x[b, n]))
            )
            for n in range(C)
        ]
        expected = torch.tanh(summary.mixing(torch.stack(hidden).mean(dim=0)))
        torch.testing.assert_close(vectors[b], expected, rtol=0, atol=1e-12)


def test_a_window_s_vector_is_its_own_and_the_same_in_any_order_of_channels() -> None:
    summary, x = make(), windows()
    vectors = summary(Condition(x))
    other = x.clone()
    other[1:] *= 7
    torch.testing.assert_close(summary(Condition(other))[0], vectors[0])
    assert not torch.allclose(summary(Condition(other))[1], vectors[1])
    torch.testing.assert_close(summary(Condition(x.flip(1))), vectors)


def test_vectors_are_bounded_whatever_comes() -> None:
    vectors = make()(Condition(1e12 * windows()))
    assert (vectors.abs() <= 1).all()


def test_one_step_and_constant_windows_have_finite_gradients() -> None:
    for summary, x in ((make(), torch.ones(B, C, L)), (WindowSummary(1, E), torch.ones(B, C, 1))):
        x = x.to(summary.mixing.weight.dtype).requires_grad_()
        summary(Condition(x)).sum().backward()
        assert torch.isfinite(x.grad).all()


def test_depends_on_the_window() -> None:
    summary = make()
    assert not summary.static
    with pytest.raises(ValueError, match="has to be given the condition of the pass"):
        summary()
