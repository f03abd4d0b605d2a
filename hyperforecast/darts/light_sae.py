"""LightSAE as a Darts model."""

from hyperforecast.darts.base import HyperforecastModel
from hyperforecast.darts.options import GeneratorOptions, HeadSolverOptions
from hyperforecast.nn.options import option_group
from hyperforecast.nn.parts.light_sae import LightSAEOptions


@option_group
class LightSAEModelOptions(LightSAEOptions, HeadSolverOptions, GeneratorOptions):
    """Options of LightSAE in both hosts, beside those of every model."""

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

    part = "light-sae"
    options = LightSAEModelOptions
