"""Missing values of windows, by their conditional mean given the values that are there."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from hyperforecast.nn.series.eigenvectors import leading_eigenvectors

MAX_FACTORS = 16
"""Number of factors through which channels tell of each other."""

LEAST_UNIQUE = 0.2
"""Share of a channel's variance that no other channel tells of."""

LEAST_VARIANCE = 0.1
"""Of any pattern of a window's steps, in units of the mean over all patterns."""

N_ITERATIONS = 32
"""Of conjugate gradients, at most."""

FEW_PAIRS = 10
"""Rows that two channels share, below which their correlation is mostly noise."""

MAX_VALUES = 2**20
"""Values of training series that are looked at where there are gaps."""

FEWER_VALUES = 2**15
"""Values that are looked at where there are none, and no training should take longer for it."""

MAX_SERIES = 256
"""Number of training series that are looked at."""

BLOCK = 2**22
"""Values of windows that are filled at a time."""


def has_gaps(values: Tensor) -> bool:
    """Say whether any value is NaN. A sum tells it in one pass, and may be NaN of infinities."""
    return bool(values.detach().sum().isnan()) and bool(values.isnan().any())


class GapFiller(nn.Module):
    """Fill what is NaN in windows; windows without gaps stay as they are.

    Windows are taken for normal, with covariances that are those of channels times those of
    steps, and an unknown level of each channel. So a value that is missing gets the weights by
    which it depends on all values that are there: of the steps around it, of a season ago, and of
    other channels.

    Parameters
    ----------
    n_channels : int
        Number of channels C.
    lookback : int
        Window length L.

    Attributes
    ----------
    variogram : Tensor, shape (2L,)
        Half the mean squared difference of two values k steps apart, in any unit: of a window's
        steps all that conditional means depend on when levels are unknown. Not trained, like all
        others; at first ``k``, under which gaps are filled by straight lines.
    loadings : Tensor, shape (C, K)
        Correlations of channels are ``loadings @ loadings.T`` but for ones on the diagonal. At
        first zero: each channel for itself.
    level, deviation : Tensor, shape (C,)
        Mean and deviation of each channel. A channel without any value in a window has this
        level, as far as the levels of other channels tell nothing else.
    seen : Tensor, shape ()
        One if the training series had gaps, else zero; a number, because callbacks that average
        weights average the buffers, too.

    Notes
    -----
    With :math:`K` the covariance of a window's steps, level removed, :math:`Q = K^+` and
    :math:`\\Omega` the inverse correlation of channels, the missing values of a window of
    deviations :math:`z` minimise :math:`\\langle z, \\Omega z Q \\rangle`. Conjugate gradients
    find them by products with these two matrices alone, for any gaps, a fixed number of times.
    What is known of ``variogram`` comes from pairs of values that are both there, which has no
    need of windows without gaps. Kriging of unknown level: Cressie, "Statistics for Spatial
    Data", 1993, section 3.2; covariances of two factors: Genton, "Separable approximations of
    space-time covariance matrices", 2007.
    """

    variogram: Tensor
    loadings: Tensor
    level: Tensor
    deviation: Tensor
    seen: Tensor

    def __init__(self, n_channels: int, lookback: int) -> None:
        super().__init__()
        self.lookback = lookback
        self.register_buffer("variogram", torch.arange(2.0 * lookback))
        self.register_buffer("loadings", torch.zeros(n_channels, min(n_channels, MAX_FACTORS)))
        self.register_buffer("level", torch.zeros(n_channels))
        self.register_buffer("deviation", torch.ones(n_channels))
        self.register_buffer("seen", torch.tensor(0.0))
        self._matrices: dict[int, tuple[Tensor, Tensor]] = {}

    @torch.no_grad()
    def start_from(self, series: Sequence[Tensor]) -> None:
        """Learn from training series, each of shape (T_i, C), in which NaN is a gap."""
        seen = any(map(has_gaps, series))
        n_values = MAX_VALUES if seen else FEWER_VALUES
        some = _some_rows(series, n_values, least=4 * self.lookback)
        centred, masks = [], []
        counts = torch.stack([(~one.isnan()).sum(dim=0) for one in some]).sum(dim=0).clamp(min=1)
        level = torch.stack([one.nansum(dim=0) for one in some]).sum(dim=0) / counts  # (C,)
        for one in some:
            there = ~one.isnan()
            mean = one.nansum(dim=0) / there.sum(dim=0).clamp(min=1)
            centred.append(torch.where(there, one - mean, 0.0))
            masks.append(there.double())
        squares = torch.stack([one.square().sum(dim=0) for one in centred]).sum(dim=0)
        deviation = (squares / counts).sqrt()
        varies = deviation > 1e-10 * level.abs().clamp(min=1e-300)
        deviation = torch.where(varies, deviation, 0.0)
        unit = torch.where(varies, deviation, torch.inf)
        centred = [one / unit for one in centred]
        self.level.copy_(level)
        self.deviation.copy_(deviation)
        self.variogram.copy_(_variogram(centred, masks, len(self.variogram)))
        self.loadings.copy_(_loadings(centred, masks, self.loadings.shape[1]))
        self.seen.fill_(seen)
        self._matrices = {}

    def forward(self, x: Tensor) -> Tensor:
        """Fill windows of shape (B, C, L) that are at most 2L long."""
        if _is_exporting():
            return self._filled(x) if self._matrices else x
        if not has_gaps(x):
            return x
        with torch.no_grad():
            windows = x.isnan().any(dim=(1, 2)).nonzero().flatten()
            filled = x.clone()
            for some in windows.split(max(1, BLOCK // x[0].numel())):
                filled[some] = self._filled(x[some])
            return filled

    def fill_rows(self, x: Tensor) -> Tensor:
        """Fill windows of shape (B, L, C); without gaps they are the ones given."""
        if not _is_exporting() and not has_gaps(x):
            return x
        return self(x.mT).mT

    @torch.no_grad()
    def fill_series(self, values: Tensor) -> Tensor:
        """Fill a series (T, C) by overlapping pieces of 2L rows: each gap from both sides."""
        if not has_gaps(values):
            return values
        n_rows, width = len(values), min(len(self.variogram), len(values))
        step = max(1, width // 3)
        starts = [*range(0, n_rows - width, step), n_rows - width]
        pieces = values.unfold(0, width, 1)  # (T - width + 1, C, width), a view
        filled = values.clone()
        at_once = max(1, BLOCK // pieces[0].numel())
        for some in torch.tensor(starts, device=values.device).split(at_once):
            for first, piece in zip(some.tolist(), self(pieces[some]).mT, strict=True):
                begin = 0 if first == 0 else step
                filled[first + begin : first + width] = piece[begin:]
        return filled

    def prepare_export(self) -> None:
        """Let a graph that is exported fill gaps if the training series had any, else nothing."""
        self._matrices = {}
        if self.seen:
            self._matrices_of(self.lookback)

    def _filled(self, x: Tensor) -> Tensor:
        steps, channels = (one.to(x) for one in self._matrices_of(x.shape[-1]))
        gaps = x.isnan()
        there = (~gaps).sum(dim=-1, keepdim=True)  # (B, C, 1)
        unit = torch.where(self.deviation > 0, self.deviation, 1.0)[:, None]
        zeroed = torch.where(gaps, 0.0, x)
        mean = zeroed.sum(dim=-1, keepdim=True) / there.clamp(min=1)
        if _is_exporting() or not there.all():
            # levels of channels without any value: given those of the others
            standing = torch.where(there > 0, (mean - self.level[:, None]) / unit, 0.0)
            one = torch.ones_like(steps[:1, :1])
            absent = _conditional_mean(standing, there == 0, one, channels)
            mean = torch.where(there > 0, mean, self.level[:, None] + absent * unit)
        z = torch.where(gaps, 0.0, (x - mean) / unit)
        return torch.where(gaps, mean + _conditional_mean(z, gaps, steps, channels) * unit, x)

    def _matrices_of(self, length: int) -> tuple[Tensor, Tensor]:
        """Return the precisions of steps (L, L) and of channels (C, C)."""
        if length not in self._matrices:
            steps = _step_precision(self.variogram[:length].detach().cpu().double())
            channels = _channel_precision(self.loadings.detach().cpu().double())
            self._matrices[length] = (steps, channels)
        return self._matrices[length]

    def take_over(self, other: "GapFiller", numbers: Sequence[int | None]) -> None:
        """Take over what another one knows of channels, those of their numbers.

        A channel of number ``None`` keeps its level and deviation, and others tell nothing of it.
        """
        self.variogram.copy_(other.variogram)
        self.seen.copy_(other.seen)
        self.loadings.zero_()
        n_factors = min(self.loadings.shape[1], other.loadings.shape[1])
        known = [channel for channel, number in enumerate(numbers) if number is not None]
        theirs = [number for number in numbers if number is not None]
        self.level[known] = other.level[theirs]
        self.deviation[known] = other.deviation[theirs]
        self.loadings[known, :n_factors] = other.loadings[theirs, :n_factors]
        self._matrices = {}

    def _load_from_state_dict(
        self, state_dict: Any, prefix: str, metadata: Any, strict: Any, missing: Any, *others: Any
    ) -> None:
        # files that were written before gaps were filled know nothing of them
        absent: list[str] = []
        super()._load_from_state_dict(state_dict, prefix, metadata, strict, absent, *others)
        self._matrices = {}


def _is_exporting() -> bool:
    compiler = torch.compiler  # the former is of torch 2.7
    exports = getattr(compiler, "is_exporting", compiler.is_compiling)
    return bool(exports() or torch.onnx.is_in_onnx_export())


def _conditional_mean(z: Tensor, gaps: Tensor, steps: Tensor, channels: Tensor) -> Tensor:
    """Return the missing values of deviations z (B, C, L), zero where values are there.

    Conjugate gradients, preconditioned by the diagonal: Hestenes & Stiefel, "Methods of Conjugate
    Gradients for Solving Linear Systems", 1952.
    """
    diagonal = channels.diagonal()[:, None] * steps.diagonal()  # (C, L)
    diagonal = torch.where(diagonal > 0, diagonal, 1.0)

    def image(values: Tensor) -> Tensor:
        return torch.where(gaps, channels @ (values @ steps), 0.0)

    def product(a: Tensor, b: Tensor) -> Tensor:
        return (a * b).sum(dim=(1, 2), keepdim=True)

    def ratio(a: Tensor, b: Tensor) -> Tensor:
        positive = b > 1e-20
        return torch.where(positive, a / torch.where(positive, b, 1.0), 0.0)

    found = torch.zeros_like(z)
    left = -image(z)
    scaled = left / diagonal
    direction, size = scaled, product(left, scaled)
    rounding = torch.finfo(z.dtype).eps ** 2 * size
    for _ in range(N_ITERATIONS):
        if not _is_exporting() and not (size > rounding).any():
            break
        ahead = image(direction)
        step = ratio(size, product(direction, ahead))
        found = found + step * direction
        left = left - step * ahead
        scaled = left / diagonal
        before, size = size, product(left, scaled)
        direction = scaled + ratio(size, before) * direction
    return found


def _some_rows(series: Sequence[Tensor], n_values: int, least: int) -> list[Tensor]:
    """Return the last rows of evenly spread series, about ``n_values``, but ``least`` of each."""
    every = -(-len(series) // MAX_SERIES)
    some = series[::every]
    most = max(least, n_values // max(1, sum(one.shape[1] for one in some)))
    return [one[-most:].detach().to("cpu", torch.float64) for one in some]


def _variogram(centred: Sequence[Tensor], masks: Sequence[Tensor], length: int) -> Tensor:
    """Return the variogram of channels that are each in units of their mean over lags: (length,).

    Of series (T, C) in which gaps are zero, and masks that say what is there.
    """
    n_channels = centred[0].shape[1]
    squares = torch.zeros(length, n_channels, dtype=torch.float64)
    pairs = torch.zeros_like(squares)
    sizes = [1 << (len(z) + length - 1).bit_length() for z in centred]
    for size in set(sizes):  # series of like length together
        z, there = (
            pad_sequence([one for one, n in zip(tables, sizes, strict=True) if n == size]).mT
            for tables in (centred, masks)
        )  # (T, C, series)
        of_mask, of_z, of_square = (
            torch.fft.rfft(values, size, dim=0) for values in (there, z, z.square())
        )
        both = 2 * (of_mask.conj() * of_square).real  # the lags k and -k together
        found = torch.fft.irfft(both - 2 * of_z.abs().square(), size, dim=0)[:length]
        squares += found.sum(dim=2)
        pairs += torch.fft.irfft(of_mask.abs().square(), size, dim=0)[:length].round().sum(dim=2)
    half = squares.clamp(min=0.0) / pairs.clamp(min=1) / 2
    counted = pairs.clamp(max=1)
    unit = (half * counted)[1:].sum(dim=0) / counted[1:].sum(dim=0).clamp(min=1)
    moves = unit > 1e-12
    weight = pairs * moves
    known = weight.sum(dim=1) > 0
    known[0] = False
    if not known.any():
        return torch.arange(length, dtype=torch.float64)
    total = (half / torch.where(moves, unit, 1.0) * weight).sum(dim=1)
    mean = total / weight.sum(dim=1).clamp(min=1)
    # beyond the longest distance, or between, as at the next shorter one
    nearest = torch.where(known, torch.arange(length), 0).cummax(dim=0).values
    nearest = torch.where(nearest > 0, nearest, int(known.nonzero()[0]))
    mean = mean[nearest]
    mean[0] = 0.0
    return mean


def _loadings(centred: Sequence[Tensor], masks: Sequence[Tensor], n_factors: int) -> Tensor:
    """Return the leading principal components of the channels' correlations, (C, n_factors)."""
    n_channels = centred[0].shape[1]
    if n_channels == 1:
        return torch.zeros(1, n_factors, dtype=torch.float64)
    products = sum(z.T @ z for z in centred)
    pairs = sum(there.T @ there for there in masks)
    correlation = products / (pairs + FEW_PAIRS)
    values, vectors = leading_eigenvectors(correlation + torch.eye(n_channels), n_factors)
    return vectors * (values - 1.0).clamp(min=0.0).sqrt()


def _step_precision(variogram: Tensor) -> Tensor:
    """Return the pseudoinverse of the covariance of steps whose level is removed, (L, L)."""
    length = len(variogram)
    lags = torch.arange(length)
    covariance = _without_level(-variogram[(lags[:, None] - lags).abs()])
    values, vectors = torch.linalg.eigh(covariance)
    least = LEAST_VARIANCE * values.clamp(min=0.0).mean()
    if not least > 0:
        return torch.zeros(length, length, dtype=variogram.dtype)
    precision = _without_level((vectors / values.clamp(min=least)) @ vectors.T)
    return precision / precision.diagonal().mean()


def _without_level(matrix: Tensor) -> Tensor:
    """Project a symmetric matrix on what sums to zero."""
    matrix = matrix - matrix.mean(dim=0) - matrix.mean(dim=1, keepdim=True) + matrix.mean()
    return (matrix + matrix.T) / 2


def _channel_precision(loadings: Tensor) -> Tensor:
    """Return the inverse correlations of channels, (C, C)."""
    common = loadings.square().sum(dim=1)
    bound = (1 - LEAST_UNIQUE) / torch.where(common > 0, common, 1.0)
    loadings = loadings * bound.clamp(max=1.0).sqrt()[:, None]
    unique = 1 - loadings.square().sum(dim=1)
    return torch.linalg.inv(loadings @ loadings.T + torch.diag(unique))
