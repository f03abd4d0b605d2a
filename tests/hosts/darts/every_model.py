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
LONGEST = [HyperTransformerModel, HyperTCNModel, HyperLSTMModel]
MODELS = [*ON_ANY_BACKBONE, *LONGEST]
each_model = pytest.mark.parametrize("model_class", MODELS)
each_model_some_slowly = pytest.mark.parametrize(
    "model_class", [*ON_ANY_BACKBONE, *(pytest.param(m, marks=pytest.mark.slow) for m in LONGEST)]
)
each_model_on_any_backbone = pytest.mark.parametrize("model_class", ON_ANY_BACKBONE)
