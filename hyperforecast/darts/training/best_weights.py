"""The weights of the best epoch, kept in memory."""

import copy

import pytorch_lightning as pl
import torch
from torch import Tensor, nn


class BestWeights(pl.Callback):
    """Keeps the weights of the epoch with the lowest validation loss, in memory.

    Parameters
    ----------
    patience : int, optional
        Stop after so many epochs without a lower loss; train all epochs if not given.

    Attributes
    ----------
    best_epoch : int
        Number of epochs after which the loss was lowest; zero before the first.
    """

    def __init__(self, patience: int | None = None) -> None:
        self.patience = patience
        self.lowest = float("inf")
        self.waited = 0
        self.best_epoch = 0
        self.weights: dict[str, Tensor] | None = None

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Compare this epoch's loss with the lowest one."""
        if trainer.sanity_checking:
            return
        loss = float(trainer.callback_metrics["val_loss"])
        if loss < self.lowest:
            self.lowest, self.waited = loss, 0
            self.best_epoch = trainer.current_epoch + 1
            self.weights = copy.deepcopy(_network(pl_module).state_dict())
            return
        self.waited += 1
        if self.patience is not None and self.waited >= self.patience:
            trainer.should_stop = True

    @torch.no_grad()
    def on_fit_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Go back to the best weights."""
        if self.weights is not None:
            _network(pl_module).load_state_dict(self.weights)


def _network(pl_module: pl.LightningModule) -> nn.Module:
    network = pl_module.network
    assert isinstance(network, nn.Module)
    return network
