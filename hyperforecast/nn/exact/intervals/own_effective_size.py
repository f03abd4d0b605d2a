"""How many independent values residuals of channels amount to that each have their own windows."""

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from hyperforecast.nn.exact.intervals.own_out_of_sample import OwnOutOfSample
from hyperforecast.nn.exact.uncertainty.effective_size import participation
from hyperforecast.nn.exact.uncertainty.spread import spread

MAX_PAIRED = 128
"""Most channels between all pairs of which correlations are taken."""


@dataclass(frozen=True)
class OwnEffectiveSize:
    """Numbers of independent residuals, as :class:`EffectiveSize` counts them.

    Attributes
    ----------
    of_steps : Tensor, shape (C, H)
        For each channel and step.
    of_channels : Tensor, shape (C,)
        For all steps of each channel.
    of_scales : Tensor, shape (C,)
        For the scale of each channel.
    of_all : float
        For all steps of all channels.
    of_windows : float
        For the last step of all channels.
    """

    of_steps: Tensor
    of_channels: Tensor
    of_scales: Tensor
    of_all: float
    of_windows: float

    @classmethod
    def of(cls, sample: OwnOutOfSample, unit: Tensor, shift: int) -> Self:
        """Count residuals (C, K, H) that are of unit scale for each channel and step.

        Channels count as many as the mean square of the correlations between them says, over
        horizons in which both have windows.
        """
        n_channels, _, horizon = unit.shape
        ahead = shift + 1.0 + torch.arange(horizon).to(unit)
        channels, counts = sample.channels.to(unit.device), sample.counts.to(unit)
        of_stretches = 1 + (counts[:, None] - 1) / ahead
        none = unit.new_zeros(n_channels, horizon)
        of_steps = none.index_add(0, channels, of_stretches)
        of_steps = torch.minimum(of_steps, sample.known.sum(dim=1).to(unit))
        n_steps = of_steps.sum(dim=0)
        steps = participation(unit, max(1.0, n_steps.mean().item()))
        of_channels = of_steps[:, -1] * steps
        # each row has a shock of its own
        n_rows = none[:, 0].index_add(0, channels, counts + (horizon - 1.0))
        of_scales = torch.minimum(of_steps.mean(dim=1) * steps, n_rows)
        apart = _share_apart(sample, unit, shift + horizon)
        return cls(
            of_steps,
            of_channels,
            of_scales,
            of_channels.sum().item() * apart,
            n_steps[-1].item() * apart,
        )


def _share_apart(sample: OwnOutOfSample, unit: Tensor, span: int) -> float:
    """Return how much of the channels is left when those that err together count once.

    Of C channels between which correlations have the mean square r², C / (1 + (C - 1) r²) are left.
    What the squares of chance correlations amount to, one over the number of times that two
    channels share, is taken away.
    """
    known = sample.known[:, :, -1]
    some = known.any(dim=1).nonzero().flatten()
    n_channels = len(some)
    if n_channels < 2:
        return 1.0
    some = some[unit[some, :, -1].sum(dim=1).argsort()]  # whatever order they were given in
    some = some[spread(n_channels, MAX_PAIRED).to(some.device)]
    known = known[some]
    # windows that begin within a horizon of each other err together
    begins = sample.times[some][known]
    times, place = ((begins - begins.min()) // span).unique(return_inverse=True)
    cell = known.nonzero()[:, 0] * len(times) + place
    empty = unit.new_zeros(len(some) * len(times))
    sums = empty.index_add(0, cell, unit[some, :, -1][known]).view(len(some), -1)
    there = empty.index_fill(0, cell, 1.0).view(len(some), -1)
    counts = empty.index_add(0, cell, torch.ones_like(empty[cell])).view(len(some), -1)
    means = sums / counts.clamp(min=1.0)
    power = means.square().sum(dim=1, keepdim=True)
    means = means / torch.where(power > 0, power, 1.0).sqrt()
    share = there / there.sum(dim=1, keepdim=True)
    squares = (means @ means.T).square() - share @ share.T
    n_pairs = len(some) * (len(some) - 1)
    mean_square = (squares.sum() - squares.diagonal().sum()).item() / n_pairs
    return 1 / (1 + (n_channels - 1) * min(1.0, max(0.0, mean_square)))
