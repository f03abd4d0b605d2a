"""How much each step of each window counts, and what steps have in common by it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from hyperforecast.nn.exact.windows.layout import WindowLayout
from hyperforecast.nn.exact.windows.observed_series import ObservedSeries, has_own_windows


@dataclass(frozen=True)
class StepWeights:
    """Weights of the squared errors of windows and steps, in their groups.

    A row counts in every window that forecasts it, at another step each time, so the weights
    ``w[t, h]`` of a step differ from those of the next, and the regression of each step has a Gram
    matrix of its own. Steps whose weights are multiples of each other form a group, which has one
    (all steps do where weights fall exponentially, or where windows count or do not); and the
    weights of the groups are combinations of a few (two where they grow linearly), so that few
    Gram matrices are made of the windows.

    Attributes
    ----------
    starts : list of Tensor
        For each series, the first rows of the windows that count.
    steps : list of Tensor, shape (windows, H, C) or (windows, H, 1)
        For each series, the weights of these windows.
    group : Tensor, shape (H,)
        Number of each step's group.
    factor : Tensor, shape (H,)
        Weights of a step in those of its group.
    basis : list of Tensor, shape (r, windows, C) or (r, windows, 1)
        For each series, the weights that those of all groups are combined of.
    combination : Tensor, shape (G, r)
        Of the basis, for each group.
    """

    starts: list[Tensor]
    steps: list[Tensor]
    group: Tensor
    factor: Tensor
    basis: list[Tensor]
    combination: Tensor

    @classmethod
    def of(cls, series: Sequence[ObservedSeries], layout: WindowLayout) -> Self:
        """Return those of series; raise if a step has none."""
        starts, steps = [], []
        for one in series:
            first = torch.arange(layout.n_windows(one), device=one.target.device)
            if one.counts is not None:
                first = first[one.counts[: len(first)]]
            starts.append(first)
            steps.append(weights_ahead(one, layout)[first].mT)
        n_columns = [max(one.shape[2] for one in steps)] * len(series)
        if has_own_windows(series):
            n_columns = [one.n_channels for one in series]
        wide = [one.expand(-1, -1, n) for one, n in zip(steps, n_columns, strict=True)]
        columns = torch.cat([one.transpose(1, 2).flatten(0, 1) for one in wide])  # (n·C, H)
        size = columns.norm(dim=0)
        if not (size > 0).all():
            step = int((size > 0).logical_not().nonzero()[0]) + 1
            raise ValueError(
                f"The sample weights of step {step} of the horizon are zero in every window, so "
                "nothing is known of it. Give weights of which some are positive."
            )
        tolerance = 5e-7 if torch.equal(columns, columns.float().double()) else 1e-13
        group, leaders = _proportional(columns / size, tolerance)
        factor = size / size[leaders][group]
        left, values, right = torch.linalg.svd(columns[:, leaders], full_matrices=False)
        rank = int((values > tolerance * values[0]).sum())
        basis = (left * values)[:, :rank].T  # (r, n·C)
        counts = [len(one) * n for one, n in zip(starts, n_columns, strict=True)]
        parts = [
            part.unflatten(1, (-1, n))
            for part, n in zip(basis.split(counts, dim=1), n_columns, strict=True)
        ]
        return cls(starts, wide, group, factor, parts, right[:rank].T.contiguous())


def _proportional(columns: Tensor, tolerance: float) -> tuple[Tensor, list[int]]:
    """Group columns of unit length by direction: their groups, and the first column of each."""
    leaders: list[int] = []
    group = torch.empty(columns.shape[1], dtype=torch.long, device=columns.device)
    for number in range(columns.shape[1]):
        apart = [(columns[:, number] - columns[:, leader]).norm().item() for leader in leaders]
        near = [i for i, distance in enumerate(apart) if distance <= tolerance]
        if not near:
            leaders.append(number)
        group[number] = near[0] if near else len(leaders) - 1
    return group, leaders


def weights_ahead(one: ObservedSeries, layout: WindowLayout) -> Tensor:
    """Return the weights of the rows that windows of a series forecast: (windows, C or 1, H)."""
    rows = one.target.new_ones(one.n_rows, 1) if one.weight is None else one.weight
    return rows.unfold(0, layout.width, 1)[..., layout.targets]
