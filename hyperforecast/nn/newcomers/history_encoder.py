"""What reads the history of a newcomer, and says where it lies among the known channels."""

from collections.abc import Mapping, Sequence
from typing import Any, Self

import torch
from torch import Tensor, nn

from hyperforecast.nn.correlation import largest_value
from hyperforecast.nn.lag_correlation import lag_correlations

MAX_LAGS = 24
"""Number of lags at which a history is correlated with itself; more tell the same."""

LEAST_CHANGE = 1e-6
"""Added to the mean square of changes, in units of the variance."""

WIDTH = 128
"""Of the hidden layers."""


class HistoryEncoder(nn.Module):
    """Says from a history's own correlations where its channel lies among known ones.

    It sees correlations at the first lags, how large changes from row to row are, and how many
    rows there are; unit and level of the rows make no difference.

    Parameters
    ----------
    lookback : int
    places : Tensor, shape (N, K)
        Of the known channels, see :class:`~hyperforecast.nn.newcomers.ChannelSpread`.

    Attributes
    ----------
    own_weight : float
        How much a horizon of a channel's own windows counts beside what its history says.
    """

    mean: Tensor
    deviation: Tensor
    places: Tensor

    def __init__(self, lookback: int, places: Tensor) -> None:
        super().__init__()
        self.lookback = lookback
        self.own_weight = 0.0
        n_features, n_directions = self.n_lags + 2, places.shape[1]
        self.register_buffer("mean", torch.zeros(n_features))
        self.register_buffer("deviation", torch.ones(n_features))
        self.register_buffer("places", places)
        self.layers = nn.Sequential(
            nn.Linear(n_features, WIDTH),
            nn.ReLU(),
            nn.Linear(WIDTH, WIDTH),
            nn.ReLU(),
            nn.Linear(WIDTH, n_directions),
        )
        last = self.layers[-1]
        assert isinstance(last, nn.Linear)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """Return the encoder of a :meth:`state`."""
        encoder = cls(state["lookback"], state["tensors"]["places"])
        encoder.own_weight = state["own_weight"]
        encoder.load_state_dict(state["tensors"])
        return encoder.eval()

    def state(self) -> dict[str, Any]:
        """Return all that it is made of, as plain values and tensors."""
        return {
            "lookback": self.lookback,
            "own_weight": self.own_weight,
            "tensors": self.state_dict(),
        }

    @property
    def n_lags(self) -> int:
        """Number of lags that it sees."""
        return min(self.lookback, MAX_LAGS)

    def features(self, histories: Sequence[Sequence[Tensor]]) -> Tensor:
        """Return what it sees of histories, stretches of rows (T,) each; shape (n, lags + 2)."""
        columns, numbers, beside = [], [], []
        for number, stretches in enumerate(histories):
            rows = torch.cat(list(stretches)).double()
            unit = largest_value(rows[:, None])
            unit = torch.where(unit > 0, unit, 1.0)
            centred = [(one.double() - rows.mean()) / unit for one in stretches]
            columns += centred
            numbers += [number] * len(centred)
            variance = torch.cat(centred).square().mean()
            changes = torch.cat([one.diff() for one in centred]).square().sum() / len(rows)
            rough = (changes / torch.where(variance > 0, variance, 1.0) + LEAST_CHANGE).log()
            beside.append(torch.stack([rough, rough.new_tensor(len(rows) ** -0.5)]))
        found = lag_correlations(columns, torch.tensor(numbers), len(histories), self.n_lags)
        return torch.cat([found, torch.stack(beside)], dim=1).float()

    def forward(self, features: Tensor) -> Tensor:
        """Return places (n, K) of histories with given features."""
        return self.layers((features - self.mean) / self.deviation)

    @torch.no_grad()
    def place(self, stretches: Sequence[Tensor]) -> Tensor:
        """Return the place (K,) of a history, float64."""
        return self(self.features([stretches]))[0].double()
