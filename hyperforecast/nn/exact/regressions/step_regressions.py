"""Least squares where the steps of the horizon have weights of their own."""

import torch
from torch import Tensor

from hyperforecast.nn.exact.moments.step_moments import StepMoments
from hyperforecast.nn.exact.regressions.future_elimination import PartialSolution, solve_future
from hyperforecast.nn.exact.regressions.generated_regression import GeneratedRegression
from hyperforecast.nn.exact.regressions.weights import BasisWeights
from hyperforecast.nn.exact.windows.regressors import CONSTANT, Regressors


class StepRegressions:
    r"""A regression for each group of steps, with future covariates that all share.

    Minimises :math:`\sum_{nth} w_{nth} (y_{nth} - W_{nh} x_{nt} - \phi_n f_{th})^2` and a ridge,
    which each group counts in units of its own equations: so it does not matter by what number all
    weights are multiplied.

    Parameters
    ----------
    moments : StepMoments
        Sums by :func:`pair_weights` of the mixing; those of the channels for ``individual``.
    mixing : Tensor, shape (C, M)
    individual : bool
        Whether each channel has weights of its own.
    regressors : Regressors
        Where each group of regressors lies.
    max_bytes : int
        Memory that factored equations may take; where they would take more they are made again
        for every ridge.
    """

    def __init__(
        self,
        moments: StepMoments,
        mixing: Tensor,
        individual: bool,
        regressors: Regressors,
        max_bytes: int,
    ) -> None:
        self.moments = moments
        self.mixing = mixing
        self._regressors = regressors
        n_bases = mixing.shape[1]
        each = [slice(n, n + 1) for n in range(n_bases)] if individual else [slice(None)]
        self._alone = mixing.new_ones(1, 1)
        self._parts = each
        self._individual = individual
        self._n_groups = len(moments.weights.combination)
        size = regressors.total * (1 if individual else n_bases)
        self._keep = 8 * size**2 * self._n_groups * len(each) <= max_bytes
        self._kept: dict[tuple[int, int], tuple[Tensor, GeneratedRegression]] = {}

    def solve(self, ridge: float) -> BasisWeights:
        """Solve for one ridge λ > 0."""
        solved = [self._solve_part(number, ridge) for number in range(len(self._parts))]
        weights = BasisWeights(
            torch.cat([weights.weight for weights in solved]),
            torch.cat([weights.future for weights in solved]),
            max(weights.damping for weights in solved),
        )
        if not self._individual:
            return weights
        constants = self.moments.xx[:, :, CONSTANT, CONSTANT]  # (r, C)
        return weights.with_mean_of_others(constants.any(dim=0))

    def _solve_part(self, part: int, ridge: float) -> BasisWeights:
        """Solve for the weights of all channels, or of one that shares none."""
        places: list[Tensor] = []
        partials: list[PartialSolution] = []
        units: list[Tensor] = []
        damping = 0.0
        for group in range(self._n_groups):
            steps, regression = self._regression(part, group)
            places.append(steps)
            partials.append(regression.partial(ridge))
            units.append(regression.future_units)
            damping = max(damping, regression.damping)
        n_bases = regression.n_bases
        future = solve_future(partials, torch.stack(units).sum(dim=0).repeat(n_bases), ridge)
        order = torch.cat(places).argsort()
        own = torch.cat([partial.weights(future) for partial in partials], dim=1)[:, order]
        own = own / self.moments.weights.factor.sqrt()
        weights = regression.as_weights(own, future)
        return BasisWeights(weights.weight, weights.future, damping)

    def _regression(self, part: int, group: int) -> tuple[Tensor, GeneratedRegression]:
        """Return the steps of a group and their regression."""
        if (part, group) in self._kept:
            return self._kept[part, group]
        steps, moments = self.moments.of_group(group, self._parts[part])
        mixing = self._alone if self._individual else self.mixing
        found = (steps, GeneratedRegression([], mixing, moments, self._regressors))
        if self._keep:
            self._kept[part, group] = found
        return found
