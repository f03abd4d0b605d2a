"""Contexts: what a generated weight depends on."""

from hyperforecast.nn.contexts.architecture import ArchitectureCode
from hyperforecast.nn.contexts.base import Context
from hyperforecast.nn.contexts.channel_embedding import ChannelEmbedding, default_embedding_dim
from hyperforecast.nn.contexts.channel_gate import ChannelGate
from hyperforecast.nn.contexts.channel_index import ChannelIndex
from hyperforecast.nn.contexts.hyper_state import HyperState
from hyperforecast.nn.contexts.layer_embedding import LayerEmbedding
from hyperforecast.nn.contexts.segment_mixture import SegmentMixture
from hyperforecast.nn.contexts.task_vector import TaskVector
from hyperforecast.nn.contexts.window_summary import WindowSummary

__all__ = [
    "ArchitectureCode",
    "ChannelEmbedding",
    "ChannelGate",
    "ChannelIndex",
    "Context",
    "HyperState",
    "LayerEmbedding",
    "SegmentMixture",
    "TaskVector",
    "WindowSummary",
    "default_embedding_dim",
]
