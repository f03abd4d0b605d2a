"""What solves for newcomers of a trained Darts model, and what reads their histories."""

from typing import Any

import torch
from darts.utils.data.torch_datasets.utils import PLModuleOutput
from darts.utils.likelihood_models.base import LikelihoodType
from torch import Tensor, nn

from hyperforecast.darts.likelihood_roles import bounded, output_bounds
from hyperforecast.darts.newcomers.trained_on import begin_at_zero
from hyperforecast.nn import ForecastingNetwork
from hyperforecast.nn.newcomers import (
    ChannelSolver,
    HistoryEncoder,
    NegativeLogLikelihood,
    check_adaptation,
    without_cycles,
)
from hyperforecast.nn.newcomers.cycles import TABLES
from hyperforecast.nn.windows import WindowCutter

TINY = torch.finfo(torch.float64).tiny


def newcomer_solver(
    model: Any,
    network: ForecastingNetwork,
    arguments: dict[str, Any],
    axes: dict[str, int],
    n_known: int,
    encoder: HistoryEncoder | None,
    beside: ForecastingNetwork | None = None,
) -> ChannelSolver:
    """Return what solves for channels of a network, which has known ones before them.

    It takes rows without their cycles.

    Parameters
    ----------
    model : HyperforecastModel
        Trained; the network has its lengths.
    network : ForecastingNetwork
    arguments : dict
        Of the network.
    axes : dict
        What :func:`channel_axes` says of these.
    n_known : int
    encoder : HistoryEncoder, optional
    beside : ForecastingNetwork, optional
        See :class:`ChannelSolver`.
    """
    return ChannelSolver(
        without_cycles(network),
        {name: axis for name, axis in axes.items() if not name.startswith(TABLES)},
        n_known,
        WindowCutter(
            network.lookback, network.horizon, model.output_chunk_shift, model.model.dtype
        ),
        _n_covariates(arguments),
        model.model.own_correlations,
        _loss_of(model),
        begin_at_zero(model.model, network),
        encoder,
        beside,
    )


def encoder_for(model: Any, adaptation: str) -> HistoryEncoder | None:
    """Return the encoder of a model, where newcomers are to be read by it.

    Raises
    ------
    ValueError
        If there is no such way, or no encoder yet.
    """
    check_adaptation(adaptation)
    if adaptation != "encoder":
        return None
    state = model.model.encoder_state
    if state is None:
        raise ValueError(
            "There is no encoder yet that reads newcomers' histories. Call `fit_encoder(series)` "
            "with rows of what the model was trained on."
        )
    return HistoryEncoder.from_state(state)


def _n_covariates(arguments: dict[str, Any]) -> tuple[int, int, int]:
    """Return the numbers of past, future and static covariates that a network is given."""
    past, future, static = (
        arguments.get(f"n_{kind}_covariates", 0) for kind in ("past", "future", "static")
    )
    return past, future, static


def _loss_of(model: Any) -> NegativeLogLikelihood | None:
    """Return what the model minimises, if that is not the squared error."""
    module = model.model
    likelihood, loss_fn = module.likelihood, module.criterion
    if likelihood is None and isinstance(loss_fn, nn.MSELoss):
        return None
    if module.network.channel_offsets is not None:  # quantiles of the residuals of one forecast
        return None
    bounds = output_bounds(likelihood)
    # of a Laplace distribution, say, whose scale is that of the errors
    is_scale = likelihood is None or likelihood.type is LikelihoodType.Quantile

    def mean_loss(output: Tensor, target: Tensor, weight: Tensor) -> Tensor:
        known = PLModuleOutput(prediction=bounded(output, bounds))
        value = module._compute_loss(known, target, loss_fn, weight if likelihood else None)
        value = value * (weight.numel() / weight.sum())
        return value.clamp(min=TINY).log() if is_scale else value

    return mean_loss
