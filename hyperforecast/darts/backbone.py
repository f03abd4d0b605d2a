"""The plain backbone as a Darts model."""

from collections.abc import Mapping
from typing import Any

from hyperforecast.darts.base import HyperforecastModel
from hyperforecast.darts.options import SolverOptions
from hyperforecast.nn.options import option, option_group


@option_group
class BackboneModelOptions(SolverOptions):
    """Options of a plain backbone in both hosts, beside those of every model."""

    individual: bool = option(
        default=False,
        doc="""One head for each channel instead of one for all, as "individual" means in DLinear
        and PatchTST.""",
    )


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

    options = BackboneModelOptions

    @classmethod
    def parts(cls, arguments: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
        """Return nothing, or the part that gives every channel its own head."""
        return {"individual": {}} if arguments["individual"] else {}
