"""How long training takes, and that it ends by some time."""

from collections.abc import Callable
from typing import Any

import pytorch_lightning as pl

from hyperforecast.nn.exact.choice.late import IsLate, OutOfTime, never


class Stopwatch(pl.Callback):
    """Ends training by a time, the pass over validation rows counted in, and measures epochs.

    Parameters
    ----------
    end : float
        When training is to be over; infinite for no limit.
    now : callable
        The clock, in seconds.
    is_late : callable, optional
        Says whether training is of no use any more: asked between batches of validation.

    Attributes
    ----------
    is_cut : bool
        Whether it ended training.
    ended : float
        When training ended.

    Raises
    ------
    OutOfTime
        In validation, if it is late.
    """

    def __init__(self, end: float, now: Callable[[], float], is_late: IsLate = never) -> None:
        self.end = end
        self.now = now
        self.is_late = is_late
        self.is_cut = False
        self._n_batches = self._n_of_epoch = 0
        self._validation_seconds = 0.0

    @property
    def epoch_seconds(self) -> float:
        """Seconds of an epoch with validation, by the part of epochs that there was time for."""
        return (self.ended - self._started) * self._n_of_epoch / max(1, self._n_batches)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Begin."""
        self._started = self.ended = self.now()

    def on_train_batch_end(self, trainer: pl.Trainer, *args: Any, **kwargs: Any) -> None:
        """End training if there is no time for more than validation."""
        self._n_batches += 1
        self._n_of_epoch = int(trainer.num_training_batches)
        late = self.now() + self._validation_seconds >= self.end
        if trainer.strategy.broadcast(late):
            self.is_cut = trainer.should_stop = True

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Note when validation begins."""
        self._validation_started = self.now()

    def on_validation_batch_end(self, trainer: pl.Trainer, *args: Any, **kwargs: Any) -> None:
        """End everything if it is late."""
        if trainer.strategy.broadcast(self.is_late()):
            raise OutOfTime

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Note how long validation takes."""
        self._validation_seconds = self.now() - self._validation_started

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Note when training ends."""
        self.ended = self.now()
