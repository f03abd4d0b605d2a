"""LightSAE as a Darts model."""

from typing import Any

from hyperforecast.darts.base import HyperforecastModel
from hyperforecast.nn.backbones import BACKBONES
from hyperforecast.nn.methods.light_sae import LightSAE, check_options


class LightSAEModel(HyperforecastModel):
    """Every channel has its own embedding, of which a part is shared by all.

    The map from the window, or from a patch of it, into the backbone's hidden space is a weight
    that all channels share and a small auxiliary one: a mixture of a pool of low-rank matrices by
    gates of the channel's own. Training starts at the shared embedding. After training the sums
    are fixed: predicting costs what the plain backbone with one embedding per channel costs.

    :mod:`hyperforecast.diagnostics` shows what a trained model made of its channels.

    Parameters
    ----------
    input_chunk_length, output_chunk_length, output_chunk_shift
        See :class:`~hyperforecast.darts.HyperforecastModel`.
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
        See :class:`~hyperforecast.darts.HyperforecastModel`.
    n_factors : int, optional
        Number of common factors, the leading principal components of the channels, whose last
        steps are further inputs of every channel, so that channels learn from each other; none
        if not given.
    backbone_kwargs, instance_norm, use_static_covariates, **kwargs
        See :class:`~hyperforecast.darts.HyperforecastModel`.

    References
    ----------
    Ren & Yu, "LightSAE: Parameter-Efficient and Heterogeneity-Aware Embedding for IoT
    Multivariate Time Series Forecasting", 2025, arXiv 2510.10465.

    Examples
    --------
    >>> from darts.utils.timeseries_generation import sine_timeseries
    >>> from hyperforecast.darts import LightSAEModel
    >>> series = sine_timeseries(length=100).stack(sine_timeseries(length=100, value_phase=1.0))
    >>> model = LightSAEModel(input_chunk_length=24, output_chunk_length=6, rank=4, n_epochs=1)
    >>> len(model.fit(series.astype("float32")).predict(6))
    6
    """

    method = "light-sae"
    method_options = (
        "variant",
        "rank",
        "n_components",
        "gate_init",
        "load_balancing",
        "embedding_dim",
    )

    def __init__(
        self,
        input_chunk_length: int,
        output_chunk_length: int,
        output_chunk_shift: int = 0,
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
            n_factors=n_factors,
            use_static_covariates=use_static_covariates,
            **kwargs,
        )
        options = {name: self.model_params[name] for name in self.method_options}
        check_options(**options)
        LightSAE.check_backbone(
            backbone, embeds=BACKBONES[backbone].embeds, embedding_dim=options["embedding_dim"]
        )
