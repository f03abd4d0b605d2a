"""Names of kinds of models, from those that nothing is trained for to one for each channel."""

NAIVE = LAST_VALUE, SEASONAL_NAIVE, DRIFT = "last value", "seasonal naive", "drift"
"""Forecasts that nothing is trained for, the simplest first."""

ONE_FOR_ALL, GENERATED, ONE_EACH = "one for all", "generated", "one each"
"""Weights that all channels share, that are generated for each, and of each channel's own."""


def repeated_rows(season: int | None, n_rows: int) -> dict[str, int]:
    """Return how many of the last rows naive forecasts repeat, of those that rows suffice for.

    Parameters
    ----------
    season : int, optional
        Rows of a season.
    n_rows : int
        Rows before the forecast.

    Returns
    -------
    dict of str to int
        By the forecast's name.
    """
    if season is None or season > n_rows:
        return {LAST_VALUE: 1}
    return {LAST_VALUE: 1, SEASONAL_NAIVE: season}
