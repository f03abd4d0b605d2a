"""Tables of few rows put one after the other, for work that takes long to begin."""

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

MAX_JOINED = 2**20
"""Number of values up to which tables are joined; larger ones are left as they are."""


def joined_rows(parts: Sequence[Tensor]) -> Iterator[Tensor]:
    """Yield the rows of tables (T_i, m), those of as many small tables together as may be."""
    for some in _together(parts):
        yield some[0] if len(some) == 1 else torch.cat(some)


def map_rows(function: Callable[[Tensor], Tensor], parts: Sequence[Tensor]) -> list[Tensor]:
    """Return what a function makes of tables, row by row; those of small tables are views."""
    made: list[Tensor] = []
    for some in _together(parts):
        if len(some) == 1:
            made.append(function(some[0]))
        else:
            made += function(torch.cat(some)).split([one.shape[0] for one in some])
    return made


def _together(parts: Sequence[Tensor]) -> Iterator[list[Tensor]]:
    some: list[Tensor] = []
    n_values = 0
    for part in parts:
        n_values += part.numel()
        if some and n_values > MAX_JOINED:
            yield some
            some, n_values = [], part.numel()
        some.append(part)
    if some:
        yield some
