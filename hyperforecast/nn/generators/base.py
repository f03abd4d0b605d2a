"""What every generator of linear layers is."""

from abc import ABC, abstractmethod
from typing import NamedTuple

from torch import Tensor, nn


class Cost(NamedTuple):
    """What the two equal ways of applying a generated weight take.

    Attributes
    ----------
    generate : int
        Multiplications to generate the weight of one context.
    contract : int
        Multiplications to contract one input with the generator instead.
    held : int
        Numbers that contraction holds for each input.
    """

    generate: int
    contract: int
    held: int


class Generator(nn.Module, ABC):
    """From N contexts to what is added to weight and bias of N linear layers: one G_t.

    :meth:`generate` is the one source of the weights; :meth:`contract` applies the same weights
    without holding them.
    """

    @abstractmethod
    def generate(self, context: Tensor) -> tuple[Tensor, Tensor | None]:
        """Generate from contexts (N, E) what is added to weights (N, O, I) and biases (N, O)."""

    @abstractmethod
    def contract(self, context: Tensor, x: Tensor, axis: int) -> Tensor:
        """Apply what :meth:`generate` returns: (..., N or 1, ..., I) -> (..., N, ..., O).

        Parameters
        ----------
        context : Tensor, shape (N, E)
        x : Tensor
            Its ``axis`` has an entry for each context, or one that all see.
        axis : int
            From the front.
        """

    @abstractmethod
    def cost(self) -> Cost:
        """Return what the two ways take."""

    def add_to(self, weight: Tensor, context: Tensor) -> tuple[Tensor, Tensor | None]:
        """Generate, and add a weight (O, I) that all contexts share: (N, O, I) and (N, O)."""
        added, bias = self.generate(context)
        return weight + added, bias


class PiecewiseGenerator(Generator):
    """A generator by whose weights can be multiplied while no more than pieces of them are held."""

    @abstractmethod
    def multiply(self, weight: Tensor, bias: Tensor, context: Tensor, x: Tensor) -> Tensor:
        """Apply what :meth:`add_to` returns, holding no more than pieces of it: (N, B, O).

        Parameters
        ----------
        weight : Tensor, shape (O, I)
        bias : Tensor, shape (O,)
        context : Tensor, shape (N, E)
        x : Tensor, shape (N, B, I)
        """


def along(values: Tensor, axis: int, n_axes: int) -> Tensor:
    """Lay (N, ...) along an axis of activations of ``n_axes`` axes, the others of length one.

    Axes of the values beyond the first lie at the end.
    """
    n_between = n_axes - axis - values.dim()
    return values.view(*(1,) * axis, values.shape[0], *(1,) * n_between, *values.shape[1:])
