"""What one model saves of another's error, and how sure that is."""

import math
from typing import NamedTuple

import numpy as np

MAX_BLOCKS = 8
"""Number of blocks of time that a standard error is taken over, where they are long enough."""


class Gain(NamedTuple):
    """The part of an error that is saved, and its standard error."""

    gain: float
    standard_error: float

    def __str__(self) -> str:
        return f"{100 * self.gain:.1f} % ± {100 * self.standard_error:.1f} %"


def gain_of(reference: np.ndarray, errors: np.ndarray, horizon: int) -> Gain:
    """Return what a model saves of a reference's error.

    Parameters
    ----------
    reference, errors : array, shape (windows, C)
        Of the same windows, each beginning a row after the one before.
    horizon : int
        Rows of a window's forecast. The standard error is that of the mean over consecutive blocks
        of windows, no shorter than that where it leaves two, because the errors of windows that
        overlap go together. It is infinite with a single window.
    """
    level = reference.mean()
    if not level > 0:
        return Gain(0.0, 0.0 if not errors.any() else math.inf)
    saved = (reference - errors).mean(axis=1) / level
    n_blocks = max(2, min(MAX_BLOCKS, len(saved) // max(horizon, 1)))
    if len(saved) < n_blocks:
        return Gain(float(saved.mean()), math.inf)
    means = [block.mean() for block in np.array_split(saved, n_blocks)]
    return Gain(float(saved.mean()), float(np.std(means, ddof=1) / math.sqrt(n_blocks)))
