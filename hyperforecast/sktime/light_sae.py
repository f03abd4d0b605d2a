"""LightSAE as an sktime forecaster."""

from typing import Any

import pandas as pd

from hyperforecast.darts.light_sae import LightSAEModel, LightSAEModelOptions
from hyperforecast.sktime.base import BaseHyperforecastForecaster


class LightSAEForecaster(LightSAEModelOptions, BaseHyperforecastForecaster):
    """Every channel has its own embedding, of which a part is shared by all.

    The map from the window, or from a patch of it, into the backbone's hidden space is a weight
    that all channels share and a small auxiliary one: a mixture of a pool of low-rank matrices by
    gates of the channel's own. Training starts at the shared embedding.

    :mod:`hyperforecast.diagnostics` shows what a fitted forecaster made of its channels.

    Parameters
    ----------
    {parameters}

    Attributes
    ----------
    channel_gates_ : DataFrame, shape (C, K)
        Share of every component of the pool in each channel's embedding; rows sum to one. Of
        ``variant="light"`` only.

    References
    ----------
    Ren & Yu, "LightSAE: Parameter-Efficient and Heterogeneity-Aware Embedding for IoT
    Multivariate Time Series Forecasting", 2025, arXiv 2510.10465.

    Examples
    --------
    >>> from sktime.datasets import load_longley
    >>> from hyperforecast.sktime import LightSAEForecaster
    >>> forecaster = LightSAEForecaster(input_chunk_length=4, rank=2, n_components=3, n_epochs=2)
    >>> _, y = load_longley()
    >>> forecaster.fit(y, fh=[1, 2, 3])
    LightSAEForecaster(input_chunk_length=4, n_components=3, n_epochs=2, rank=2)
    >>> y_pred = forecaster.predict()
    """

    model_class = LightSAEModel

    @property
    def channel_gates_(self) -> pd.DataFrame:
        """The learned gates."""
        gates = self.model_.network.channel_gates()
        if gates is None:
            raise AttributeError(
                f"There are no gates with variant={self.variant!r}; only 'light' has a pool."
            )
        return pd.DataFrame(gates.cpu(), index=self._owners)

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:
        """Return parameters for sktime's conformance tests."""
        small = {"input_chunk_length": 4, "n_epochs": 1, "batch_size": 64}
        narrow = {"backbone_kwargs": {"d_model": 4}}
        return [
            {**small, **narrow, "rank": 2, "n_components": 3, "load_balancing": 0.1},
            {
                **small,
                **narrow,
                "variant": "full",
                "backbone": "rlinear",
                "quantiles": (0.05, 0.25, 0.5, 0.75, 0.95),
            },
            {
                **small,
                "output_chunk_length": 3,
                "backbone": "nlinear",
                "embedding_dim": 4,
                "gate_init": "correlation",
                "likelihood": "laplace",
            },
        ]
