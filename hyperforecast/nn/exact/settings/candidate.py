"""A setting with its solution and its validation error."""

from dataclasses import dataclass

from torch import Tensor

from hyperforecast.nn.exact.regressions.weights import BasisWeights
from hyperforecast.nn.exact.settings.setting import Setting


@dataclass(eq=False)
class Solved:
    """A setting, solved.

    Attributes
    ----------
    setting : Setting
    weights : BasisWeights
    mixing : Tensor, shape (C, M)
    """

    setting: Setting
    weights: BasisWeights
    mixing: Tensor


@dataclass(eq=False)
class Candidate(Solved):
    """A setting, solved, and its mean squared error on validation.

    Attributes
    ----------
    error : float
    window_errors : Tensor, shape (C, T), optional
        Of single validation windows, once they have been asked for.
    """

    error: float
    window_errors: Tensor | None = None
