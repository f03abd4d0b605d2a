"""Starts of weights."""

from collections.abc import Callable, Sequence

from torch import Tensor, nn

Initialiser = Callable[[Tensor], object]


def uniform_fan_in(fan_in: int) -> Initialiser:
    """Return torch's own start of a linear layer: uniform in ``±1/sqrt(fan_in)``."""
    bound = fan_in**-0.5

    def initialise(weight: Tensor) -> None:
        nn.init.uniform_(weight, -bound, bound)

    return initialise


def zero_rows(start: Initialiser, rows: Sequence[int]) -> Initialiser:
    """Return a start that leaves some rows, numbers of outputs, at zero."""

    def initialise(weight: Tensor) -> None:
        start(weight)
        weight[rows] = 0.0

    return initialise
