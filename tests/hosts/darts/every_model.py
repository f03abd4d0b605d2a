"""What is tested over every Darts model: their list, and the lengths of windows."""

import pytest

from hyperforecast.darts import (
    BackboneModel,
    HNMVTSModel,
    HyperLSTMModel,
    HyperModel,
    HyperTCNModel,
    HyperTransformerModel,
    LightSAEModel,
    MoLAModel,
)

L, H = 12, 4
MODELS = [
    HNMVTSModel,
    BackboneModel,
    LightSAEModel,
    MoLAModel,
    HyperModel,
    HyperTransformerModel,
    HyperTCNModel,
    HyperLSTMModel,
]
each_model = pytest.mark.parametrize("model_class", MODELS)
