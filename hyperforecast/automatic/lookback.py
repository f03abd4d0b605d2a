"""How many rows a forecast is made from, by the rows there are."""

from collections.abc import Sequence

LEAST, LONGEST_WEEK = 96, 336
"""Rows that a lookback has where there are enough, and most rows of the seven seasons that it
covers: a week of half hours."""

HORIZONS, SEASONS, WEEK = 3, 2, 7
"""How many horizons and seasons a lookback covers where there are enough rows."""

PART = 3
"""Part of the rows, one over this, that a lookback has at most."""


def choose_lookback(n_rows: Sequence[int], horizon: int, season: int | None = None) -> int:
    """Return a lookback L that the rows of series suffice for.

    The longest of three horizons, seven seasons (two, where seven are more than 336 rows) and 96
    rows, but at most a third of the rows of the median series less a horizon. One season at least
    where the rows hold two of them and two horizons. Series that are not much shorter than that
    shorten it, so that they can be forecast, too.

    Parameters
    ----------
    n_rows : sequence of int
        Of each series.
    horizon : int
        Number of steps H.
    season : int, optional
        Rows of a season.
    """
    ordered = sorted(n_rows)
    median, shortest = ordered[len(ordered) // 2], ordered[0]
    seasons = 0
    if season is not None:
        seasons = (WEEK if WEEK * season <= LONGEST_WEEK else SEASONS) * season
    lookback = min(max(HORIZONS * horizon, seasons, LEAST), (median - horizon) // PART)
    if season is not None and lookback < season and median >= 2 * (season + horizon):
        lookback = season
    if lookback // 2 <= shortest < lookback:
        lookback = shortest
    return max(lookback, 1)
