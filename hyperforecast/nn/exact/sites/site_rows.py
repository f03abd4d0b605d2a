"""What a site says of its rows, for units and channel vectors that all sites share."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Self

import torch
from torch import Tensor

from hyperforecast.nn.exact.settings.problem import Problem
from hyperforecast.nn.exact.windows.observed_series import ObservedSeries
from hyperforecast.nn.exact.windows.units import MeanDeviation, Units
from hyperforecast.nn.series.eigenvectors import fix_signs, leading_eigenvectors

LEAST_EIGENVALUE = 1e-12
"""Part of the largest eigenvalue of a correlation matrix below which it has none."""


@dataclass(frozen=True)
class ColumnSums:
    """Number, means and squared deviations of the rows of m columns.

    Attributes
    ----------
    n_rows : int
    mean, squares : Tensor, shape (m,)
        Squares are summed about the mean.
    largest : Tensor, shape (m,)
        Largest absolute value, by which rounding is told from a deviation.
    """

    n_rows: int
    mean: Tensor
    squares: Tensor
    largest: Tensor

    @classmethod
    def of(cls, parts: Sequence[Tensor]) -> Self:
        """Return those of the rows of several tables (T, m)."""
        rows = torch.cat(list(parts))
        mean = rows[0] + (rows - rows[0]).mean(dim=0)
        return cls(len(rows), mean, (rows - mean).square().sum(dim=0), rows.abs().amax(dim=0))

    def __add__(self, other: "ColumnSums") -> "ColumnSums":
        """Add by the pairwise update of Chan, Golub & LeVeque, 1979."""
        n_rows = self.n_rows + other.n_rows
        step = other.mean - self.mean
        between = step.square() * (self.n_rows * other.n_rows / n_rows)
        return ColumnSums(
            n_rows,
            self.mean + step * (other.n_rows / n_rows),
            self.squares + other.squares + between,
            torch.maximum(self.largest, other.largest),
        )

    def units(self) -> MeanDeviation:
        """Return mean and deviation of all rows."""
        deviation = (self.squares / self.n_rows).sqrt()
        rounding = 4 * torch.finfo(self.mean.dtype).eps * self.largest
        return MeanDeviation(self.mean, torch.where(deviation > rounding, deviation, 0.0))


@dataclass(frozen=True)
class SiteRows:
    """What a site says of its rows before windows are summed: no row itself.

    Attributes
    ----------
    target : ColumnSums
        Of the C channels.
    past, future, static : ColumnSums, optional
        Of the covariates.
    products : Tensor, shape (C, C)
        Of channels less their means over each series, summed over rows.
    noise : Tensor, shape (C,)
        What rounding alone leaves of a constant channel's squares.
    """

    target: ColumnSums
    past: ColumnSums | None
    future: ColumnSums | None
    static: ColumnSums | None
    products: Tensor
    noise: Tensor

    @classmethod
    def of(cls, problem: Problem, series: Sequence[ObservedSeries]) -> Self:
        """Return that of a site's series, float64, of which some have a window."""
        given = [one for one in series if len(one.target) >= problem.width]
        if not given:
            raise ValueError(
                f"A site needs a series of at least {problem.width} rows, which a window spans; "
                f"got {', '.join(str(len(one.target)) for one in series) or 'none'}."
            )

        def sums(parts: list[Tensor | None]) -> ColumnSums | None:
            known = [part for part in parts if part is not None]
            return ColumnSums.of(known) if known else None

        n_ahead = problem.width - problem.lookback
        target = sums([one.target for one in given])
        assert target is not None
        centred = [one.target - one.target.mean(dim=0) for one in given]
        largest = [len(one.target) * one.target.abs().amax(dim=0).square() for one in given]
        return cls(
            target,
            # no window looks back at the last rows, or ahead at the first ones
            sums([None if o.past is None else o.past[: len(o.past) - n_ahead] for o in given]),
            sums([None if o.future is None else o.future[problem.lookback :] for o in given]),
            sums([one.static for one in given]),
            torch.stack([one.T @ one for one in centred]).sum(dim=0),
            1e-20 * torch.stack(largest).sum(dim=0),
        )

    def __add__(self, other: "SiteRows") -> "SiteRows":
        added: dict[str, Any] = {}
        for one in fields(self):
            mine, theirs = getattr(self, one.name), getattr(other, one.name)
            if (mine is None) != (theirs is None):
                raise ValueError(
                    f"Some sites have {one.name} covariates and others have none. Give all sites "
                    "the same ones."
                )
            added[one.name] = None if mine is None else mine + theirs
        return SiteRows(**added)

    def units(self) -> Units:
        """Return means and deviations of all rows."""
        others = (self.past, self.future, self.static)
        return Units(self.target.units(), *(None if o is None else o.units() for o in others))

    def embedding(self, dim: int) -> Tensor:
        """Return the channels' vectors (C, E): principal components of their correlation.

        As :func:`~hyperforecast.nn.series.correlation.correlation_embedding` of all rows does.
        """
        squares = self.products.diagonal()
        varies = squares > self.noise
        scale = torch.where(varies, squares, 1.0).rsqrt() * varies
        values, vectors = leading_eigenvectors(self.products * scale[:, None] * scale, dim)
        present = values > LEAST_EIGENVALUE * values[:1]
        return fix_signs(vectors * torch.where(present, values, 0.0).sqrt()) if dim else vectors
