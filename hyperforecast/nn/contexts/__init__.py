"""Contexts: what a generated weight depends on."""

from hyperforecast.nn.contexts.base import Context
from hyperforecast.nn.contexts.channel_embedding import ChannelEmbedding, default_embedding_dim
from hyperforecast.nn.contexts.channel_gate import ChannelGate
from hyperforecast.nn.contexts.channel_index import ChannelIndex
from hyperforecast.nn.contexts.segment_mixture import SegmentMixture

__all__ = [
    "ChannelEmbedding",
    "ChannelGate",
    "ChannelIndex",
    "Context",
    "SegmentMixture",
    "default_embedding_dim",
]
