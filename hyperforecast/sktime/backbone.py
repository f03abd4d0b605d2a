"""The plain backbone as an sktime forecaster."""

from collections.abc import Sequence
from typing import Any, Literal

from darts.utils.likelihood_models.torch import TorchLikelihood

from hyperforecast.darts.backbone import BackboneModel
from hyperforecast.sktime.base import HyperforecastForecaster


class BackboneForecaster(HyperforecastForecaster):
    """A backbone without generated weights: the baseline of every comparison.

    Parameters
    ----------
    input_chunk_length, output_chunk_length
        See :class:`~hyperforecast.sktime.HyperforecastForecaster`.
    individual : bool, default=False
        One head for each channel instead of one for all.
    backbone, backbone_kwargs, instance_norm, likelihood, quantiles, past_covariates, scaler, \
solver, solver_kwargs, n_factors, n_epochs, batch_size, optimizer_cls, optimizer_kwargs, \
lr_scheduler_cls, lr_scheduler_kwargs, loss_fn, validation_size, patience, random_state, \
pl_trainer_kwargs, verbose
        See :class:`~hyperforecast.sktime.HyperforecastForecaster`.

    Examples
    --------
    >>> from sktime.datasets import load_airline
    >>> from hyperforecast.sktime import BackboneForecaster
    >>> forecaster = BackboneForecaster(backbone="nlinear")
    >>> forecaster.fit(load_airline(), fh=[1, 2, 3])  # doctest: +SKIP
    BackboneForecaster(backbone='nlinear')
    >>> y_pred = forecaster.predict()  # doctest: +SKIP
    """

    model_class = BackboneModel

    def __init__(
        self,
        input_chunk_length: int | None = None,
        output_chunk_length: int | None = None,
        *,
        individual: bool = False,
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

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:
        """Return parameters for sktime's conformance tests."""
        small = {"input_chunk_length": 4, "n_epochs": 1, "batch_size": 64}
        return [
            {**small, "individual": True},
            {"input_chunk_length": 4, "solver": "exact"},
            {**small, "backbone": "nlinear", "likelihood": "gaussian"},
            {
                **small,
                "output_chunk_length": 3,
                "backbone": "rmlp",
                "backbone_kwargs": {"d_model": 4},
                "scaler": None,
            },
        ]
