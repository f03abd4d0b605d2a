"""The HyperLSTM as an sktime forecaster."""

from typing import Any

from hyperforecast.darts.hyper_lstm import HyperLSTMModel, HyperLSTMModelOptions
from hyperforecast.sktime.base import BaseHyperforecastForecaster


class HyperLSTMForecaster(HyperLSTMModelOptions, BaseHyperforecastForecaster):
    """An LSTM whose weights change from step to step, as a small LSTM that reads along says.

    The rows of the recurrent weights are scaled at every step by what the small LSTM generates
    from what was read so far. Gradients are clipped at a norm of 1.0, as in the paper, unless
    ``pl_trainer_kwargs`` has a ``gradient_clip_val``.

    Parameters
    ----------
    {parameters}

    References
    ----------
    Ha, Dai & Le, "HyperNetworks", 2016, arXiv 1609.09106, section 3.2.

    Examples
    --------
    >>> from sktime.datasets import load_longley
    >>> from hyperforecast.sktime import HyperLSTMForecaster
    >>> forecaster = HyperLSTMForecaster(input_chunk_length=4, hyper_size=4, n_epochs=2)
    >>> _, y = load_longley()
    >>> forecaster.fit(y, fh=[1, 2, 3])
    HyperLSTMForecaster(hyper_size=4, input_chunk_length=4, n_epochs=2)
    >>> y_pred = forecaster.predict()
    """

    model_class = HyperLSTMModel

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:
        """Return parameters for sktime's conformance tests."""
        small = {"input_chunk_length": 4, "n_epochs": 1, "batch_size": 64}
        narrow = {"d_model": 4}
        return [
            {
                **small,
                "backbone": "lstm",
                "backbone_kwargs": narrow,
                "hyper_size": 3,
                "hyper_embedding_dim": 2,
                "random_state": 3,
            },
            {
                **small,
                "backbone_kwargs": {**narrow, "decoding": "stepwise", "cell": "rnn"},
                "quantiles": (0.05, 0.25, 0.5, 0.75, 0.95),
            },
            {
                **small,
                "backbone_kwargs": {**narrow, "mixes_channels": True},
                "output_chunk_length": 3,
                "likelihood": "laplace",
            },
        ]
