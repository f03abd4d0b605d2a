"""The Darts models."""

from darts.utils.serialization import add_safe_globals

from hyperforecast.darts.adapters.adapted import AdaptedModel
from hyperforecast.darts.adapters.stages import StagedModule
from hyperforecast.darts.architecture_choice import ArchitectureChoice, choose_architecture
from hyperforecast.darts.automatic.model import AutoHyperModel
from hyperforecast.darts.backbone import BackboneModel
from hyperforecast.darts.base import HyperforecastModel
from hyperforecast.darts.centred_quantiles import CentredQuantiles
from hyperforecast.darts.hn_mvts import HNMVTSModel
from hyperforecast.darts.hyper import HyperModel
from hyperforecast.darts.hyper_lstm import HyperLSTMModel
from hyperforecast.darts.hyper_tcn import HyperTCNModel
from hyperforecast.darts.hyper_transformer import HyperTransformerModel
from hyperforecast.darts.light_sae import LightSAEModel
from hyperforecast.darts.module import ForecastingModule
from hyperforecast.darts.mola import MoLAModel
from hyperforecast.nn.tasks import TaskMemory

__all__ = [
    "AdaptedModel",
    "ArchitectureChoice",
    "AutoHyperModel",
    "BackboneModel",
    "CentredQuantiles",
    "ForecastingModule",
    "HNMVTSModel",
    "HyperLSTMModel",
    "HyperModel",
    "HyperTCNModel",
    "HyperTransformerModel",
    "HyperforecastModel",
    "LightSAEModel",
    "MoLAModel",
    "StagedModule",
    "choose_architecture",
]

# Darts' safe loading knows no class outside its own package unless it is told of it
add_safe_globals(
    [
        AutoHyperModel,
        BackboneModel,
        CentredQuantiles,
        HNMVTSModel,
        HyperModel,
        HyperLSTMModel,
        HyperTCNModel,
        HyperTransformerModel,
        LightSAEModel,
        MoLAModel,
        ForecastingModule,
        StagedModule,
        TaskMemory,
    ]
)
