"""What reads the history of a newcomer, and says where it lies among the known channels."""

import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import Any, Self

import torch
from torch import Tensor, nn

from hyperforecast.nn.series.correlation import largest_value
from hyperforecast.nn.series.lag_correlation import lag_correlations

MAX_LAGS = 24
"""Number of lags at which a history is correlated with itself; more tell the same."""

LEAST_CHANGE = 1e-6
"""Added to the mean square of changes, in units of the variance."""

WIDTH = 128
"""Of the hidden layers."""


def lags_seen(lookback: int) -> int:
    """Return the number of lags that encoders see."""
    return min(lookback, MAX_LAGS)


def features_of(histories: Sequence[Sequence[Tensor]], n_lags: int) -> Tensor:
    """Return what encoders see of histories, stretches of rows (T,) each; shape (n, lags + 2)."""
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
    found = lag_correlations(columns, torch.tensor(numbers), len(histories), n_lags)
    return torch.cat([found, torch.stack(beside)], dim=1).float()


class HistoryEncoder(nn.Module):
    """Says from a history's own correlations where its channel lies among known ones.

    It sees correlations at the first lags, how large changes from row to row are, and how many
    rows there are; unit and level of the rows make no difference.

    Parameters
    ----------
    lookback : int
    places : Tensor, shape (N, K)
        Of the known channels, see :class:`~hyperforecast.nn.newcomers.ChannelSpread`.
    start : Tensor, shape (K,), optional
        Where channels lie of which nothing is known; zero if not given.

    Attributes
    ----------
    own_weight : float
        How much a horizon of a channel's own windows counts beside what its history says.
    trust : dict of int to float
        By what part of the way from the start to what it says a channel moves, by the number of
        rows of its history; between these numbers on a line over their logarithms. All of it
        where there are none.
    """

    mean: Tensor
    deviation: Tensor
    places: Tensor
    start: Tensor

    def __init__(self, lookback: int, places: Tensor, start: Tensor | None = None) -> None:
        super().__init__()
        self.lookback = lookback
        self.own_weight = 0.0
        self.trust: dict[int, float] = {}
        n_features, n_directions = self.n_lags + 2, places.shape[1]
        self.register_buffer("mean", torch.zeros(n_features))
        self.register_buffer("deviation", torch.ones(n_features))
        self.register_buffer("places", places)
        start = places.new_zeros(n_directions) if start is None else start
        self.register_buffer("start", start)
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
        tensors = state["tensors"]
        encoder = cls(state["lookback"], tensors["places"], tensors.get("start"))
        encoder.own_weight = state["own_weight"]
        encoder.trust = dict(state.get("trust", {}))
        encoder.load_state_dict({"start": encoder.start, **tensors})
        return encoder.eval()

    def state(self) -> dict[str, Any]:
        """Return all that it is made of, as plain values and tensors."""
        return {
            "lookback": self.lookback,
            "own_weight": self.own_weight,
            "trust": dict(self.trust),
            "tensors": self.state_dict(),
        }

    @property
    def n_lags(self) -> int:
        """Number of lags that it sees."""
        return lags_seen(self.lookback)

    def features(self, histories: Sequence[Sequence[Tensor]]) -> Tensor:
        """Return what it sees of histories, stretches of rows (T,) each; shape (n, lags + 2)."""
        return features_of(histories, self.n_lags)

    def forward(self, features: Tensor) -> Tensor:
        """Return places (n, K) of histories with given features."""
        return self.layers((features - self.mean) / self.deviation)

    @torch.no_grad()
    def said(self, histories: Sequence[Sequence[Tensor]]) -> Tensor:
        """Return what it says of histories, places (n, K), float64."""
        return self(self.features(histories)).double()

    def place(self, stretches: Sequence[Tensor]) -> Tensor:
        """Return the place (K,) of a history, float64: as far to what is said as is trusted."""
        return self.trusted(self.said([stretches])[0], sum(map(len, stretches)))

    def trusted(self, said: Tensor, n_rows: int) -> Tensor:
        """Return the place (K,) of a history of some rows, of which a place is said."""
        return self.start + self._trusted_part(n_rows) * (said - self.start)

    def _trusted_part(self, n_rows: int) -> float:
        if not self.trust:
            return 1.0
        lengths = sorted(self.trust)
        n_rows = min(max(n_rows, lengths[0]), lengths[-1])
        longer = lengths[bisect_left(lengths, n_rows)]
        if longer == n_rows:
            return self.trust[longer]
        shorter = lengths[bisect_left(lengths, n_rows) - 1]
        part = math.log(n_rows / shorter) / math.log(longer / shorter)
        return self.trust[shorter] + part * (self.trust[longer] - self.trust[shorter])
