"""How many rows a forecast is made from, by the rows there are."""

from collections.abc import Sequence

LEAST, LONGEST = 96, 336
"""Rows that a lookback has where there are enough, and most rows of the seasons that it covers: a
week of half hours."""

HORIZONS, SEASONS = 3, (7, 2, 1)
"""How many horizons a lookback covers where there are enough rows, and how many seasons: the first
number of them that is not too long."""

LONGEST_OF_HORIZONS = 720
"""Rows that several horizons cover at most: the time of a fit grows with the third power."""

MANY_CHANNELS = 100
"""Number of channels above which a lookback covers one horizon and no season: with three thousand
regressors a fit to each of hundreds of channels takes minutes."""

PART = 3
"""Part of the rows, one over this, that a lookback has at most."""


def choose_lookback(
    n_rows: Sequence[int], horizon: int, season: int | None = None, n_channels: int = 1
) -> int:
    """Return a lookback L that the rows of series suffice for.

    The longest of three horizons (as many rows as one, or 720, where they are more), seven seasons
    (two or one, where more are beyond 336 rows) and 96 rows, but at most a third of the rows of the
    median series less a horizon. One season at least
    where the rows hold two of them and two horizons. Series that are not much shorter than that
    shorten it, so that they can be forecast, too. For more than a hundred channels it is the longer
    of a horizon and 96 rows, with the same bound.

    Parameters
    ----------
    n_rows : sequence of int
        Of each series.
    horizon : int
        Number of steps H.
    season : int, optional
        Rows of a season.
    n_channels : int, default=1
    """
    ordered = sorted(n_rows)
    median, shortest = ordered[len(ordered) // 2], ordered[0]
    wanted = max(horizon, LEAST)
    if n_channels <= MANY_CHANNELS:
        seasons = [n * season for n in SEASONS if n * season <= LONGEST] if season else []
        wanted = max(wanted, min(HORIZONS * horizon, LONGEST_OF_HORIZONS), *seasons)
    lookback = min(wanted, (median - horizon) // PART)
    if season and lookback < season <= wanted and median >= 2 * (season + horizon):
        lookback = season
    if lookback // 2 <= shortest < lookback:
        lookback = shortest
    return max(lookback, 1)
