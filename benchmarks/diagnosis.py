"""What `diagnose` says of every data set: one model for all, one each, or generated weights.

Naive forecasts and three linear models by the exact solver, fitted on the first four fifths of the
rows (of the fertility rates and of the tourism 70 %), errors of all windows of the rest in units of
the training rows' variance::

    python -m benchmarks.diagnosis
"""

import time
from collections.abc import Iterator

import pandas as pd
import torch

from benchmarks import command_line
from benchmarks.markdown import markdown
from benchmarks.protocol import data_folder
from hyperforecast.datasets import load_fertility, load_new_york
from hyperforecast.diagnosis import diagnose

FILES = {
    "ETTh1": (336, 96, "h", 14_400),
    "ETTm1": (336, 96, "15min", 57_600),
    "weather": (336, 96, "10min", None),
    "exchange_rate": (96, 96, "D", None),
    "los_speed": (96, 12, "5min", None),
}
"""Lookback, horizon, step, and number of rows used, if not all."""


def tables(folder: str | None) -> Iterator[tuple[str, pd.DataFrame, int, int, float]]:
    """Yield names, tables, lookbacks, horizons and parts that are forecast."""
    yield "fertility, yearly", load_fertility(), 12, 5, 0.3
    yield "tourism, quarterly", tourism(folder), 16, 8, 0.3
    for name, (lookback, horizon, step, n_rows) in FILES.items():
        frame = pd.read_csv(data_folder(folder) / f"{name}.csv")
        table = frame.select_dtypes("number").astype(float).iloc[:n_rows]
        # the files' dates have gaps or are missing; what counts is their step
        table.index = pd.date_range("2000-01-03", periods=len(table), freq=step)
        yield name, table, lookback, horizon, 0.2
    yield "New York", load_new_york(), 168, 24, 0.2


def tourism(folder: str | None) -> pd.DataFrame:
    """Return the domestic trips in Australia, a column for each region and purpose."""
    trips = pd.read_csv(data_folder(folder) / "australia_tourism.csv")
    wide = trips.pivot_table(index="date_time", columns=["Region", "Purpose"], values="Trips")
    wide.columns = pd.Index([f"{region}, {purpose}" for region, purpose in wide.columns])
    wide.index = pd.DatetimeIndex(wide.index, freq="QS")
    return wide


def row(
    name: str, table: pd.DataFrame, lookback: int, horizon: int, test_size: float
) -> dict[str, object]:
    """Return what was found of a table."""
    start = time.perf_counter()
    found = diagnose(table, lookback, horizon, test_size=test_size)
    seconds = time.perf_counter() - start
    clear = found.gains["gain"] > found.gains["standard_error"]
    return {
        "data": f"{name} {lookback}→{horizon}",
        "channels": table.shape[1],
        "rows": len(table),
        **found.errors.mean(),
        "saved by own weights": str(found.gain),
        "channels that gain": f"{int(clear.sum())} of {len(clear)}",
        "verdict": found.best,
        "seconds": round(seconds, 1),
    }


def main() -> None:
    """Print the table."""
    given = command_line.parser("benchmarks.diagnosis", __doc__, folder=True, threads=1)
    options = given.parse_args()
    torch.set_num_threads(options.threads)
    frame = pd.DataFrame([row(*one) for one in tables(options.folder)])
    first = ["data", "channels", "rows"]
    models = ["last value", "seasonal naive", "one for all", "generated", "one each"]
    print(markdown(frame[[*first, *models, *frame.columns.difference([*first, *models], False)]]))


if __name__ == "__main__":
    main()
