"""The way along a ladder of ridges to the best of them."""

from collections.abc import Callable


def best_of_valley(error: Callable[[int], float], n_ridges: int, first: int) -> int:
    """Return the number of the ridge with the lowest error, which has one valley over them.

    Parameters
    ----------
    error : callable
        Of a ridge, by its number; asked for some of them, and for one more than once.
    n_ridges : int
    first : int
        Number of the ridge that the walk begins at, up first and then down.
    """
    best = first
    for step in (1, -1):
        while 0 <= best + step < n_ridges and error(best + step) < error(best):
            best += step
    return best
