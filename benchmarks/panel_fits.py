"""Fits on panels of short series, solved in closed form, beside Darts' LinearRegressionModel.

Models take turns; least processor times, and ratios to that of Darts::

    python -m benchmarks.panel_fits
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from darts import TimeSeries
from darts.models import LinearRegressionModel

from benchmarks import command_line
from benchmarks.markdown import markdown
from benchmarks.timing import in_turns, least
from hyperforecast.darts import BackboneModel, HNMVTSModel


def panel(n_series: int, n_rows: int) -> list[TimeSeries]:
    """Return random walks, each with a name of its own."""
    steps = np.random.default_rng(0).normal(size=(n_series, n_rows, 1))
    walks = steps.cumsum(axis=1).astype(np.float32)
    return [TimeSeries.from_values(one, columns=[f"s{i}"]) for i, one in enumerate(walks)]


def fits(series: list[TimeSeries], lookback: int, horizon: int) -> dict[str, Callable]:
    """Return what fits each of the models on all series."""
    exact: dict[str, Any] = {"solver": "exact", "random_state": 0}
    return {
        "LinearRegressionModel of Darts": lambda: LinearRegressionModel(
            lags=lookback, output_chunk_length=horizon
        ).fit(series),
        "DLinear, one head for all": lambda: BackboneModel(lookback, horizon, **exact).fit(series),
        "HN-MVTS, by channel": lambda: HNMVTSModel(lookback, horizon, **exact).fit(series),
        "HN-MVTS, by series": lambda: HNMVTSModel(
            lookback, horizon, weights_by="series", **exact
        ).fit(series),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = command_line.parser("benchmarks.panel_fits", __doc__, threads=1)
    parser.add_argument("--series", type=int, nargs="+", default=[20, 500, 3000])
    parser.add_argument("--rows", type=int, default=60)
    parser.add_argument("-L", "--lookback", type=int, default=24)
    parser.add_argument("-H", "--horizon", type=int, default=6)
    parser.add_argument("--repetitions", type=int, default=5)
    given = parser.parse_args(arguments)
    torch.set_num_threads(given.threads)
    rows = []
    for n_series in given.series:
        tasks = fits(panel(n_series, given.rows), given.lookback, given.horizon)
        times = in_turns(tasks, given.repetitions, warm_up=1)
        seconds = pd.Series({name: least(clocks).processor for name, clocks in times.items()})
        ratio = seconds / seconds.iloc[0]
        table = pd.DataFrame({"series": n_series, "processor s": seconds, "ratio": ratio})
        rows.append(table.rename_axis("model").reset_index())
    print(markdown(pd.concat(rows), digits=3))


if __name__ == "__main__":
    main()
