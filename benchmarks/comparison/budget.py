"""The budget that everybody has who is trained by gradients."""

from typing import Any

import pytorch_lightning as pl

from benchmarks.timing import Clock

PROCESSOR_SECONDS = 10.0
"""Of one thread, for each choice of options; validation counts, too."""

PATIENCE = 5
"""Looks at the validation part without a lower error before training stops earlier."""


class Budget(pl.Callback):
    """Stops training when its processor seconds are spent; looks after each batch.

    Parameters
    ----------
    seconds : float
        Of each stage of training.

    Attributes
    ----------
    steps : int
        Batches of all stages.
    """

    def __init__(self, seconds: float = PROCESSOR_SECONDS) -> None:
        self.seconds = seconds
        self.steps = 0
        self.start = Clock.now()

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Begin a stage."""
        self.start = Clock.now()

    def on_train_batch_end(self, trainer: pl.Trainer, *args: Any) -> None:
        """Look at the clock."""
        self.steps += 1
        if Clock.now().since(self.start).processor > self.seconds:
            trainer.should_stop = True
