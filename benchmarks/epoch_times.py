"""The time of every training epoch of a Darts model."""

from typing import Any

import pytorch_lightning as pl

from benchmarks.timing import Clock


class EpochTimes(pl.Callback):
    """Notes how long every training epoch took."""

    def __init__(self) -> None:
        self.times: list[Clock] = []

    def on_train_epoch_start(self, *args: Any) -> None:
        """Start the clocks."""
        self.start = Clock.now()

    def on_train_epoch_end(self, *args: Any) -> None:
        """Stop the clocks."""
        self.times.append(Clock.now().since(self.start))
