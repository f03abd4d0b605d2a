"""HN-MVTS as a Darts model."""

from collections.abc import Sequence
from typing import Any

from hyperforecast.darts.base import HyperforecastModel


class HNMVTSModel(HyperforecastModel):
    """Every channel has its own forecasting head, generated from a learned channel embedding.

    A hypernetwork maps a small learned vector of each channel to the weights of the backbone's
    last layer, so channels that behave alike share what they learn and others do not. The vectors
    start from the principal components of the training channels' correlation. After training the
    generated weights are fixed: predicting costs what the plain backbone with one head per
    channel costs.

    Parameters
    ----------
    input_chunk_length, output_chunk_length, output_chunk_shift
        See :class:`~hyperforecast.darts.HyperforecastModel`.
    channel_embedding_dim : int, optional
        Length E of a channel's vector, between 0 (one head for all) and the number of channels
        (one head each). Default: a third of the number of channels, at least 1 and at most 8.
    hyper_hidden : sequence of int, default=()
        Widths of the hypernetwork's hidden layers; a linear map if empty.
    solver : {"auto", "exact", "adam"}, default="auto"
        How the weights are found. ``"exact"`` solves for them in closed form, in seconds, and
        chooses what is not given (the instance norm, the embedding's length up to the one given,
        the number of factors, a ridge penalty) by the error on the validation series or on rows
        held out; it needs a linear backbone (DLinear, NLinear), the mean squared error or
        quantiles. ``"adam"`` trains by gradients. ``"auto"`` solves exactly where that is
        possible and no option of training by gradients (``n_epochs``, ``optimizer_kwargs``,
        callbacks ...) is given.
    solver_kwargs : dict, optional
        Options of the exact solver: see :class:`~hyperforecast.nn.exact.ExactOptions`.
    n_factors : int, optional
        Number K of common factors, the leading principal components of the channels, whose last
        steps are further inputs of every channel, so that channels learn from each other. Chosen
        by the exact solver if not given; none when training by gradients.
    backbone, backbone_kwargs, instance_norm, use_static_covariates, **kwargs
        See :class:`~hyperforecast.darts.HyperforecastModel`.

    References
    ----------
    Savchenko & Kachan, "HN-MVTS: HyperNetwork-based Multivariate Time Series Forecasting",
    AAAI 2026, arXiv 2511.08340.

    Examples
    --------
    >>> from darts.utils.timeseries_generation import sine_timeseries
    >>> from hyperforecast.darts import HNMVTSModel
    >>> series = sine_timeseries(length=100).stack(sine_timeseries(length=100, value_phase=1.0))
    >>> model = HNMVTSModel(input_chunk_length=24, output_chunk_length=6, n_epochs=1)
    >>> len(model.fit(series.astype("float32")).predict(6))
    6
    """

    method = "hn-mvts"
    method_options = ("channel_embedding_dim", "hyper_hidden")

    def __init__(
        self,
        input_chunk_length: int,
        output_chunk_length: int,
        output_chunk_shift: int = 0,
        *,
        channel_embedding_dim: int | None = None,
        hyper_hidden: Sequence[int] = (),
        backbone: str = "dlinear",
        backbone_kwargs: dict[str, Any] | None = None,
        instance_norm: str | None = None,
        solver: str = "auto",
        solver_kwargs: dict[str, Any] | None = None,
        n_factors: int | None = None,
        use_static_covariates: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            input_chunk_length,
            output_chunk_length,
            output_chunk_shift,
            backbone=backbone,
            backbone_kwargs=backbone_kwargs,
            instance_norm=instance_norm,
            solver=solver,
            solver_kwargs=solver_kwargs,
            n_factors=n_factors,
            use_static_covariates=use_static_covariates,
            **kwargs,
        )
