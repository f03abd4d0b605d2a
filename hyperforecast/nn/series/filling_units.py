"""Units of each series, in which its gaps are filled."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from hyperforecast.nn.series.gap_filler import GapFiller


class FillingUnits(nn.Module):
    """Means and deviations of the channels of each series, in which windows are filled.

    Levels and scales of other series say nothing of one's, so that what is known of gaps is known
    in units of each. Nothing else of a network is in these units.

    Parameters
    ----------
    n_rows : int
        Number of channels of all series N.

    Attributes
    ----------
    mean, deviation : Tensor, shape (N,)
        Not trained. A deviation of zero, of a channel that was constant, counts as one.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, n_rows: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(n_rows))
        self.register_buffer("deviation", torch.ones(n_rows))

    @torch.no_grad()
    def start_from(self, series: Sequence[Tensor], rows: Tensor) -> list[Tensor]:
        """Take the units of series (T_i, C), NaN in their gaps, and return the series in these.

        Parameters
        ----------
        series : sequence of Tensor
        rows : Tensor, shape (n, C), int64
            Which of the N their channels are; several series may be stretches of one.
        """
        tables = [one.detach().to("cpu", torch.float64) for one in series]
        none = torch.zeros(len(self.mean), dtype=torch.float64)
        counts, sums, squares, largest = (none.clone() for _ in range(4))
        for one, some in zip(tables, rows, strict=True):
            counts[some] += (~one.isnan()).sum(dim=0)
            sums[some] += one.nansum(dim=0)
            largest[some] = largest[some].maximum(one.nan_to_num().abs().amax(dim=0))
        mean = sums / counts.clamp(min=1)
        for one, some in zip(tables, rows, strict=True):
            squares[some] += (one - mean[some]).square().nansum(dim=0)
        deviation = (squares / counts.clamp(min=1)).sqrt()
        rounding = 4 * torch.finfo(deviation.dtype).eps * largest
        deviation = torch.where(deviation > rounding, deviation, 0.0)
        known = counts > 0
        self.mean[known] = mean[known].to(self.mean)
        self.deviation[known] = deviation[known].to(self.mean)
        unit = torch.where(deviation > 0, deviation, 1.0)
        return [(one - mean[some]) / unit[some] for one, some in zip(tables, rows, strict=True)]

    def fill(self, x: Tensor, filler: GapFiller, rows: Tensor) -> Tensor:
        """Fill windows (B, C, L), whose channels are the rows (B, C); those without gaps stay."""
        mean, deviation = self.mean[rows].unsqueeze(-1), self.deviation[rows].unsqueeze(-1)
        unit = torch.where(deviation > 0, deviation, 1.0)
        known = (x - mean) / unit
        filled = filler(known)
        return x if filled is known else torch.where(x.isnan(), mean + unit * filled, x)
