"""LightSAE as an sktime forecaster."""

from collections.abc import Sequence
from typing import Any, Literal

import pandas as pd
from darts.utils.likelihood_models.torch import TorchLikelihood

from hyperforecast.darts.light_sae import LightSAEModel
from hyperforecast.sktime.base import HyperforecastForecaster


class LightSAEForecaster(HyperforecastForecaster):
    """Every channel has its own embedding, of which a part is shared by all.

    The map from the window, or from a patch of it, into the backbone's hidden space is a weight
    that all channels share and a small auxiliary one: a mixture of a pool of low-rank matrices by
    gates of the channel's own. Training starts at the shared embedding.

    :mod:`hyperforecast.diagnostics` shows what a fitted forecaster made of its channels.

    Parameters
    ----------
    input_chunk_length, output_chunk_length
        See :class:`~hyperforecast.sktime.HyperforecastForecaster`.
    variant : {"light", "full", "shared"}, default="light"
        Auxiliary part of the embedding: mixtures of the pool; a free matrix for each channel; none.
    rank : int, optional
        Rank r of the pool's matrices, at most what can make a difference: ``n_components`` times
        the inputs (the lookback or the patch length), or the embedding's width. 25, or that bound
        where it is less, if not given. Of ``"light"`` only.
    n_components : int, optional
        Number K of matrices in the pool; 10 if not given. Of ``"light"`` only.
    gate_init : {"random", "uniform", "correlation"}, optional
        Start of the gates: random; equal for all channels and components; or from the principal
        components of the training channels' correlation, so that channels that move together
        start alike. ``"random"`` if not given. Of ``"light"`` only.
    load_balancing : float, default=0.0
        Weight of a penalty on the training loss where the channels use the components unequally:
        K times the sum of squared mean gates, less one. Of ``"light"`` only.
    embedding_dim : int, optional
        Width of a linear embedding put before a backbone that has none (``"dlinear"``,
        ``"nlinear"``, ``"tsmixer"``); required there, and refused elsewhere.
    backbone : str, default="rmlp"
        See :class:`~hyperforecast.sktime.HyperforecastForecaster`.
    backbone_kwargs, instance_norm, likelihood, quantiles, past_covariates, scaler, n_factors, \
n_epochs, batch_size, optimizer_cls, optimizer_kwargs, lr_scheduler_cls, lr_scheduler_kwargs, \
loss_fn, validation_size, patience, random_state, pl_trainer_kwargs, verbose
        See :class:`~hyperforecast.sktime.HyperforecastForecaster`.

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
    >>> forecaster = LightSAEForecaster(input_chunk_length=4, rank=2, n_components=3)
    >>> _, y = load_longley()
    >>> forecaster.fit(y, fh=[1, 2, 3])  # doctest: +SKIP
    LightSAEForecaster(input_chunk_length=4, n_components=3, rank=2)
    >>> y_pred = forecaster.predict()  # doctest: +SKIP
    """

    model_class = LightSAEModel

    def __init__(
        self,
        input_chunk_length: int | None = None,
        output_chunk_length: int | None = None,
        *,
        variant: str = "light",
        rank: int | None = None,
        n_components: int | None = None,
        gate_init: str | None = None,
        load_balancing: float = 0.0,
        embedding_dim: int | None = None,
        backbone: str = "rmlp",
        backbone_kwargs: dict[str, Any] | None = None,
        instance_norm: str | None = None,
        likelihood: str | TorchLikelihood | None = None,
        quantiles: Sequence[float] | None = None,
        past_covariates: Sequence[Any] | None = None,
        scaler: Literal["standard"] | None = "standard",
        n_factors: int | None = None,
        n_epochs: int | None = None,
        batch_size: int = 32,
        optimizer_cls: type | None = None,
        optimizer_kwargs: dict[str, Any] | None = None,
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

    @property
    def channel_gates_(self) -> pd.DataFrame:
        """The learned gates."""
        gates = self.model_.network.channel_gates()
        if gates is None:
            raise AttributeError(
                f"There are no gates with variant={self.variant!r}; only 'light' has a pool."
            )
        return pd.DataFrame(gates.cpu(), index=pd.Index(self.channels_, name="channel"))

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
