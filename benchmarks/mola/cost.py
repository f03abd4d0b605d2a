"""What a fit of MoLA costs beside plain DLinear by gradients, by backbone.

Fits of the same windows for as many epochs take turns; MoLA trains its base for as many before::

    python -m benchmarks.mola.cost
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import pandas as pd
import torch
from darts import TimeSeries

from benchmarks import command_line
from benchmarks.markdown import markdown
from benchmarks.protocol import load
from benchmarks.timing import in_turns, median
from hyperforecast.darts import BackboneModel, HyperforecastModel, MoLAModel


def fits(
    series: TimeSeries, lookback: int, horizon: int, epochs: int
) -> dict[str, Callable[[], HyperforecastModel]]:
    """Return what fits each model anew."""
    common: dict[str, Any] = {
        "n_epochs": epochs,
        "random_state": 0,
        "pl_trainer_kwargs": {"accelerator": "cpu"},
    }
    models = {
        "DLinear": partial(BackboneModel, backbone="dlinear", solver="adam"),
        "MoLA on its default": MoLAModel,
        "MoLA on DLinear": partial(MoLAModel, backbone="dlinear"),
    }

    def fit(make: Callable[..., HyperforecastModel]) -> HyperforecastModel:
        return make(lookback, horizon, **common).fit(series)

    return {name: partial(fit, make) for name, make in models.items()}


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = command_line.parser("benchmarks.mola.cost", __doc__, folder=True, threads=1)
    parser.add_argument("--data", default="ETTh1")
    parser.add_argument("-L", "--lookback", type=int, default=96)
    parser.add_argument("-H", "--horizon", type=int, default=96)
    parser.add_argument("--windows", type=int, default=1024)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--repetitions", type=int, default=3)
    given = parser.parse_args(arguments)
    torch.set_num_threads(given.threads)
    n_rows = given.windows + given.lookback + given.horizon - 1
    series = TimeSeries.from_values(load(given.data, given.folder).rows("train")[:n_rows])
    tasks = fits(series, given.lookback, given.horizon, given.epochs)
    times = in_turns(tasks, given.repetitions, warm_up=1)
    seconds = pd.Series({name: median(clocks).processor for name, clocks in times.items()})
    table = pd.DataFrame({"processor s": seconds, "ratio": seconds / seconds["DLinear"]})
    print(markdown(table.rename_axis("model").reset_index(), digits=3))


if __name__ == "__main__":
    main()
