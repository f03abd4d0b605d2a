"""Clusters of channels whose gates are alike."""

from typing import Any

import numpy as np
import pandas as pd
from sklearn.cluster import AgglomerativeClustering
from sklearn.metrics import silhouette_score

from hyperforecast.diagnostics.gates import channel_gates


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


def _ward(gates: pd.DataFrame, n_clusters: int) -> np.ndarray:
    return AgglomerativeClustering(n_clusters).fit_predict(gates.to_numpy())
