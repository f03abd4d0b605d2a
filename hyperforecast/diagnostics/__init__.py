"""What a trained model made of its channels: tables, from a model of either host."""

from hyperforecast.diagnostics.clusters import channel_clusters
from hyperforecast.diagnostics.embedding import channel_embedding
from hyperforecast.diagnostics.gates import channel_gates, gate_collapse
from hyperforecast.diagnostics.maps import channel_map, channel_positions
from hyperforecast.diagnostics.singular_values import auxiliary_energy

__all__ = [
    "auxiliary_energy",
    "channel_clusters",
    "channel_embedding",
    "channel_gates",
    "channel_map",
    "channel_positions",
    "gate_collapse",
]
