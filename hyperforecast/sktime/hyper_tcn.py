"""The HyperTCN as an sktime forecaster."""

from typing import Any

from hyperforecast.darts.hyper_tcn import HyperTCNModel, HyperTCNModelOptions
from hyperforecast.sktime.base import BaseHyperforecastForecaster


class HyperTCNForecaster(HyperTCNModelOptions, BaseHyperforecastForecaster):
    """A causal convolutional network whose kernels all come from one generator.

    Each layer has a short learned vector, from which a hypernetwork of two linear maps makes its
    kernel: what the layers have in common is learned once.

    Parameters
    ----------
    {parameters}

    References
    ----------
    Ha, Dai & Le, "HyperNetworks", 2016, arXiv 1609.09106, section 3.1; Bai, Kolter & Koltun, "An
    Empirical Evaluation of Generic Convolutional and Recurrent Networks for Sequence Modeling",
    2018, arXiv 1803.01271.

    Examples
    --------
    >>> from sktime.datasets import load_longley
    >>> from hyperforecast.sktime import HyperTCNForecaster
    >>> forecaster = HyperTCNForecaster(input_chunk_length=4, layer_embedding_dim=2, n_epochs=2)
    >>> _, y = load_longley()
    >>> forecaster.fit(y, fh=[1, 2, 3])
    HyperTCNForecaster(input_chunk_length=4, layer_embedding_dim=2, n_epochs=2)
    >>> y_pred = forecaster.predict()
    """

    model_class = HyperTCNModel

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:
        """Return parameters for sktime's conformance tests."""
        small = {"input_chunk_length": 4, "n_epochs": 1, "batch_size": 64}
        narrow = {"backbone_kwargs": {"d_model": 4}}
        return [
            {**small, **narrow, "layer_embedding_dim": 2, "random_state": 3},
            {
                **small,
                **narrow,
                "backbone": "tcn",
                "kernel_width": 2,
                "hyper_width": 3,
                "quantiles": (0.05, 0.25, 0.5, 0.75, 0.95),
            },
            {**small, **narrow, "output_chunk_length": 3, "likelihood": "laplace"},
        ]
