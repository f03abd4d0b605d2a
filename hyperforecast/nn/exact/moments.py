"""Second moments of all windows of a panel, without visiting the windows."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Self

import torch
from torch import Tensor

from hyperforecast.nn.instance_norm import RevIN

LINEAR_NORMS = ("none", "last", "mean", "revin")
"""Instance norms under which a linear backbone stays linear in its weights."""


@dataclass(frozen=True)
class Panel:
    """A multivariate series and what is known beside it, all over the same T rows.

    Attributes
    ----------
    target : Tensor, shape (T, C)
    past : Tensor, shape (T, Q), optional
        Covariates that enter with every lag of the window.
    future : Tensor, shape (T, F), optional
        Covariates that enter at their own step of the horizon.
    static : Tensor, shape (C, S), optional
    start : int, optional
        Number of the first row in a time that panels of several fits share.
    """

    target: Tensor
    past: Tensor | None = None
    future: Tensor | None = None
    static: Tensor | None = None
    start: int | None = None

    def to(self, device: torch.device) -> Self:
        """Return the panel on a device."""
        return type(self)(
            self.target.to(device),
            None if self.past is None else self.past.to(device),
            None if self.future is None else self.future.to(device),
            None if self.static is None else self.static.to(device),
            self.start,
        )

    def rows(self, start: int, stop: int) -> Self:
        """Return rows ``start`` to ``stop``."""
        return type(self)(
            self.target[start:stop],
            None if self.past is None else self.past[start:stop],
            None if self.future is None else self.future[start:stop],
            self.static,
            None if self.start is None else self.start + start,
        )


@dataclass(frozen=True)
class WindowLayout:
    """Where lookback and horizon lie in a window, and what a regression sees of it.

    The regressors of a channel are, in this order: its own L lags, Q·L lags of the past
    covariates (step by step, as the network flattens them), ``factor_lookback`` lags of each of
    K common factors (factor by factor), S static covariates and the constant. Under RevIN the
    constant and the static covariates are multiplied by the window's deviation, which is what
    the network's restoring amounts to.

    Attributes
    ----------
    lookback, horizon, shift : int
        L, H, and the number of steps between them.
    norm : str
        One of ``LINEAR_NORMS``.
    loadings : Tensor, shape (C, K), optional
        Common factors of a row are its values times the loadings, taken after the instance norm.
    factor_lookback : int
        Number of most recent steps at which factors enter.
    """

    lookback: int
    horizon: int
    shift: int = 0
    norm: str = "none"
    loadings: Tensor | None = None
    factor_lookback: int = 0

    @property
    def width(self) -> int:
        """Number of rows that a window spans."""
        return self.lookback + self.shift + self.horizon

    def recurs(self, panel: Panel) -> bool:
        """Say whether the moments of a panel follow from one window to the next."""
        return self.norm != "revin" or (
            panel.past is None and panel.future is None and not self.n_factors
        )

    def n_windows(self, panel: Panel) -> int:
        """Return the number of windows in a panel; raise if there is none."""
        n_windows = len(panel.target) - self.width + 1
        if n_windows < 1:
            raise ValueError(
                f"A window spans {self.width} rows; the series has {len(panel.target)}."
            )
        return n_windows

    @property
    def n_factors(self) -> int:
        """Number K of common factors."""
        return 0 if self.loadings is None else self.loadings.shape[1]


@dataclass
class Moments:
    """Sums over windows, for each of n channels with p regressors.

    Attributes
    ----------
    xx : Tensor, shape (n, p, p)
        Regressors with regressors.
    xy : Tensor, shape (n, p, H)
        Regressors with targets, both after the instance norm.
    yy : Tensor, shape (n,)
        Squared targets, summed over steps.
    xf : Tensor, shape (n, p, H, F)
        Regressors with the future covariates of each step.
    ff : Tensor, shape (n, F, F)
        Future covariates with themselves, summed over steps.
    fy : Tensor, shape (n, F)
        Future covariates with the target of their step, summed over steps.
    n_windows : int
    """

    xx: Tensor
    xy: Tensor
    yy: Tensor
    xf: Tensor
    ff: Tensor
    fy: Tensor
    n_windows: int

    def __add__(self, other: "Moments") -> "Moments":
        return Moments(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    def regressors(self, keep: Tensor) -> "Moments":
        """Return the moments of the regressors numbered in ``keep``."""
        return Moments(
            self.xx[:, keep][:, :, keep],
            self.xy[:, keep],
            self.yy,
            self.xf[:, keep],
            self.ff,
            self.fy,
            self.n_windows,
        )

    def total(self) -> "Moments":
        """Return the sums over channels, as the moments of one."""
        parts = {f.name: getattr(self, f.name) for f in fields(self)}
        return Moments(
            **{k: v if k == "n_windows" else v.sum(dim=0, keepdim=True) for k, v in parts.items()}
        )

    def channel(self, number: int) -> "Moments":
        """Return the moments of one channel, as those of a piece of one."""
        parts = {f.name: getattr(self, f.name) for f in fields(self)}
        return Moments(
            **{k: v if k == "n_windows" else v[number : number + 1] for k, v in parts.items()}
        )

    def squared_error(self, weight: Tensor, future_weight: Tensor) -> Tensor:
        """Return the summed squared error of given weights: a quadratic form, no pass over data.

        Parameters
        ----------
        weight : Tensor, shape (n, H, p)
        future_weight : Tensor, shape (n, F)

        Returns
        -------
        Tensor, shape (n,)
        """
        fitted = torch.bmm(weight, self.xx)  # (n, H, p)
        error = self.yy + ((fitted - 2 * self.xy.mT) * weight).sum(dim=(1, 2))
        if future_weight.shape[1]:
            fitted_future = torch.einsum("nphf,nf->nhp", self.xf, future_weight)
            error = error + 2 * (fitted_future * weight).sum(dim=(1, 2))
            covered = torch.einsum("nfg,ng->nf", self.ff, future_weight)
            error = error + ((covered - 2 * self.fy) * future_weight).sum(dim=1)
        return error


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
    upper = _diagonals(a, b, n_windows, width_a, width_b)  # [i, k] = M[i, i + k]
    i = torch.arange(width_a, device=a.device)[:, None]
    j = torch.arange(width_b, device=a.device)[None, :]
    if b is a and width_a == width_b:
        flat = torch.minimum(i, j) * width_b + (i - j).abs()
        return upper.flatten(-2)[..., flat]
    lower = _diagonals(b, a, n_windows, width_b, width_a)  # [j, k] = M[j + k, j]
    flat = (i * width_b + (j - i)).clamp(min=0, max=width_a * width_b - 1)
    above = upper.flatten(-2)[..., flat]
    flat = (j * width_a + (i - j)).clamp(min=0, max=width_a * width_b - 1)
    below = lower.flatten(-2)[..., flat]
    return torch.where(j >= i, above, below)


def _diagonals(a: Tensor, b: Tensor, n_windows: int, width_a: int, width_b: int) -> Tensor:
    """Return [..., i, k] = sum_t a[t + i] b[t + i + k]; entries with i + k >= width_b are void."""
    first = _correlate(a[..., :n_windows], b[..., : n_windows + width_b - 1], width_b)
    if width_a == 1:
        return first.unsqueeze(-2)
    n_steps = width_a - 1

    def products(start: int) -> Tensor:  # [m, k] = a[start + m] b[start + m + k]
        ahead = torch.nn.functional.pad(b[..., start : start + width_b - 1], (0, width_a))
        return (
            a[..., start : start + n_steps, None] * ahead.unfold(-1, width_b, 1)[..., :n_steps, :]
        )

    steps = (products(n_windows) - products(0)).cumsum(dim=-2)
    return torch.cat([first.unsqueeze(-2), first.unsqueeze(-2) + steps], dim=-2)


def _correlate(short: Tensor, long: Tensor, n_lags: int) -> Tensor:
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
    total = torch.einsum("...pf,...pf->...f", spectrum, ahead)
    return torch.fft.irfft(total, size)[..., :n_lags]


def _sums(x: Tensor, n_windows: int, width: int) -> Tensor:
    """Return sum_t x[t + k] over the first ``n_windows`` steps t, for k < width."""
    steps = x[..., n_windows : n_windows + width - 1] - x[..., : width - 1]
    first = x[..., :n_windows].sum(dim=-1, keepdim=True)
    return torch.cat([first, first + steps.cumsum(dim=-1)], dim=-1)


def window_moments(
    panels: Iterable[Panel], layout: WindowLayout, channels: slice = slice(None)
) -> Moments:
    """Return the moments of every window of every panel, for the given channels.

    Time and memory do not depend on the number of windows times their width squared: each
    channel costs O(T log T) for the first row and O(width²) for the rest.

    Parameters
    ----------
    panels : iterable of Panel
        Each at least ``layout.width`` rows long; float64.
    layout : WindowLayout
    channels : slice
        Which channels to return; factors are always made of all.
    """
    total: Moments | None = None
    for panel in panels:
        moments = _panel_moments(panel, layout, channels)
        total = moments if total is None else total + moments
    if total is None:
        raise ValueError("No series to take moments of.")
    return total


def _panel_moments(
    panel: Panel, layout: WindowLayout, channels: slice, own: Tensor | None = None
) -> Moments:
    n_windows = layout.n_windows(panel)
    scales_with_window = layout.norm == "revin"
    if not layout.recurs(panel):
        raise ValueError(
            "RevIN scales covariates and factors by the window, so their moments have no "
            "recurrence: use block_moments."
        )

    x = panel.target[:, channels].T.contiguous()  # (n, T)
    n, lookback, width = len(x), layout.lookback, layout.width
    back, ahead = slice(0, lookback), slice(width - layout.horizon, width)

    def products(a: Tensor, b: Tensor) -> Tensor:
        return lagged_products(a, b, n_windows, width, width)

    own = products(x, x) if own is None else own
    own = _remove_level(_remove_level(own, layout).mT, layout).mT  # (n, width, width)
    # the constant regressor: one, or under RevIN the window's deviation
    if scales_with_window:
        constant = _deviations(x, lookback, n_windows)  # (n, windows)
        own_sum = _correlate(constant, x, width)
        energy = constant.square().sum(dim=1)
    else:
        own_sum = _sums(x, n_windows, width)
        energy = x.new_full((n,), n_windows)
    own_sum = _remove_level(own_sum.unsqueeze(-1), layout).squeeze(-1)

    xx, xy, sums = own[:, back, back], own[:, back, ahead], own_sum[:, back]
    shared = _SharedLags.of(panel, layout)
    if shared:
        cross = torch.cat([lags.products(x, n_windows, width) for lags in shared], dim=2)
        cross = _remove_level(cross, layout)  # (n, width, p')
        among = torch.cat(
            [torch.cat([a.products_with(b, n_windows) for b in shared], dim=1) for a in shared]
        )
        xx = _symmetric(xx, cross[:, back], among.expand(n, -1, -1))
        xy = torch.cat([xy, cross[:, ahead].mT], dim=1)
        shared_sum = torch.cat([lags.sums(n_windows) for lags in shared])
        sums = torch.cat([sums, shared_sum.expand(n, -1)], dim=1)

    # static covariates do not change with the window: they are multiples of the constant
    multiples = x.new_ones(n, 1)
    if panel.static is not None:
        multiples = torch.cat([panel.static[channels], multiples], dim=1)  # (n, S + 1)
    xx = _symmetric(
        xx,
        torch.einsum("np,ns->nps", sums, multiples),
        torch.einsum("n,ns,nr->nsr", energy, multiples, multiples),
    )
    xy = torch.cat([xy, torch.einsum("ns,nh->nsh", multiples, own_sum[:, ahead])], dim=1)
    yy = own[:, ahead, ahead].diagonal(dim1=1, dim2=2).sum(dim=1)

    n_future = 0 if panel.future is None else panel.future.shape[1]
    xf = x.new_zeros(n, xx.shape[1], layout.horizon, n_future)
    ff, fy = x.new_zeros(n, n_future, n_future), x.new_zeros(n, n_future)
    if panel.future is not None and n_future:
        future = panel.future.T.contiguous()  # (F, T)
        cross = products(x[:, None], future[None]).transpose(1, 2)  # (n, width, F, width)
        cross = _remove_level(cross.flatten(2), layout).view(cross.shape)[..., ahead]
        fy = cross[:, ahead].diagonal(dim1=1, dim2=3).sum(dim=2)  # (n, F)
        rows = [cross[:, back].mT]  # (n, L, H, F)
        for lags in shared:
            seen = lags.products(future, n_windows, width)[:, ahead]  # (F, H, p')
            rows.append(seen.permute(2, 1, 0).expand(n, -1, -1, -1))
        future_sum = _sums(future, n_windows, width)
        rows.append(torch.einsum("ns,fh->nshf", multiples, future_sum[:, ahead]))
        xf = torch.cat(rows, dim=1)
        ff = products(future[:, None], future[None])[..., ahead, ahead]
        ff = ff.diagonal(dim1=2, dim2=3).sum(dim=2).expand(n, -1, -1)
    return Moments(xx, xy, yy, xf, ff, fy, n_windows)


@dataclass(frozen=True)
class _SharedLags:
    """Lags of J series that every channel's regression sees.

    Attributes
    ----------
    series : Tensor, shape (J, >= T + width - 1)
        From the first lag's first step on.
    width : int
        Number of consecutive lags.
    level : Tensor, shape (J, T), optional
        What the instance norm subtracts from each window's lags.
    lag_by_lag : bool
        Whether regressors run through the series within a lag, or through the lags of a series.
    """

    series: Tensor
    width: int
    level: Tensor | None
    lag_by_lag: bool

    @classmethod
    def of(cls, panel: Panel, layout: WindowLayout) -> list[Self]:
        """Return the shared regressors of a panel: past covariates, then factors."""
        found = []
        n_windows, lookback = layout.n_windows(panel), layout.lookback
        if panel.past is not None and panel.past.shape[1]:
            found.append(cls(panel.past.T.contiguous(), lookback, None, lag_by_lag=True))
        if layout.loadings is not None and layout.n_factors:
            factors = (panel.target @ layout.loadings).T.contiguous()  # (K, T)
            level = None
            if layout.norm == "last":
                level = factors[:, lookback - 1 :][:, :n_windows]
            elif layout.norm == "mean":
                level = _window_means(factors, lookback)[:, :n_windows]
            recent = factors[:, lookback - layout.factor_lookback :]
            found.append(cls(recent, layout.factor_lookback, level, lag_by_lag=False))
        return found

    def products(self, x: Tensor, n_windows: int, width: int) -> Tensor:
        """Return the products with windows of other series x (m, ...): (m, width, J·lags)."""
        lags = lagged_products(x[:, None], self.series[None], n_windows, width, self.width)
        if self.level is not None:  # (m, J, width, lags)
            lags = lags - _correlate(self.level[None], x[:, None], width).unsqueeze(-1)
        return self._flatten(lags.transpose(1, 2))

    def products_with(self, other: Self, n_windows: int) -> Tensor:
        """Return the products with other shared lags: (J·lags, J'·lags')."""
        theirs = other.products(self.series, n_windows, self.width)  # (J, lags, J'·lags')
        if self.level is not None:
            # a level is a window of one step
            theirs = theirs - other.products(self.level, n_windows, 1)
        return self._flatten(theirs.movedim(-1, 0)).T

    def sums(self, n_windows: int) -> Tensor:
        """Return the sums over windows, (J·lags,)."""
        lags = _sums(self.series, n_windows, self.width)
        if self.level is not None:
            lags = lags - self.level.sum(dim=1, keepdim=True)
        return self._flatten(lags)

    def _flatten(self, lags: Tensor) -> Tensor:
        """Order (..., J, lags) as the network does: (..., J·lags)."""
        return (lags.mT if self.lag_by_lag else lags).flatten(-2)


def _symmetric(top: Tensor, corner: Tensor, bottom: Tensor) -> Tensor:
    """Assemble [[top, corner], [corner^T, bottom]]."""
    split, width = top.shape[1], top.shape[1] + bottom.shape[1]
    whole = top.new_empty(len(top), width, width)
    whole[:, :split, :split] = top
    whole[:, :split, split:] = corner
    whole[:, split:, :split] = corner.mT
    whole[:, split:, split:] = bottom
    return whole


def _remove_level(windows: Tensor, layout: WindowLayout) -> Tensor:
    """Subtract from windows (..., width, m) the level that the instance norm subtracts."""
    if layout.norm == "none":
        return windows
    if layout.norm == "last":
        return windows - windows[..., layout.lookback - 1 : layout.lookback, :]
    return windows - windows[..., : layout.lookback, :].mean(dim=-2, keepdim=True)


def _window_means(x: Tensor, length: int) -> Tensor:
    """Return the mean of every ``length`` consecutive steps: (n, T) -> (n, T - length + 1)."""
    sums = torch.nn.functional.pad(x.cumsum(dim=-1), (1, 0))
    return (sums[..., length:] - sums[..., :-length]) / length


def _deviations(x: Tensor, lookback: int, n_windows: int) -> Tensor:
    """Return RevIN's deviation of every window, (n, windows)."""
    x = x - x.mean(dim=-1, keepdim=True)
    variance = _window_means(x.square(), lookback) - _window_means(x, lookback).square()
    return (variance[:, :n_windows].clamp(min=0) + RevIN.epsilon).sqrt()


class MomentBank:
    """Moments of many channels over the same windows, for one layout after another.

    Channels are worked on in pieces that fit in memory. What does not depend on the layout, and
    the moments of the last layout, are kept where they fit.

    Parameters
    ----------
    panels : sequence of Panel
    layout : WindowLayout
        Its lookback, horizon and shift hold for every layout asked for.
    max_bytes : int
        Memory that kept moments may take; a tenth of it bounds a piece.
    own_products : callable, optional
        Gives the products of all channels' windows with themselves, (C, width, width), from
        number, panel and width; used where they are kept.
    """

    def __init__(
        self,
        panels: Sequence[Panel],
        layout: WindowLayout,
        max_bytes: int,
        own_products: Callable[[int, Panel, int], Tensor] | None = None,
    ) -> None:
        self.panels = [panel for panel in panels if len(panel.target) >= layout.width]
        self.max_bytes = max_bytes
        self.n_windows = sum(layout.n_windows(panel) for panel in self.panels)
        self.n_channels = panels[0].target.shape[1]
        self._give_own = own_products
        self._own: dict[int, Tensor] = {}

    def pieces(self, layout: WindowLayout) -> "Pieces":
        """Return the moments for a layout, to be iterated over."""
        return Pieces(self, layout)

    def channel_slices(self, bytes_per_channel: int) -> list[slice]:
        """Cut the channels into pieces whose work fits in memory."""
        step = max(1, self.max_bytes // 10 // bytes_per_channel)
        return [
            slice(start, min(start + step, self.n_channels))
            for start in range(0, self.n_channels, step)
        ]

    def own_products(self, number: int, layout: WindowLayout, channels: slice) -> Tensor:
        """Return the products of each channel's windows with themselves, (n, width, width)."""
        panel, width = self.panels[number], layout.width
        kept_bytes = 8 * width**2 * self.n_channels * len(self.panels)

        def products(some: slice) -> Tensor:
            x = panel.target[:, some].T.contiguous()
            return lagged_products(x, x, layout.n_windows(panel), width, width)

        if kept_bytes > self.max_bytes // 2:
            return products(channels)
        if number not in self._own:
            if self._give_own is not None:
                self._own[number] = self._give_own(number, panel, width)
            else:
                slices = self.channel_slices(8 * width**2 * 5)
                self._own[number] = torch.cat([products(some) for some in slices])
        return self._own[number][channels]


class Pieces:
    """Moments of one layout, a piece of the channels at a time.

    Iterating yields pairs of a slice of channels and their :class:`Moments`, as often as asked.
    """

    def __init__(self, bank: MomentBank, layout: WindowLayout) -> None:
        self.bank = bank
        self.layout = layout
        panel = bank.panels[0]
        n_past = 0 if panel.past is None else panel.past.shape[1]
        n_shared = layout.lookback * n_past + layout.factor_lookback * layout.n_factors
        width = layout.width + n_shared
        self._slices = bank.channel_slices(8 * width**2 * 5)
        self._keep = 8 * width**2 * bank.n_channels <= bank.max_bytes // 2
        self._kept: list[tuple[slice, Moments]] = []

    def __iter__(self) -> Iterator[tuple[slice, Moments]]:
        if self._kept:
            yield from self._kept
            return
        found = []
        for channels in self._slices:
            moments = self._moments(channels)
            if self._keep:
                found.append((channels, moments))
            yield channels, moments
        self._kept = found

    def _moments(self, channels: slice) -> Moments:
        if not self.layout.recurs(self.bank.panels[0]):
            return block_moments(self.bank.panels, self.layout, channels)
        total: Moments | None = None
        for number, panel in enumerate(self.bank.panels):
            own = self.bank.own_products(number, self.layout, channels)
            moments = _panel_moments(panel, self.layout, channels, own)
            total = moments if total is None else total + moments
        assert total is not None
        return total

    def regressors(self, keep: Tensor) -> "PiecesSubset":
        """Return the moments of the regressors numbered in ``keep``."""
        return PiecesSubset(self, keep)


@dataclass(frozen=True)
class PiecesSubset:
    """:class:`Pieces` with some of their regressors."""

    pieces: Pieces
    keep: Tensor

    def __iter__(self) -> Iterator[tuple[slice, Moments]]:
        for channels, moments in self.pieces:
            yield channels, moments.regressors(self.keep)


def block_moments(
    panels: Sequence[Panel],
    layout: WindowLayout,
    channels: slice = slice(None),
    block: int = 1024,
) -> Moments:
    """Return the same as :func:`window_moments` by visiting every window, in blocks.

    Slower, for what has no recurrence: RevIN together with covariates or factors, whose
    regressors are multiplied by each window's deviation.
    """
    total: Moments | None = None
    for panel in panels:
        n_windows = layout.n_windows(panel)
        for start in range(0, n_windows, block):
            stop = min(start + block, n_windows)
            piece = panel.rows(start, stop + layout.width - 1)
            x, y, f = window_regressors(piece, layout, channels)
            moments = Moments(
                torch.einsum("tnp,tnq->npq", x, x),
                torch.einsum("tnp,tnh->nph", x, y),
                y.square().sum(dim=(0, 2)),
                torch.einsum("tnp,tnhf->nphf", x, f),
                torch.einsum("tnhf,tnhg->nfg", f, f),
                torch.einsum("tnhf,tnh->nf", f, y),
                stop - start,
            )
            total = moments if total is None else total + moments
    if total is None:
        raise ValueError("No series to take moments of.")
    return total


def window_regressors(
    panel: Panel,
    layout: WindowLayout,
    channels: slice = slice(None),
    starts: Tensor | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Return regressors (T, n, p), targets (T, n, H) and future covariates (T, n, H, F).

    These are the rows of the regression that the moments stand for, in the units in which the
    error is counted: of every window, or of those that begin at ``starts``.
    """
    lookback, horizon, width = layout.lookback, layout.horizon, layout.width
    if starts is None:
        starts = torch.arange(layout.n_windows(panel))

    def windows_of(values: Tensor) -> Tensor:  # (T, m) -> (windows, m, width)
        return values.unfold(0, width, 1)[starts.to(values.device)]

    windows = _remove_level(windows_of(panel.target).mT, layout).mT
    n_windows, n_channels = windows.shape[:2]
    if layout.norm == "revin":
        variance = windows[..., :lookback].var(dim=-1, correction=0, keepdim=True)
        deviation = (variance + RevIN.epsilon).sqrt()
    else:
        deviation = torch.ones_like(windows[..., :1])
    parts = [windows[..., :lookback]]
    if panel.past is not None and panel.past.shape[1]:
        lags = windows_of(panel.past)[..., :lookback]  # (T, Q, L)
        parts.append(lags.mT.flatten(1).unsqueeze(1) * deviation)
    if layout.loadings is not None and layout.n_factors:
        recent = windows[..., lookback - layout.factor_lookback : lookback] / deviation
        factors = torch.einsum("tcl,ck->tkl", recent, layout.loadings)
        parts.append(factors.flatten(1).unsqueeze(1) * deviation)
    if panel.static is not None:
        parts.append(panel.static.unsqueeze(0) * deviation)
    parts.append(deviation)
    x = torch.cat([p.expand(n_windows, n_channels, -1) for p in parts], dim=-1)
    future = windows.new_zeros(n_windows, n_channels, horizon, 0)
    if panel.future is not None:
        steps = windows_of(panel.future)[..., width - horizon :]  # (T, F, H)
        future = steps.mT.unsqueeze(1) * deviation.unsqueeze(-1)
    return x[:, channels], windows[..., width - horizon :][:, channels], future[:, channels]
