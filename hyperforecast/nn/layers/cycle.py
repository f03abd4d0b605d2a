"""Cycles of known lengths: what each phase adds to a channel."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from hyperforecast.nn.series.phase_means import PhaseMeans


class Cycle(nn.Module):
    """A value for each phase of each period and each channel, added up over the periods.

    The recurrent cycle of CycleNet (Lin et al., "CycleNet: Enhancing Time Series Forecasting
    through Modeling Periodic Patterns", NeurIPS 2024, arXiv 2409.18479): it is subtracted from the
    window and added to the forecast, and trained with all other weights. Deviation from the paper:
    there may be several periods, and it starts at means of the training rows, not at zero.

    Parameters
    ----------
    periods : sequence of int
        Numbers of steps after which each cycle begins anew.
    n_rows : int
        Number C of channels, or of channels of all series where each series has its own.

    Attributes
    ----------
    values : list of Parameter, each of shape (C, period)
    """

    def __init__(self, periods: Sequence[int], n_rows: int) -> None:
        super().__init__()
        self.values = nn.ParameterList(
            nn.Parameter(torch.zeros(n_rows, period)) for period in periods
        )

    def start_at(self, means: PhaseMeans) -> None:
        """Take the means (C, period) of phases over."""
        with torch.no_grad():
            for values, of_phases in zip(self.values, means.values, strict=True):
                values.copy_(of_phases)

    def forward(self, phase: Tensor, n_steps: int, rows: Tensor | None = None) -> Tensor:
        """Return what the cycles add to steps in a row.

        Parameters
        ----------
        phase : Tensor, shape (B,), int64
            Of the first step, counted up to :func:`repeat_of` of the periods or to a multiple.
        n_steps : int
            Number n of steps.
        rows : Tensor, shape (B, C), int64, optional
            Which rows of the tables the channels of each window have; their own numbers if not
            given.

        Returns
        -------
        Tensor, shape (B, C, n)
        """
        steps = phase[:, None] + torch.arange(n_steps, device=phase.device)  # (B, n)
        parts = []
        for values in self.values:
            at = steps % values.shape[1]
            if rows is None:
                parts.append(functional.embedding(at, values.T).mT)
            else:
                parts.append(values[rows[:, :, None], at[:, None, :]])
        return torch.stack(parts).sum(dim=0) if len(parts) > 1 else parts[0]


def repeat_of(periods: Sequence[int]) -> int:
    """Return the number of steps after which all periods begin anew together; 1 without any."""
    return math.lcm(*periods)
