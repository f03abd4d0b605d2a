"""The evaluation protocol of the long-term forecasting literature.

A data set is split by rows, every channel is scaled by the training rows, and the errors average
over every window of the test rows, in scaled units. Whatever is tuned is tuned on the validation
rows.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd
import torch
from darts import TimeSeries
from torch import Tensor, nn

Part = Literal["train", "validation", "test"]

DATA_VARIABLE = "HYPERFORECAST_DATA"

FIXED_SPLITS = {"ETTh1": (8640, 2880, 2880), "ETTm1": (34560, 11520, 11520)}
"""Rows of train, validation and test where the literature fixes them; rows after are unused."""


class Errors(NamedTuple):
    """Errors over windows, steps and channels, in scaled units."""

    mse: float
    mae: float


@dataclass(frozen=True)
class Dataset:
    """A scaled, split multivariate series.

    Attributes
    ----------
    name : str
    channels : list of str
    values : ndarray, shape (T, C), float32
        Scaled values of all rows.
    bounds : dict
        First row of each part and the row after its last.
    """

    name: str
    channels: list[str]
    values: np.ndarray
    bounds: dict[Part, tuple[int, int]]

    def rows(self, part: Part, lookback: int = 0) -> np.ndarray:
        """Return the rows of a part and the ``lookback`` rows before it, where there are any.

        With the lookback of a model, the windows of these rows are those whose targets lie in
        the part, their inputs reaching back before the split.
        """
        begin, end = self.bounds[part]
        return self.values[max(0, begin - lookback) : end]

    def series(self, part: Part, lookback: int = 0) -> TimeSeries:
        """Return :meth:`rows` as a Darts series whose index is the row number."""
        rows = self.rows(part, lookback)
        end = self.bounds[part][1]
        return TimeSeries.from_times_and_values(
            pd.RangeIndex(end - len(rows), end), rows, columns=self.channels
        )


def data_folder(folder: str | Path | None = None) -> Path:
    """Return the folder of the data sets: as given, by ``HYPERFORECAST_DATA``, or the default."""
    default = Path(__file__).parents[2] / "shared" / "data"
    return Path(folder or os.environ.get(DATA_VARIABLE) or default)


def load(name: str, folder: str | Path | None = None) -> Dataset:
    """Load, split and scale a data set.

    Parameters
    ----------
    name : str
        Name of a file in the data folder without ``.csv``, or a path of any CSV file: one row
        for each step, one column for each channel. A first column that is not numeric is taken
        for dates and left out.
    folder : path, optional
        See :func:`data_folder`.
    """
    path = Path(name) if name.endswith(".csv") else data_folder(folder) / f"{name}.csv"
    if not path.exists():
        raise FileNotFoundError(
            f"No data set at {path}. Give the path of a CSV file, or the folder of the data sets "
            f"by --data or the environment variable {DATA_VARIABLE}."
        )
    frame = pd.read_csv(path)
    if not pd.api.types.is_numeric_dtype(frame.iloc[:, 0]):
        frame = frame.iloc[:, 1:]
    raw = frame.to_numpy(np.float64)
    bounds = split(len(raw), FIXED_SPLITS.get(path.stem))
    return Dataset(path.stem, [str(name) for name in frame.columns], scale(raw, bounds), bounds)


def split(n_rows: int, sizes: tuple[int, int, int] | None = None) -> dict[Part, tuple[int, int]]:
    """Return the rows of each part: ``sizes`` from the first row on, or 70, 10 and 20 %.

    By shares, train is the first ``int(0.7 n)`` rows, test the last ``int(0.2 n)``, and
    validation what lies between.
    """
    if sizes is None:
        train, test = int(0.7 * n_rows), int(0.2 * n_rows)
        sizes = (train, n_rows - train - test, test)
    ends = np.cumsum(sizes).tolist()
    return {"train": (0, ends[0]), "validation": (ends[0], ends[1]), "test": (ends[1], ends[2])}


def scale(raw: np.ndarray, bounds: dict[Part, tuple[int, int]]) -> np.ndarray:
    """Standardise every channel by mean and population deviation of the training rows."""
    train = raw[slice(*bounds["train"])]
    deviation = train.std(axis=0)
    return ((raw - train.mean(axis=0)) / np.where(deviation > 0, deviation, 1.0)).astype(np.float32)


def windows(rows: np.ndarray, length: int) -> Tensor:
    """Return a view of every window of rows (T, C): (T - length + 1, length, C)."""
    return torch.from_numpy(np.ascontiguousarray(rows)).unfold(0, length, 1).transpose(1, 2)


def batches(all_windows: Tensor, max_values: int = 2**16) -> Iterator[Tensor]:
    """Cut windows into batches of at most ``max_values`` numbers, and at least one window."""
    return iter(all_windows.split(max(1, max_values // all_windows[0].numel())))


@torch.no_grad()
def evaluate(
    network: nn.Module, dataset: Dataset, part: Part, lookback: int, horizon: int
) -> Errors:
    """Return the errors of a network over every stride-1 window of a part.

    Parameters
    ----------
    network : nn.Module
        From windows (B, L, C) to point forecasts (B, H, C, 1).
    dataset : Dataset
    part : {"train", "validation", "test"}
    lookback, horizon : int
        Window length L and number of forecast steps H.
    """
    training = network.training
    network.eval()
    squares = absolutes = 0.0
    count = 0
    for batch in batches(windows(dataset.rows(part, lookback), lookback + horizon)):
        past, future = batch.split([lookback, horizon], dim=1)
        error = (network(past).squeeze(-1) - future).double()
        squares += error.square().sum().item()
        absolutes += error.abs().sum().item()
        count += error.numel()
    network.train(training)
    return Errors(squares / count, absolutes / count)
