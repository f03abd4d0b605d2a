"""Training in two stages: a base, then what adapts it."""

import copy
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

import pytorch_lightning as pl
from darts.utils.data.torch_datasets.utils import ModuleStage, PLModuleInput, PLModuleOutput
from pytorch_lightning.callbacks import ModelCheckpoint
from pytorch_lightning.loggers import TensorBoardLogger
from torch import Tensor, nn

from hyperforecast.darts.module import ForecastingModule
from hyperforecast.darts.training.stage_callbacks import Stage, stage_of


class StagedModule(ForecastingModule):
    """A network that may have adapters on a base, which is then trained first.

    In the stage ``"base"`` adapters are held still; where they differ between segments of the
    horizon, training forecasts the first segment with the weights that all share. In the stage
    ``"adapters"`` the base is held still. The stage travels with the weights.

    Parameters
    ----------
    base_optimizer_kwargs : dict, optional
        Arguments of the optimizer in the stage ``"base"``; ``optimizer_kwargs`` if not given.
    **kwargs
        See :class:`~hyperforecast.darts.ForecastingModule`.
    """

    optimizer_kwargs: dict[str, Any]

    def __init__(self, base_optimizer_kwargs: dict[str, Any] | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.base_optimizer_kwargs = base_optimizer_kwargs
        self.stage: Stage | None = "base" if self.network.adapters() else None

    @property
    def is_complete(self) -> bool:
        """Whether the stage is not that of a base."""
        return self.stage != "base"

    def adapter_names(self) -> set[str]:
        """Return the names of the parameters that the stage ``"adapters"`` trains."""
        return {f"network.{name}" for name in self.network.trained_with_adapters()}

    @contextmanager
    def training_stage(self, stage: Stage) -> Iterator[None]:
        """Train what a stage trains, and hold everything else still."""
        self.stage = stage
        if stage == "base":
            held_names = {f"network.{name}" for name in self.network.adapters()}
        else:
            held_names = {name for name, _ in self.named_parameters()} - self.adapter_names()
        # what the user holds still is left as it is
        held = [p for name, p in self.named_parameters() if p.requires_grad and name in held_names]
        for parameter in held:
            parameter.requires_grad = False
        try:
            with warnings.catch_warnings():
                # the batch normalisation of the base, see `train`
                warnings.filterwarnings("ignore", message=".*in eval mode at the start of training")
                yield
        finally:
            for parameter in held:
                parameter.requires_grad = True

    def train(self, mode: bool = True) -> Self:
        """Set the mode; with the base held still its batch statistics do not move either."""
        super().train(mode)
        if self.stage == "adapters":
            for module in self.modules():
                if isinstance(module, nn.modules.batchnorm._BatchNorm):
                    module.eval()
        return self

    def configure_optimizers(self) -> Any:
        """Make the optimizer, and the scheduler, of the stage."""
        of_the_adapters = self.optimizer_kwargs
        if self.stage == "base" and self.base_optimizer_kwargs is not None:
            self.optimizer_kwargs = self.base_optimizer_kwargs
        try:
            return super().configure_optimizers()
        finally:
            self.optimizer_kwargs = of_the_adapters

    def trains_shared_weights(self, x_in: PLModuleInput) -> bool:
        """Say whether a pass is one that the stage ``"base"`` learns from."""
        return self.stage == "base" and x_in.stage is not ModuleStage.PREDICT

    def training_step(self, train_batch: Any, batch_idx: int) -> Tensor:
        """Take a training step; the first of an epoch says which stage it is of."""
        if batch_idx == 0 and self.stage is not None:
            number = {"base": 1.0, "adapters": 2.0}[self.stage]
            self.log("stage", number, batch_size=len(train_batch.past_target), prog_bar=True)
        return super().training_step(train_batch, batch_idx)

    def _compute_loss(
        self, output: PLModuleOutput, target: Tensor, criterion: Any, sample_weight: Tensor | None
    ) -> Tensor:
        n_steps = output.prediction.shape[1]  # of the first segment, in the first stage
        if sample_weight is not None:
            sample_weight = sample_weight[:, :n_steps]
        return super()._compute_loss(output, target[:, :n_steps], criterion, sample_weight)

    def _update_metrics(self, output: PLModuleOutput, target: Tensor, metrics: Any) -> None:
        super()._update_metrics(output, target[:, : output.prediction.shape[1]], metrics)

    def get_extra_state(self) -> dict[str, Any]:
        """Put the stage into the state dict, beside names and arguments."""
        return {**super().get_extra_state(), "stage": self.stage}

    def set_extra_state(self, state: dict[str, Any]) -> None:
        """Take the stage, names and arguments from a state dict."""
        super().set_extra_state(state)
        self.stage = state["stage"]


def base_trainer(trainer: pl.Trainer, n_epochs: int | None) -> pl.Trainer:
    """Return a trainer like one that has not run yet, for the first stage.

    Parameters
    ----------
    trainer : Trainer
        Of the second stage. It is not changed, and shares no callback with the one returned but
        those that are of the first stage alone.
    n_epochs : int, optional
        Epochs; as many as of the second stage if not given.
    """
    of_one_stage = {id(one): one for one in callbacks_of(trainer) if stage_of(one) is not None}
    base = copy.deepcopy(trainer, dict(of_one_stage))
    callbacks_of(base)[:] = [one for one in callbacks_of(base) if stage_of(one) != "adapters"]
    if n_epochs is not None:
        base.fit_loop.max_epochs = n_epochs
    for callback in base.checkpoint_callbacks:
        if isinstance(callback, ModelCheckpoint):
            name = callback.filename or "{epoch}-{step}"
            # Darts looks for files that begin with "best-" and "last-"
            prefix, _, rest = name.partition("-")
            of_darts = prefix in ("best", "last")
            callback.filename = f"{prefix}-base-{rest}" if of_darts else f"base-{name}"
    base.loggers = [
        TensorBoardLogger(one.save_dir, one.name, one.version, sub_dir="base")
        if isinstance(one, TensorBoardLogger)
        else one
        for one in trainer.loggers
    ]
    return base


def callbacks_of(trainer: pl.Trainer) -> list[pl.Callback]:
    """Return the callbacks of a trainer, a list to be changed."""
    return trainer.callbacks  # type: ignore[attr-defined]


@contextmanager
def without_callbacks_of(trainer: pl.Trainer, stage: Stage) -> Iterator[None]:
    """Let a trainer work without the callbacks that are of a stage alone."""
    callbacks = callbacks_of(trainer)
    before = list(callbacks)
    callbacks[:] = [one for one in before if stage_of(one) != stage]
    try:
        yield
    finally:
        callbacks[:] = before


def count_on(trainer: pl.Trainer, base: pl.Trainer) -> None:
    """Let the steps that loggers write go on from those of the first stage."""
    steps = base.fit_loop.epoch_loop._batches_that_stepped
    trainer.fit_loop.epoch_loop._batches_that_stepped = steps
