"""How forecasts go by the last values of all channels."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn.functional import pad

from hyperforecast.nn.exact.regressions.weights import BasisWeights
from hyperforecast.nn.exact.settings.candidate import Solved
from hyperforecast.nn.exact.windows.regressors import Regressors, flatten_factors, join_groups


@dataclass(frozen=True)
class Neighbours:
    """How forecasts go by the last values of all channels.

    Attributes
    ----------
    n_lags : int
        Number of last values, or of their last changes.
    changes : bool
        Whether changes from one step to the next count instead of values: where the level of
        windows is subtracted, that of other channels says nothing.
    ridge : float
        In units of the mean square of what the values vary by.
    """

    n_lags: int
    changes: bool
    ridge: float

    @property
    def n_steps(self) -> int:
        """Number of most recent steps that are seen."""
        return self.n_lags + self.changes

    def regressors(self, recent: Tensor) -> Tensor:
        """Return what is regressed on, (T, lags·C), of the last values (C, T, steps)."""
        if self.changes:
            recent = recent.diff(dim=2)
        return recent.permute(1, 2, 0).flatten(1)

    def of_values(self, weight: Tensor) -> Tensor:
        """Return weights (lags·C, m) of regressors as those of values, (m, C, steps)."""
        by_lag = weight.unflatten(0, (self.n_lags, -1)).permute(2, 1, 0)  # (m, C, lags)
        if not self.changes:
            return by_lag
        before = pad(by_lag, (1, 0))
        return before - pad(by_lag, (0, 1))


@dataclass(frozen=True)
class NeighbourWeights:
    """What the last values of all channels add to forecasts.

    Attributes
    ----------
    weight : Tensor, shape (C, H, C, steps)
    constant : Tensor, shape (C, H)
    """

    weight: Tensor
    constant: Tensor

    def none_of(self, n: int) -> "NeighbourWeights":
        """Return those of n channels to which the last values add nothing."""
        return NeighbourWeights(
            self.weight.new_zeros(n, *self.weight.shape[1:]),
            self.constant.new_zeros(n, self.constant.shape[1]),
        )

    def cpu(self) -> "NeighbourWeights":
        """Return them on the CPU."""
        return NeighbourWeights(self.weight.cpu(), self.constant.cpu())

    def added_to(self, solved: Solved, regressors: Regressors) -> Solved:
        """Return weights of each channel's own that see the last values of all channels, too.

        Parameters
        ----------
        solved : Solved
        regressors : Regressors
            Of its setting.
        """
        weight, future = solved.weights.of_channels(solved.mixing)
        groups = regressors.split(weight)
        n_channels, _, _, n_steps = self.weight.shape
        weight = join_groups(
            own=groups.own,
            past=groups.past,
            factors=torch.cat([groups.factors, flatten_factors(self.weight)], dim=2),
            static=groups.static,
            constant=groups.constant + self.constant.unsqueeze(2),
        )
        setting = replace(
            solved.setting,
            individual=True,
            embedding_dim=n_channels,
            neighbour_lags=n_steps,
        )
        one_hot = torch.eye(n_channels).to(solved.mixing)
        return Solved(setting, BasisWeights(weight, future, solved.weights.damping), one_hot)
