"""HN-MVTS as a Darts model."""

from collections.abc import Mapping
from typing import Any

from hyperforecast.darts.base import HyperforecastModel
from hyperforecast.darts.options import SolverOptions
from hyperforecast.nn.errors import Problems
from hyperforecast.nn.methods.hn_mvts import HNMVTSOptions, check_options
from hyperforecast.nn.options import option_group


@option_group
class HNMVTSModelOptions(HNMVTSOptions, SolverOptions):
    """Options of HN-MVTS in both hosts, beside those of every method."""


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

    method = "hn-mvts"
    options = HNMVTSModelOptions

    @classmethod
    def argument_problems(cls, arguments: Mapping[str, Any]) -> Problems:
        """Say what is wrong with arguments of the constructor."""
        problems = super().argument_problems(arguments)
        chosen = {k: v for k, v in arguments.items() if k in cls.method_options}
        problems.check(check_options, HNMVTSOptions(**chosen))
        return problems
