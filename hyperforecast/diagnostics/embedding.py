"""The learned channel embedding: a vector for each channel."""

from typing import Any

import pandas as pd

from hyperforecast.diagnostics.network import embedding_of, network_and_channels


def channel_embedding(model: Any) -> pd.DataFrame:
    """Return the vector that a trained model learned of each channel.

    Parameters
    ----------
    model : HNMVTSModel or HNMVTSForecaster
        Trained, with ``channel_embedding_dim`` of at least 1.

    Returns
    -------
    DataFrame, shape (C, E)
        A row for each channel. Where every channel has a free head, the identity.

    Raises
    ------
    ValueError
        If the model has one head for all channels, or free heads made without an embedding.
    """
    network, channels = network_and_channels(model)
    vectors = embedding_of(network)
    if vectors is None:
        raise ValueError(
            "The model has no channel embedding: it has one head for all channels, or free "
            "heads. Expected HN-MVTS with channel_embedding_dim >= 1; where its exact solver "
            "chose 0, one head for all forecast the rows held out as well."
        )
    return pd.DataFrame(vectors.numpy(), index=channels)
