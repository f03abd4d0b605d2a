"""Networks of NeuralForecast, trained by its own loop within the budget."""

import copy
import logging
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytorch_lightning as pl
import torch
from neuralforecast import NeuralForecast, models
from neuralforecast.losses.pytorch import MSE
from torch import Tensor

from benchmarks.comparison.budget import PATIENCE, Budget
from benchmarks.comparison.measuring import Fitted
from benchmarks.comparison.tasks import Task
from benchmarks.protocol import Part

VALIDATE_EVERY = 25
"""Steps between looks at the validation part."""

WINDOWS_OF_STEP = {"univariate": 256, "multivariate": 32}

MANY_STEPS = 10**6

warnings.filterwarnings("ignore")
logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)


class BestWeights(pl.Callback):
    """Keeps the weights with the lowest validation loss."""

    def __init__(self) -> None:
        self.lowest = float("inf")
        self.state: dict[str, Tensor] = {}

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Compare the loss with the lowest one."""
        loss = float(trainer.callback_metrics["ptl/val_loss"])
        if not trainer.sanity_checking and loss < self.lowest:
            self.lowest, self.state = loss, copy.deepcopy(pl_module.state_dict())

    def on_fit_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Go back to the best weights."""
        if self.state:
            pl_module.load_state_dict(self.state)


def fit_network(name: str, task: Task, **options: Any) -> Fitted:
    """Train a network; its windows lie as far apart as everybody's."""
    of_class = getattr(models, name)
    kind = "multivariate" if of_class.MULTIVARIATE else "univariate"
    n_channels = len(task.dataset.channels)
    model = of_class(
        h=task.horizon,
        input_size=task.lookback,
        loss=MSE(),
        max_steps=MANY_STEPS,
        num_lr_decays=-1,
        val_check_steps=VALIDATE_EVERY,
        early_stop_patience_steps=PATIENCE,
        step_size=task.stride("train"),
        batch_size=n_channels,
        windows_batch_size=WINDOWS_OF_STEP[kind],
        inference_windows_batch_size=WINDOWS_OF_STEP[kind],
        random_seed=0,
        callbacks=[Budget(), BestWeights()],
        accelerator="cpu",
        enable_progress_bar=False,
        enable_model_summary=False,
        logger=False,
        num_sanity_val_steps=0,
        futr_exog_list=None if task.known is None else task.known.channels,
        **({"n_series": n_channels} if of_class.MULTIVARIATE else {}),
        **options,
    )
    forecaster = NeuralForecast([model], freq=1)
    begin, end = task.dataset.bounds["validation"]
    forecaster.fit(_table(task, 0, end), val_size=end - begin)

    def forecast(part: Part) -> Tensor:
        first = task.dataset.bounds[part][0]
        stride = task.stride(part)
        n_windows = len(task.windows(part)[0])
        n_rows = task.horizon + stride * (n_windows - 1)
        made = forecaster.cross_validation(
            _table(task, first - task.lookback, first + n_rows),
            n_windows=None,
            test_size=n_rows,
            val_size=0,
            step_size=stride,
            refit=False,
            use_fitted=True,
        )
        made = made.sort_values(["unique_id", "cutoff", "ds"])
        values = made[name].to_numpy(np.float32).reshape(n_channels, n_windows, task.horizon)
        return torch.from_numpy(values).permute(1, 2, 0)

    (trained,) = forecaster.models
    parameters = sum(one.numel() for one in trained.parameters())
    (budget,) = (one for one in trained.trainer_kwargs["callbacks"] if isinstance(one, Budget))
    return Fitted(forecast, parameters, steps=budget.steps)


def _table(task: Task, first: int, end: int) -> pd.DataFrame:
    """Return rows of the data set as NeuralForecast takes them, one channel after the other."""
    values = task.dataset.values[first:end]
    n_rows, n_channels = values.shape
    table = pd.DataFrame(
        {
            "unique_id": np.repeat(np.arange(n_channels), n_rows),
            "ds": np.tile(np.arange(first, end), n_channels),
            "y": values.T.ravel(),
        }
    )
    if task.known is not None:
        table[task.known.channels] = np.tile(task.known.values[first:end], (n_channels, 1))
    return table
