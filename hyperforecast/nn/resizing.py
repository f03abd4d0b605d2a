"""Networks for other channels than those that they were made for."""

import copy
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn

from hyperforecast.nn.entities import n_rows
from hyperforecast.nn.layers.channel_offsets import OFFSETS, usual_offsets
from hyperforecast.nn.network import N_CHANNELS, ForecastingNetwork, KeyedArguments
from hyperforecast.nn.parts import make_parts
from hyperforecast.nn.random_numbers import own_random_numbers
from hyperforecast.nn.series.gap_filler import GapFiller

FILLING_UNITS = "filling_units."
"""The units of series in which gaps are filled, where nothing else is in any."""

UNITS = {
    "standardiser.target_mean": "mean",
    "standardiser.target_deviation": "deviation",
    f"{FILLING_UNITS}mean": "mean",
    f"{FILLING_UNITS}deviation": "deviation",
}
"""What is a channel's, and yet no weight of it."""

LOADINGS = "factors.loadings"
"""What says how much channels count in common factors; one without weights does not."""


FILLER = "gap_filler."
"""What stands in gaps, which is no weight; see :meth:`GapFiller.take_over`."""


def pinned(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return arguments of a network that make the same one of more channels or series.

    Parameters
    ----------
    arguments : mapping
        Of :class:`ForecastingNetwork`. Options of parts that follow from the number of channels, or
        of whatever else has weights of its own, where they are not given, as the length of the
        vectors does, are given then.
    """
    given = arguments.get("parts") or {}
    weights_by, n_series = arguments.get("weights_by", "channel"), arguments.get("n_series", 1)
    count = n_rows(weights_by, arguments["n_channels"], n_series)
    parts = {
        name: {**(given[name] or {}), **part.following(count)}
        for name, part in make_parts(given).items()
    }
    return {**arguments, "parts": {name: parts[name] for name in given}}


def channel_axes(arguments: Mapping[str, Any]) -> dict[str, int]:
    """Return the weights and buffers that have an entry for each channel, and along which axis.

    Parameters
    ----------
    arguments : mapping
        Of :class:`ForecastingNetwork`.
    """
    return dict(_channel_axes(_key(arguments)))


def series_tables(arguments: Mapping[str, Any]) -> frozenset[str]:
    """Return what of a state dict has rows for each series, along the first axis.

    Parameters
    ----------
    arguments : mapping
        Of :class:`ForecastingNetwork`, with weights by series.
    """
    return _series_tables(KeyedArguments(pinned(arguments)))


def belongs_to_channels(**arguments: Any) -> bool:
    """Say whether anything in a network is that of a channel; arguments as for the network."""
    return bool(_channel_axes(_key(arguments)))


def check_by_series(**arguments: Any) -> None:
    """Raise if weights by series would have no effect: none of a network's are a channel's.

    Parameters
    ----------
    **arguments
        As of :func:`check_network`.
    """
    if not belongs_to_channels(n_channels=N_CHANNELS, **(arguments | {"weights_by": "channel"})):
        raise ValueError(
            f"weights_by={arguments['weights_by']!r} would have no effect: nothing in this network "
            "belongs to a channel. Choose a head whose weights differ between channels, or leave "
            "weights_by out."
        )


def with_channels(
    network: ForecastingNetwork,
    axes: Mapping[str, int],
    sources: Sequence[int | None],
    n_known: int | None = None,
) -> ForecastingNetwork:
    """Return a network for other channels that shares with one all that is no channel's.

    Parameters
    ----------
    network : ForecastingNetwork
    axes : mapping of str to int
        Its :func:`channel_axes`.
    sources : sequence of int or None
        For each channel of the copy which of the network's it is. ``None`` is a channel without
        weights: it gets the mean of those of the known channels, and counts in no factor.
    n_known : int, optional
        How many of the network's channels, from the first on, are known; all if not given.
    """
    # what belongs to channels is put in the place of theirs below
    resized = copy.deepcopy(
        network, {id(v): v for v in (*network.parameters(), *network.buffers())}
    )
    for name, axis in axes.items():
        path, _, last = name.rpartition(".")
        module = resized.get_submodule(path)
        values: Tensor = getattr(module, last)
        with torch.no_grad():
            chosen = _chosen(name, values.detach().movedim(axis, 0), sources, n_known)
        chosen = chosen.movedim(0, axis).contiguous()
        if isinstance(values, nn.Parameter):
            setattr(module, last, nn.Parameter(chosen, requires_grad=values.requires_grad))
        else:
            setattr(module, last, chosen)
    resized.gap_filler = GapFiller(len(sources), network.lookback).to(network.gap_filler.level)
    resized.gap_filler.take_over(network.gap_filler, sources)
    for module in resized.modules():
        if getattr(module, "n_channels", None) == network.n_channels:
            vars(module)["n_channels"] = len(sources)
    return resized


def _chosen(
    name: str, values: Tensor, sources: Sequence[int | None], n_known: int | None
) -> Tensor:
    """Return the entries (C', ...) of some channels of values (C, ...)."""
    if not values.is_floating_point():  # numbers of channels
        return torch.arange(len(sources)).to(values)
    known = values[:n_known]
    if name == LOADINGS:
        fresh = torch.zeros_like(values[0])
    elif name.startswith(OFFSETS):
        fresh = usual_offsets(known[:, None])[0, 0]
    else:
        fresh = known.double().mean(dim=0).to(values)
    entries = torch.cat([values, fresh[None]])
    numbers = [len(values) if source is None else source for source in sources]
    return entries[torch.tensor(numbers, device=values.device)]


def _key(arguments: Mapping[str, Any]) -> KeyedArguments:
    """Return arguments of a network, said or left out, as one key of what follows from them."""
    return KeyedArguments({"weights_by": "channel", "n_series": 1, **pinned(arguments)})


@lru_cache(maxsize=128)
def _channel_axes(arguments: KeyedArguments) -> tuple[tuple[str, int], ...]:
    n_channels = arguments["n_channels"]
    shapes = _shapes(arguments)
    larger = _shapes(KeyedArguments({**arguments, "n_channels": n_channels + 1}))
    found = []
    for name, shape in shapes.items():
        differing = [i for i, (a, b) in enumerate(zip(shape, larger[name], strict=True)) if a != b]
        if not name.startswith(FILLER):
            found += [(name, axis) for axis in differing]
    return tuple(found)


@lru_cache(maxsize=128)
def _series_tables(arguments: KeyedArguments) -> frozenset[str]:
    # by every name of what several modules share
    weights = _made(arguments).state_dict()
    larger = _made({**arguments, "n_series": arguments["n_series"] + 1}).state_dict()
    return frozenset(name for name, one in weights.items() if one.shape != larger[name].shape)


def _shapes(arguments: Mapping[str, Any]) -> dict[str, torch.Size]:
    network = _made(arguments)
    held = (*network.named_parameters(), *network.named_buffers())
    return {name: value.shape for name, value in held}


def _made(arguments: Mapping[str, Any]) -> ForecastingNetwork:
    """Return a network whose shapes alone count."""
    try:
        with torch.device("meta"):
            return ForecastingNetwork(**arguments)
    except (NotImplementedError, RuntimeError):  # a backbone that needs values to be made
        with own_random_numbers():
            return ForecastingNetwork(**arguments)
