"""M4 weekly: 359 series of 80 to 2,597 rows, 13 steps ahead.

Errors are the competition's: sMAPE, MASE, and OWA against its naive forecast. Each method is run
alone; seconds are of the processor, of fit and forecast together::

    python -m benchmarks.panels.m4_weekly

The methods of StatsForecast and NeuralForecast run in an environment that has them (``make
comparison-environment``)::

    .venv-comparison/bin/python -m benchmarks.panels.m4_weekly_statsforecast
    .venv-comparison/bin/python -m benchmarks.panels.m4_weekly_neuralforecast
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from darts import TimeSeries
from darts.dataprocessing.transformers import Scaler
from darts.models import DLinearModel, LinearRegressionModel
from sklearn.preprocessing import StandardScaler

from benchmarks import command_line
from benchmarks.markdown import markdown
from benchmarks.panels.m4_errors import HORIZON, M4Weekly, read_m4_weekly
from benchmarks.runs import RESULTS, Row, Run, complete
from benchmarks.timing import timed
from hyperforecast.darts import BackboneModel, HNMVTSModel

LOOKBACK = 52

QUIET = {
    "accelerator": "cpu",
    "logger": False,
    "enable_progress_bar": False,
    "enable_model_summary": False,
    "enable_checkpointing": False,
}

Forecaster = Callable[[list[TimeSeries]], list[TimeSeries]]


def global_model(
    make: Callable[[], Any], series: list[TimeSeries], **fit_options: Any
) -> list[TimeSeries]:
    """Fit one model on all series, and forecast each."""
    return make().fit(series, **fit_options).predict(HORIZON, series=series)


def scaled(make: Callable[[], Any], series: list[TimeSeries]) -> list[TimeSeries]:
    """Do so with every series in units of its own, by Darts' ``Scaler``."""
    scaler = Scaler(StandardScaler())
    forecasts = global_model(make, scaler.fit_transform(series))
    return scaler.inverse_transform(forecasts)


def local_models(make: Callable[[], Any], series: list[TimeSeries]) -> list[TimeSeries]:
    """Fit a model on each series alone."""
    return [make().fit(one).predict(HORIZON) for one in series]


def naive(series: list[TimeSeries]) -> list[TimeSeries]:
    """Repeat the last value."""
    return [one[-1:].append_values(np.repeat(one.last_value(), HORIZON))[1:] for one in series]


def methods() -> dict[str, Forecaster]:
    """Name the methods compared."""
    ours = {"solver": "exact"}
    by_series = partial(HNMVTSModel, LOOKBACK, HORIZON, weights_by="series", **ours)
    plain = partial(BackboneModel, LOOKBACK, HORIZON, **ours)
    gradients = {
        "n_epochs": 10,
        "random_state": 0,
        "pl_trainer_kwargs": QUIET,
        "batch_size": 256,
    }
    return {
        "last value": naive,
        "DLinear of Darts, gradients": partial(
            scaled, partial(DLinearModel, LOOKBACK, HORIZON, **gradients)
        ),
        "LinearRegressionModel of Darts": partial(
            scaled, partial(LinearRegressionModel, LOOKBACK, output_chunk_length=HORIZON)
        ),
        "one model for all, exact": partial(scaled, plain),
        "one model for each series, exact": partial(local_models, plain),
        "weights by series, exact": partial(global_model, by_series),
        "weights by series, exact, linear sample weights": partial(
            global_model, by_series, sample_weight="linear"
        ),
        "weights by series, gradients": partial(
            scaled,
            partial(
                HNMVTSModel,
                LOOKBACK,
                HORIZON,
                weights_by="series",
                instance_norm="last",
                solver="adam",
                **gradients,
            ),
        ),
    }


def as_series(data: M4Weekly) -> list[TimeSeries]:
    """Return the training rows as Darts series, all from row zero on."""
    return [
        TimeSeries.from_times_and_values(pd.RangeIndex(len(one)), one, columns=[name])
        for name, one in zip(data.names, data.training, strict=True)
    ]


def measure(name: str, data: M4Weekly) -> Row:
    """Return errors and time of a method."""
    series = as_series(data)
    forecasts, taken = timed(lambda: methods()[name](series))
    values = np.stack([one.values().ravel() for one in forecasts])
    return {**data.errors(values), "processor_s": round(taken.processor, 1)}


def runs(data: M4Weekly) -> Iterator[Run]:
    """Return what is measured."""
    for name in methods():
        yield Run({"method": name}, partial(measure, name, data))


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = command_line.parser("benchmarks.panels.m4_weekly", __doc__, folder=True, threads=1)
    parser.add_argument("--results", type=Path, default=RESULTS / "panels_m4_weekly.csv")
    given = parser.parse_args(arguments)
    torch.set_num_threads(given.threads)
    data = read_m4_weekly(given.folder)
    complete(given.results, runs(data))
    print(markdown(pd.read_csv(given.results).sort_values("OWA", ascending=False), digits=3))


if __name__ == "__main__":
    main()
