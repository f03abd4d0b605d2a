"""The methods as Darts models."""

from darts.utils.serialization import add_safe_globals

from hyperforecast.darts.backbone import BackboneModel
from hyperforecast.darts.base import HyperforecastModel
from hyperforecast.darts.hn_mvts import HNMVTSModel
from hyperforecast.darts.light_sae import LightSAEModel
from hyperforecast.darts.module import ForecastingModule
from hyperforecast.darts.mola import MoLAModel, MoLAModule

__all__ = [
    "BackboneModel",
    "ForecastingModule",
    "HNMVTSModel",
    "HyperforecastModel",
    "LightSAEModel",
    "MoLAModel",
    "MoLAModule",
]

# Darts' safe loading knows no class outside its own package unless it is told of it
add_safe_globals(
    [BackboneModel, HNMVTSModel, LightSAEModel, MoLAModel, ForecastingModule, MoLAModule]
)
