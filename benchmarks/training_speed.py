"""Time per epoch of the Darts models, beside a bare torch loop over the same network.

Both train the same network on the same rows with the same batch size and optimiser. They take
turns, epoch by epoch, so what else the machine does falls on both alike; medians of the epochs and
of the ratios of neighbouring epochs are shown::

    python -m benchmarks.training_speed
"""

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytorch_lightning as pl
import torch
from darts import TimeSeries
from torch import Tensor, nn

from benchmarks import command_line
from benchmarks.epoch_times import EpochTimes
from benchmarks.markdown import markdown
from benchmarks.protocol import load, windows
from hyperforecast.darts import BackboneModel, HNMVTSModel, HyperforecastModel
from hyperforecast.darts.module import ForecastingModule
from hyperforecast.nn import BACKBONES
from hyperforecast.nn.network import count_parameters

METHODS: dict[str, type[HyperforecastModel]] = {"plain": BackboneModel, "hn-mvts": HNMVTSModel}


def bare_epoch(
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    all_windows: Tensor,
    lookback: int,
    batch_size: int,
) -> None:
    """Train a network for one epoch on windows (n, L + H, C) in random order."""
    for indices in torch.randperm(len(all_windows)).split(batch_size):
        batch = all_windows[indices]
        forecast = network(batch[:, :lookback]).squeeze(-1)
        loss = (forecast - batch[:, lookback:]).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


class TakingTurns(EpochTimes):
    """After every epoch of a model, trains a copy of its network for one by a bare loop."""

    def __init__(self, all_windows: Tensor, lookback: int, batch_size: int) -> None:
        super().__init__()
        self.data = all_windows, lookback, batch_size
        self.bare = EpochTimes()

    def on_train_start(self, trainer: pl.Trainer, module: ForecastingModule) -> None:
        """Copy the network."""
        self.network = copy.deepcopy(module.network)
        self.optimizer = torch.optim.Adam(self.network.parameters(), lr=1e-3)

    def on_train_epoch_end(self, *args: Any) -> None:
        """Note the time of the model's epoch, then train and time the copy."""
        super().on_train_epoch_end()
        self.bare.on_train_epoch_start()
        bare_epoch(self.network, self.optimizer, *self.data)
        self.bare.on_train_epoch_end()


def compare(
    backbone: str,
    method: str,
    rows: np.ndarray,
    lookback: int,
    horizon: int,
    batch_size: int,
    epochs: int,
) -> dict[str, object]:
    """Return a row of the table."""
    all_windows = windows(rows, lookback + horizon)
    model = METHODS[method](
        lookback,
        horizon,
        backbone=backbone,
        solver="adam",
        batch_size=batch_size,
        n_epochs=1 + epochs,
        random_state=0,
        pl_trainer_kwargs={
            "accelerator": "cpu",
            "callbacks": [TakingTurns(all_windows, lookback, batch_size)],
        },
    ).fit(TimeSeries.from_values(rows))
    # Darts copies the callbacks that it is given
    clocks = next(cb for cb in model.trainer.callbacks if isinstance(cb, TakingTurns))
    row = {
        "backbone": backbone,
        "method": method,
        "parameters": count_parameters(model.network),
        "windows": len(all_windows),
    }
    for name, unit in (("", "wall"), ("processor ", "processor")):
        # the first epoch warms up
        ours, bare = (
            np.array([getattr(time, unit) for time in one.times[1:]])
            for one in (clocks, clocks.bare)
        )
        row[f"Darts, {name}s"] = np.median(ours)
        row[f"bare, {name}s"] = np.median(bare)
        row[f"{name}ratio"] = np.median(ours / bare)
    return row


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = command_line.parser("benchmarks.training_speed", __doc__, folder=True, threads=1)
    parser.add_argument("--data", default="weather")
    parser.add_argument("--backbones", nargs="+", default=list(BACKBONES), choices=list(BACKBONES))
    parser.add_argument("--methods", nargs="+", default=["plain"], choices=list(METHODS))
    parser.add_argument("-L", "--lookback", type=int, default=336)
    parser.add_argument("-H", "--horizon", type=int, default=96)
    parser.add_argument("--windows", type=int, help="of the training rows, the first; default: all")
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--epochs", type=int, default=5)
    given = parser.parse_args(arguments)
    torch.set_num_threads(given.threads)

    rows = load(given.data, given.folder).rows("train")
    if given.windows is not None:
        rows = rows[: given.windows + given.lookback + given.horizon - 1]
    options = (rows, given.lookback, given.horizon, given.batch_size, given.epochs)
    table = [
        compare(backbone, method, *options)
        for backbone in given.backbones
        for method in given.methods
    ]
    print(markdown(pd.DataFrame(table), digits=3))


if __name__ == "__main__":
    main()
