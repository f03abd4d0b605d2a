"""Cutting windows into patches."""

import torch
from torch import Tensor, nn


class Patching(nn.Module):
    """Overlapping patches of a window whose end is repeated: (..., L) -> (..., N, patch_len).

    Parameters
    ----------
    lookback : int
        Window length L.
    patch_len : int
        Steps in a patch.
    stride : int
        Steps from the start of a patch to the start of the next.
    padding : int, default=0
        How often the last value is repeated after the end of the window.

    Attributes
    ----------
    n_patches : int
        Number N of patches; what is left at the end and fills no patch is dropped.
    """

    def __init__(self, lookback: int, patch_len: int, stride: int, padding: int = 0) -> None:
        super().__init__()
        self.patch_len = patch_len
        self.stride = stride
        self.padding = padding
        self.n_patches = (lookback + padding - patch_len) // stride + 1

    def forward(self, x: Tensor) -> Tensor:
        """Cut windows x of shape (..., L)."""
        if self.padding:
            x = torch.cat([x, x[..., -1:].expand(*x.shape[:-1], self.padding)], dim=-1)
        return x.unfold(-1, self.patch_len, self.stride)


def patch_sizes(
    lookback: int, patch_len: int | None, stride: int | None, *, usual: int
) -> tuple[int, int]:
    """Return patch length and stride, chosen if not given, checked if given.

    A patch is ``usual`` steps long, or the whole window where that is shorter; the stride is half
    a patch.
    """
    if patch_len is None:
        patch_len = min(usual, lookback)
    if not 1 <= patch_len <= lookback:
        raise ValueError(
            f"patch_len must lie between 1 and the lookback, {lookback} steps; got {patch_len}."
        )
    if stride is None:
        stride = max(1, patch_len // 2)
    if not 1 <= stride <= patch_len:
        raise ValueError(
            f"stride must lie between 1 and patch_len, {patch_len} steps, so that every step is "
            f"in a patch; got {stride}."
        )
    return patch_len, stride
