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
            use_static_covariates=use_static_covariates,
            **kwargs,
        )
