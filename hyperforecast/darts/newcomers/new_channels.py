"""A trained model for other channels: fewer than it has, or some that were not trained on."""

import warnings
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from darts import TimeSeries
from torch import Tensor

from hyperforecast.darts.inputs.phases import phase_of
from hyperforecast.nn import ForecastingNetwork
from hyperforecast.nn.backbones import separates_channels
from hyperforecast.nn.exact.windows.units import MeanDeviation
from hyperforecast.nn.newcomers import NewcomerCycles
from hyperforecast.nn.newcomers.cycles import TABLES
from hyperforecast.nn.resizing import UNITS, channel_axes, with_channels
from hyperforecast.nn.series.phase_means import PhasedRows


def for_channels_of(model: Any, series: Sequence[TimeSeries]) -> Any | None:
    """Return a model for the channels of series, where these are others than the model's.

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
        None where the channels are the model's, or are to be taken for them by position. Where the
        network has weights that belong to channels, there is one for those trained on and any of
        those added later; else None, and Darts says what is wrong.
    """
    names = other_channels(model, series)
    if names is None:
        return None
    known = for_some_channels_of(model, names)
    if known is not None:
        return known
    own = model.channel_names
    network = _resized(model, names, series)
    if network is None or model.pl_module_params.get("use_reversible_instance_norm"):
        return None
    added = [name for name in names if name not in own]
    if added:
        units = "" if network.standardiser is None else ", in units of the rows given"
        warnings.warn(
            f"Channels that were not trained on, {', '.join(map(repr, added[:5]))}"
            f"{' ...' if len(added) > 5 else ''}, are forecast by the one head that serves all "
            f"channels{units}. Train with them for weights that have seen them.",
            stacklevel=3,
        )
    return for_other_channels(model, network, names)


def other_channels(model: Any, series: Sequence[TimeSeries]) -> list[str] | None:
    """Return the names of the channels that all of the series have, where not the model's.

    ``None`` where they are the model's, or are to be taken for them by position, or where series
    differ from each other.
    """
    names = list(map(str, series[0].components)) if series else []
    own = model.channel_names
    by_position = len(names) == len(own) and not set(names) & set(own)
    if not names or not own or by_position or set(names) == set(own):
        return None
    if any(set(map(str, one.components)) != set(names) for one in series):
        return None
    return names


def for_some_channels_of(model: Any, names: Sequence[str]) -> Any | None:
    """Return a trained model for those trained on and any of those added later, by name.

    ``None`` where names are others. Nothing that such a model knows is of the rows given.
    """
    own, trained = model.channel_names, model.trained_channel_names
    if not set(trained) <= set(names) < set(own):
        return None
    kept = [name for name in own if name in names]
    axes = channel_axes(model.model.network_arguments)
    network = with_channels(model.network, axes, [own.index(name) for name in kept])
    return for_other_channels(model, network, kept, len(trained))


def _resized(
    model: Any, names: Sequence[str], series: Sequence[TimeSeries]
) -> ForecastingNetwork | None:
    """Return a network with the same weights for other channels; None if weights are a channel's.

    Channels that the model has keep their units.
    """
    network: ForecastingNetwork = model.network
    if not separates_channels(network.backbone):
        return None
    axes = channel_axes(model.model.network_arguments)
    weights = {**dict(network.named_parameters()), **dict(network.named_buffers())}
    own_parts = (name for name in axes if name not in UNITS and not name.startswith(TABLES))
    if any(weights[name].numel() for name in own_parts):
        return None
    own = model.channel_names
    sources = [own.index(name) if name in own else None for name in names]
    resized = with_channels(network, axes, sources)
    of_rows = units_of(series, names)
    filler = resized.gap_filler
    held = {kind: resized.get_buffer(name) for name, kind in UNITS.items() if name in axes}
    for kind, of_filler in (("mean", filler.level), ("deviation", filler.deviation)):
        for values in (of_filler, *([held[kind]] if kind in held else [])):
            for i, source in enumerate(sources):
                if source is None:
                    values[i] = of_rows[kind][i]
    added = [i for i, source in enumerate(sources) if source is None]
    if resized.cycle is not None and added:
        units = MeanDeviation(*(of_rows[kind][added] for kind in ("mean", "deviation")))
        rows = phased_rows(series, [names[i] for i in added], model._repeat)
        cycles = NewcomerCycles(network, len(model.trained_channel_names))
        cycles.write(resized, added, rows, units)
    return resized


def phased_rows(
    series: Sequence[TimeSeries], names: Sequence[str], repeat: int
) -> list[PhasedRows]:
    """Return the rows of channels of series, with their phases."""
    return [
        PhasedRows(
            torch.from_numpy(one[list(names)].values(copy=False).astype(np.float64)),
            phase_of(one, repeat),
            torch.arange(len(names)),
        )
        for one in series
    ]


def units_of(series: Sequence[TimeSeries], names: Sequence[str]) -> dict[str, Tensor]:
    """Return mean and deviation of every channel over all rows of all series, gaps left out.

    Raises
    ------
    ValueError
        If a channel has no value, and so no unit.
    """
    chosen = [one if list(one.components) == list(names) else one[list(names)] for one in series]
    rows = np.concatenate([one.values(copy=False) for one in chosen])
    rows = rows.astype(np.float64)
    if unknown := [name for name, gaps in zip(names, np.isnan(rows).T, strict=True) if gaps.all()]:
        raise ValueError(
            f"`series` has no value of {', '.join(map(repr, unknown[:5]))}, which was not trained "
            "on, so nothing says its level and unit. Give rows with values, or leave it out."
        )
    return {
        "mean": torch.from_numpy(np.nanmean(rows, axis=0)),
        "deviation": torch.from_numpy(np.nanstd(rows, axis=0)),
    }


def for_other_channels(
    model: Any,
    network: ForecastingNetwork,
    names: Sequence[str],
    n_trained: int | None = None,
) -> Any:
    """Return a model that shares all but the network, and what depends on its channels.

    Parameters
    ----------
    model : HyperforecastModel
    network : ForecastingNetwork
    names : sequence of str
        Of its channels.
    n_trained : int, optional
        How many of them, from the first on, were trained on; all if not given.
    """
    other = sharing_all(model)
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
    assert model.model is not None
    shapes = other.train_sample.sample_shapes()
    other.pl_module_params = {**model.pl_module_params, "train_sample_shape": shapes}
    other.model = model.model.for_channels(network, names, shapes, n_trained)
    other.training_series = None
    other._reference_names = None
    return other


def sharing_all(model: Any) -> Any:
    """Return a model that shares all with a trained one, and may be given a network of its own."""
    other = model.__class__.__new__(model.__class__)
    other.__dict__.update(model.__dict__)
    other.trainer = None
    return other
