"""Heads of trained networks, solved in closed form on frozen features.

Whatever the backbone, a forecast is linear in the layers that give it. So these are a regression on
what they are given, with the equations of :mod:`hyperforecast.nn.exact`: features in the place of
lags.
"""

from hyperforecast.nn.solved_head.options import HeadOptions
from hyperforecast.nn.solved_head.race import ComparedHead
from hyperforecast.nn.solved_head.solver import SolvedHead, solve_head
from hyperforecast.nn.windows import WindowCutter, Windows

__all__ = ["ComparedHead", "HeadOptions", "SolvedHead", "WindowCutter", "Windows", "solve_head"]
