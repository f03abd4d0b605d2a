import pytest
import torch

from hyperforecast.nn.layers.decomposition import MovingAverage, window_sums


def test_by_hand() -> None:
    x = torch.tensor([[[3.0, 0.0, 6.0, 9.0]]])
    # the ends are replicated: (3 + 3 + 0) / 3, ..., (6 + 9 + 9) / 3
    assert torch.equal(MovingAverage(3)(x), torch.tensor([[[2.0, 3.0, 5.0, 8.0]]]))


@pytest.mark.parametrize("kernel_size", [1, 5, 25])
def test_equals_a_loop_also_with_windows_shorter_than_the_kernel(kernel_size: int) -> None:
    x = torch.randn(3, 2, 8, dtype=torch.float64)
    margin = kernel_size // 2
    expected = torch.stack(
        [
            torch.stack(
                [x[..., min(max(s, 0), 7)] for s in range(t - margin, t + margin + 1)]
            ).mean(dim=0)
            for t in range(8)
        ],
        dim=-1,
    )
    torch.testing.assert_close(MovingAverage(kernel_size)(x), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("kernel_size", [0, -3, 4])
def test_kernel_size_must_be_odd(kernel_size: int) -> None:
    with pytest.raises(ValueError, match=f"odd number of steps.*got {kernel_size}"):
        MovingAverage(kernel_size)


@pytest.mark.parametrize("n_steps", range(1, 10))
def test_sums_of_windows_of_any_length(n_steps: int) -> None:
    x = torch.randn(2, 9, dtype=torch.float64)
    torch.testing.assert_close(window_sums(x, n_steps), x.unfold(-1, n_steps, 1).sum(dim=-1))
