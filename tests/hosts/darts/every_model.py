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
ON_ANY_BACKBONE = [HNMVTSModel, BackboneModel, LightSAEModel, MoLAModel, HyperModel]
MODELS = [*ON_ANY_BACKBONE, HyperTransformerModel, HyperTCNModel, HyperLSTMModel]
each_model = pytest.mark.parametrize("model_class", MODELS)
each_model_on_any_backbone = pytest.mark.parametrize("model_class", ON_ANY_BACKBONE)
