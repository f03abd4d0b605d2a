"""The plain backbone as a Darts model."""

from typing import Any

from hyperforecast.darts.base import HyperforecastModel


class BackboneModel(HyperforecastModel):
    """A backbone without generated weights: the baseline of every comparison.

    Parameters
    ----------
    input_chunk_length, output_chunk_length, output_chunk_shift
        See :class:`~hyperforecast.darts.HyperforecastModel`.
    individual : bool, default=False
        One head for each channel instead of one for all.
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

    Examples
    --------
    >>> from darts.utils.timeseries_generation import sine_timeseries
    >>> from hyperforecast.darts import BackboneModel
    >>> model = BackboneModel(24, 6, backbone="nlinear", n_epochs=1)
    >>> len(model.fit(sine_timeseries(length=100).astype("float32")).predict(6))
    6
    """

    method = "plain"
    method_options = ("individual",)

    def __init__(
        self,
        input_chunk_length: int,
        output_chunk_length: int,
        output_chunk_shift: int = 0,
        *,
        individual: bool = False,
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
