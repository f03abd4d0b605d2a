"""MoLA as an sktime forecaster."""

from collections.abc import Sequence
from typing import Any, Literal, Self

import pandas as pd
from darts.utils.likelihood_models.torch import TorchLikelihood
from sktime.forecasting.base import ForecastingHorizon

from hyperforecast.darts.mola import MoLAModel
from hyperforecast.sktime.base import HyperforecastForecaster


class MoLAForecaster(HyperforecastForecaster):
    """Every segment of the horizon has weights of its own, of which most are shared.

    Training has two stages. The first trains the backbone to forecast the first segment of the
    horizon. The second holds it still, and trains for each of its linear layers a few low-rank
    experts, which every segment mixes in its own way.

    ``pretrain`` on a panel makes the base; with ``adapt_only=True``, ``fit`` and ``update`` then
    train the experts alone.

    Parameters
    ----------
    input_chunk_length, output_chunk_length
        See :class:`~hyperforecast.sktime.HyperforecastForecaster`.
    n_segments : int, optional
        Number of segments S of equal length that the horizon is cut into; 8, or fewer where the
        horizon does not cut into as many, if not given.
    segment_length : int, optional
        Steps of a segment, instead of ``n_segments``; 1 is the paper's one-step base.
    n_experts : int, default=4
        Number P of experts of each layer.
    rank : int, default=4
        Rank r of each expert, at most the smaller side of its layer.
    scaling : float, default=1.0
        Factor of the experts; "alpha / r" of the literature on LoRA.
    mixing : {"softmax", "free"}, default="softmax"
        Whether the shares of a segment are positive and sum to one, or are free numbers.
    adapted_layers : list or tuple of str, optional
        Names of the layers that have experts, with ``*`` for any part of a name, for example
        ``("head", "backbone.layers.*")``; all linear layers if not given.
    train_head : bool, default=False
        Whether the shared weights of the head are trained beside the experts.
    adapt_only : bool, default=False
        Keep the base that was pretrained, and train the experts alone in ``fit`` and ``update``.
        ``pretrain`` trains both.
    backbone : str, default="itransformer"
        See :class:`~hyperforecast.sktime.HyperforecastForecaster`.
    n_base_epochs : int, optional
        Epochs of the first stage; as many as of the second, ``n_epochs``, if not given.
    base_optimizer_kwargs : dict, optional
        Arguments of the optimizer in the first stage, for example ``{"lr": 1e-3}``; those of the
        second, ``optimizer_kwargs``, if not given.
    backbone_kwargs, instance_norm, likelihood, quantiles, past_covariates, scaler, n_factors, \
n_epochs, batch_size, optimizer_cls, optimizer_kwargs, lr_scheduler_cls, lr_scheduler_kwargs, \
loss_fn, validation_size, patience, random_state, pl_trainer_kwargs, verbose
        See :class:`~hyperforecast.sktime.HyperforecastForecaster`. ``n_epochs`` and
        ``optimizer_kwargs`` are those of the second stage; ``patience`` holds for each stage.

    References
    ----------
    Pan et al., "Mixture of Low Rank Adaptation with Partial Parameter Sharing for Time Series
    Forecasting", 2025, arXiv 2505.17872.

    Examples
    --------
    >>> from sktime.datasets import load_longley
    >>> from hyperforecast.sktime import MoLAForecaster
    >>> forecaster = MoLAForecaster(input_chunk_length=4, n_segments=2)
    >>> _, y = load_longley()
    >>> forecaster.fit(y, fh=[1, 2, 3])  # doctest: +SKIP
    MoLAForecaster(input_chunk_length=4, n_segments=2)
    >>> y_pred = forecaster.predict()  # doctest: +SKIP
    """

    model_class = MoLAModel

    def __init__(
        self,
        input_chunk_length: int | None = None,
        output_chunk_length: int | None = None,
        *,
        n_segments: int | None = None,
        segment_length: int | None = None,
        n_experts: int = 4,
        rank: int = 4,
        scaling: float = 1.0,
        mixing: str = "softmax",
        adapted_layers: Sequence[str] | None = None,
        train_head: bool = False,
        adapt_only: bool = False,
        backbone: str = "itransformer",
        backbone_kwargs: dict[str, Any] | None = None,
        instance_norm: str | None = None,
        likelihood: str | TorchLikelihood | None = None,
        quantiles: Sequence[float] | None = None,
        past_covariates: Sequence[Any] | None = None,
        scaler: Literal["standard"] | None = "standard",
        n_factors: int | None = None,
        n_base_epochs: int | None = None,
        n_epochs: int | None = None,
        batch_size: int = 32,
        optimizer_cls: type | None = None,
        optimizer_kwargs: dict[str, Any] | None = None,
        base_optimizer_kwargs: dict[str, Any] | None = None,
        lr_scheduler_cls: type | None = None,
        lr_scheduler_kwargs: dict[str, Any] | None = None,
        loss_fn: Any = None,
        validation_size: float | None = None,
        patience: int | None = None,
        random_state: int | None = None,
        pl_trainer_kwargs: dict[str, Any] | None = None,
        verbose: bool = False,
    ) -> None:
        self._store(locals())

    def _fit(self, y: pd.DataFrame, X: pd.DataFrame | None, fh: ForecastingHorizon | None) -> Self:
        if self.adapt_only and not hasattr(self, "pretrained_"):
            raise ValueError(
                "adapt_only=True trains the experts on a pretrained base, and this forecaster has "
                "none. Call `pretrain` with a panel first, or leave adapt_only out."
            )
        return super()._fit(y, X, fh)

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
