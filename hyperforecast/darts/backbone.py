"""The plain backbone as a Darts model."""

from hyperforecast.darts.base import HyperforecastModel
from hyperforecast.darts.options import SolverOptions
from hyperforecast.nn.methods.plain import PlainOptions
from hyperforecast.nn.options import option_group


@option_group
class BackboneModelOptions(PlainOptions, SolverOptions):
    """Options of a plain backbone in both hosts, beside those of every method."""


class BackboneModel(HyperforecastModel):
    """A backbone without generated weights: the baseline of every comparison.

    Parameters
    ----------
    {parameters}

    Examples
    --------
    >>> from darts.utils.timeseries_generation import sine_timeseries
    >>> from hyperforecast.darts import BackboneModel
    >>> model = BackboneModel(24, 6, backbone="nlinear", n_epochs=1)
    >>> len(model.fit(sine_timeseries(length=100).astype("float32")).predict(6))
    6
    """

    method = "plain"
    options = BackboneModelOptions
