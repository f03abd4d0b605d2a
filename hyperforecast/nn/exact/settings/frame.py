"""What a setting takes from the series that it was selected on."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from torch import Tensor

from hyperforecast.nn.exact.settings.neighbours import NeighbourWeights
from hyperforecast.nn.exact.settings.solution import ExactSolution
from hyperforecast.nn.exact.windows.units import Units


@dataclass(frozen=True)
class Frame:
    """What the regression of a setting stands on, whichever windows it is solved for.

    Attributes
    ----------
    embedding : Tensor, shape (C, E)
        Channel embedding, as long as any weights that are generated from it ask for.
    loadings : Tensor, shape (C, K)
        Of the common factors.
    units : Units
    neighbours : NeighbourWeights, optional
        What the last values of all channels add to forecasts.
    vectors_of : callable, optional
        Returns the channel embedding by what it started from, where there are several.
    """

    embedding: Tensor
    loadings: Tensor
    units: Units
    neighbours: NeighbourWeights | None = None
    vectors_of: Callable[[str], Tensor] | None = None

    def vectors(self, start: str) -> Tensor:
        """Return the channel embedding, made of something."""
        return self.embedding if self.vectors_of is None else self.vectors_of(start)

    @classmethod
    def of(cls, solution: ExactSolution) -> Self:
        """Return that of a solution, on the CPU."""
        neighbours = solution.neighbours
        return cls(
            solution.vectors.cpu(),
            solution.loadings.cpu(),
            solution.units.cpu(),
            None if neighbours is None else neighbours.cpu(),
        )
