"""What is forecast from what, and the windows on which everybody is compared."""

import math
from collections.abc import Callable
from dataclasses import replace
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
    """Of the windows of a data set.

    ``prices`` are forecast alone, the last channel; the others are known ahead.
    """

    lookback: int
    season: int
    horizons: tuple[int, ...]
    prices: bool = False


DATA = {
    "ETTh1": Lengths(336, 24, (96, 192, 336, 720)),
    "weather": Lengths(336, 144, (96, 192, 336, 720)),
    "New York": Lengths(168, 24, (24, 168)),
    "los_speed": Lengths(96, 288, (12,)),
    "exchange_rate": Lengths(96, 7, (96, 192, 336, 720)),
    "ETTm1": Lengths(336, 96, (96, 192, 336, 720)),
    "epf_np": Lengths(168, 24, (24,), prices=True),
    "epf_pjm": Lengths(168, 24, (24,), prices=True),
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
    known : Dataset, optional
        What is known ahead, over the same rows.
    """

    dataset: Dataset
    lookback: int
    horizon: int
    season: int
    known: Dataset | None = None

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
        return self._cut(self.dataset, part, self.reach, stride)

    def known_windows(self, part: Part, stride: int | None = None) -> tuple[Tensor, ...]:
        """Return what is known over the windows of a part: nothing, or two tensors.

        Parameters
        ----------
        part, stride
            As of :meth:`windows`.

        Returns
        -------
        before : Tensor, shape (windows, L, n)
        ahead : Tensor, shape (windows, H, n)
        """
        if self.known is None:
            return ()
        return self._cut(self.known, part, self.lookback, stride)

    def _cut(
        self, dataset: Dataset, part: Part, n_before: int, stride: int | None
    ) -> tuple[Tensor, Tensor]:
        rows = dataset.rows(part, n_before)
        every = windows(rows, n_before + self.horizon)[:: stride or self.stride(part)]
        before, after = every.split([n_before, self.horizon], dim=1)
        return before, after

    def few(self, n_windows: int) -> np.ndarray:
        """Return the numbers of the windows, of so many, that statistical models forecast."""
        n_channels = len(self.dataset.channels)
        n_few = min(max(round(PAIRS / n_channels), 2), FEW, n_windows)
        return np.linspace(0, n_windows - 1, n_few).round().astype(int)

    def save(self, path: Path) -> None:
        """Write to a file, for another environment to read."""
        name, channels, values, bounds = vars(self.dataset).values()
        known = self.known or replace(self.dataset, channels=[], values=values[:, :0])
        np.savez(
            path,
            name=name,
            channels=channels,
            values=values,
            bounds=list(bounds.values()),
            lengths=[self.lookback, self.horizon, self.season],
            known_channels=np.array(known.channels, dtype=str),
            known_values=known.values,
        )

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read what :meth:`save` wrote."""
        with np.load(path) as saved:
            parts: tuple[Part, ...] = ("train", "validation", "test")
            bounds = dict(zip(parts, map(tuple, saved["bounds"].tolist()), strict=True))
            dataset, known = (
                Dataset(str(saved["name"]), channels.tolist(), values, bounds)
                for channels, values in (
                    (saved["channels"], saved["values"]),
                    (saved["known_channels"], saved["known_values"]),
                )
            )
            return cls(dataset, *saved["lengths"].tolist(), known if known.channels else None)


def in_batches(
    network: Callable[..., Tensor], past: Tensor, *known: Tensor, max_values: int = 2**16
) -> Tensor:
    """Forecast windows (B, L, C) -> (B, H, C) by a network that gives (B, H, C, 1).

    What is known of them, :meth:`Task.known_windows`, is given to the network beside them.
    """
    size = max(1, max_values // past[0].numel())
    batches = zip(*(one.split(size) for one in (past, *known)), strict=True)
    with torch.no_grad():
        return torch.cat([network(*batch).squeeze(-1) for batch in batches])
