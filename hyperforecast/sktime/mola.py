"""MoLA as an sktime forecaster."""

from typing import Any

from hyperforecast.darts.mola import MoLAModel, MoLAModelOptions
from hyperforecast.sktime.adapted import BaseAdaptedForecaster


class MoLAForecaster(MoLAModelOptions, BaseAdaptedForecaster):
    """Every segment of the horizon has weights of its own, of which most are shared.

    Training has two stages. The first trains the backbone to forecast the first segment of the
    horizon. The second holds it still, and trains for each of its linear layers a few low-rank
    experts, which every segment mixes in its own way.

    ``pretrain`` on a panel makes the base; with ``adapt_only=True``, ``fit`` and ``update`` then
    train the experts alone.

    Parameters
    ----------
    {parameters}

    Notes
    -----
    ``n_epochs`` and ``optimizer_kwargs`` are those of the second stage; ``patience`` holds for each
    stage.

    References
    ----------
    Pan et al., "Mixture of Low Rank Adaptation with Partial Parameter Sharing for Time Series
    Forecasting", 2025, arXiv 2505.17872.

    Examples
    --------
    >>> from sktime.datasets import load_longley
    >>> from hyperforecast.sktime import MoLAForecaster
    >>> forecaster = MoLAForecaster(input_chunk_length=4, n_segments=2, n_epochs=2)
    >>> _, y = load_longley()
    >>> forecaster.fit(y, fh=[1, 2, 3])
    MoLAForecaster(input_chunk_length=4, n_epochs=2, n_segments=2)
    >>> y_pred = forecaster.predict()
    """

    model_class = MoLAModel

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:
        """Return parameters for sktime's conformance tests."""
        small = {"input_chunk_length": 4, "n_epochs": 1, "batch_size": 64}
        narrow = {"d_model": 4, "n_heads": 2}
        return [
            {**small, "backbone_kwargs": narrow, "rank": 2, "n_experts": 2, "n_base_epochs": 2},
            {
                **small,
                "backbone": "dlinear",
                "segment_length": 1,
                "mixing": "free",
                "train_head": True,
                "quantiles": (0.05, 0.25, 0.5, 0.75, 0.95),
            },
            {
                **small,
                "output_chunk_length": 3,
                "backbone": "rmlp",
                "backbone_kwargs": {"d_model": 4},
                "n_segments": 2,
                "n_experts": 1,
                "adapted_layers": ("head", "backbone.mlp.*"),
                "base_optimizer_kwargs": {"lr": 0.01},
                "likelihood": "laplace",
            },
        ]
