"""Series decomposition."""

import torch
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
        if torch.onnx.is_in_onnx_export() and x.dtype == torch.float64:
            # onnxruntime pools single precision only
            return padded.unfold(-1, self.kernel_size, 1).mean(-1).reshape(x.shape)
        return nn.functional.avg_pool1d(padded, self.kernel_size, stride=1).reshape(x.shape)
