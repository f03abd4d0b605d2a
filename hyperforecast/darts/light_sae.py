"""LightSAE as a Darts model."""

from collections.abc import Mapping
from typing import Any

from hyperforecast.darts.base import HyperforecastModel
from hyperforecast.nn.backbones import BACKBONES
from hyperforecast.nn.errors import Problems
from hyperforecast.nn.methods.light_sae import LightSAE, LightSAEOptions, check_options
from hyperforecast.nn.options import option_group


@option_group
class LightSAEModelOptions(LightSAEOptions):
    """Options of LightSAE in both hosts, beside those of every method."""

    backbone: str = "rmlp"


class LightSAEModel(HyperforecastModel):
    """Every channel has its own embedding, of which a part is shared by all.

    The map from the window, or from a patch of it, into the backbone's hidden space is a weight
    that all channels share and a small auxiliary one: a mixture of a pool of low-rank matrices by
    gates of the channel's own. Training starts at the shared embedding. After training the sums
    are fixed: predicting costs what the plain backbone with one embedding per channel costs.

    :mod:`hyperforecast.diagnostics` shows what a trained model made of its channels.

    Parameters
    ----------
    {parameters}

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
    options = LightSAEModelOptions

    @classmethod
    def argument_problems(cls, arguments: Mapping[str, Any]) -> Problems:
        """Say what is wrong with arguments of the constructor."""
        problems = super().argument_problems(arguments)
        chosen = {k: v for k, v in arguments.items() if k in cls.method_options}
        problems.check(check_options, LightSAEOptions(**chosen))
        backbone = arguments.get("backbone", LightSAEModelOptions.backbone)
        if backbone in BACKBONES:
            problems.check(
                LightSAE.check_backbone,
                backbone,
                embeds=BACKBONES[backbone].embeds,
                embedding_dim=arguments.get("embedding_dim"),
            )
        return problems
