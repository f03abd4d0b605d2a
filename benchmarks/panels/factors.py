"""Common factors of the components of a series, where series have weights of their own.

Each panel is solved without factors, with a number that is compared with none, with numbers that
are compared unasked, and as one table of all components where these share a time axis. Errors are
mean squared errors of all windows of the last rows, which were not trained on, in units of each
component's variance::

    python -m benchmarks.panels.factors
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from darts import TimeSeries, concatenate

from benchmarks import command_line
from benchmarks.markdown import markdown
from benchmarks.protocol import data_folder
from benchmarks.runs import RESULTS, Row, Run, complete
from benchmarks.timing import timed
from hyperforecast.darts import HNMVTSModel


class Panel(NamedTuple):
    """Series of several components, lengths, and the number of factors that is compared."""

    series: list[TimeSeries]
    lookback: int
    horizon: int
    n_test: int
    n_factors: int


def named(values: np.ndarray, name: str) -> TimeSeries:
    """Return a series by its name."""
    columns = [f"{name} {number}" for number in range(values.shape[1])]
    series = TimeSeries.from_values(values, columns=columns)
    return series.with_static_covariates(pd.DataFrame({"name": [name]}))


def with_same_components(series: Sequence[TimeSeries]) -> list[TimeSeries]:
    """Return series whose components have the same names."""
    columns = [f"component {number}" for number in range(series[0].n_components)]
    return [one.with_columns_renamed(list(one.components), columns) for one in series]


def made(folder: Path) -> Panel:
    """Return 30 series of six components, that follow a common one of the step before."""
    random = np.random.default_rng(0)
    series = []
    for number in range(30):
        n_rows = int(random.integers(100, 401)) + 48
        common, own = np.zeros(n_rows + 50), np.zeros((n_rows + 50, 6))
        loads = random.uniform(0.5, 1.0, 6)
        for t in range(1, n_rows + 50):
            common[t] = 0.8 * common[t - 1] + random.standard_normal()
            own[t] = 0.3 * own[t - 1] + loads * common[t - 1] + random.standard_normal(6)
        series.append(named(10.0 ** random.uniform(0, 3) * (5 + own[50:]), f"series {number}"))
    return Panel(series, 12, 3, 48, 1)


def tourism(folder: Path) -> Panel:
    """Return the trips of 76 regions, by four purposes."""
    table = pd.read_csv(folder / "australia_tourism.csv")
    wide = table.pivot_table(
        index="date_time", columns=["Region", "Purpose"], values="Trips", aggfunc="sum"
    )
    series = [named(wide[region].to_numpy(), region) for region in wide.columns.unique(0)]
    return Panel(series, 12, 4, 12, 2)


def los_speed(folder: Path) -> Panel:
    """Return 207 detectors in nine groups of 23."""
    table = pd.read_csv(folder / "los_speed.csv").select_dtypes("number")
    columns = np.array_split(table.to_numpy(float), 9, axis=1)
    series = [named(values, f"group {number}") for number, values in enumerate(columns)]
    return Panel(series, 48, 12, 288, 5)


PANELS: dict[str, Callable[[Path], Panel]] = {
    "made": made,
    "tourism": tourism,
    "los_speed": los_speed,
}


def error(model: HNMVTSModel, series: Sequence[TimeSeries], panel: Panel) -> float:
    """Return the mean of the components' errors."""
    forecasts = model.historical_forecasts(
        series,
        forecast_horizon=panel.horizon,
        retrain=False,
        last_points_only=False,
        start=-panel.n_test,
        start_format="position",
    )
    found = []
    for one, many in zip(series, forecasts, strict=True):
        missed = np.square([f.values() - one.slice_intersect(f).values() for f in many])
        found.append(missed.mean(axis=(0, 1)) / one.values().var(axis=0))
    return float(np.mean(np.concatenate(found)))


def measure(name: str, way: str, folder: Path) -> Row:
    """Return what was chosen, error and time of one way of fitting a panel."""
    panel = PANELS[name](folder)
    series, options = panel.series, {"weights_by": "channel"}
    if way == "one table":
        plain = [one.with_static_covariates(None) for one in series]
        series = [concatenate(plain, axis="component")]
    else:
        series = with_same_components(series)
        options = {"weights_by": "both", "series_id": "name"}
        asked = {"without": 0, "with": panel.n_factors, "unasked": None}
        options["n_factors"] = asked[way]
    model = HNMVTSModel(panel.lookback, panel.horizon, solver="exact", **options)
    _, taken = timed(lambda: model.fit([one[: -panel.n_test] for one in series]))
    factors = model.network.factors
    return {
        "factors": 0 if factors is None else factors.loadings.shape[1],
        "error": round(error(model, series, panel), 4),
        "processor_s": round(taken.processor, 1),
    }


def runs(folder: Path) -> Iterator[Run]:
    """Return what is measured."""
    for name in PANELS:
        ways = ["without", "with", "unasked", "one table"]
        for way in ways if name != "made" else ways[:3]:
            yield Run({"panel": name, "way": way}, partial(measure, name, way, folder))


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = command_line.parser("benchmarks.panels.factors", __doc__, folder=True, threads=1)
    parser.add_argument("--results", type=Path, default=RESULTS / "panels_factors.csv")
    given = parser.parse_args(arguments)
    torch.set_num_threads(given.threads)
    print(
        markdown(pd.DataFrame(complete(given.results, runs(data_folder(given.folder)))), digits=3)
    )


if __name__ == "__main__":
    main()
