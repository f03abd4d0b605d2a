"""What the solver returns."""

from dataclasses import dataclass, field

from torch import Tensor

from hyperforecast.nn.exact.setting import ComparedSetting, Setting
from hyperforecast.nn.exact.units import Units
from hyperforecast.nn.exact.weights import BasisWeights


@dataclass(frozen=True)
class ExactSolution:
    """What the solver found.

    Attributes
    ----------
    setting : Setting
        The one that was selected.
    embedding : Tensor, shape (C, E)
        Channel embedding; with individual weights, the identity.
    loadings : Tensor, shape (C, K)
        Of the common factors.
    factor_lookback : int
    mixing : Tensor, shape (C, M)
        ``[1, embedding]``, or with individual weights the identity.
    weights : BasisWeights
        M of them, for channels and covariates in ``units``.
    units : Units
        Means and deviations of the series that the weights were solved on.
    residual_quantiles : Tensor, shape (C, H, P), optional
        Quantiles of the validation residuals in ``units``, where asked for; of the training
        residuals where
        there were too few windows to hold any out.
    compared : list of ComparedSetting
        In the order in which settings were compared; empty if there were too few windows.
    """

    setting: Setting
    embedding: Tensor
    loadings: Tensor
    factor_lookback: int
    mixing: Tensor
    weights: BasisWeights
    units: Units
    residual_quantiles: Tensor | None = None
    compared: list[ComparedSetting] = field(default_factory=list)
