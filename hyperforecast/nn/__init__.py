"""Networks with generated weights: torch and the standard library only."""

from hyperforecast.nn.adapted_linear import AdaptedLinear, SegmentLinear
from hyperforecast.nn.backbones import (
    BACKBONES,
    Backbone,
    CovariateBackbone,
    register_backbone,
)
from hyperforecast.nn.contexts import (
    ChannelEmbedding,
    ChannelGate,
    SegmentMixture,
    correlation_embedding,
)
from hyperforecast.nn.fold import fold
from hyperforecast.nn.generators import DenseGenerator, LoRAExperts, LowRankPool
from hyperforecast.nn.instance_norm import INSTANCE_NORMS, InstanceNorm
from hyperforecast.nn.layers import ChannelLinear, GeneratedLinear, StaticLayer, channel_linear
from hyperforecast.nn.methods import METHODS, Method
from hyperforecast.nn.network import ForecastingNetwork, count_parameters
from hyperforecast.nn.segments import Segments
from hyperforecast.nn.shared_auxiliary import (
    FreeAuxiliary,
    PooledAuxiliary,
    SharedAuxiliaryLinear,
)

__all__ = [
    "BACKBONES",
    "INSTANCE_NORMS",
    "METHODS",
    "AdaptedLinear",
    "Backbone",
    "ChannelEmbedding",
    "ChannelGate",
    "ChannelLinear",
    "CovariateBackbone",
    "DenseGenerator",
    "ForecastingNetwork",
    "FreeAuxiliary",
    "GeneratedLinear",
    "InstanceNorm",
    "LoRAExperts",
    "LowRankPool",
    "Method",
    "PooledAuxiliary",
    "SegmentLinear",
    "SegmentMixture",
    "Segments",
    "SharedAuxiliaryLinear",
    "StaticLayer",
    "channel_linear",
    "correlation_embedding",
    "count_parameters",
    "fold",
    "register_backbone",
]
