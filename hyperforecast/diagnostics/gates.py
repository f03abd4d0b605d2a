"""Gates: the shares of the pool's components in each channel's embedding."""

import math
from typing import Any

import numpy as np
import pandas as pd

from hyperforecast.diagnostics.network import gates_of, network_and_channels


def channel_gates(model: Any) -> pd.DataFrame:
    """Return the share of every component of the pool in each channel's embedding.

    Parameters
    ----------
    model : LightSAEModel or LightSAEForecaster
        Trained, with ``variant="light"``.

    Returns
    -------
    DataFrame, shape (C, K)
        A row for each channel; rows sum to one.
    """
    network, channels = network_and_channels(model)
    gates = gates_of(network)
    if gates is None:
        raise ValueError(
            "The model has no gates: only LightSAE with variant='light' has a pool that channels "
            "draw on."
        )
    values = gates.numpy()
    columns = pd.RangeIndex(values.shape[1], name="component")
    return pd.DataFrame(values, index=channels, columns=columns)


def gate_collapse(model: Any) -> pd.Series:
    """Say how decided channels are among the components, and how evenly they use them.

    Entropies are given as shares of the highest possible, log K. Gates are of use where
    ``gate_entropy`` is below ``load_entropy``: otherwise every channel draws on the pool alike,
    as if it held one component.

    Parameters
    ----------
    model : LightSAEModel or LightSAEForecaster
        Trained, with ``variant="light"`` and at least two components.

    Returns
    -------
    Series
        ``gate_entropy``, the mean over channels of their gates' entropy: 1 if every channel
        draws on all components alike, 0 if each has chosen one. ``load_entropy``, the entropy
        of the mean gates: 1 if all components carry the same load, 0 if one carries all.
        ``specialisation``, their difference: how much a channel's name says about the component
        used, 0 where the gates have collapsed.
    """
    gates = channel_gates(model).to_numpy()
    n_components = gates.shape[1]
    if n_components == 1:
        raise ValueError("A pool of one component has one gate, which cannot collapse.")
    highest = math.log(n_components)
    gate_entropy = float(_entropy(gates).mean() / highest)
    load_entropy = float(_entropy(gates.mean(axis=0)) / highest)
    return pd.Series(
        {
            "gate_entropy": gate_entropy,
            "load_entropy": load_entropy,
            "specialisation": load_entropy - gate_entropy,
        },
        name="gates",
    )


def _entropy(gates: np.ndarray) -> np.ndarray:
    """Return the entropy over the last axis, in nats."""
    logarithms = np.log(np.where(gates > 0, gates, 1.0))
    return -(gates * logarithms).sum(axis=-1)
