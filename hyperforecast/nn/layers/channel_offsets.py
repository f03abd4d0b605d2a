"""Offsets of every output of every channel, wider after restless windows."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

OFFSETS = "channel_offsets."
"""How the names of what a network has of them begin; those of a newcomer are not solved for."""


class ChannelOffsets(nn.Module):
    r"""Free offsets of each output, scaled by how much the window has moved of late.

    .. math:: y_{chp} + o_{chp} \sqrt{a + \sum_j b_{cj} v_{cj}}

    with :math:`v_{cj}` the variance of the last :math:`m_j` values of channel c: the conditional
    variance of an ARCH model (Engle, "Autoregressive conditional heteroscedasticity with
    estimates of the variance of United Kingdom inflation", 1982), over several spans as in Corsi,
    "A simple approximate long-memory model of realized volatility", 2009. Without spans, and as
    it starts, the scale is one.

    Parameters
    ----------
    n_rows, horizon, n_outputs : int
        N, H and P: offsets of so many channels, or of so many channels of series.
    spans : sequence of int
        Numbers m of most recent values, at most the lookback.
    trained : bool, default=True
        Whether gradients train the offsets.

    Attributes
    ----------
    offsets : Tensor, shape (N, H, P)
        Start at zero.
    constant : Tensor, shape ()
        a, not trained by gradients.
    coefficients : Tensor, shape (N, J)
        b, in one over the squared units of the window; not trained by gradients.
    """

    offsets: Tensor
    constant: Tensor
    coefficients: Tensor

    def __init__(
        self,
        n_rows: int,
        horizon: int,
        n_outputs: int,
        spans: Sequence[int] = (),
        *,
        trained: bool = True,
    ) -> None:
        super().__init__()
        self.spans = tuple(spans)
        offsets = torch.zeros(n_rows, horizon, n_outputs)
        if trained:
            self.offsets = nn.Parameter(offsets)
        else:
            self.register_buffer("offsets", offsets)
        if self.spans:
            self.register_buffer("constant", torch.ones(()))
            self.register_buffer("coefficients", torch.zeros(n_rows, len(self.spans)))

    def forward(self, y: Tensor, x: Tensor, rows: Tensor | None = None) -> Tensor:
        """Add the offsets to outputs (B, C, H', P or 1) of normalised windows (B, C, L).

        Parameters
        ----------
        y, x : Tensor
        rows : Tensor, shape (B, C), int64, optional
            Whose offsets the channels of each window have; one row each, in order, if not given.
        """
        offsets = self.offsets[:, : y.shape[2]]
        offsets = offsets if rows is None else offsets[rows]
        if not self.spans:
            return y + offsets
        coefficients = self.coefficients if rows is None else self.coefficients[rows]
        variances = recent_variances(x, self.spans)  # (B, C, J)
        scale = (self.constant + (coefficients * variances).sum(dim=-1)).sqrt()
        return y + offsets * scale[..., None, None]


def recent_variances(x: Tensor, spans: Sequence[int]) -> Tensor:
    """Return the variances of the last values of windows: (..., L) -> (..., J)."""
    recent = [x[..., -span:] for span in spans]
    centred = [values - values.mean(dim=-1, keepdim=True) for values in recent]
    variances = [values.square().mean(dim=-1) for values in centred]
    return torch.stack(variances, dim=-1) if spans else x.new_zeros(*x.shape[:-1], 0)


def usual_offsets(rows: Tensor) -> Tensor:
    """Return what is usual among the offsets, or the coefficients, of N series: (1, C, ...).

    Their mean in units of their sizes, times the geometric mean of these: series that hardly move
    have coefficients thousands of times as large as others, and would be all that counts in a mean.

    Parameters
    ----------
    rows : Tensor, shape (N, C, ...)
        Of C channels of each series. Those of nothing but zeros are left out.
    """
    size = rows.flatten(2).double().square().mean(dim=2).sqrt()  # (N, C)
    some = (size > 0).double()
    count = some.sum(dim=0).clamp(min=1.0)  # (C,)
    unit = torch.where(size > 0, size, 1.0)
    usual = (unit.log().sum(dim=0) / count).exp() / count
    shape = torch.einsum("nc,nc...->c...", some / unit, rows.double())
    return (shape * usual.view(-1, *[1] * (shape.dim() - 1))).to(rows)[None]
