"""Products and sums of all windows of series, without visiting the windows."""

from collections.abc import Iterator

import torch
from torch import Tensor

from hyperforecast.nn.layers.instance_norm import RevIN
from hyperforecast.nn.series.correlate import correlate

PIECE = 2**18
"""Number of values of series that are worked on at a time, where they are many."""


def lagged_products(a: Tensor, b: Tensor, n_windows: int, width_a: int, width_b: int) -> Tensor:
    r"""Return :math:`M_{ij} = \sum_{t<T} a_{t+i}\, b_{t+j}` for all offsets, by recurrence.

    Neighbouring windows overlap, so :math:`M_{i+1,j+1} = M_{ij} - a_i b_j + a_{T+i} b_{T+j}`:
    only the first row and column need a pass over the series, and that pass is a correlation.

    Parameters
    ----------
    a : Tensor, shape (..., >= T + width_a - 1)
    b : Tensor, shape (..., >= T + width_b - 1)
        Leading axes are broadcast against those of ``a``. If ``b is a``, symmetry is used.
    n_windows : int
        Number T of windows.
    width_a, width_b : int
        Numbers of offsets i and j.

    Returns
    -------
    Tensor, shape (..., width_a, width_b)
    """
    upper = _diagonals(a, b, n_windows, width_a, width_b)
    if b is a and width_a == width_b:
        return _symmetric(upper)
    lower = _diagonals(b, a, n_windows, width_b, width_a)
    return _with_lower(_slanted(upper), _slanted(lower).mT)


def summed_lagged_products(x: Tensor, weights: Tensor, n_windows: int, width: int) -> Tensor:
    r"""Return :math:`\sum_n v_{nm} \sum_{t<T} x_{n,t+i}\, x_{n,t+j}`: weighted sums over series.

    The recurrence of :func:`lagged_products` for the sums themselves, whatever the number of
    series.

    Parameters
    ----------
    x : Tensor, shape (n, >= T + width - 1)
    weights : Tensor, shape (n, m)
    n_windows : int
        Number T of windows.
    width : int
        Number of offsets i and j.

    Returns
    -------
    Tensor, shape (m, width, width)
    """
    first = x.new_zeros(weights.shape[1], width)
    for some in pieces(x):
        one = correlate(x[some, :n_windows], x[some, : n_windows + width - 1], width)
        first.addmm_(weights[some].T, one)
    sums = x.new_zeros(weights.shape[1], width, width)
    sums[:, 0] = first
    if width == 1:
        return sums
    # what enters less what leaves at each step of the recurrence
    edges = torch.cat([x[:, n_windows : n_windows + width - 1], x[:, : width - 1]])
    signed = torch.cat([weights, -weights])
    steps = x.new_zeros(width, width)
    for total, sign in zip(sums, signed.T, strict=True):
        steps[:-1, :-1] = (edges * sign[:, None]).T @ edges
        along = steps.as_strided((width - 1, width), (width + 1, 1))  # [i, k] = steps[i, i + k]
        torch.cumsum(along, dim=0, out=total[1:])
    sums[:, 1:] += first[:, None]
    return _symmetric(sums)


def _diagonals(a: Tensor, b: Tensor, n_windows: int, width_a: int, width_b: int) -> Tensor:
    """Return [..., i, k] = sum_t a[t + i] b[t + i + k]; entries with i + k >= width_b are void."""
    first = correlate(a[..., :n_windows], b[..., : n_windows + width_b - 1], width_b)
    sums = first.unsqueeze(-2).repeat(*[1] * (first.dim() - 1), width_a, 1)
    if width_a == 1:
        return sums
    n_steps = width_a - 1

    def factors(start: int) -> tuple[Tensor, Tensor]:  # [i, k] = a[start + i], b[start + i + k]
        ahead = torch.nn.functional.pad(b[..., start : start + width_b - 1], (0, width_a))
        return a[..., start : start + n_steps, None], ahead.unfold(-1, width_b, 1)[..., :n_steps, :]

    steps = torch.mul(*factors(n_windows)).addcmul_(*factors(0), value=-1)
    sums[..., 1:, :] += steps.cumsum_(dim=-2)
    return sums


def _slanted(diagonals: Tensor) -> Tensor:
    """Return [..., i, j] = diagonals[..., i, j - i] without a copy; entries with j < i are void."""
    height, width = diagonals.shape[-2:]
    flat = diagonals.contiguous().view(-1, height * width)
    size, stride = (len(flat), height, width), (height * width, width - 1, 1)
    return flat.as_strided(size, stride).view(diagonals.shape)


def _symmetric(diagonals: Tensor) -> Tensor:
    """Return the symmetric matrices (..., width, width) with the given diagonals."""
    return symmetric(_slanted(diagonals))


def symmetric(upper: Tensor) -> Tensor:
    """Return symmetric matrices (..., n, n) with the given upper triangles."""
    return _with_lower(upper, upper.mT)


def _with_lower(upper: Tensor, lower: Tensor) -> Tensor:
    """Return matrices (..., n, m) by what stands in them on and above the diagonal, and below."""
    is_upper = torch.ones(upper.shape[-2:], dtype=torch.bool, device=upper.device).triu()
    return torch.where(is_upper, upper, lower)


def offset_sums(x: Tensor, n_windows: int, width: int) -> Tensor:
    """Return sum_t x[t + k] over the first ``n_windows`` steps t, for k < width."""
    steps = x[..., n_windows : n_windows + width - 1] - x[..., : width - 1]
    first = x[..., :n_windows].sum(dim=-1, keepdim=True)
    return torch.cat([first, first + steps.cumsum(dim=-1)], dim=-1)


def pieces(x: Tensor) -> Iterator[slice]:
    """Cut series (n, T) into pieces, so that what is made on the way stays small."""
    step = max(1, PIECE // max(1, x.shape[1]))
    return (slice(start, start + step) for start in range(0, len(x), step))


def window_sums(x: Tensor, length: int) -> Tensor:
    """Return the sum of every ``length`` consecutive steps: (n, T) -> (n, T - length + 1)."""
    sums = torch.nn.functional.pad(x.cumsum(dim=-1), (1, 0))
    return sums[..., length:] - sums[..., :-length]


def window_means(x: Tensor, length: int) -> Tensor:
    """Return the mean of every ``length`` consecutive steps: (n, T) -> (n, T - length + 1)."""
    return window_sums(x, length) / length


def window_deviations(x: Tensor, length: int) -> Tensor:
    """Return RevIN's deviation of every ``length`` steps: (n, T) -> (n, T - length + 1)."""
    x = x - x.mean(dim=-1, keepdim=True)
    variance = window_means(x.square(), length) - window_means(x, length).square()
    return (variance.clamp_(min=0) + RevIN.epsilon).sqrt_()
