"""The HyperTransformer as an sktime forecaster."""

from typing import Any

from hyperforecast.darts.hyper_transformer import (
    HyperTransformerModel,
    HyperTransformerModelOptions,
)
from hyperforecast.sktime.base import BaseHyperforecastForecaster


class HyperTransformerForecaster(HyperTransformerModelOptions, BaseHyperforecastForecaster):
    """A transformer whose attention has weights of its own for every window.

    A small network summarises a window, its statistics and an embedding of it, and generates from
    that what is added to the projections of the attention: matrices of low rank. Training starts
    at the plain transformer.

    Parameters
    ----------
    {parameters}

    References
    ----------
    Ha, Dai & Le, "HyperNetworks", 2016, arXiv 1609.09106, for weights that change with the input;
    Vaswani et al., "Attention Is All You Need", NeurIPS 2017, arXiv 1706.03762, for what is
    generated.

    Examples
    --------
    >>> from sktime.datasets import load_longley
    >>> from hyperforecast.sktime import HyperTransformerForecaster
    >>> forecaster = HyperTransformerForecaster(input_chunk_length=4, rank=2, n_epochs=2)
    >>> _, y = load_longley()
    >>> forecaster.fit(y, fh=[1, 2, 3])
    HyperTransformerForecaster(input_chunk_length=4, n_epochs=2, rank=2)
    >>> y_pred = forecaster.predict()
    """

    model_class = HyperTransformerModel

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:
        """Return parameters for sktime's conformance tests."""
        small = {"input_chunk_length": 4, "n_epochs": 1, "batch_size": 64}
        narrow = {"backbone_kwargs": {"d_model": 4, "n_heads": 2, "d_ff": 4, "e_layers": 1}}
        return [
            {**small, **narrow, "rank": 2, "summary_dim": 3, "random_state": 3},
            {
                **small,
                **narrow,
                "backbone": "itransformer",
                "projections": ("*.query", "*.key"),
                "quantiles": (0.05, 0.25, 0.5, 0.75, 0.95),
            },
            {**small, **narrow, "output_chunk_length": 3, "likelihood": "laplace"},
        ]
