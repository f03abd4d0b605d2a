"""Saving and loading Darts models: both files of a model are those of one save."""

import functools
import logging
import os
from abc import ABC
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytorch_lightning as pl
from darts.models.forecasting.pl_forecasting_module import PLForecastingModule
from darts.models.forecasting.torch_forecasting_model import (
    INIT_MODEL_NAME,
    TorchForecastingModel,
)

from hyperforecast.darts.saving.files import digest_of_weights, finish_save, save_pair

_darts_logger = logging.getLogger(TorchForecastingModel.__module__)


class SavedWhole(TorchForecastingModel, ABC):
    """What of a Darts model saves and loads it.

    A process that is killed while it saves leaves the model that was there before, or the new one.
    The file of a model holds a digest of its weights, so that those of another one are refused.
    """

    trainer: pl.Trainer | None
    _series_names: list[str]
    _weights_digest: str | None = None
    """Of the weights that belong to this model's file, while it is written or read."""
    _digest_to_load: str | None = None
    """Of the weights that belong to another model's file, while they are loaded into this one."""
    _n_series_to_load: int = 1
    """Number of series that weights belong to which are loaded into this model."""

    @property
    def _weights_are_inside(self) -> bool:
        """Whether the file of the model holds all weights that it has."""
        return False

    def save(self, path: str | os.PathLike | None = None, clean: bool = False) -> None:
        """Save the model, also one that was copied or loaded and not used since.

        Parameters
        ----------
        path : str or path, optional
            File of the model; its weights are in ``path`` with ``.ckpt`` behind it. A name with the
            time in the working directory if not given. Files that are there are replaced when the
            new ones are complete.
        clean : bool, default=False
            Leave out the training series and the arguments of the trainer.
        """
        path = f"{self._default_save_path()}.pt" if path is None else os.fspath(path)
        self._connect_trainer()
        # Darts' checkpoints of many epochs share one file of the model
        if os.path.basename(path) != INIT_MODEL_NAME:
            state = {} if self.model is None else self.model.state_dict()
            self._weights_digest = digest_of_weights(state)
        try:
            save_pair(path, functools.partial(super().save, clean=clean))
        finally:
            self._weights_digest = None

    def _connect_trainer(self) -> None:
        """Let the trainer, which writes the weights, hold those that the model has."""
        if self.model is None:
            return
        if self.trainer is None:
            if self.load_ckpt_path is not None and os.path.exists(self.load_ckpt_path):
                return  # whose file is copied, with the state of the optimizer
        elif self.trainer.lightning_module is self.model:
            return
        trainer = self._setup_trainer(None, self.model, verbose=False, epochs=1)
        trainer.strategy.connect(self.model)
        self.trainer = trainer

    @staticmethod
    @functools.wraps(TorchForecastingModel.load)
    def load(path: str | os.PathLike, *args: Any, **kwargs: Any) -> TorchForecastingModel:
        """Load a model; weights that were not saved with it are an error."""
        finish_save(os.fspath(path))
        with _held_back("loaded without weights") as records:
            model = TorchForecastingModel.load(os.fspath(path), *args, **kwargs)
        for record in [] if model._weights_are_inside else records:
            _darts_logger.handle(record)
        model._weights_digest = None  # of a model without weights
        return model

    def _load_from_checkpoint(
        self, file_path: str, trusted: bool = False, **kwargs: Any
    ) -> PLForecastingModule:
        if not self._module_name:  # the model was saved before it had weights
            raise ValueError(_of_another_save(file_path))
        module = super()._load_from_checkpoint(file_path, trusted=trusted, **kwargs)
        digest, self._weights_digest = self._weights_digest, None
        _check_digest(digest, module, file_path)
        return module

    @functools.wraps(TorchForecastingModel.load_weights)
    def load_weights(self, path: str | os.PathLike, *args: Any, **kwargs: Any) -> None:
        """Load weights; those that were not saved with the model at ``path`` are an error."""
        finish_save(os.fspath(path))
        super().load_weights(os.fspath(path), *args, **kwargs)

    @functools.wraps(TorchForecastingModel.load_weights_from_checkpoint)
    def load_weights_from_checkpoint(
        self,
        model_name: str | None = None,
        work_dir: str | None = None,
        file_name: str | None = None,
        best: bool = True,
        strict: bool = True,
        **kwargs: Any,
    ) -> None:
        """Load weights; those that were not saved with the model's file are an error."""
        before = dict(self.__dict__)
        try:
            super().load_weights_from_checkpoint(
                model_name, work_dir, file_name, best, strict, **kwargs
            )
            if strict:  # otherwise they are part of the weights
                _check_digest(self._digest_to_load, self.model, str(file_name))
        except BaseException:
            self.__dict__.clear()
            self.__dict__.update(before)
            raise
        finally:
            self._digest_to_load = None
            self._n_series_to_load = 1

    def _check_ckpt_parameters(self, tfm_save: "SavedWhole") -> None:
        super()._check_ckpt_parameters(tfm_save)
        self._digest_to_load = tfm_save._weights_digest
        self._n_series_to_load = max(1, len(tfm_save._series_names))


@contextmanager
def _held_back(words: str) -> Iterator[list[logging.LogRecord]]:
    """Hold back what Darts logs with some words, and give it to the caller."""
    records: list[logging.LogRecord] = []

    def is_other(record: logging.LogRecord) -> bool:
        if words not in record.getMessage():
            return True
        records.append(record)
        return False

    _darts_logger.addFilter(is_other)
    try:
        yield records
    finally:
        _darts_logger.removeFilter(is_other)


def _check_digest(digest: str | None, module: PLForecastingModule, path: str) -> None:
    """Raise unless weights are those of a digest; there is none where they cannot be told."""
    if digest is not None and digest_of_weights(module.state_dict()) != digest:
        raise ValueError(_of_another_save(path))


def _of_another_save(path: str) -> str:
    return (
        f"The weights in {path!r} were not saved with the model in {path[:-5]!r}: one of the two "
        "files is of another save. Keep both files of a save together, and copy both."
    )
