"""MoLA as a Darts model."""

import copy
import hashlib
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from numbers import Integral
from pathlib import Path
from typing import Any, Literal, Self

import pytorch_lightning as pl
import torch
from darts.models.forecasting.pl_forecasting_module import PLForecastingModule
from darts.utils.data.torch_datasets._data_module import TorchDataModule
from darts.utils.data.torch_datasets.utils import ModuleStage, PLModuleInput, PLModuleOutput
from pytorch_lightning.callbacks import ModelCheckpoint
from pytorch_lightning.loggers import TensorBoardLogger
from torch import Tensor, nn

from hyperforecast.darts.base import HyperforecastModel
from hyperforecast.darts.module import ForecastingModule
from hyperforecast.darts.options import TwoStageOptions
from hyperforecast.nn import Segments
from hyperforecast.nn.errors import Problems, check_whole_number
from hyperforecast.nn.methods.mola import MoLAOptions, check_options
from hyperforecast.nn.options import option_group

Stage = Literal["base", "experts"]


@option_group
class MoLAModelOptions(MoLAOptions, TwoStageOptions):
    """Options of MoLA in both hosts, beside those of every method."""

    backbone: str = "itransformer"


class MoLAModule(ForecastingModule):
    """A network with adapters, trained in two stages.

    In the stage ``"base"`` training forecasts the first segment with the shared weights; in the
    stage ``"experts"`` all segments, each with its own. The stage travels with the weights.

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
        self.stage: Stage = "base"

    @property
    def segments(self) -> Segments:
        """The segments of the network's horizon."""
        assert self.network.segments is not None
        return self.network.segments

    def adapter_names(self) -> set[str]:
        """Return the names of the parameters that the stage ``"experts"`` trains."""
        names = {f"network.{name}" for name in self.network.adapters()}
        if self.network.trains_head:
            head = self.network.head.named_parameters("network.head")
            names |= {name for name, _ in head}
        return names

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
        if self.stage == "experts":
            for module in self.modules():
                if isinstance(module, nn.modules.batchnorm._BatchNorm):
                    module.eval()
        return self

    def configure_optimizers(self) -> Any:
        """Make the optimizer, and the scheduler, of the stage."""
        of_the_experts = self.optimizer_kwargs
        if self.stage == "base" and self.base_optimizer_kwargs is not None:
            self.optimizer_kwargs = self.base_optimizer_kwargs
        try:
            return super().configure_optimizers()
        finally:
            self.optimizer_kwargs = of_the_experts

    def forward(self, x_in: PLModuleInput) -> PLModuleOutput:
        """Forecast a batch: in training, what the stage learns from."""
        if self.stage == "base" and x_in.stage is not ModuleStage.PREDICT:
            with self.segments.computing(self.segments.length, adapted=False):
                return super().forward(x_in)
        return super().forward(x_in)

    def training_step(self, train_batch: Any, batch_idx: int) -> Tensor:
        """Take a training step; the first of an epoch says which stage it is of."""
        if batch_idx == 0:
            number = {"base": 1.0, "experts": 2.0}[self.stage]
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

    def _get_batch_prediction(self, n: int, input_batch: Any, roll_size: int) -> Tensor:
        # a forecast made in one pass needs the segments that it reaches into, and no more
        one_pass = n < self.network.horizon <= roll_size
        with self.segments.computing(n) if one_pass else nullcontext():
            return super()._get_batch_prediction(n, input_batch, roll_size)

    def get_extra_state(self) -> dict[str, Any]:
        """Put the stage into the state dict, beside names and arguments."""
        return {**super().get_extra_state(), "stage": self.stage}

    def set_extra_state(self, state: dict[str, Any]) -> None:
        """Take the stage, names and arguments from a state dict."""
        super().set_extra_state(state)
        self.stage = state["stage"]


class MoLAModel(HyperforecastModel):
    """Every segment of the horizon has weights of its own, of which most are shared.

    Training has two stages. The first trains the backbone to forecast the first segment of the
    horizon. The second holds it still, and trains for each of its linear layers a few low-rank
    experts, which every segment mixes in its own way. Both happen in one ``fit``, each with its
    own epochs, early stopping and best weights. After training the sums are fixed: each segment
    costs what the backbone costs, and a shorter forecast computes its segments only.

    Parameters
    ----------
    {parameters}

    Notes
    -----
    The first stage works on copies of the trainer and its callbacks, so that the state of an
    early stopping, say, is that of one stage. Its ``train_loss`` and ``val_loss`` are those of the
    first segment. A metric ``stage``, 1 or 2, is logged beside them; checkpoints of the first
    stage are called ``best-base-…`` and ``last-base-…``, and training that is resumed from one
    goes on with the rest of its stage, and with the second. ``lr_find`` works on the stage that
    the model is in: the first until ``fit``, the second from then on. ``n_epochs`` and
    ``optimizer_kwargs`` are those of the second stage.

    References
    ----------
    Pan et al., "Mixture of Low Rank Adaptation with Partial Parameter Sharing for Time Series
    Forecasting", 2025, arXiv 2505.17872.

    Examples
    --------
    >>> from darts.utils.timeseries_generation import sine_timeseries
    >>> from hyperforecast.darts import MoLAModel
    >>> series = sine_timeseries(length=100).stack(sine_timeseries(length=100, value_phase=1.0))
    >>> model = MoLAModel(24, 6, n_segments=3, backbone_kwargs={"d_model": 8}, n_epochs=1)
    >>> len(model.fit(series.astype("float32")).predict(6))
    6
    """

    method = "mola"
    options = MoLAModelOptions
    module_class = MoLAModule
    _adapts_only = False

    @classmethod
    def argument_problems(cls, arguments: Mapping[str, Any]) -> Problems:
        """Say what is wrong with arguments of the constructor."""
        problems = super().argument_problems(arguments)
        chosen = MoLAOptions(**{k: v for k, v in arguments.items() if k in cls.method_options})
        problems.check(check_options, chosen)
        n_base_epochs = arguments.get("n_base_epochs")
        if n_base_epochs is not None:
            problems.check(check_whole_number, "n_base_epochs", n_base_epochs, unit=" of epochs")
        horizon = arguments.get("output_chunk_length")
        if isinstance(horizon, Integral) and int(horizon) >= 1:
            problems.check(Segments, int(horizon), chosen.n_segments, chosen.segment_length)
        return problems

    def _module_options(self) -> dict[str, Any]:
        return {"base_optimizer_kwargs": self.model_params["base_optimizer_kwargs"]}

    # training

    def fit(  # type: ignore[override]  # mypy takes the base's for a wrapper of Darts'
        self, *args: Any, adapt_only: bool = False, **kwargs: Any
    ) -> Self:
        """Train the model in two stages, or its experts alone.

        Parameters
        ----------
        *args, **kwargs
            See
            :meth:`darts.models.forecasting.torch_forecasting_model.TorchForecastingModel.fit`.
            ``epochs`` replaces ``n_epochs``.
        adapt_only : bool, default=False
            Keep the base that the model has, from a ``fit`` on many series, say, or from a file,
            and train the experts on these series.

        Returns
        -------
        MoLAModel
            The model itself.
        """
        with self._adapting(adapt_only):
            return super().fit(*args, **kwargs)

    def fit_from_dataset(  # type: ignore[override]
        self, *args: Any, adapt_only: bool = False, **kwargs: Any
    ) -> Self:
        """Train the model in two stages, or its experts alone.

        Parameters
        ----------
        *args, **kwargs
            See :meth:`darts.models.forecasting.torch_forecasting_model.\
TorchForecastingModel.fit_from_dataset`.
        adapt_only : bool, default=False
            See :meth:`fit`, which hands it on.

        Returns
        -------
        MoLAModel
            The model itself.
        """
        with self._adapting(adapt_only or self._adapts_only):
            return super().fit_from_dataset(*args, **kwargs)

    @contextmanager
    def _adapting(self, only: bool) -> Iterator[None]:
        if only and self.model is None and self._start_state is None:
            raise ValueError(
                "adapt_only=True trains the experts on a base that was trained before, and this "
                "model has none. Call `fit` without it first, or load a model or its weights."
            )
        before, self._adapts_only = self._adapts_only, only
        try:
            yield
        finally:
            self._adapts_only = before

    def _train(
        self,
        trainer: pl.Trainer,
        model: PLForecastingModule,
        datamodule: TorchDataModule,
        load_best: bool = False,
    ) -> None:
        assert isinstance(model, MoLAModule)
        resumes_experts = self.load_ckpt_path is not None and model.stage == "experts"
        if not self._adapts_only and not resumes_experts:
            self._train_base(trainer, model, datamodule, load_best)
        with model.training_stage("experts"):
            super()._train(trainer, model, datamodule, load_best)

    def _train_base(
        self,
        trainer: pl.Trainer,
        model: MoLAModule,
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
            super()._train(
                base_trainer(trainer, self.model_params["n_base_epochs"]),
                model,
                datamodule,
                load_best,
            )
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
            File to write: the experts and their shares, and the head where it is trained with
            them. A model with the same base takes them over by :meth:`load_adapter`.
        """
        module = self._trained_module("save")
        names = module.adapter_names()
        state = {name: p.detach().cpu() for name, p in module.named_parameters() if name in names}
        torch.save({"adapter": state, "base": _fingerprint(module)}, path)

    def load_adapter(self, path: str | Path) -> Self:
        """Load an adapter that was saved by :meth:`save_adapter`.

        Parameters
        ----------
        path : str or Path
            The file.

        Returns
        -------
        MoLAModel
            The model itself, with the adapter in the place of its own.

        Raises
        ------
        ValueError
            If the adapter belongs to another base, or has other layers, experts or sizes.
        """
        module = self._trained_module("load")
        saved = torch.load(path, map_location="cpu", weights_only=True)
        parameters = dict(module.named_parameters())
        expected = {name: tuple(parameters[name].shape) for name in module.adapter_names()}
        found = {name: tuple(values.shape) for name, values in saved["adapter"].items()}
        if found != expected:
            differing = sorted(
                name for name in {*found, *expected} if found.get(name) != expected.get(name)
            )
            raise ValueError(
                f"The adapter in {str(path)!r} does not fit this model: {len(differing)} "
                f"parameters differ, the first is {differing[0]!r} with shape "
                f"{found.get(differing[0])} in the file and {expected.get(differing[0])} in the "
                "model. Make the model with the options that the adapter was trained with."
            )
        if saved["base"] != _fingerprint(module):
            raise ValueError(
                f"The adapter in {str(path)!r} was trained on another base than this model's. "
                "Load the model or the weights that it was adapted from first."
            )
        with torch.no_grad():
            for name, values in saved["adapter"].items():
                parameters[name].copy_(values)
        self.load_ckpt_path = None  # saving again writes these weights, not the file's
        return self

    def _trained_module(self, verb: str) -> MoLAModule:
        if self.model is None:
            raise ValueError(
                f"There is no base to {verb} an adapter for yet; call `fit()` first, or load a "
                "model or its weights."
            )
        assert isinstance(self.model, MoLAModule)
        return self.model


def base_trainer(trainer: pl.Trainer, n_epochs: int | None) -> pl.Trainer:
    """Return a trainer like one that has not run yet, for the first stage.

    Parameters
    ----------
    trainer : Trainer
        Of the second stage. It is not changed, and shares no callback with the one returned.
    n_epochs : int, optional
        Epochs; as many as of the second stage if not given.
    """
    base = copy.deepcopy(trainer)
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


def _fingerprint(module: MoLAModule) -> str:
    """Return a digest of the weights that the second stage leaves as they are."""
    adapters = module.adapter_names()
    digest = hashlib.sha256()
    for name, values in sorted(module.state_dict().items()):
        if torch.is_tensor(values) and name not in adapters:
            digest.update(name.encode())
            digest.update(values.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
