"""The Lightning module: a forecasting network as Darts trains and runs it."""

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Self

import torch
from darts.models.forecasting.pl_forecasting_module import PLForecastingModule, io_processor
from darts.utils.data.torch_datasets.utils import (
    ModuleStage,
    PLModuleInput,
    PLModuleOutput,
    TorchInferenceBatch,
    TorchTrainingBatch,
)
from darts.utils.torch import MonteCarloDropout
from pytorch_lightning.plugins import MixedPrecision
from torch import Tensor, nn

from hyperforecast.darts.centred_quantiles import CentredQuantiles
from hyperforecast.darts.inputs.names import InputKind, name_order
from hyperforecast.darts.likelihood_roles import bounded, output_bounds
from hyperforecast.darts.training.divergence import check_forecast
from hyperforecast.darts.training.observed_loss import observed_loss
from hyperforecast.darts.training.random_turns import give_way, random_states, set_random_states
from hyperforecast.nn import ForecastingNetwork
from hyperforecast.nn.combined_network import MEMBERS, make_network
from hyperforecast.nn.entities import picked_rows
from hyperforecast.nn.hyper_network import HyperNetwork
from hyperforecast.nn.layers.cycle import repeat_of
from hyperforecast.nn.layers.dropout import dropout
from hyperforecast.nn.layers.static_layer import StaticLayer
from hyperforecast.nn.parts import make_parts
from hyperforecast.nn.resizing import channel_axes, pinned, with_channels
from hyperforecast.nn.series.gap_filler import has_gaps

FUSED_OPTIMIZERS = (torch.optim.Adam, torch.optim.AdamW)
"""Those whose fused kernels need no word of the user."""

OTHER_KERNELS = ("fused", "foreach", "capturable", "differentiable")
"""Arguments of an optimizer that say how its steps are made."""


@dataclass(slots=True)
class ShortInput(PLModuleInput):
    """A batch of which fewer steps than the horizon are forecast."""

    n_steps: int | None = None


class ForecastingModule(PLForecastingModule):
    """A :class:`~hyperforecast.nn.ForecastingNetwork` inside Darts' training engine.

    Parameters
    ----------
    network : dict
        Arguments of :class:`~hyperforecast.nn.ForecastingNetwork`, or of several that are one, see
        :class:`~hyperforecast.nn.combined_network.CombinedNetwork`; plain values.
    channel_names : list of str
        Names of the channels in the order of the weights; empty if unknown. They travel in the
        state dict, so that weights and names cannot be separated.
    covariate_names : mapping of str to list of str, optional
        The same of covariates, for each kind that the network has weights for.
    generator_lr : float, optional
        Learning rate of what generates weights; that of all weights if not given.
    series_names : list of str
        The same of series, where weights are by series.
    series_id : str, optional
        Static covariate that names series and is none of the network's.
    attributes : dict, optional
        How static covariates are encoded where weights are generated from them: a state of
        :class:`~hyperforecast.darts.inputs.attributes.AttributeEncoder`.
    **kwargs
        Arguments of :class:`~darts.models.forecasting.pl_forecasting_module.PLForecastingModule`.
    """

    def __init__(
        self,
        network: dict[str, Any],
        channel_names: Sequence[str] = (),
        covariate_names: Mapping[InputKind, Sequence[str]] | None = None,
        generator_lr: float | None = None,
        series_names: Sequence[str] = (),
        series_id: str | None = None,
        attributes: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.generator_lr = generator_lr
        self.network_arguments = network
        self.network: HyperNetwork = make_network(network)
        self.channel_names = list(channel_names)
        self.covariate_names: dict[InputKind, list[str]] = {
            kind: list(names) for kind, names in (covariate_names or {}).items()
        }
        self.series_names = list(series_names)
        self.series_id = series_id
        self.attributes = attributes
        self.n_trained = len(self.channel_names)
        self.n_trained_series = len(self.series_names)
        self.own_correlations: Tensor | None = None
        self.short_series: dict[str, int] = {}  # rows of those added with less than a lookback
        self.encoder_state: dict[str, Any] | None = None  # of what reads newcomers' histories
        self.shares_at_zero = False  # whether a vector of zeros is the head that all share
        self._trained_alone: tuple[Any, ForecastingNetwork] | None = None
        self._states_to_resume: dict[str, Any] | None = None
        self._bounds = output_bounds(self.likelihood)
        self._in_use: list[Callable[..., Tensor]] = []
        self.solved_setting: Mapping[str, float] | None = None
        self.solved_loss: Tensor | None = None  # of validation
        self.solver_report: list[dict[str, Any]] | None = None
        use_monte_carlo_dropout(self.network)

    @property
    def single_network(self) -> ForecastingNetwork:
        """The network where it is one, which all are that are trained or solved for."""
        assert isinstance(self.network, ForecastingNetwork)
        return self.network

    @property
    def forecasts_with(self) -> Callable[..., Tensor]:
        """What makes forecasts of windows: the network, or what stands in for it."""
        return self._in_use[-1] if self._in_use else self.network

    @contextmanager
    def using(self, network: Callable[..., Tensor]) -> Iterator[None]:
        """Let another network, or what is called like one, forecast in the place of the module's.

        It is no part of the module: neither weights nor files of the module are its.
        """
        self._in_use.append(network)
        try:
            yield
        finally:
            self._in_use.pop()

    def forward(self, x_in: PLModuleInput) -> PLModuleOutput:
        """Forecast a batch, in which NaN is a gap: the prediction has shape (B, H, C, P)."""
        if self.use_reversible_instance_norm:  # means of what has gaps are NaN
            x_in = x_in.replace(past_target=self._without_gaps(x_in))
        return self._forecast(x_in)

    def _without_gaps(self, x_in: PLModuleInput) -> Tensor:
        """Return the windows (B, L, C) of a batch, filled."""
        network = self.network
        if network.weights_by == "channel":
            return network.gap_filler.fill_rows(x_in.past_target)
        _, series = self._static_and_series(x_in.static_covariates)
        assert series is not None
        units = picked_rows("both", series, network.n_channels)
        return self.single_network.fill(x_in.past_target.mT, units).mT

    @io_processor
    def _forecast(self, x_in: PLModuleInput) -> PLModuleOutput:
        dtype = self.dtype  # of covariates in another precision than the target

        def cast(values: Tensor | None) -> Tensor | None:
            return None if values is None else values.to(dtype)

        historic, ahead = x_in.historic_future_covariates, x_in.future_covariates
        phase = None
        if self.network.periods is not None:
            phase = self._phase(historic, ahead)
            historic, ahead = (
                None if one is None or one.shape[2] == 1 else one[..., :-1]
                for one in (historic, ahead)
            )
        known = (cast(x_in.past_covariates), cast(historic))
        past = [covariates for covariates in known if covariates is not None]
        future = cast(ahead)
        if future is not None and future.shape[1] < self.network.horizon:
            # of a forecast shorter than the horizon; the steps beyond are dropped afterwards, but
            # a backbone that takes covariates itself sees them: the last ones go on
            missing = self.network.horizon - future.shape[1]
            future = torch.cat([future, future[:, -1:].expand(-1, missing, -1)], dim=1)
        target = x_in.past_target.to(dtype)
        static, series = self._static_and_series(cast(x_in.static_covariates))
        others = {
            "past_covariates": torch.cat(past, dim=2) if past else None,
            "future_covariates": future,
            "series": series,
            "phase": phase,
            "n_steps": x_in.n_steps if isinstance(x_in, ShortInput) else None,
            "shared": self.trains_shared_weights(x_in),
        }
        prediction = self.forecasts_with(target, static_covariates=static, **others)
        if (alone := self._network_of_trained()) is not None:
            n = self.n_trained
            if static is not None and static.shape[1] > 1:
                static = static[:, :n].contiguous()
            # as it lies in memory where there are no others: products depend on that, too
            known = alone(target[..., :n].contiguous(), static_covariates=static, **others)
            prediction = torch.cat([known, prediction[:, :, n:]], dim=2)
        return PLModuleOutput(prediction=bounded(prediction, self._bounds))

    def _phase(self, historic: Tensor | None, ahead: Tensor | None) -> Tensor:
        """Return the phases (B, 2) of the first steps of windows and of their horizons."""
        assert historic is not None
        assert ahead is not None
        repeat = repeat_of(self.network.periods or ())
        if repeat * torch.finfo(ahead.dtype).eps > 1:
            raise ValueError(
                f"The phases of periods={self.network.periods} are up to {repeat}, of which "
                f"{ahead.dtype} does not tell all apart. Choose a higher precision."
            )
        return torch.stack([historic[:, 0, -1], ahead[:, 0, -1]], dim=1).round().long()

    def _static_and_series(self, static: Tensor | None) -> tuple[Tensor | None, Tensor | None]:
        """Take the numbers of series (B,) off the static covariates, whose last column they are."""
        if self.network.weights_by == "channel":
            return static, None
        assert static is not None
        others = static[..., :-1]
        return others if others.shape[-1] else None, static[:, 0, -1].long()

    def _network_of_trained(self) -> ForecastingNetwork | None:
        """Return a network of the channels trained on, if others were added to them.

        The last digit of a product depends on how many rows it has: by a network of their own,
        the channels trained on are forecast as before, to the bit.
        """
        if len(self.channel_names) <= self.n_trained or self.training:
            return None
        if any(
            isinstance(one, MonteCarloDropout) and one.mc_dropout_enabled
            for one in self.network.modules()
        ):
            return None
        held = (*self.network.parameters(), *self.network.buffers())
        state = [(id(v), v.data_ptr(), 0 if v.is_inference() else v._version) for v in held]
        if self._trained_alone is None or self._trained_alone[0] != state:
            with torch.inference_mode(False), torch.no_grad():
                axes = channel_axes(self.network_arguments)
                alone = with_channels(self.single_network, axes, range(self.n_trained)).eval()
            self._trained_alone = (state, alone)
        return self._trained_alone[1]

    def for_channels(
        self,
        network: ForecastingNetwork,
        names: Sequence[str],
        shapes: dict[str, Any],
        n_trained: int | None = None,
    ) -> Self:
        """Return a module that shares all but the network, which has other channels.

        Parameters
        ----------
        network : ForecastingNetwork
        names : sequence of str
            Of its channels.
        shapes : dict
            Of a training sample of these channels.
        n_trained : int, optional
            How many of them, from the first on, were trained on; all if not given.
        """
        other = copy.copy(self)
        other._modules = {**self._modules, "network": network}
        other.n_targets = len(names)
        other.channel_names = list(names)
        other.n_trained = len(names) if n_trained is None else n_trained
        other._trained_alone = None
        other.network_arguments = {**pinned(self.network_arguments), "n_channels": len(names)}
        other.train_sample_shape = shapes
        other._hparams = copy.copy(self.hparams)  # what a file makes the module from
        changed = {"network": other.network_arguments, "channel_names": other.channel_names}
        other._hparams.update(changed, train_sample_shape=shapes)
        return other

    def trains_shared_weights(self, x_in: PLModuleInput) -> bool:
        """Say whether a pass forecasts with what segments of the horizon share, and no more."""
        return False

    @property
    def is_complete(self) -> bool:
        """Whether the training that goes on is the last stage of it."""
        return True

    def _get_batch_prediction(
        self, n: int, input_batch: TorchInferenceBatch, roll_size: int
    ) -> Tensor:
        if roll_size < self.network.horizon < n:
            return self._rolled(n, input_batch, roll_size)
        if not n < self.network.horizon <= roll_size:
            return super()._get_batch_prediction(n, input_batch, roll_size)
        # made in one pass, which needs to compute no more than n steps
        future = input_batch.future_covariates
        x_in = ShortInput(
            past_target=input_batch.past_target,
            past_covariates=input_batch.past_covariates,
            historic_future_covariates=input_batch.historic_future_covariates,
            future_covariates=None if future is None else future[:, : self.network.horizon],
            static_covariates=input_batch.static_covariates,
            stage=ModuleStage.PREDICT,
            n_steps=n,
        )
        return self._produce_predict_output(x_in).prediction[:, :n]

    def _rolled(self, n: int, batch: TorchInferenceBatch, roll_size: int) -> Tensor:
        """Forecast by passes that each go on from the first steps of the one before.

        Darts keeps all steps of the passes after the first one, and goes on from some of them.

        Parameters
        ----------
        n : int
            Number of steps, more than a pass has.
        batch : TorchInferenceBatch
        roll_size : int
            Steps of a pass that are kept, fewer than it has; of the last one all are.
        """
        target, past = batch.past_target, batch.past_covariates
        historic = batch.historic_future_covariates
        kept: list[Tensor] = []
        position = 0
        while True:
            future = batch.future_covariates
            if future is not None:
                future = future[:, position : position + self.network.horizon]
            x_in = PLModuleInput(
                past_target=target,
                past_covariates=past,
                historic_future_covariates=historic,
                future_covariates=future,
                static_covariates=batch.static_covariates,
                stage=ModuleStage.PREDICT,
            )
            made = self._produce_predict_output(x_in).prediction
            step = min(roll_size, n - self.network.horizon - position)  # the last one ends at n
            if not step:
                return torch.cat([*kept, made], dim=1)
            kept.append(made[:, :step])
            rows = slice(position, position + step)
            target = _moved_on(target, kept[-1])
            if past is not None:
                past = _moved_on(past, batch.future_past_covariates[:, rows])
            if historic is not None:
                historic = _moved_on(historic, batch.future_covariates[:, rows])
            position += step

    def _produce_predict_output(self, x: PLModuleInput) -> PLModuleOutput:
        one_sample = self.pred_num_samples == 1 and not self.predict_likelihood_parameters
        if one_sample and isinstance(self.likelihood, CentredQuantiles):
            output = self(x)
            return output.replace(prediction=self.likelihood.point(output.prediction))
        return super()._produce_predict_output(x)

    def training_step(self, train_batch: TorchTrainingBatch, batch_idx: int) -> Any:
        """Take a training step; where the weights are solved for, log their loss and take none."""
        if self.solved_setting is None:
            return super().training_step(train_batch, batch_idx)
        if self.network.training:
            self.network.eval()  # weights that are generated are so once, not for every batch
        with torch.no_grad():
            output = self(train_batch.to_module_input(stage=ModuleStage.TRAIN))
            target, weight = train_batch.future_target, train_batch.sample_weight
            loss = self._compute_loss(output, target, self.train_criterion, weight)
        # by epochs: loggers write what belongs to steps every so many steps alone
        losses = {"train_loss": loss, **self.solved_setting}
        size = len(train_batch.past_target)
        self.log_dict(losses, on_step=False, on_epoch=True, batch_size=size)
        self._update_metrics(output, target, self.train_metrics)
        return None

    def validation_step(self, val_batch: TorchTrainingBatch, batch_idx: int) -> Any:
        """Take a validation step; where the loss of all windows is known, log it."""
        if self.solved_loss is None:
            return super().validation_step(val_batch, batch_idx)
        size = len(val_batch.past_target)
        self.log("val_loss", self.solved_loss, batch_size=size, prog_bar=True, sync_dist=True)
        return self.solved_loss

    def _compute_loss(
        self,
        output: PLModuleOutput,
        target: Tensor,
        criterion: Any,
        sample_weight: Tensor | None,
    ) -> Tensor:
        prediction, likelihood = output.prediction, self.likelihood
        if self.network.point_head:  # of the forecast that quantiles lie around
            middle = likelihood.quantiles.index(0.5)
            prediction, likelihood = prediction[..., middle : middle + 1], None
        if self.network.point_head or has_gaps(target):
            loss = observed_loss(prediction, target, criterion, likelihood, sample_weight)
        else:
            loss = super()._compute_loss(output, target, criterion, sample_weight)
        # validation compares forecasts alone
        penalty = self.network.penalty() if self.training else None
        return loss if penalty is None else loss + penalty

    def _update_metrics(self, output: PLModuleOutput, target: Tensor, metrics: Any) -> None:
        """Update metrics by the rows without gaps."""
        gaps = target.isnan()
        if len(metrics) and gaps.any():
            rows = ~gaps.any(dim=-1)  # (B, H)
            if not rows.any():
                return
            output = output.replace(prediction=output.prediction[rows].unsqueeze(1))
            target = target[rows].unsqueeze(1)
        super()._update_metrics(output, target, metrics)

    def configure_optimizers(self) -> Any:
        """Make optimizer and scheduler; on a CPU all of Adam's step is one kernel.

        Of weights that are many, as generated and individual ones are, torch's own default takes a
        large part of a training step there. ``optimizer_kwargs={"fused": False}`` has it back.
        Lightning refuses the kernel where it clips gradients in mixed precision.
        """
        given: dict[str, Any] = self.optimizer_kwargs  # type: ignore[has-type]  # of Darts' class
        make: Any = self.optimizer_cls  # type: ignore[has-type]
        fuses = make in FUSED_OPTIMIZERS and self.device.type == "cpu" and not self._clips_mixed
        if fuses and not any(name in given for name in OTHER_KERNELS):
            self.optimizer_kwargs = {**given, "fused": True}
        if self.generator_lr is not None:
            groups = self._by_rate(self.generator_lr)
            self.optimizer_cls = lambda params, **kwargs: make(groups, **kwargs)
        try:
            return super().configure_optimizers()
        finally:
            self.optimizer_cls, self.optimizer_kwargs = make, given

    @property
    def _clips_mixed(self) -> bool:
        """Whether gradients are clipped in mixed precision."""
        trainer = self._trainer
        if trainer is None or trainer.gradient_clip_val is None:
            return False
        return isinstance(trainer.precision_plugin, MixedPrecision)

    def _by_rate(self, generator_lr: float) -> list[dict[str, Any]]:
        """Return groups of parameters: those of the base, and those that generate weights."""
        generating = {id(one) for one in self.network.generating().values()}
        if not generating:
            raise ValueError(
                f"generator_lr={generator_lr} has no effect: no weight of this network is "
                "generated. Leave it out, or choose parts that generate weights."
            )
        base = [one for one in self.parameters() if id(one) not in generating]
        own = [one for one in self.parameters() if id(one) in generating]
        return [{"params": base}, {"params": own, "lr": generator_lr}]

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        """Let other threads fit and forecast between two steps of this training."""
        give_way()

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Put beside the weights what the exact solver compared, and what resuming needs."""
        super().on_save_checkpoint(checkpoint)
        checkpoint["solver_report"] = self.solver_report
        state = None if self._trainer is None else self.trainer.state
        if state is not None and (state.fn, state.status) == ("fit", "running"):
            checkpoint["random_states"] = random_states()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take over what was saved; random numbers only where training is resumed."""
        super().on_load_checkpoint(checkpoint)
        self.solver_report = checkpoint.get("solver_report")
        if self._trainer is not None and "random_states" in checkpoint:
            self._states_to_resume = checkpoint["random_states"]
            set_random_states(self._states_to_resume)

    def on_train_start(self) -> None:
        """Go on drawing random numbers."""
        loop = self.trainer.fit_loop
        if loop.restarted_mid_epoch and loop.epoch_loop.batch_progress.is_last_batch:
            self._resume_random_numbers()  # the next epoch begins anew
        self._states_to_resume = None

    def on_fit_end(self) -> None:
        """Leave the random numbers where the checkpoint did, if no epoch was left to train."""
        super().on_fit_end()
        self._resume_random_numbers()

    def _resume_random_numbers(self) -> None:
        """Go back behind what preparing an epoch drew that is not trained."""
        if self._states_to_resume is not None:
            set_random_states(self._states_to_resume)
            self._states_to_resume = None

    def transfer_batch_to_device(
        self, batch: Any, device: torch.device, dataloader_idx: int
    ) -> Any:
        """Move a batch to a device, unless it is there already.

        Lightning looks for tensors in every entry of the schemas that Darts puts into a batch,
        which takes a third of a forecast of many short series.
        """
        target = getattr(batch, "past_target", None)
        if target is not None and target.device == device:
            return batch
        return super().transfer_batch_to_device(batch, device, dataloader_idx)

    def on_predict_epoch_start(self) -> None:
        """Generate weights anew whose parameters were written to since the last forecast."""
        super().on_predict_epoch_start()
        self._forget_what_was_written_to()

    def on_validation_epoch_start(self) -> None:
        """Generate weights anew, as those that a callback has put in for the validation."""
        super().on_validation_epoch_start()
        self._forget_what_was_written_to()

    def _forget_what_was_written_to(self) -> None:
        for one in self.network.modules():
            if isinstance(one, StaticLayer):
                one.forget_if_written_to()

    def predict_step(
        self, batch: TorchInferenceBatch, batch_idx: int, dataloader_idx: int | None = None
    ) -> tuple[Tensor, Sequence[dict[str, Any] | None], Sequence[Any]]:
        """Predict a batch whose series may have their channels in any order.

        The channels, and the columns of static covariates, are brought into the order of the
        weights, and the forecasts back into the order of the series.
        """
        prediction, schemas, times = self._predict_in_order(batch, batch_idx, dataloader_idx)
        check_forecast(prediction, batch, self)
        return prediction, schemas, times

    def _predict_in_order(
        self, batch: TorchInferenceBatch, batch_idx: int, dataloader_idx: int | None
    ) -> tuple[Tensor, Sequence[dict[str, Any] | None], Sequence[Any]]:
        identity = list(range(self.n_targets))
        orders = [
            # lists of names are read several times as fast as pandas' indices
            name_order(schema["columns"].tolist(), self.channel_names) or identity
            for schema in batch.series_schema or ()
        ]
        batch = batch.replace(static_covariates=self._static_covariates_in_order(batch))
        if all(order == identity for order in orders):
            return super().predict_step(batch, batch_idx, dataloader_idx)

        order = torch.tensor(orders, device=batch.past_target.device)  # (B, C)
        static = batch.static_covariates
        if static is not None and static.shape[1] == self.n_targets:
            static = static.take_along_dim(order[:, :, None], dim=1)
        batch = batch.replace(
            past_target=batch.past_target.take_along_dim(order[:, None, :], dim=2),
            static_covariates=static,
        )
        prediction, schemas, times = super().predict_step(batch, batch_idx, dataloader_idx)
        # (samples, B, n, C·P), the P values of a channel side by side
        prediction = prediction.unflatten(-1, (self.n_targets, -1))
        back = order.argsort(dim=1)[None, :, None, :, None]
        return prediction.take_along_dim(back, dim=3).flatten(-2), schemas, times

    def _static_covariates_in_order(self, batch: TorchInferenceBatch) -> Tensor | None:
        """Return static covariates (B, C or 1, n), columns in the order of the weights."""
        static, trained = batch.static_covariates, self.covariate_names.get("static_covariates")
        if static is None or not trained:
            return static
        n_trained, n_columns = len(trained), static.shape[2]
        columns = [
            [name for name in schema["static_covariates"].columns if name != self.series_id]
            for schema in batch.series_schema or ()
        ]
        orders = [name_order(names, trained, "static_covariates") for names in columns]
        if all(order is None for order in orders):
            return static
        identity = list(range(n_columns))
        orders = [[*(order or identity[:n_trained]), *identity[n_trained:]] for order in orders]
        return static.take_along_dim(torch.tensor(orders, device=static.device)[:, None], dim=2)

    def get_extra_state(self) -> dict[str, Any]:
        """Put the names of inputs, and what training chose of the network, into the state dict."""
        return {
            "channel_names": self.channel_names,
            "n_trained": self.n_trained,
            "n_trained_series": self.n_trained_series,
            "own_correlations": self.own_correlations,
            "shares_at_zero": self.shares_at_zero,
            "encoder": self.encoder_state,
            "short_series": self.short_series,
            "covariate_names": self.covariate_names,
            "series_names": self.series_names,
            "attributes": self.attributes,
            "network": self.network_arguments,
        }

    def set_extra_state(self, state: dict[str, Any]) -> None:
        """Take the names of inputs from a state dict, and make the network that its weights fit.

        Only what training chooses is taken over; weights of another network do not load.
        """
        self.channel_names = list(state["channel_names"])
        self.n_trained = state.get("n_trained", len(self.channel_names))
        self.covariate_names = {
            kind: list(n) for kind, n in state.get("covariate_names", {}).items()
        }
        self.series_names = list(state.get("series_names", ()))
        self.n_trained_series = state.get("n_trained_series", len(self.series_names))
        self.own_correlations = state.get("own_correlations")
        self.shares_at_zero = state.get("shares_at_zero", False)
        self.encoder_state = state.get("encoder")
        self.short_series = dict(state.get("short_series", {}))
        self.attributes = state.get("attributes")
        arguments = state["network"]
        if arguments != self.network_arguments and given_arguments(arguments) == given_arguments(
            self.network_arguments
        ):
            self.remake_network(arguments)

    def remake_network(self, arguments: dict[str, Any]) -> None:
        """Make the network anew, by other arguments, with weights at their start."""
        like = next(self.network.parameters())
        network = make_network(arguments).to(like.device, like.dtype)
        use_monte_carlo_dropout(network)
        self.network = network.train(self.network.training)
        self.network_arguments = arguments


def _moved_on(window: Tensor, rows: Tensor) -> Tensor:
    """Return a window with rows behind it that is as long as before: (B, L, F)."""
    return torch.cat([window, rows], dim=1)[:, -window.shape[1] :]


def folded(module: ForecastingModule) -> ForecastingModule:
    """Return a copy of a module whose network is folded, if it can be."""
    duplicate = copy.deepcopy(module)
    if module.network.folds:
        duplicate.network = module.network.fold()
        duplicate.n_trained = len(duplicate.channel_names)  # of one network
    return duplicate


def given_arguments(arguments: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of a network that its training does not choose."""
    if MEMBERS in arguments:
        return {**arguments, MEMBERS: [given_arguments(one) for one in arguments[MEMBERS]]}
    chosen = {
        "instance_norm",
        "n_factors",
        "factor_lookback",
        "n_neighbours",
        "neighbour_steps",
        "channel_offsets",
        "offset_spans",
        "standardised",
        "n_series",
        "n_attributes",
        "parts",
        "periods",
    }
    parts = {name: dict(options) for name, options in arguments["parts"].items()}
    for name, part in make_parts(parts).items():
        for option in {} if part.obstacle() else part.closed_form(name).chosen(0):
            parts[name].pop(option, None)
    given = {k: v for k, v in arguments.items() if k not in chosen} | {"parts": parts}
    return {**given, "takes_phases": arguments.get("periods") is not None}


def use_monte_carlo_dropout(network: nn.Module) -> None:
    """Replace every dropout layer by Darts', which can stay active while predicting."""
    for parent in list(network.modules()):
        for name, child in parent.named_children():
            theirs = isinstance(child, MonteCarloDropout)
            if isinstance(child, nn.Dropout) and not theirs and child.p > 0:
                setattr(parent, name, FastMonteCarloDropout(child.p))


class FastMonteCarloDropout(MonteCarloDropout):
    """Darts' dropout, which can stay active while predicting, by a faster draw."""

    def forward(self, input: Tensor) -> Tensor:
        """Drop values of ``input`` in training, and in predictions where that is asked for."""
        return dropout(input, self.p, self.mc_dropout_enabled)
