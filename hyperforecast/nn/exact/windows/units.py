"""Means and deviations of training series: the units in which everything is solved."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Self

import torch
from torch import Tensor

from hyperforecast.nn.exact.windows.joined_rows import joined_rows, map_rows
from hyperforecast.nn.exact.windows.observed_series import ObservedSeries

MOVES = 100.0
"""How many times its training deviation a channel has to move by elsewhere, to be in units of
that."""


class MeanDeviation(NamedTuple):
    """Of m columns, each of shape (m,); a deviation of zero says that a column is constant."""

    mean: Tensor
    deviation: Tensor

    @classmethod
    def of(cls, parts: Sequence[Tensor]) -> Self:
        """Return those of the rows of several tables (T_i, m), pooled.

        Taken relative to the first row, so that a column that is constant has exactly its value
        as mean and no deviation, and one far from zero loses no digits. What is NaN is left out.
        """
        parts = list(joined_rows(parts))
        if any(bool(rows.isnan().any()) for rows in parts):
            return cls.of_known(parts)
        n_rows = sum(rows.shape[0] for rows in parts)
        first = next(rows[0] for rows in parts if len(rows))
        mean = first + sum((rows - first).sum(dim=0) for rows in parts) / n_rows
        return cls.about(mean, parts)

    @classmethod
    def about(cls, mean: Tensor, parts: Sequence[Tensor]) -> Self:
        """Return the deviations from a given mean."""
        parts = list(joined_rows(parts))
        n_rows: Any = max(1, sum(len(rows) for rows in parts))
        if any(bool(rows.isnan().any()) for rows in parts):
            n_rows = torch.cat([~rows.isnan() for rows in parts]).sum(dim=0).clamp(min=1)
            parts = [torch.where(rows.isnan(), mean, rows) for rows in parts]
        squares = [(rows - mean).square().sum(dim=0) for rows in parts]
        deviation = (sum(squares, torch.zeros_like(mean)) / n_rows).sqrt()
        largest = [rows.abs().amax(dim=0) for rows in parts if len(rows)]
        rounding = 4 * torch.finfo(mean.dtype).eps * torch.stack([mean.abs(), *largest]).amax(dim=0)
        return cls(mean, torch.where(deviation > rounding, deviation, 0.0))

    @classmethod
    def of_channels(cls, series: Sequence[ObservedSeries], n_channels: int) -> Self:
        """Return :meth:`of` every channel's own rows, (n_channels,) each; zeros without rows."""
        rows = torch.cat([one.known.T.flatten() for one in series])
        lengths = torch.tensor([len(one.target) for one in series for _ in range(one.n_channels)])
        channel = torch.cat([one.numbers for one in series])
        channel = channel.repeat_interleave(lengths.to(channel.device))
        there = ~rows.isnan()
        rows, channel = rows[there], channel[there]
        none = rows.new_zeros(n_channels)
        n_rows = none.index_add(0, channel, torch.ones_like(rows)).clamp(min=1)
        least = none.scatter_reduce(0, channel, rows, "amin", include_self=False)
        mean = least + none.index_add(0, channel, rows - least[channel]) / n_rows
        squares = none.index_add(0, channel, (rows - mean[channel]).square())
        deviation = (squares / n_rows).sqrt()
        largest = mean.abs().scatter_reduce(0, channel, rows.abs(), "amax")
        rounding = 4 * torch.finfo(mean.dtype).eps * largest
        return cls(mean, torch.where(deviation > rounding, deviation, 0.0))

    @classmethod
    def of_known(cls, parts: Sequence[Tensor]) -> Self:
        """Return those of what is not NaN in several tables; of a column of NaN, zeros."""
        columns = [column[~column.isnan()][:, None] for column in torch.cat(list(parts)).T]
        of_each = [cls.of([one]) if len(one) else cls(*parts[0].new_zeros(2, 1)) for one in columns]
        return cls(*(torch.cat(values) for values in zip(*of_each, strict=True)))

    def cpu(self) -> Self:
        """Return them on the CPU."""
        return type(self)(self.mean.cpu(), self.deviation.cpu())

    def some(self, which: Tensor | None) -> Self:
        """Return those of some columns; all if not given."""
        return self if which is None else type(self)(self.mean[which], self.deviation[which])

    def standardise(self, values: Tensor) -> Tensor:
        """Standardise values (..., m); a column that was constant becomes zero."""
        unit = torch.where(self.deviation > 0, self.deviation, torch.inf)
        return (values - self.mean) / unit


@dataclass(frozen=True)
class Units:
    """Means and deviations of channels and covariates over the training series.

    Attributes
    ----------
    target : MeanDeviation, shape (C,) each
    past : MeanDeviation, shape (Q,) each, optional
    future : MeanDeviation, shape (F,) each, optional
    static : MeanDeviation, shape (S,) each, optional
    """

    target: MeanDeviation
    past: MeanDeviation | None
    future: MeanDeviation | None
    static: MeanDeviation | None

    @classmethod
    def of(
        cls,
        series: Sequence[ObservedSeries],
        lookback: int,
        n_ahead: int,
        n_channels: int | None = None,
    ) -> Self:
        """Return those of series, pooled over all; each channel's of its own rows alone.

        Parameters
        ----------
        series : sequence of ObservedSeries
        lookback : int
            L; no window looks ahead at the first L rows.
        n_ahead : int
            Number of rows of a window after its lookback; no window looks back at the last ones.
        n_channels : int, optional
            Number of channels, where each has rows of its own.
        """

        def pooled(parts: list[Tensor | None]) -> MeanDeviation | None:
            given = [part for part in parts if part is not None]
            return MeanDeviation.of(given) if given else None

        if n_channels is not None:
            target: MeanDeviation | None = MeanDeviation.of_channels(series, n_channels)
        else:
            target = pooled([one.known for one in series])
        assert target is not None
        return cls(
            target,
            past=pooled(
                [None if o.past is None else o.past[: len(o.past) - n_ahead] for o in series]
            ),
            future=pooled([None if o.future is None else o.future[lookback:] for o in series]),
            static=pooled([one.static for one in series]),
        )

    def of_standardised(self) -> Self:
        """Return the units of series that are standardised by these: they stay as they are."""

        def neutral(one: MeanDeviation | None) -> MeanDeviation | None:
            if one is None:
                return None
            return MeanDeviation(torch.zeros_like(one.mean), torch.ones_like(one.deviation))

        target = neutral(self.target)
        assert target is not None
        others = (neutral(one) for one in (self.past, self.future, self.static))
        return type(self)(target, *others)

    def with_channels_that_move(self, series: Sequence[ObservedSeries]) -> Self:
        """Return units for channels that hardly move in training and move in other series.

        A channel that is constant in training gets its deviation there from what it was, one whose
        deviation there is more than ``MOVES`` times as large gets that. Else its errors there, in
        units of next to nothing, would be all that counts.
        """
        if not series:
            return self
        mean, deviation = self.target
        elsewhere = [one.known for one in series]
        moved = MeanDeviation.of(elsewhere).deviation
        moved = torch.where(moved > MOVES * deviation, moved, deviation)
        from_constant = MeanDeviation.about(mean, elsewhere).deviation
        deviation = torch.where(deviation > 0, moved, from_constant)
        return replace(self, target=MeanDeviation(mean, deviation))

    def cpu(self) -> Self:
        """Return the units on the CPU."""
        others = (self.past, self.future, self.static)
        return type(self)(
            self.target.cpu(), *(None if one is None else one.cpu() for one in others)
        )

    def standardise(self, series: ObservedSeries) -> ObservedSeries:
        """Return a series in these units."""
        return self.standardise_all([series])[0]

    def standardise_all(self, series: Sequence[ObservedSeries]) -> list[ObservedSeries]:
        """Return series in these units, short ones as views of tables that they share."""
        kinds = ("target", "past", "future", "static")
        columns = [self._standardised(series, kind) for kind in kinds]
        return [
            one.replaced(target=target, past=past, future=future, static=static)
            for one, target, past, future, static in zip(series, *columns, strict=True)
        ]

    def _standardised(
        self, series: Sequence[ObservedSeries], kind: str
    ) -> Sequence[Tensor] | Sequence[None]:
        """Return one kind of values of each series in these units."""
        units = getattr(self, kind)
        if units is None or not series:
            return [None] * len(series)
        values = [getattr(one, kind) for one in series]
        if kind != "target" or series[0].channels is None:
            return map_rows(units.standardise, values)
        channels = [one.numbers for one in series]
        if len({len(some) for some in channels}) > 1:
            pairs = zip(values, channels, strict=True)
            return [units.some(some).standardise(rows) for rows, some in pairs]
        lengths = [rows.shape[0] for rows in values]
        each = torch.tensor(lengths, device=channels[0].device)
        of_rows = torch.stack(channels).repeat_interleave(each, dim=0)
        return units.some(of_rows).standardise(torch.cat(values)).split(lengths)
