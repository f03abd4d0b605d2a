"""Correlations of series over the first lags."""

import torch
from torch import Tensor


def correlate(short: Tensor, long: Tensor, n_lags: int) -> Tensor:
    """Return sum_t short[t] long[t + k] for k < n_lags.

    By FFT of pieces a few times as long as the lags, summed up as spectra.
    """
    n_steps = short.shape[-1]
    size = 1 << (min(4 * n_lags, n_steps + n_lags) - 1).bit_length()
    hop = size - n_lags + 1
    n_pieces = -(-n_steps // hop)
    short = torch.nn.functional.pad(short, (0, n_pieces * hop - n_steps))
    needed = n_pieces * hop + n_lags - 1
    long = torch.nn.functional.pad(long, (0, needed - long.shape[-1]))
    ahead = torch.fft.rfft(long.unfold(-1, size, hop))
    spectrum = torch.fft.rfft(short.unflatten(-1, (n_pieces, hop)), size).conj()
    total = (spectrum * ahead).sum(dim=-2)
    return torch.fft.irfft(total, size)[..., :n_lags]
