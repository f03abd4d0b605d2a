"""One forecast of many short series, beside Darts' own DLinear.

Models take turns; medians of processor time, and ratios to that of Darts::

    python -m benchmarks.many_series
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import torch
from darts import TimeSeries
from darts.models import DLinearModel

from benchmarks import command_line
from benchmarks.markdown import markdown
from benchmarks.timing import in_turns, median
from hyperforecast.darts import BackboneModel, HNMVTSModel

QUIET = {
    "accelerator": "cpu",
    "logger": False,
    "enable_progress_bar": False,
    "enable_model_summary": False,
    "enable_checkpointing": False,
}


def forecasts(series: list[TimeSeries], lookback: int, horizon: int) -> dict[str, Callable]:
    """Return what forecasts all series, by models that were fitted on a few of them."""
    common: dict[str, Any] = {"random_state": 0, "pl_trainer_kwargs": QUIET}
    models = {
        "DLinear of Darts": DLinearModel(lookback, horizon, n_epochs=1, **common),
        "DLinear by gradients": BackboneModel(lookback, horizon, n_epochs=1, **common),
        "DLinear, solved": BackboneModel(lookback, horizon, solver="exact", **common),
        "HN-MVTS, solved": HNMVTSModel(lookback, horizon, solver="exact", **common),
    }
    options: dict[str, Any] = {"series": series, "verbose": False, "show_warnings": False}
    return {
        name: partial(model.fit(series[:20]).predict, horizon, **options)
        for name, model in models.items()
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = command_line.parser("benchmarks.many_series", __doc__, threads=1)
    parser.add_argument("--series", type=int, default=500)
    parser.add_argument("--rows", type=int, default=200)
    parser.add_argument("-L", "--lookback", type=int, default=24)
    parser.add_argument("-H", "--horizon", type=int, default=12)
    parser.add_argument("--repetitions", type=int, default=21)
    given = parser.parse_args(arguments)
    torch.set_num_threads(given.threads)
    generator = np.random.default_rng(0)
    shape = (given.series, given.rows, 1)
    values = generator.normal(size=shape).astype(np.float32)
    tasks = forecasts(
        [TimeSeries.from_values(one) for one in values], given.lookback, given.horizon
    )
    times = in_turns(tasks, given.repetitions)
    seconds = pd.Series({name: median(clocks).processor for name, clocks in times.items()})
    table = pd.DataFrame({"processor s": seconds, "ratio": seconds / seconds.iloc[0]})
    print(markdown(table.rename_axis("model").reset_index(), digits=3))


if __name__ == "__main__":
    main()
