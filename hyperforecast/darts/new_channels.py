"""Channels that were not trained on, forecast by a network in which none has weights of its own."""

import copy
import warnings
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from darts import TimeSeries
from torch import Tensor

from hyperforecast.darts.random_turns import random_turn
from hyperforecast.darts.training_data import as_tensor
from hyperforecast.nn import ForecastingNetwork

UNITS = {
    "standardiser.target_mean": "mean",
    "standardiser.target_deviation": "deviation",
}
"""What of a network without weights of channels is nevertheless theirs."""


def for_channels_of(model: Any, series: Sequence[TimeSeries]) -> Any | None:
    """Return a model for the channels of series, where these are others than those trained on.

    Parameters
    ----------
    model : HyperforecastModel
        Trained; it stays as it is.
    series : sequence of TimeSeries
        What is to be forecast. New channels are in units of their own: mean and deviation of the
        rows given, as those of training were.

    Returns
    -------
    HyperforecastModel or None
        None where the channels are those trained on, or are to be taken for them by position, or
        where the network has weights that belong to channels: Darts says what is wrong then.
    """
    names = list(map(str, series[0].components)) if series else []
    trained = model.channel_names
    by_position = len(names) == len(trained) and not set(names) & set(trained)
    if not names or not trained or by_position or set(names) == set(trained):
        return None
    if any(set(map(str, one.components)) != set(names) for one in series):
        return None
    network = _resized(model.network, model.model.network_arguments, names, trained, series)
    if network is None or model.pl_module_params.get("use_reversible_instance_norm"):
        return None
    added = [name for name in names if name not in trained]
    if added:
        units = "" if network.standardiser is None else ", in units of the rows given"
        warnings.warn(
            f"Channels that were not trained on, {', '.join(map(repr, added[:5]))}"
            f"{' ...' if len(added) > 5 else ''}, are forecast by the one head that serves all "
            f"channels{units}. Train with them for weights that have seen them.",
            stacklevel=3,
        )
    return _copy_with(model, network, names)


def _resized(
    network: ForecastingNetwork,
    arguments: dict[str, Any],
    names: Sequence[str],
    trained: Sequence[str],
    series: Sequence[TimeSeries],
) -> ForecastingNetwork | None:
    """Return a network with the same weights for other channels; None if weights are a channel's.

    Channels that were trained on keep their units.
    """
    if not getattr(network.backbone, "channel_independent", False):
        return None
    with random_turn():  # what is drawn is written over
        larger = ForecastingNetwork(**{**arguments, "n_channels": len(trained) + 1})
        shapes = {name: value.shape for name, value in larger.state_dict().items()}
        if any(
            name not in UNITS
            and not name.startswith("gap_filler.")
            and value.numel()
            and shapes[name] != value.shape
            for name, value in network.state_dict().items()
        ):
            return None
        resized = ForecastingNetwork(**{**arguments, "n_channels": len(names)})
    weights = resized.state_dict()
    for name, value in network.state_dict().items():
        if name in UNITS:
            of_rows = _units(series, names)[UNITS[name]].to(value)
            known = dict(zip(trained, value, strict=True))
            units = zip(names, of_rows, strict=True)
            weights[name] = torch.stack([known.get(channel, unit) for channel, unit in units])
        elif value.numel() and not name.startswith("gap_filler."):
            weights[name] = value
    resized.load_state_dict(weights)
    rows = [as_tensor(one[list(names)].values(copy=False)) for one in series]
    resized.gap_filler.start_from(rows)
    places = {channel: number for number, channel in enumerate(trained)}
    resized.gap_filler.take_over(network.gap_filler, [places.get(name) for name in names])
    like = next(network.parameters())
    return resized.to(like.dtype).to(like.device).train(network.training)


def _units(series: Sequence[TimeSeries], names: Sequence[str]) -> dict[str, Tensor]:
    """Return mean and deviation of every channel over all rows of all series, gaps left out."""
    rows = np.concatenate([one[list(names)].values(copy=False) for one in series])
    rows = rows.astype(np.float64)
    return {
        "mean": torch.from_numpy(np.nanmean(rows, axis=0)),
        "deviation": torch.from_numpy(np.nanstd(rows, axis=0)),
    }


def _copy_with(model: Any, network: ForecastingNetwork, names: Sequence[str]) -> Any:
    """Return a model that shares all but the network, and what depends on its channels."""
    other = model.__class__.__new__(model.__class__)
    other.__dict__.update(model.__dict__)
    sample = model.train_sample
    assert sample is not None
    assert sample.past_target is not None
    n_before, n_channels = sample.past_target.shape[1], len(names)

    def widened(values: np.ndarray | None, axis: int) -> np.ndarray | None:
        if values is None or values.shape[axis] != n_before:
            return values
        return values.take(np.zeros(n_channels, dtype=int), axis=axis)

    other.train_sample = replace(
        sample,
        past_target=widened(sample.past_target, 1),
        future_target=widened(sample.future_target, 1),
        static_covariates=widened(sample.static_covariates, 0),
    )
    module = copy.copy(model.model)
    assert module is not None
    module._modules = {**module._modules, "network": network}
    module.n_targets = n_channels
    module.channel_names = list(names)
    module.network_arguments = {**module.network_arguments, "n_channels": n_channels}
    other.model = module
    other.training_series = None
    other.trainer = None
    other._reference_names = None
    return other
