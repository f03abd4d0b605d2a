"""The solver's time against the number of channels."""

from collections.abc import Sequence
from functools import partial

import numpy as np
import pandas as pd
from darts import TimeSeries

from benchmarks.markdown import markdown
from benchmarks.solver.fits import ONE_SETTING, chosen
from benchmarks.timing import least, timed
from hyperforecast.darts import HNMVTSModel


def made_channels(n_rows: int, n_channels: int) -> TimeSeries:
    """Make seasonal channels of three kinds under a common factor."""
    random = np.random.default_rng(0)
    steps = np.arange(n_rows)[:, None]
    periods = np.array([12, 24, 48])[np.arange(n_channels) % 3]
    phases = random.uniform(0, 2 * np.pi, n_channels)
    factor = 0.1 * random.normal(size=(n_rows, 1)).cumsum(axis=0)
    values = np.sin(2 * np.pi * steps / periods + phases) + factor
    values += 0.5 * random.normal(size=values.shape)
    return TimeSeries.from_values(values.astype(np.float32))


def channels(counts: Sequence[int], n_rows: int, repetitions: int) -> None:
    """Measure time against the number of channels: the same settings for all."""
    rows = []
    for count in counts:
        series = made_channels(n_rows, count)
        fits = [timed(partial(_fit, series)) for _ in range(repetitions)]
        model, _ = fits[-1]
        seconds, processor = least([taken for _, taken in fits])
        rows.append(
            {
                "channels": count,
                "seconds": seconds,
                "processor seconds": processor,
                "processor ms a channel": 1000 * processor / count,
                **chosen(model),
            }
        )
    print(markdown(pd.DataFrame(rows), digits=3))


def _fit(series: TimeSeries) -> HNMVTSModel:
    model = HNMVTSModel(96, 24, channel_embedding_dim=8, solver="exact", solver_kwargs=ONE_SETTING)
    return model.fit(series)
