"""One generated term of a layer."""

from collections.abc import Callable
from typing import Generic, TypeVar

from torch import Tensor, nn

from hyperforecast.nn.contexts.base import Axis, Context
from hyperforecast.nn.fixed_blocks import Made, in_fixed_blocks
from hyperforecast.nn.generators import Generator, KernelGenerator, RowScale, ScaleShift

G = TypeVar("G", bound=Generator | KernelGenerator | RowScale | ScaleShift)


class Term(nn.Module, Generic[G]):
    """A context and a generator: one G_t(c_t) of W(c) = W_0 + sum_t G_t(c_t).

    Parameters
    ----------
    context : Context
        May be shared with other layers.
    generator : Generator, KernelGenerator, RowScale or ScaleShift
        May be shared with other layers.
    adapter : bool, default=False
        Whether the term is trained in a stage of its own, on a base that is held still.

    Attributes
    ----------
    axis : {"segment", "window", "channel", "layer", "step", "task"}
        The axis of the activations along which the term differs, if it is one of theirs.
    """

    def __init__(self, context: Context, generator: G, *, adapter: bool = False) -> None:
        super().__init__()
        self.context = context
        self.generator: G = generator
        self.adapter = adapter
        self.axis: Axis = context.axis

    def made(self, generate: Callable[[Tensor], Made], vectors: Tensor) -> Made:
        """Return what the generator makes of contexts, the same to the bit if more channels come.

        Parameters
        ----------
        generate : callable
            A method of the generator, of contexts (N, E).
        vectors : Tensor, shape (N, E)
        """
        if self.axis == "channel" and self.context.static:
            return in_fixed_blocks(generate, vectors)
        return generate(vectors)


def named_along(part: str, axis: Axis) -> str:
    """Return the name of a further term of a part at a layer, which differs along an axis."""
    return f"{part}:{axis}"


def part_of(name: str) -> str:
    """Return the part that a term belongs to, by its name or its path in a network."""
    return name.rpartition(".")[2].partition(":")[0]
