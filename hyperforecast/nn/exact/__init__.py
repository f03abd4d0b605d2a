"""Closed-form training of linear backbones and of their linear hypernetworks.

With squared loss, a linear backbone with shared, generated or per-channel weights is a ridge
regression in the second moments of its windows, and its validation error a quadratic form in
those of the validation windows. So training, and choosing what to train, need no gradients.
"""

from hyperforecast.nn.exact.history import MomentHistory
from hyperforecast.nn.exact.install import solved_arguments, solved_network
from hyperforecast.nn.exact.moments import (
    LINEAR_NORMS,
    Moments,
    Panel,
    WindowLayout,
    window_moments,
)
from hyperforecast.nn.exact.problem import (
    ExactOptions,
    ExactSolution,
    Problem,
    RaceEntry,
    Setting,
)
from hyperforecast.nn.exact.products import lagged_products, mixed_products
from hyperforecast.nn.exact.regression import ChannelRegression, GeneratedRegression, Weights
from hyperforecast.nn.exact.solver import solve_exact
from hyperforecast.nn.exact.windows import block_moments

__all__ = [
    "LINEAR_NORMS",
    "ChannelRegression",
    "ExactOptions",
    "ExactSolution",
    "GeneratedRegression",
    "MomentHistory",
    "Moments",
    "Panel",
    "Problem",
    "RaceEntry",
    "Setting",
    "Weights",
    "WindowLayout",
    "block_moments",
    "lagged_products",
    "mixed_products",
    "solve_exact",
    "solved_arguments",
    "solved_network",
    "window_moments",
]
