"""Networks with generated weights: torch and the standard library only."""

from hyperforecast.nn.backbones import (
    BACKBONES,
    Backbone,
    CovariateBackbone,
    register_backbone,
)
from hyperforecast.nn.channel_linear import ChannelLinear, channel_linear
from hyperforecast.nn.contexts import (
    ArchitectureCode,
    ChannelEmbedding,
    ChannelGate,
    ChannelIndex,
    Context,
    HyperState,
    LayerEmbedding,
    SegmentMixture,
    TaskVector,
    WindowSummary,
)
from hyperforecast.nn.fold import fold
from hyperforecast.nn.generators import (
    DenseGenerator,
    FreeWeights,
    Generator,
    KernelGenerator,
    LoRAExperts,
    LowRankPool,
    OuterProduct,
    RowScale,
    ScaleShift,
)
from hyperforecast.nn.hyper_layers.hyper_conv import HyperConv
from hyperforecast.nn.hyper_layers.hyper_linear import HyperLinear
from hyperforecast.nn.hyper_layers.hyper_recurrent import HyperRecurrent
from hyperforecast.nn.hyper_layers.modulation import Activations, FixedModulation, Modulation
from hyperforecast.nn.hyper_layers.term import Term
from hyperforecast.nn.hyper_network import HyperNetwork
from hyperforecast.nn.layers.causal_conv import CausalConv
from hyperforecast.nn.layers.conditioning import Chain, Condition, Conditioned
from hyperforecast.nn.layers.instance_norm import INSTANCE_NORMS, InstanceNorm
from hyperforecast.nn.layers.recurrent import Recurrent
from hyperforecast.nn.layers.static_layer import StaticLayer
from hyperforecast.nn.network import ForecastingNetwork, count_parameters
from hyperforecast.nn.parts import PARTS, Part, register_part
from hyperforecast.nn.segments import Segments
from hyperforecast.nn.series.correlation import correlation_embedding
from hyperforecast.nn.shared_weights import averaged, split_weights
from hyperforecast.nn.sites import NetworkSites, Site
from hyperforecast.nn.stacked_linear import StackedLinear
from hyperforecast.nn.summary import TermSummary, summarise

__all__ = [
    "BACKBONES",
    "INSTANCE_NORMS",
    "PARTS",
    "Activations",
    "ArchitectureCode",
    "Backbone",
    "CausalConv",
    "Chain",
    "ChannelEmbedding",
    "ChannelGate",
    "ChannelIndex",
    "ChannelLinear",
    "Condition",
    "Conditioned",
    "Context",
    "CovariateBackbone",
    "DenseGenerator",
    "FixedModulation",
    "ForecastingNetwork",
    "FreeWeights",
    "Generator",
    "HyperConv",
    "HyperLinear",
    "HyperNetwork",
    "HyperRecurrent",
    "HyperState",
    "InstanceNorm",
    "KernelGenerator",
    "LayerEmbedding",
    "LoRAExperts",
    "LowRankPool",
    "Modulation",
    "NetworkSites",
    "OuterProduct",
    "Part",
    "Recurrent",
    "RowScale",
    "ScaleShift",
    "SegmentMixture",
    "Segments",
    "Site",
    "StackedLinear",
    "StaticLayer",
    "TaskVector",
    "Term",
    "TermSummary",
    "WindowSummary",
    "averaged",
    "channel_linear",
    "correlation_embedding",
    "count_parameters",
    "fold",
    "register_backbone",
    "register_part",
    "split_weights",
    "summarise",
]
