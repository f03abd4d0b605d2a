"""Training one hypernetwork for all architectures of a search space, and comparing them."""

import math
from collections import deque
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import torch
from darts.utils.data.torch_datasets.utils import ModuleStage, TorchTrainingBatch

from hyperforecast.darts.module import ForecastingModule
from hyperforecast.nn.one_shot import ArchitectureFamily

CALIBRATION_BATCHES = 16
"""Batches of training windows, the last ones, over which running statistics are taken."""


class OneShotModule(ForecastingModule):
    """An :class:`~hyperforecast.nn.one_shot.ArchitectureFamily` inside Darts' training engine.

    Every step trains another network, in a new random order each time that all have been trained,
    with a learning rate that falls to zero along half a cosine. Validation then gives each network
    its weights, and keeps its loss.

    Parameters
    ----------
    network : dict
        Arguments of :class:`~hyperforecast.nn.ForecastingNetwork`.
    search_space : mapping of str to sequence
        Values of the options of its backbone that are compared.
    hidden : sequence of int, optional
        See :class:`~hyperforecast.nn.one_shot.ArchitectureFamily`.
    **kwargs
        Arguments of :class:`ForecastingModule`.

    Attributes
    ----------
    family : ArchitectureFamily
    losses : list of float
        Validation loss of each network, once validation has run.
    """

    def __init__(
        self,
        network: dict[str, Any],
        search_space: Mapping[str, Sequence[Any]],
        hidden: Sequence[int] | None,
        **kwargs: Any,
    ) -> None:
        super().__init__(network=network, **kwargs)
        self.family = ArchitectureFamily(network, search_space, hidden)
        for one in (self.single_network.backbone, self.single_network.head):
            one.requires_grad_(False)  # the family has weights for them
        self.losses: list[float] = []
        self._order: list[int] = []
        self._batches: deque[TorchTrainingBatch] = deque(maxlen=CALIBRATION_BATCHES)
        self._compared: list[Any] = []
        self._n_windows = 0

    def configure_optimizers(self) -> Any:
        """Make the optimizer, and let its learning rate fall to zero."""
        optimizer = super().configure_optimizers()
        n_steps = max(1, int(self.trainer.estimated_stepping_batches))
        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimizer, lambda step: 0.5 * (1 + math.cos(math.pi * min(1.0, step / n_steps)))
        )
        return [optimizer], [{"scheduler": schedule, "interval": "step"}]

    def training_step(self, train_batch: TorchTrainingBatch, batch_idx: int) -> Any:
        """Train the next network."""
        self._order = self._order or torch.randperm(len(self.family)).tolist()
        self._batches.append(train_batch)
        with self.using(partial(self.family, self._order.pop(), self.single_network)):
            return super().training_step(train_batch, batch_idx)

    def on_validation_epoch_start(self) -> None:
        """Give each network its weights, and running statistics of training windows."""

        def forecast(batch: TorchTrainingBatch, network: Any) -> None:
            with self.using(network):
                self(batch.to_module_input(stage=ModuleStage.TRAIN))

        passes = [partial(forecast, batch) for batch in self._batches]
        self._compared = [
            self.family.network(number, self.single_network, passes)
            for number in range(len(self.family))
        ]
        self.losses, self._n_windows = [0.0] * len(self.family), 0

    def validation_step(self, val_batch: TorchTrainingBatch, batch_idx: int) -> None:
        """Add up the loss of each network."""
        inputs = val_batch.to_module_input(stage=ModuleStage.VALIDATE)
        size = len(val_batch.past_target)
        target, weight = val_batch.future_target, val_batch.sample_weight
        for number, network in enumerate(self._compared):
            with self.using(network):
                loss = self._compute_loss(self(inputs), target, self.val_criterion, weight)
            self.losses[number] += size * float(loss)
        self._n_windows += size

    def on_validation_epoch_end(self) -> None:
        """Take means over all windows."""
        self.losses = [loss / self._n_windows for loss in self.losses]
        self._compared = []
