"""The sktime forecasters."""

from hyperforecast.sktime.architecture_choice import choose_architecture
from hyperforecast.sktime.auto import AutoHyperForecaster
from hyperforecast.sktime.backbone import BackboneForecaster
from hyperforecast.sktime.base import BaseHyperforecastForecaster
from hyperforecast.sktime.hn_mvts import HNMVTSForecaster
from hyperforecast.sktime.hyper import HyperForecaster
from hyperforecast.sktime.hyper_lstm import HyperLSTMForecaster
from hyperforecast.sktime.hyper_tcn import HyperTCNForecaster
from hyperforecast.sktime.hyper_transformer import HyperTransformerForecaster
from hyperforecast.sktime.light_sae import LightSAEForecaster
from hyperforecast.sktime.mola import MoLAForecaster

__all__ = [
    "AutoHyperForecaster",
    "BackboneForecaster",
    "BaseHyperforecastForecaster",
    "HNMVTSForecaster",
    "HyperForecaster",
    "HyperLSTMForecaster",
    "HyperTCNForecaster",
    "HyperTransformerForecaster",
    "LightSAEForecaster",
    "MoLAForecaster",
    "choose_architecture",
]
