"""Functions of the rows of a table whose results do not depend on how many rows there are."""

from collections.abc import Callable

import torch
from torch import Tensor

BLOCK = 48
"""Rows at a time: whole tiles of products of matrices, which libraries take 4 to 24 rows high."""

Made = tuple[Tensor, Tensor | None]


def in_fixed_blocks(function: Callable[[Tensor], Made], rows: Tensor) -> Made:
    """Return what a function makes of the rows of a table, in blocks of one length.

    Products of matrices round a row otherwise where there are more rows, so that what was made of
    one would change in the last digit when others come. Where gradients are taken, or rows are
    numbers, the function is given all rows at once.

    Parameters
    ----------
    function : callable
        Of rows (n, E): (n, ...) and (n, ...) or (1, ...).
    rows : Tensor, shape (N, E) or (N,)
    """
    exports = torch.compiler.is_compiling() or torch.onnx.is_in_onnx_export()
    if torch.is_grad_enabled() or not rows.is_floating_point() or exports:
        return function(rows)
    count = len(rows)
    padded = torch.nn.functional.pad(rows, (0, 0, 0, -count % BLOCK))
    whole: list[Tensor | None] = []
    for start in range(0, len(padded), BLOCK):
        parts = function(padded[start : start + BLOCK].clone())
        if not whole:
            whole = [_for_rows(part, count) for part in parts]
        for one, part in zip(whole, parts, strict=True):
            if one is not None and part is not None and len(part) > 1:
                one[start : start + BLOCK] = part[: count - start]
    first, second = whole
    assert first is not None
    return first, second


def _for_rows(part: Tensor | None, count: int) -> Tensor | None:
    """Return room for what is made of all rows; what is the same for all stays as it is."""
    if part is None or len(part) == 1:
        return part
    return part.new_empty(count, *part.shape[1:])
