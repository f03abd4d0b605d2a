"""Weights for channels that were not trained on, all else held still."""

from hyperforecast.nn.newcomers.channel_spread import ChannelSpread
from hyperforecast.nn.newcomers.solver import ChannelSolver, NegativeLogLikelihood, squared_error

__all__ = ["ChannelSolver", "ChannelSpread", "NegativeLogLikelihood", "squared_error"]
