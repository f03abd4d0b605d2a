"""What the network of a trained model holds of each channel.

The only file of the diagnostics that knows the networks and their layers. Values come in double
precision, on the processor.
"""

from typing import Any

import pandas as pd
import torch
from torch import Tensor

from hyperforecast.nn.hyper_network import HyperNetwork


def network_and_channels(model: Any) -> tuple[HyperNetwork, pd.Index]:
    """Return the network and the labels of its channels, of a model of either host.

    Raises
    ------
    TypeError
        If ``model`` is neither a model of Darts nor a forecaster of sktime.
    """
    labels = getattr(model, "channels_", None) if hasattr(model, "model_") else None
    trained = getattr(model, "model_", model)
    network = getattr(trained, "network", None)
    if not isinstance(network, HyperNetwork):
        raise TypeError(
            "Expected a trained model of hyperforecast.darts or a fitted forecaster of "
            f"hyperforecast.sktime; got {type(model).__name__}."
        )
    names = labels or trained.channel_names or range(network.n_channels)
    return network, pd.Index(names, name="channel")


def embedding_of(network: HyperNetwork) -> Tensor | None:
    """Return the learned channel vectors (C, E); ``None`` where there are none."""
    vectors = network.channel_embedding()
    return None if vectors is None or vectors.shape[1] == 0 else _plain(vectors)


def gates_of(network: HyperNetwork) -> Tensor | None:
    """Return each channel's shares of the pool (C, K); ``None`` where there is no pool."""
    gates = network.channel_gates()
    return None if gates is None else _plain(gates)


def heads_of(network: HyperNetwork) -> Tensor | None:
    """Return the weights of each channel's head (C, H·P, D); ``None`` with one head for all."""
    weight = getattr(getattr(network.fold(), "head", None), "weight", None)
    return None if weight is None or weight.dim() != 3 else _plain(weight)


@torch.no_grad()
def auxiliary_weights_of(network: HyperNetwork) -> Tensor | None:
    """Return each channel's auxiliary weight (C, D, I); ``None`` where there are none."""
    for name, part in network.parts.items():
        if part.slot == "embedding":
            for term in network.terms(name):  # a network has one embedding
                weight, _ = term.generator.generate(term.context())
                return _plain(weight)
    return None


def _plain(values: Tensor) -> Tensor:
    return values.detach().double().cpu()
