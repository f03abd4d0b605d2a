"""HN-MVTS as an sktime forecaster."""

from typing import Any

import pandas as pd

from hyperforecast.darts.hn_mvts import HNMVTSModel, HNMVTSModelOptions
from hyperforecast.sktime.solver import BaseSolverForecaster


class HNMVTSForecaster(HNMVTSModelOptions, BaseSolverForecaster):
    """Every channel has its own forecasting head, generated from a learned channel embedding.

    A hypernetwork maps a small learned vector of each channel to the weights of the backbone's
    last layer, so channels that behave alike share what they learn and others do not.

    Parameters
    ----------
    {parameters}

    Attributes
    ----------
    channel_embedding_ : DataFrame, shape (C, E)
        The learned vectors, a row for each channel. Channels that are forecast alike lie close.

    References
    ----------
    Savchenko & Kachan, "HN-MVTS: HyperNetwork-based Multivariate Time Series Forecasting",
    AAAI 2026, arXiv 2511.08340.

    Examples
    --------
    >>> from sktime.datasets import load_longley
    >>> from hyperforecast.sktime import HNMVTSForecaster
    >>> forecaster = HNMVTSForecaster(input_chunk_length=4)
    >>> _, y = load_longley()
    >>> forecaster.fit(y, fh=[1, 2, 3])
    HNMVTSForecaster(input_chunk_length=4)
    >>> y_pred = forecaster.predict()
    """

    model_class = HNMVTSModel

    @property
    def channel_embedding_(self) -> pd.DataFrame:
        """The learned vectors of channels, or of what else ``weights_by`` says."""
        vectors = self.model_.network.channel_embedding()
        return pd.DataFrame(vectors, index=self._owners)

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:
        """Return parameters for sktime's conformance tests."""
        small = {"input_chunk_length": 4, "n_epochs": 1, "batch_size": 64}
        return [
            {
                **small,
                "channel_embedding_dim": 1,
                "hyper_hidden": (3,),
                "quantiles": (0.05, 0.25, 0.5, 0.75, 0.95),
                "random_state": 3,
            },
            {
                "input_chunk_length": 4,
                "solver": "exact",
                "instance_norm": "last",  # one of four that would be compared in every check
                "quantiles": (0.05, 0.5, 0.95),
            },
            {
                **small,
                "backbone": "rmlp",
                "backbone_kwargs": {"d_model": 4},
                "solver": "adam+exact",
            },
            {
                **small,
                "output_chunk_length": 3,
                "backbone": "rlinear",
                "backbone_kwargs": {"d_model": 4},
                "likelihood": "laplace",
            },
        ]
