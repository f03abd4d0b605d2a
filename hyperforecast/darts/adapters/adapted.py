"""What Darts models are whose networks can have adapters on a base."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import pytorch_lightning as pl
from darts.models.forecasting.pl_forecasting_module import PLForecastingModule
from darts.utils.data.torch_datasets._data_module import TorchDataModule

from hyperforecast.darts.adapters.adapter_files import load_adapter, save_adapter
from hyperforecast.darts.adapters.base_state import BaseState
from hyperforecast.darts.adapters.stages import (
    StagedModule,
    base_trainer,
    count_on,
    without_callbacks_of,
)
from hyperforecast.darts.base import HyperforecastModel
from hyperforecast.darts.calls import accepting
from hyperforecast.darts.inputs.names import InputKind
from hyperforecast.darts.module import ForecastingModule
from hyperforecast.darts.solving.solver_choice import HEAD_SOLVER


class AdaptedModel(HyperforecastModel):
    """Base of the Darts models whose networks can have adapters: these train in two stages.

    Both happen in one ``fit``. A network without adapters is trained at once.
    """

    module_class = StagedModule
    _adapts_only = False

    def _module_options(self) -> dict[str, Any]:
        first = {"base_optimizer_kwargs": self.model_params["base_optimizer_kwargs"]}
        return {**super()._module_options(), **first}

    # training

    @accepting(HyperforecastModel.fit, "adapt_only", "base")
    def fit(  # type: ignore[override]  # mypy takes the base's for a wrapper of Darts'
        self,
        *args: Any,
        adapt_only: bool = False,
        base: HyperforecastModel | None = None,
        **kwargs: Any,
    ) -> Self:
        """Train the model, its base first, or its adapters alone.

        Parameters
        ----------
        *args, **kwargs
            See
            :meth:`darts.models.forecasting.torch_forecasting_model.TorchForecastingModel.fit`.
            ``epochs`` replaces ``n_epochs``.
        adapt_only : bool, default=False
            Keep the base that the model has, from a ``fit`` on many series, say, or from a file,
            and train the adapters on these series.
        base : HyperforecastModel, optional
            A trained model whose base this one, which is new, takes over and keeps as it is: of its
            training the adapters alone are left. The base forecasts a segment, so the horizon can
            be any: that of a model with adapters by its ``segment_length``, whatever its own
            horizon, that of a model without, such as :class:`BackboneModel`, by its
            ``output_chunk_length``. Its own adapters are left behind.

        Returns
        -------
        AdaptedModel
            The model itself.

        Raises
        ------
        ValueError
            If the network is not that of the base but for horizon and adapters: what differs is
            named.
        """
        with self._on_base(base), self._adapting(adapt_only or base is not None):
            return super().fit(*args, **kwargs)

    @accepting(HyperforecastModel.fit_from_dataset, "adapt_only", "base")
    def fit_from_dataset(  # type: ignore[override]
        self,
        *args: Any,
        adapt_only: bool = False,
        base: HyperforecastModel | None = None,
        **kwargs: Any,
    ) -> Self:
        """Train the model, its base first, or its adapters alone.

        Parameters
        ----------
        *args, **kwargs
            See :meth:`darts.models.forecasting.torch_forecasting_model.\
TorchForecastingModel.fit_from_dataset`.
        adapt_only, base
            See :meth:`fit`, which hands them on.

        Returns
        -------
        AdaptedModel
            The model itself.
        """
        adapts_only = adapt_only or base is not None or self._adapts_only
        with self._on_base(base), self._adapting(adapts_only):
            return super().fit_from_dataset(*args, **kwargs)

    @contextmanager
    def _adapting(self, only: bool) -> Iterator[None]:
        if only and self.model is None and self._start_state is None:
            raise ValueError(
                "adapt_only=True trains adapters on a base that was trained before, and this "
                "model has none. Call `fit` without it first, load a model or its weights, or give "
                "the base of another model, base=."
            )
        before, self._adapts_only = self._adapts_only, only
        try:
            yield
        finally:
            self._adapts_only = before

    @contextmanager
    def _on_base(self, base: HyperforecastModel | None) -> Iterator[None]:
        """Let a training start from the base of another model, if one is given."""
        if base is None:
            yield
            return
        if not isinstance(base, HyperforecastModel):
            raise TypeError(
                f"base must be a trained model of this package; got {type(base).__name__}."
            )
        if base.model is None:
            raise ValueError(
                f"base, a {type(base).__name__}, is not trained. Fit or load it first."
            )
        if self.model is not None:
            raise ValueError(
                "base= gives a new model its base, and this one has weights already. Make a new "
                "one, or go on with adapt_only=True."
            )
        self._start_state = BaseState.of(base.model)
        try:
            yield
        finally:
            self._start_state = None

    def _trained_names(self) -> dict[InputKind, list[str]]:
        if self.model is None and isinstance(self._start_state, BaseState):
            return self._start_state.names()
        return super()._trained_names()

    def _take_start(self, module: ForecastingModule, state: dict[str, Any]) -> None:
        if not isinstance(state, BaseState):
            super()._take_start(module, state)
            return
        assert isinstance(module, StagedModule)
        if module.stage is None:
            raise ValueError(no_adapter("train"))
        super()._take_start(module, state.completed(module))

    def _train(
        self,
        trainer: pl.Trainer,
        model: PLForecastingModule,
        datamodule: TorchDataModule,
        load_best: bool = False,
    ) -> None:
        assert isinstance(model, StagedModule)
        if self._adapts_only and self._solves_head:
            raise ValueError(
                f"adapt_only=True keeps the base as it is, and solver={HEAD_SOLVER!r} would change "
                "its head. Leave one of the two out."
            )
        if model.stage is None:  # no adapters
            if self._adapts_only:
                raise ValueError(no_adapter("train"))
            super()._train(trainer, model, datamodule, load_best)
            return
        resumes_adapters = self.load_ckpt_path is not None and model.stage == "adapters"
        if not self._adapts_only and not resumes_adapters:
            self._train_base(trainer, model, datamodule, load_best)
        with without_callbacks_of(trainer, "base"), model.training_stage("adapters"):
            super()._train(trainer, model, datamodule, load_best)

    def _train_base(
        self,
        trainer: pl.Trainer,
        model: StagedModule,
        datamodule: TorchDataModule,
        load_best: bool,
    ) -> None:
        """Run the first stage, with copies of the trainer and its callbacks."""
        criteria = [
            (model.train_criterion, "train_criterion_reduction"),
            (model.val_criterion, "val_criterion_reduction"),
        ]
        weighted = [(criterion, name, getattr(model, name)) for criterion, name in criteria]
        with model.training_stage("base"):
            if not any(parameter.requires_grad for parameter in model.parameters()):
                return  # `enable_finetuning` holds the base still
            base = base_trainer(trainer, self.model_params["n_base_epochs"])
            super()._train(base, model, datamodule, load_best)
            count_on(trainer, base)
        if self.model is not model:  # the best one, loaded without the loss that it is trained by
            assert self.model is not None
            model.load_state_dict(self.model.state_dict())
        for criterion, name, reduction in weighted:
            if reduction is not None:  # sample weights: Darts ends them with the first stage
                criterion.reduction = "none"
                setattr(model, name, reduction)

    # adapters

    def save_adapter(self, path: str | Path) -> None:
        """Save what the second stage trained, apart from the base.

        Parameters
        ----------
        path : str or Path
            File to write: the adapters, and what of the base is trained with them. A model with
            the same base takes them over by :meth:`load_adapter`.
        """
        save_adapter(self._adapted_module("save"), path)

    def load_adapter(self, path: str | Path) -> Self:
        """Load an adapter that was saved by :meth:`save_adapter`.

        Parameters
        ----------
        path : str or Path
            The file.

        Returns
        -------
        AdaptedModel
            The model itself, with the adapter in the place of its own.

        Raises
        ------
        ValueError
            If the adapter belongs to another base, or has other layers or sizes.
        """
        load_adapter(self._adapted_module("load"), path)
        self.load_ckpt_path = None  # saving again writes these weights, not the file's
        return self

    def _adapted_module(self, verb: str) -> StagedModule:
        if self.model is None:
            raise ValueError(
                f"There is no base to {verb} an adapter for yet; call `fit()` first, or load a "
                "model or its weights."
            )
        assert isinstance(self.model, StagedModule)
        if self.model.stage is None:
            raise ValueError(no_adapter(verb))
        return self.model


def no_adapter(verb: str) -> str:
    """Say that a network has no adapters."""
    return (
        f"There is no adapter to {verb}: the network of this model has none. Choose adapters for "
        "it."
    )
