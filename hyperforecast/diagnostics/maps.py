"""Maps of the channels: positions in the plane, close where channels are alike."""

from typing import Any, Literal

import numpy as np
import pandas as pd

from hyperforecast.diagnostics.embedding import channel_embedding
from hyperforecast.diagnostics.gates import channel_gates
from hyperforecast.diagnostics.network import heads_of, network_and_channels
from hyperforecast.diagnostics.principal_components import principal_components


def channel_map(
    model: Any, n_components: int = 2, *, of: Literal["embedding", "heads"] = "embedding"
) -> pd.DataFrame:
    """Place every channel in a plane by what a trained model learned of it.

    Parameters
    ----------
    model : HyperforecastModel, BaseHyperforecastForecaster or DataFrame
        A trained model of either host, or an embedding with a row for each channel.
    n_components : int, default=2
        Number of principal components. Where the vectors have fewer dimensions the rest is zero.
    of : {"embedding", "heads"}, default="embedding"
        The learned channel embedding, or each channel's forecasting head (which a model with one
        head per channel has, too).

    Returns
    -------
    DataFrame, shape (C, n_components)
        Positions of the channels, whose rows carry their names. Channels that are forecast alike
        lie close. ``attrs["explained"]`` holds the share of the vectors' variance that each
        component explains.

    Raises
    ------
    ValueError
        If the model has one head for all channels, or the embedding is that of one free head for
        each channel, in which all channels are equally far apart.
    """
    vectors = model if isinstance(model, pd.DataFrame) else _vectors(model, of)
    positions, explained = principal_components(vectors.to_numpy(dtype=float), n_components)
    frame = pd.DataFrame(
        positions, index=vectors.index, columns=[f"component {i + 1}" for i in range(n_components)]
    )
    frame.attrs["explained"] = explained.tolist()
    return frame


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
    positions, _ = principal_components(np.sqrt(gates.to_numpy()), 2)
    return pd.DataFrame(positions, index=gates.index, columns=["x", "y"])


def _vectors(model: Any, of: str) -> pd.DataFrame:
    """Return what a trained model learned of each channel, a row for each."""
    if of == "embedding":
        vectors = channel_embedding(model)
        if _is_identity(vectors.to_numpy()):
            raise ValueError(
                "The channel embedding is that of a free head for each channel: all are equally "
                "far apart. Draw the map of the heads instead, with of='heads'."
            )
        return vectors
    if of == "heads":
        network, channels = network_and_channels(model)
        heads = heads_of(network)
        if heads is None:
            raise ValueError(
                "The model has one head for all channels, so there is no map of heads. Expected "
                "heads of each channel's own, as HN-MVTS and individual=True have."
            )
        return pd.DataFrame(heads.flatten(1).numpy(), index=channels)  # (C, O, I) -> (C, O·I)
    raise ValueError(f"of must be 'embedding' or 'heads'; got {of!r}.")


def _is_identity(values: np.ndarray) -> bool:
    return values.shape[0] == values.shape[1] > 1 and np.array_equal(values, np.eye(len(values)))
