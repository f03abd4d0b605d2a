"""What the solver returns."""

from dataclasses import dataclass, field

from torch import Tensor

from hyperforecast.nn.exact.regressions.weights import BasisWeights
from hyperforecast.nn.exact.settings.combination import Combination
from hyperforecast.nn.exact.settings.neighbours import NeighbourWeights
from hyperforecast.nn.exact.settings.residual_quantiles import ResidualQuantiles
from hyperforecast.nn.exact.settings.setting import ComparedSetting, Setting
from hyperforecast.nn.exact.windows.cycles import Cycles
from hyperforecast.nn.exact.windows.units import Units


@dataclass(frozen=True)
class ExactSolution:
    """What the solver found.

    Attributes
    ----------
    setting : Setting
        Of the one regression that has these weights: what was selected, or what a combination of
        several settings amounts to.
    combination : Combination
        The settings that were solved for, and what the forecasts of each count.
    embedding : Tensor, shape (C, E)
        Channel embedding; with individual weights, the identity.
    vectors : Tensor, shape (C, E')
        Channel embedding that the settings of the combination were solved with.
    neighbours : NeighbourWeights, optional
        What the last values of all channels add, where they enter.
    loadings : Tensor, shape (C, K)
        Of the common factors.
    factor_lookback : int
    mixing : Tensor, shape (C, M)
        ``[1, embedding]``, or with individual weights the identity.
    weights : BasisWeights
        M of them, for channels and covariates in ``units``.
    units : Units
        Means and deviations of the series that the weights were solved on.
    residual_quantiles : ResidualQuantiles, optional
        Of windows that were not trained on, in ``units``, where asked for.
    attributes : Tensor, shape (C, S), optional
        Of the channels, where they are known by any.
    cycles : Cycles, optional
        What was taken away from the series before, in units of theirs; ``None`` where phases are
        not known.
    shared : BasisWeights, optional
        The one that all channels would share, where each has its own.
    compared : list of ComparedSetting
        In the order in which settings were compared; empty if there were too few windows.
    """

    setting: Setting
    combination: Combination
    embedding: Tensor
    vectors: Tensor
    neighbours: NeighbourWeights | None
    loadings: Tensor
    factor_lookback: int
    mixing: Tensor
    weights: BasisWeights
    units: Units
    residual_quantiles: ResidualQuantiles | None = None
    attributes: Tensor | None = None
    cycles: Cycles | None = None
    shared: BasisWeights | None = None
    compared: list[ComparedSetting] = field(default_factory=list)
