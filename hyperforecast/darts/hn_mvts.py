"""HN-MVTS as a Darts model."""

from hyperforecast.darts.base import HyperforecastModel
from hyperforecast.darts.options import GeneratorOptions, SolverOptions
from hyperforecast.nn.options import option_group
from hyperforecast.nn.parts.hn_mvts import HNMVTSOptions


@option_group
class HNMVTSModelOptions(HNMVTSOptions, SolverOptions, GeneratorOptions):
    """Options of HN-MVTS in both hosts, beside those of every model."""


class HNMVTSModel(HyperforecastModel):
    """Every channel has its own forecasting head, generated from a learned channel embedding.

    A hypernetwork maps a small learned vector of each channel to the weights of the backbone's
    last layer, so channels that behave alike share what they learn and others do not. The vectors
    start from the principal components of the training channels' correlation. After training the
    generated weights are fixed: predicting costs what the plain backbone with one head per
    channel costs.

    Parameters
    ----------
    {parameters}

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

    part = "hn-mvts"
    options = HNMVTSModelOptions
