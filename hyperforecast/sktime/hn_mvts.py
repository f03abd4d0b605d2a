"""HN-MVTS as an sktime forecaster."""

from collections.abc import Sequence
from typing import Any, Literal

import pandas as pd
from darts.utils.likelihood_models.torch import TorchLikelihood

from hyperforecast.darts.hn_mvts import HNMVTSModel
from hyperforecast.sktime.base import HyperforecastForecaster


class HNMVTSForecaster(HyperforecastForecaster):
    """Every channel has its own forecasting head, generated from a learned channel embedding.

    A hypernetwork maps a small learned vector of each channel to the weights of the backbone's
    last layer, so channels that behave alike share what they learn and others do not.

    Parameters
    ----------
    input_chunk_length, output_chunk_length
        See :class:`~hyperforecast.sktime.HyperforecastForecaster`.
    channel_embedding_dim : int, optional
        Length E of a channel's vector, between 0 (one head for all) and the number of channels
        (one head each). Default: a third of the number of channels, at least 1 and at most 8.
    hyper_hidden : sequence of int, default=()
        Widths of the hypernetwork's hidden layers; a linear map if empty.
    backbone, backbone_kwargs, instance_norm, likelihood, quantiles, past_covariates, scaler, \
solver, solver_kwargs, n_factors, n_epochs, batch_size, optimizer_cls, optimizer_kwargs, \
lr_scheduler_cls, lr_scheduler_kwargs, loss_fn, validation_size, patience, random_state, \
pl_trainer_kwargs, verbose
        See :class:`~hyperforecast.sktime.HyperforecastForecaster`.

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
    >>> forecaster.fit(y, fh=[1, 2, 3])  # doctest: +SKIP
    HNMVTSForecaster(input_chunk_length=4)
    >>> y_pred = forecaster.predict()  # doctest: +SKIP
    """

    model_class = HNMVTSModel

    def __init__(
        self,
        input_chunk_length: int | None = None,
        output_chunk_length: int | None = None,
        *,
        channel_embedding_dim: int | None = None,
        hyper_hidden: Sequence[int] = (),
        backbone: str = "dlinear",
        backbone_kwargs: dict[str, Any] | None = None,
        instance_norm: str | None = None,
        likelihood: str | TorchLikelihood | None = None,
        quantiles: Sequence[float] | None = None,
        past_covariates: Sequence[Any] | None = None,
        scaler: Literal["standard"] | None = "standard",
        solver: Literal["auto", "exact", "adam"] = "auto",
        solver_kwargs: dict[str, Any] | None = None,
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
    def channel_embedding_(self) -> pd.DataFrame:
        """The learned channel vectors."""
        vectors = self.model_.network.channel_embedding()
        return pd.DataFrame(vectors, index=pd.Index(self.channels_, name="channel"))

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:
        """Return parameters for sktime's conformance tests."""
        small = {"input_chunk_length": 4, "n_epochs": 1, "batch_size": 64}
        return [
            {**small, "channel_embedding_dim": 1, "hyper_hidden": (3,)},
            {**small, "quantiles": (0.05, 0.25, 0.5, 0.75, 0.95), "random_state": 3},
            {"input_chunk_length": 4, "solver": "exact", "quantiles": (0.05, 0.5, 0.95)},
            {
                **small,
                "output_chunk_length": 3,
                "backbone": "rlinear",
                "backbone_kwargs": {"d_model": 4},
                "likelihood": "laplace",
            },
        ]
