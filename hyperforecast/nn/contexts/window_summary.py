"""What a window looks like, in a few numbers."""

import torch
from torch import Tensor, nn

from hyperforecast.nn.contexts.base import Context
from hyperforecast.nn.layers.conditioning import Condition

N_STATISTICS = 5
EPSILON = 1e-5


class WindowSummary(Context):
    r"""A vector for each window: its statistics and an embedding of it, pooled over channels.

    .. math:: c_b = \tanh\Bigl(A\, \frac1C \sum_n \mathrm{gelu}(S\, s(x_{bn}) + E\, x_{bn} + e)
              + a\Bigr)

    with the mean, the deviation, the last value, the slope and the mean step of a channel's
    normalised window in :math:`s(x)`. The vectors are bounded, so what is generated from them
    cannot run away from what the training windows asked for, whatever window comes. They depend on
    no other window of a batch, and on the order of the channels in no way.

    Parameters
    ----------
    lookback : int
        Window length L.
    dim : int
        Length E of a window's vector.
    """

    axis = "window"
    kind = "summary"
    pools_channels = True

    def __init__(self, lookback: int, dim: int) -> None:
        super().__init__()
        self.embedding = nn.Linear(lookback, dim)
        self.statistics = nn.Linear(N_STATISTICS, dim, bias=False)
        self.mixing = nn.Linear(dim, dim)

    def forward(self, condition: Condition | None = None) -> Tensor:
        """Summarise the windows of a pass: (B, E)."""
        if condition is None:
            raise ValueError(
                "What a window generates is made from the window: the layer has to be given the "
                "condition of the pass."
            )
        x = condition.window  # (B, C, L)
        hidden = self.embedding(x) + self.statistics(window_statistics(x))
        pooled = nn.functional.gelu(hidden).mean(dim=1)  # (B, C, E) -> (B, E)
        return torch.tanh(self.mixing(pooled))


def window_statistics(x: Tensor) -> Tensor:
    """Return mean, deviation, last value, slope and mean absolute step: (..., L) -> (..., 5).

    The slope is that of the least-squares line, over the length of the window.
    """
    n_steps = x.shape[-1]
    variance, mean = torch.var_mean(x, dim=-1, correction=0)
    deviation = (variance + EPSILON).sqrt()  # that has a slope where a window is constant
    time = torch.linspace(-0.5, 0.5, n_steps, dtype=x.dtype, device=x.device)
    slope = (x @ time) / time.square().sum().clamp(min=EPSILON)
    step = x.diff(dim=-1).abs().sum(dim=-1) / max(1, n_steps - 1)
    return torch.stack([mean, deviation, x[..., -1], slope, step], dim=-1)
