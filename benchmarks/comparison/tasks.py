"""What is forecast from what, and the windows on which everybody is compared."""

import math
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
import torch
from torch import Tensor

from benchmarks.protocol import Dataset, Part, windows

MAX_WINDOWS: dict[Part, int] = {"train": 4096, "validation": 256, "test": 512}
"""Most windows of each part: those that an epoch of training by gradients has, those that options
are chosen on, and those that are compared on."""

PAIRS, FEW = 600, 32
"""How many pairs of a channel and an origin a statistical model is fitted to, roughly, and most
origins."""


class Lengths(NamedTuple):
    """Of the windows of a data set."""

    lookback: int
    season: int
    horizons: tuple[int, ...]


DATA = {
    "ETTh1": Lengths(336, 24, (96, 192, 336, 720)),
    "weather": Lengths(336, 144, (96, 192, 336, 720)),
    "New York": Lengths(168, 24, (24, 168)),
    "los_speed": Lengths(96, 288, (12,)),
    "exchange_rate": Lengths(96, 7, (96, 192, 336, 720)),
    "ETTm1": Lengths(336, 96, (96, 192, 336, 720)),
}
"""The data sets, those first that tell most."""


class Task(NamedTuple):
    """What is forecast from what.

    Attributes
    ----------
    dataset : Dataset
    lookback, horizon : int
    season : int
        Rows that the seasonal naive forecast repeats.
    """

    dataset: Dataset
    lookback: int
    horizon: int
    season: int

    @property
    def reach(self) -> int:
        """Rows before an origin that somebody sees: a lookback, or a season."""
        return max(self.lookback, self.season)

    def stride(self, part: Part) -> int:
        """Return how far apart the windows of a part are: evenly, and at all times of a season."""
        begin, end = self.dataset.bounds[part]
        n_windows = end - begin - self.horizon + 1 - (self.lookback if part == "train" else 0)
        stride = -(-n_windows // MAX_WINDOWS[part])
        while math.gcd(stride, self.season) > 1:
            stride += 1
        return stride

    def windows(self, part: Part, stride: int | None = None) -> tuple[Tensor, Tensor]:
        """Return what comes before the origins of a part, and what follows.

        Parameters
        ----------
        part : {"validation", "test"}
        stride : int, optional
            Steps between origins; :meth:`stride` of the part if not given.

        Returns
        -------
        past : Tensor, shape (windows, reach, C)
        future : Tensor, shape (windows, H, C)
        """
        rows = self.dataset.rows(part, self.reach)
        every = windows(rows, self.reach + self.horizon)[:: stride or self.stride(part)]
        past, future = every.split([self.reach, self.horizon], dim=1)
        return past, future

    def few(self, n_windows: int) -> np.ndarray:
        """Return the numbers of the windows, of so many, that statistical models forecast."""
        n_channels = len(self.dataset.channels)
        n_few = min(max(round(PAIRS / n_channels), 2), FEW, n_windows)
        return np.linspace(0, n_windows - 1, n_few).round().astype(int)

    def save(self, path: Path) -> None:
        """Write to a file, for another environment to read."""
        name, channels, values, bounds = vars(self.dataset).values()
        np.savez(
            path,
            name=name,
            channels=channels,
            values=values,
            bounds=list(bounds.values()),
            lengths=self[1:],
        )

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read what :meth:`save` wrote."""
        with np.load(path) as saved:
            parts: tuple[Part, ...] = ("train", "validation", "test")
            bounds = dict(zip(parts, map(tuple, saved["bounds"].tolist()), strict=True))
            channels = saved["channels"].tolist()
            dataset = Dataset(str(saved["name"]), channels, saved["values"], bounds)
            return cls(dataset, *saved["lengths"].tolist())


def in_batches(network: torch.nn.Module, past: Tensor, max_values: int = 2**16) -> Tensor:
    """Forecast windows (B, L, C) -> (B, H, C) by a network that gives (B, H, C, 1)."""
    size = max(1, max_values // past[0].numel())
    with torch.no_grad():
        return torch.cat([network(batch).squeeze(-1) for batch in past.split(size)])
