"""The Lightning module: a forecasting network as Darts trains and runs it."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from darts.models.forecasting.pl_forecasting_module import PLForecastingModule, io_processor
from darts.utils.data.torch_datasets.utils import (
    ModuleStage,
    PLModuleInput,
    PLModuleOutput,
    TorchInferenceBatch,
)
from darts.utils.torch import MonteCarloDropout
from torch import Tensor, nn

from hyperforecast.darts.channels import channel_order
from hyperforecast.nn import ForecastingNetwork
from hyperforecast.nn.dropout import dropout
from hyperforecast.nn.parts import make_parts


@dataclass(slots=True)
class ShortInput(PLModuleInput):
    """A batch of which fewer steps than the horizon are forecast."""

    n_steps: int | None = None


class ForecastingModule(PLForecastingModule):
    """A :class:`~hyperforecast.nn.ForecastingNetwork` inside Darts' training engine.

    Parameters
    ----------
    network : dict
        Arguments of :class:`~hyperforecast.nn.ForecastingNetwork`, plain values.
    channel_names : list of str
        Names of the channels in the order of the weights; empty if unknown. They travel in the
        state dict, so that weights and names cannot be separated.
    **kwargs
        Arguments of :class:`~darts.models.forecasting.pl_forecasting_module.PLForecastingModule`.
    """

    def __init__(
        self, network: dict[str, Any], channel_names: Sequence[str] = (), **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.network_arguments = network
        self.network = ForecastingNetwork(**network)
        self.channel_names = list(channel_names)
        use_monte_carlo_dropout(self.network)

    @io_processor
    def forward(self, x_in: PLModuleInput) -> PLModuleOutput:
        """Forecast a batch: the prediction has shape (B, H, C, P)."""
        past = [
            covariates
            for covariates in (x_in.past_covariates, x_in.historic_future_covariates)
            if covariates is not None
        ]
        future = x_in.future_covariates
        if future is not None and future.shape[1] < self.network.horizon:
            # of a forecast shorter than the horizon; the steps beyond are dropped afterwards, but
            # a backbone that takes covariates itself sees them: the last ones go on
            missing = self.network.horizon - future.shape[1]
            future = torch.cat([future, future[:, -1:].expand(-1, missing, -1)], dim=1)
        prediction = self.network(
            x_in.past_target,
            past_covariates=torch.cat(past, dim=2) if past else None,
            future_covariates=future,
            static_covariates=x_in.static_covariates,
            n_steps=x_in.n_steps if isinstance(x_in, ShortInput) else None,
            shared=self.trains_shared_weights(x_in),
        )
        return PLModuleOutput(prediction=prediction)

    def trains_shared_weights(self, x_in: PLModuleInput) -> bool:
        """Say whether a pass forecasts with what segments of the horizon share, and no more."""
        return False

    def _get_batch_prediction(
        self, n: int, input_batch: TorchInferenceBatch, roll_size: int
    ) -> Tensor:
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

    def _compute_loss(
        self,
        output: PLModuleOutput,
        target: Tensor,
        criterion: Any,
        sample_weight: Tensor | None,
    ) -> Tensor:
        loss = super()._compute_loss(output, target, criterion, sample_weight)
        # validation compares forecasts alone
        penalty = self.network.penalty() if self.training else None
        return loss if penalty is None else loss + penalty

    def predict_step(
        self, batch: TorchInferenceBatch, batch_idx: int, dataloader_idx: int | None = None
    ) -> tuple[Tensor, Sequence[dict[str, Any] | None], Sequence[Any]]:
        """Predict a batch whose series may have their channels in any order.

        The channels are brought into the order of the weights, and the forecasts back into the
        order of the series.
        """
        identity = list(range(self.n_targets))
        orders = [
            (schema and channel_order(schema["columns"], self.channel_names)) or identity
            for schema in batch.series_schema or ()
        ]
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

    def get_extra_state(self) -> dict[str, Any]:
        """Put the channel names, and what training chose of the network, into the state dict."""
        return {"channel_names": self.channel_names, "network": self.network_arguments}

    def set_extra_state(self, state: dict[str, Any]) -> None:
        """Take the channel names from a state dict, and make the network that its weights fit.

        Only what training chooses is taken over; weights of another network do not load.
        """
        self.channel_names = list(state["channel_names"])
        arguments = state["network"]
        if arguments != self.network_arguments and _given(arguments) == _given(
            self.network_arguments
        ):
            like = next(self.network.parameters())
            network = ForecastingNetwork(**arguments).to(like.device, like.dtype)
            use_monte_carlo_dropout(network)
            self.network = network.train(self.network.training)
            self.network_arguments = arguments


def folded(module: ForecastingModule) -> ForecastingModule:
    """Return a copy of a module whose network is folded, if it can be."""
    duplicate = copy.deepcopy(module)
    if module.network.folds:
        duplicate.network = module.network.fold()
    return duplicate


def _given(arguments: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of a network that its training does not choose."""
    chosen = {
        "instance_norm",
        "n_factors",
        "factor_lookback",
        "channel_offsets",
        "standardised",
        "parts",
    }
    parts = {name: dict(options) for name, options in arguments["parts"].items()}
    for name, part in make_parts(parts).items():
        for option in {} if part.obstacle() else part.closed_form(name).chosen(0):
            parts[name].pop(option, None)
    return {k: v for k, v in arguments.items() if k not in chosen} | {"parts": parts}


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
