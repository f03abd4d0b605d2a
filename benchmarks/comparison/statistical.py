"""Models of StatsForecast, fitted to the rows before each origin, channel by channel."""

import warnings
from typing import Any

import numpy as np
import torch
from statsforecast import models
from torch import Tensor

from benchmarks.comparison.measuring import Fitted
from benchmarks.comparison.tasks import Task
from benchmarks.protocol import Part

SEASONS, MIN_ROWS = 3, 336
"""How many seasons they are fitted to, and at least how many rows."""

warnings.filterwarnings("ignore")


def fit_by_series(name: str, task: Task) -> Fitted:
    """Return what fits and forecasts at once; forecasting takes all the time."""

    def make() -> Any:
        return getattr(models, name)(season_length=task.season)

    # what is compiled counts no more than what is installed
    make().forecast(task.dataset.values[: 3 * task.season, 0].astype(float), task.horizon)

    def forecast(part: Part) -> Tensor:
        begin = task.dataset.bounds[part][0]
        n_windows = len(task.windows(part)[0])
        origins = begin + task.stride(part) * task.few(n_windows)
        n_rows = max(SEASONS * task.season, MIN_ROWS)
        made = [
            [
                make().forecast(rows, task.horizon)["mean"]
                for rows in task.dataset.values[origin - n_rows : origin].T.astype(float)
            ]
            for origin in origins
        ]
        return torch.from_numpy(np.array(made, dtype=np.float32)).mT

    return Fitted(forecast, 0, few=True)
