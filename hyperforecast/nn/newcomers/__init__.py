"""Weights for channels that were not trained on, all else held still."""

from hyperforecast.nn.newcomers.adaptation import ADAPTATIONS, Adaptation, check_adaptation
from hyperforecast.nn.newcomers.channel_spread import ChannelSpread
from hyperforecast.nn.newcomers.cycles import NewcomerCycles, less_cycles, without_cycles
from hyperforecast.nn.newcomers.encoder_training import train_encoder
from hyperforecast.nn.newcomers.history_encoder import HistoryEncoder
from hyperforecast.nn.newcomers.solver import ChannelSolver, NegativeLogLikelihood, squared_error
from hyperforecast.nn.newcomers.typical_windows import own_correlations

__all__ = [
    "ADAPTATIONS",
    "Adaptation",
    "ChannelSolver",
    "ChannelSpread",
    "HistoryEncoder",
    "NegativeLogLikelihood",
    "NewcomerCycles",
    "check_adaptation",
    "less_cycles",
    "own_correlations",
    "squared_error",
    "train_encoder",
    "without_cycles",
]
