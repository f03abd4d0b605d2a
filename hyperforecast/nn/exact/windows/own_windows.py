"""Windows of channels that each have their own, written out."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from hyperforecast.nn.exact.windows.design_matrix import DesignMatrix, deviations, factor_lags
from hyperforecast.nn.exact.windows.layout import WindowLayout
from hyperforecast.nn.exact.windows.observed_series import ObservedSeries
from hyperforecast.nn.exact.windows.regressors import (
    flatten_factors,
    flatten_past,
    join_groups,
)


class PaddedWindows(NamedTuple):
    """The windows of n channels, of each as many as of the one that has the most, K.

    Attributes
    ----------
    target : Tensor, shape (n, K, width)
    past : Tensor, shape (n, K, Q, width)
    future : Tensor, shape (n, K, F, width)
    there : Tensor, shape (n, K), bool
        Which of them there are; the first ones of each channel.
    """

    target: Tensor
    past: Tensor
    future: Tensor
    there: Tensor


class OwnWindows:
    """Windows of channels, each of which has those of its own stretches of rows.

    Parameters
    ----------
    series : sequence of ObservedSeries
        Stretches of rows, of one channel or of several, each at least ``width`` rows long.
    width : int
    n_channels : int
    starts : sequence of Tensor, optional
        First rows of the windows of each series, ascending; all windows if not given.
    weights : sequence of Tensor, shape (windows, C) each, optional
        How much all windows of each series count; one if not given.

    Attributes
    ----------
    n_windows : Tensor, shape (n_channels,), int64
    channel, series, start : Tensor, shape (W,), int64
        Of every channel's windows, channel by channel: the channel, the number of the series, and
        the first row in it.
    """

    def __init__(
        self,
        series: Sequence[ObservedSeries],
        width: int,
        n_channels: int,
        starts: Sequence[Tensor] | None = None,
        weights: Sequence[Tensor] | None = None,
    ) -> None:
        self.width = width
        self._targets = [one.target for one in series]
        self._aligned: Tensor | None = None
        device = series[0].target.device
        n_columns = torch.tensor([one.n_channels for one in series])
        n_rows = torch.tensor([one.n_rows for one in series])
        n_starts = n_rows - width + 1
        if starts is not None:
            n_starts = torch.tensor([some.shape[0] for some in starts])
        # one entry for each column of each series, then one for each of its windows
        of_column = torch.arange(len(series)).repeat_interleave(n_columns)
        first_row = (n_rows.cumsum(0) - n_rows)[of_column]
        first_value = n_rows[of_column].cumsum(0) - n_rows[of_column]
        n_windows = n_starts[of_column]
        of_window = torch.arange(len(of_column)).repeat_interleave(n_windows)
        if starts is None:
            start = torch.arange(len(of_window)) - (n_windows.cumsum(0) - n_windows)[of_window]
        else:
            start = torch.cat([starts[number] for number in of_column.tolist()])
        numbers = torch.cat([one.numbers for one in series]).cpu()[of_window]
        order = numbers.argsort(stable=True)
        self._order = order
        self.channel = numbers[order].to(device)
        self.series = of_column[of_window][order].to(device)
        self.start = start[order].to(device)
        self._value = self.start + first_value[of_window][order].to(device)
        self._row = self.start + first_row[of_window][order].to(device)
        self.n_windows = torch.bincount(self.channel, minlength=n_channels)
        self._first = self.n_windows.cumsum(0) - self.n_windows
        self._values = torch.cat([one.target.T.flatten() for one in series])
        self._gaps: Tensor | None = None
        if any(one.gaps is not None for one in series):
            gaps = [
                torch.zeros_like(one.target, dtype=torch.bool) if one.gaps is None else one.gaps
                for one in series
            ]
            self._gaps = torch.cat([one.T.flatten() for one in gaps])
        self._roots: Tensor | None = None
        if weights is not None:
            if starts is not None:
                weights = [one[some] for one, some in zip(weights, starts, strict=True)]
            self._roots = self.arranged(weights).sqrt()
        self._past = _joined([one.past for one in series], self._values)
        self._future = _joined([one.future for one in series], self._values)
        self.static: Tensor | None = None
        if series[0].static is not None:
            static = torch.cat([one.static for one in series if one.static is not None])
            self.static = static.new_zeros(n_channels, static.shape[1])
            self.static[torch.cat([one.numbers for one in series])] = static

    def most(self, channels: slice) -> int:
        """Return the number of windows of the one of some channels that has the most."""
        return int(self.n_windows[channels].max())

    def padded(self, channels: slice, first: int = 0, count: int | None = None) -> PaddedWindows:
        """Write out the windows of some channels: all, or ``count`` from the ``first`` of each."""
        which, there = self._which(channels, first, count)

        def windows_of(values: Tensor, first: Tensor) -> Tensor:  # (R, m) -> (n, K, m, width)
            return values.unfold(0, self.width, 1)[first[which]]

        return PaddedWindows(
            windows_of(self._values, self._value),
            windows_of(self._past, self._row),
            windows_of(self._future, self._row),
            there,
        )

    def roots(self, channels: slice, first: int = 0, count: int | None = None) -> Tensor:
        """Return the roots of what windows of some channels count, (n, K); see :meth:`padded`.

        Those that are not there count zero.
        """
        if self._roots is None:
            return self._which(channels, first, count)[1].to(self._values)
        return self.of_some(self._roots, channels, first, count)

    def arranged(self, values: Sequence[Tensor]) -> Tensor:
        """Put values of the windows of each series, (windows, C, ...), in their order here."""
        columns = [one.transpose(0, 1).flatten(0, 1) for one in values]
        return torch.cat(columns)[self._order.to(columns[0].device)]

    def of_some(
        self, arranged: Tensor, channels: slice, first: int = 0, count: int | None = None
    ) -> Tensor:
        """Return :meth:`arranged` values of windows of some channels, (n, K, ...); see ``padded``.

        Zero of those that are not there.
        """
        which, there = self._which(channels, first, count)
        picked = arranged[which]
        return picked * there.view(*there.shape, *[1] * (picked.dim() - 2)).to(picked)

    def gaps(self, rows: slice, channels: slice, count: int) -> Tensor:
        """Say where the first ``count`` windows of some channels have gaps.

        Parameters
        ----------
        rows : slice
            Which rows of a window are looked at.
        channels : slice
        count : int

        Returns
        -------
        Tensor, shape (n, count, rows), bool
        """
        which, there = self._which(channels, 0, count)
        if self._gaps is None:
            return there.new_zeros(*there.shape, len(range(self.width)[rows]))
        return self._gaps.unfold(0, self.width, 1)[self._value[which]][..., rows]

    def _which(self, channels: slice, first: int, count: int | None) -> tuple[Tensor, Tensor]:
        """Return the numbers of windows of some channels (n, K), and which of them there are."""
        counts = self.n_windows[channels]
        stop = self.most(channels) if count is None else first + count
        number = torch.arange(first, stop, device=counts.device)
        there = number < counts[:, None]
        return torch.where(there, self._first[channels, None] + number, 0), there

    def rows(
        self, layout: WindowLayout, channels: slice, first: int = 0, count: int | None = None
    ) -> tuple[DesignMatrix, Tensor]:
        """Return windows of some channels as rows of a regression, and which there are.

        Those that are not there are rows of zeros. See :meth:`padded` for which.

        Parameters
        ----------
        layout : WindowLayout
            Of the same width; with factors, those of the columns of every series.
        channels : slice
        first : int
        count : int, optional

        Returns
        -------
        DesignMatrix
            Of n channels with K windows each, and with covariates for each channel.
        Tensor, shape (n, K), bool
        """
        target, past, future, there = self.padded(channels, first, count)
        windows = layout.remove_level(target.mT).mT * there[..., None]
        own = windows[..., layout.inputs]
        fixed = windows.new_ones(len(windows), 1, 1)
        if self.static is not None:
            fixed = join_groups(static=self.static[channels, None], constant=fixed)
        shared = flatten_past(past[..., layout.inputs])
        if layout.n_factors:
            factors = self._factor_lags(layout, channels, first, count)
            shared = join_groups(past=shared, factors=factors * there[..., None])
        return DesignMatrix(
            where=layout.regressors_beside(past.shape[2], fixed.shape[2] - 1),
            own=own,
            targets=windows[..., layout.targets],
            shared=shared,
            future=future[..., layout.targets].mT,
            fixed=fixed,
            deviation=deviations(own, layout) * there[..., None],
        ), there

    def _factor_lags(
        self, layout: WindowLayout, channels: slice, first: int, count: int | None
    ) -> Tensor:
        """Return the lags of the common factors of windows of some channels, (n, K, q)."""
        which, _ = self._which(channels, first, count)
        # columns of a series have their windows at the same rows
        rows, place = self._row[which].unique(return_inverse=True)
        if self._aligned is None:
            self._aligned = torch.cat(self._targets)
        aligned = self._aligned
        linear = layout.norm != "revin"
        if linear:
            assert layout.loadings is not None
            aligned = aligned @ layout.loadings
        windows = aligned.unfold(0, self.width, 1)[rows]  # (U, C or K, width)
        own = layout.remove_level(windows.mT).mT[..., layout.inputs]
        if linear:
            return flatten_factors(own[..., layout.n_lags - layout.factor_lookback :])[place]
        return factor_lags(own, deviations(own, layout), layout)[place]


def _joined(parts: Sequence[Tensor | None], like: Tensor) -> Tensor:
    """Put covariates one after the other, (R, m); as many rows as ``like`` of none."""
    given = [part for part in parts if part is not None]
    return torch.cat(given) if given else like.new_empty(len(like), 0)
