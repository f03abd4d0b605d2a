"""What the axes of a weight are, and which entries of a larger one a smaller one has."""

from collections.abc import Sequence
from itertools import zip_longest
from typing import Literal, NamedTuple

Alignment = Literal["first", "centre", "last"]


class Layout(NamedTuple):
    """The axes of a weight, those apart that lie in memory as one.

    A module whose weights are not simply cut from the front has a method ``layouts``, which returns
    a layout for each of them by name.

    Attributes
    ----------
    shape : tuple of int
        Lengths of the axes; their product is the number of entries of the weight.
    aligned : tuple of {"first", "centre", "last"}
        Along each axis, which entries of a longer one a shorter one has. Axes that are not said
        have the first ones.
    """

    shape: tuple[int, ...]
    aligned: tuple[Alignment, ...] = ()

    def within(self, sizes: Sequence[int]) -> tuple[slice, ...]:
        """Return where the entries stand in an array of at least these lengths."""
        axes = zip_longest(self.shape, sizes, self.aligned)
        return tuple(_within(length, size, where or "first") for length, size, where in axes)


def _within(length: int, size: int, where: Alignment) -> slice:
    begin = {"first": 0, "centre": (size - length) // 2, "last": size - length}[where]
    return slice(begin, begin + length)
