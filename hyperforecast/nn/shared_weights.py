"""Weights of a network that several sites or tasks share, and those that stay with each."""

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from hyperforecast.nn.contexts import Context
from hyperforecast.nn.hyper_network import HyperNetwork
from hyperforecast.nn.layers.cycle import Cycle
from hyperforecast.nn.resizing import channel_axes


def own_weights(network: HyperNetwork, arguments: Mapping[str, Any]) -> set[int]:
    """Return the identities of the parameters and buffers that are not shared.

    The vector of a task, what belongs to channels (vectors, gates, heads of their own), cycles,
    those of covariates, too, and all buffers: units, fillings of gaps, statistics of batches.

    Parameters
    ----------
    network : HyperNetwork
    arguments : mapping
        Its arguments.
    """
    held = {**dict(network.named_parameters()), **dict(network.named_buffers())}
    own = {id(held[name]) for name in channel_axes(arguments) if name in held}
    own |= {id(buffer) for buffer in network.buffers()}
    for module in network.modules():
        if isinstance(module, Cycle) or (isinstance(module, Context) and module.axis == "task"):
            own |= {id(parameter) for parameter in module.parameters()}
    return own


def split_weights(
    network: HyperNetwork, arguments: Mapping[str, Any]
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Return copies of the shared weights of a network, and of its own; both by name.

    A weight that several layers have in common is one tensor under several names. See
    :func:`own_weights` for the parameters.
    """
    own = own_weights(network, arguments)
    copies: dict[int, Tensor] = {}
    parts: tuple[dict[str, Tensor], dict[str, Tensor]] = ({}, {})
    for name, value in network.state_dict(keep_vars=True).items():
        copy = copies.setdefault(id(value), value.detach().cpu().clone())
        parts[id(value) in own][name] = copy
    return parts


def averaged(
    weights: Sequence[Mapping[str, Tensor]], counts: Sequence[float] | None = None
) -> dict[str, Tensor]:
    """Return the mean of the shared weights of several sites.

    Parameters
    ----------
    weights : sequence of mapping of str to Tensor
        Of each site, under the same names, of the same sizes.
    counts : sequence of float, optional
        How much each site counts, its number of windows say; all the same if not given.

    Raises
    ------
    ValueError
        If the sites' networks are not the same, or counts are not positive numbers, one of each.
    """
    counts = [1.0] * len(weights) if counts is None else list(counts)
    if not weights or len(counts) != len(weights) or not all(count > 0 for count in counts):
        raise ValueError(
            "Expected the weights of at least one site and a positive count of each; got "
            f"{len(weights)} sites and the counts {counts}."
        )
    for number, one in enumerate(weights):
        check_same(one, weights[0], f"of site {number}", "of site 0")
    total = sum(counts)
    shares = [count / total for count in counts]
    return {
        name: functools.reduce(
            torch.add,
            (share * one[name].double() for share, one in zip(shares, weights, strict=True)),
        ).to(value.dtype)
        for name, value in weights[0].items()
    }


def check_same(
    given: Mapping[str, Tensor], expected: Mapping[str, Tensor], whose: str, others: str
) -> None:
    """Raise unless weights have the names and sizes of others.

    Parameters
    ----------
    given, expected : mapping of str to Tensor
    whose, others : str
        Whose they are, for the message.
    """
    for name in dict.fromkeys([*expected, *given]):
        sizes = [tuple(one[name].shape) if name in one else None for one in (given, expected)]
        if sizes[0] != sizes[1]:
            raise ValueError(
                f"The shared weights {whose} are not those {others}: {name!r} has the sizes "
                f"{sizes[0]}, and {sizes[1]} was expected. Give all the same backbone, parts, "
                "lengths and numbers of covariates."
            )
