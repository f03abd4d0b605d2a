"""What a trained LightSAE made of its channels: tables, from a model of either host."""

import math
from typing import Any

import numpy as np
import pandas as pd
import torch
from sklearn.cluster import AgglomerativeClustering
from sklearn.metrics import silhouette_score

from hyperforecast.nn import ForecastingNetwork, SharedAuxiliaryLinear
from hyperforecast.nn.eigenvectors import fix_signs

__all__ = [
    "auxiliary_energy",
    "channel_clusters",
    "channel_gates",
    "channel_positions",
    "gate_collapse",
]


def auxiliary_energy(model: Any) -> pd.DataFrame:
    r"""Return how much of each channel's auxiliary weight its leading singular values hold.

    .. math:: E_{nk} = \sum_{j \le k} \sigma_{nj}^2 \Big/ \sum_j \sigma_{nj}^2.

    Energy that is nearly one from a small k on says that a low rank is enough.

    Parameters
    ----------
    model : LightSAEModel or LightSAEForecaster
        Trained, with ``variant="light"`` or ``"full"``.

    Returns
    -------
    DataFrame, shape (C, min(I, D))
        A row for each channel; the columns are the numbers of singular values kept, from one. A
        channel whose auxiliary weight is zero has no energy to share out: its row is NaN.
    """
    network, channels = _parts(model)
    layers = [m for m in network.modules() if isinstance(m, SharedAuxiliaryLinear)]
    if not layers:
        raise ValueError(
            "The model has no auxiliary weights: auxiliary_energy needs a LightSAE with "
            "variant='light' or 'full'."
        )
    with torch.no_grad():
        weight, _ = layers[0].auxiliary()  # (C, O, I); a network has one embedding
        squares = torch.linalg.svdvals(weight.double().cpu()).square()  # (C, min(O, I))
    total = squares.sum(dim=1, keepdim=True)
    energy = (squares.cumsum(dim=1) / torch.where(total > 0, total, torch.nan)).numpy()
    columns = pd.RangeIndex(1, energy.shape[1] + 1, name="singular values")
    return pd.DataFrame(energy, index=channels, columns=columns)


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
    network, channels = _parts(model)
    gates = network.channel_gates()
    if gates is None:
        raise ValueError(
            "The model has no gates: only LightSAE with variant='light' has a pool that channels "
            "draw on."
        )
    values = gates.double().cpu().numpy()
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


def channel_clusters(model: Any, n_clusters: int | None = None) -> pd.Series:
    """Group channels whose gates are alike, by Ward's criterion.

    Parameters
    ----------
    model : LightSAEModel or LightSAEForecaster
        Trained, with ``variant="light"`` and at least two channels.
    n_clusters : int, optional
        Number of clusters, up to the number of channels. If not given, the number from two to
        ten with the highest mean silhouette.

    Returns
    -------
    Series of int, length C
        Number of each channel's cluster; clusters are numbered by their first channel.
    """
    gates = channel_gates(model)
    n_channels = len(gates)
    if n_channels < 2:
        raise ValueError("Clusters take at least two channels; the model has one.")
    if n_clusters is None:
        candidates = range(2, min(10, n_channels - 1) + 1)
        scores = {k: silhouette_score(gates, _ward(gates, k)) for k in candidates}
        n_clusters = max(scores, key=scores.__getitem__) if scores else n_channels
    elif not 1 <= n_clusters <= n_channels:
        raise ValueError(
            f"n_clusters must lie between 1 and the number of channels, {n_channels}; got "
            f"{n_clusters}."
        )
    labels, _ = pd.factorize(_ward(gates, n_clusters))
    return pd.Series(labels, index=gates.index, name="cluster")


def channel_positions(model: Any) -> pd.DataFrame:
    """Place channels in the plane so that those with like gates lie close.

    Parameters
    ----------
    model : LightSAEModel or LightSAEForecaster
        Trained, with ``variant="light"``.

    Returns
    -------
    DataFrame, shape (C, 2)
        The first two principal components ``x`` and ``y`` of the gates' square roots, whose
        distances are those between distributions (Hellinger's). The largest value of each is
        positive.
    """
    gates = channel_gates(model)
    roots = np.sqrt(gates.to_numpy())
    roots = roots - roots.mean(axis=0)
    vectors, scales, _ = np.linalg.svd(roots, full_matrices=False)
    positions = np.zeros((len(gates), 2))
    kept = min(2, len(scales))
    positions[:, :kept] = vectors[:, :kept] * scales[:kept]
    positions = fix_signs(torch.from_numpy(positions)).numpy()
    return pd.DataFrame(positions, index=gates.index, columns=["x", "y"])


def _parts(model: Any) -> tuple[ForecastingNetwork, pd.Index]:
    """Return the network and the labels of its channels, of a model of either host."""
    labels = getattr(model, "channels_", None) if hasattr(model, "model_") else None
    trained = getattr(model, "model_", model)
    network = getattr(trained, "network", None)
    if not isinstance(network, ForecastingNetwork):
        raise TypeError(
            "Expected a trained model of hyperforecast.darts or a fitted forecaster of "
            f"hyperforecast.sktime; got {type(model).__name__}."
        )
    names = labels or trained.channel_names or range(network.n_channels)
    return network, pd.Index(names, name="channel")


def _entropy(gates: np.ndarray) -> np.ndarray:
    """Return the entropy over the last axis, in nats."""
    logarithms = np.log(np.where(gates > 0, gates, 1.0))
    return -(gates * logarithms).sum(axis=-1)


def _ward(gates: pd.DataFrame, n_clusters: int) -> np.ndarray:
    return AgglomerativeClustering(n_clusters).fit_predict(gates.to_numpy())
