"""What a setting takes from the series that it was selected on."""

from dataclasses import dataclass
from typing import Self

from torch import Tensor

from hyperforecast.nn.exact.solution import ExactSolution


@dataclass(frozen=True)
class Frame:
    """What the regression of a setting stands on, whichever windows it is solved for.

    Attributes
    ----------
    embedding : Tensor, shape (C, E)
        Channel embedding; with individual weights, of length 0.
    loadings : Tensor, shape (C, K)
        Of the common factors.
    """

    embedding: Tensor
    loadings: Tensor

    @classmethod
    def of(cls, solution: ExactSolution) -> Self:
        """Return that of a solution."""
        length = 0 if solution.setting.individual else solution.setting.embedding_dim
        return cls(solution.embedding[:, :length].cpu(), solution.loadings.cpu())
