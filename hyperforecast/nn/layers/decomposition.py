"""Series decomposition."""

from torch import Tensor, nn


class MovingAverage(nn.Module):
    """Centred moving average over time, the ends replicated: (..., C, L) -> (..., C, L).

    Parameters
    ----------
    kernel_size : int
        Number of steps averaged, odd.
    """

    def __init__(self, kernel_size: int) -> None:
        super().__init__()
        if kernel_size < 1 or kernel_size % 2 == 0:
            raise ValueError(
                f"kernel_size must be an odd number of steps, so that the average is centred; "
                f"got {kernel_size}."
            )
        self.kernel_size = kernel_size

    def forward(self, x: Tensor) -> Tensor:
        """Average x of shape (..., C, L)."""
        margin = self.kernel_size // 2
        padded = nn.functional.pad(x.flatten(0, -3), (margin, margin), mode="replicate")
        return (window_sums(padded, self.kernel_size) / self.kernel_size).reshape(x.shape)


def window_sums(x: Tensor, n_steps: int) -> Tensor:
    """Return the sums of all windows of ``n_steps`` over time: (..., T) -> (..., T - n_steps + 1).

    Windows of one, two, four ... steps are made of two shorter ones side by side, and the window
    asked for of those: some 2 log2(n) additions of whole rows, where torch's pooling makes n of
    single numbers.
    """
    n_windows = x.shape[-1] - n_steps + 1
    sums, length, first = x, 1, 0
    total: Tensor | None = None
    while True:
        if n_steps & length:
            part = sums[..., first : first + n_windows]
            total = part if total is None else total + part
            first += length
        if 2 * length > n_steps:
            break
        sums = sums[..., :-length] + sums[..., length:]
        length *= 2
    assert total is not None
    return total
