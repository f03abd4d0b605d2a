"""Weights for channels that were not trained on, all else held still."""

from hyperforecast.nn.newcomers.channel_spread import ChannelSpread
from hyperforecast.nn.newcomers.solver import ChannelSolver, NegativeLogLikelihood, squared_error
from hyperforecast.nn.newcomers.typical_windows import own_correlations

__all__ = [
    "ChannelSolver",
    "ChannelSpread",
    "NegativeLogLikelihood",
    "own_correlations",
    "squared_error",
]
