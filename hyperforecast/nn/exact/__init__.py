"""Closed-form training of linear backbones and of their linear hypernetworks.

With squared loss, a linear backbone with shared, generated or per-channel weights is a ridge
regression in the second moments of its windows, and its validation error a quadratic form in
those of the validation windows. So training, and choosing what to train, need no gradients.
"""

from hyperforecast.nn.exact.embeddings.embedding_start import EMBEDDING_STARTS
from hyperforecast.nn.exact.fixed_map import fixed_solution
from hyperforecast.nn.exact.moments.moment_history import MomentHistory
from hyperforecast.nn.exact.moments.moments import Moments
from hyperforecast.nn.exact.moments.recurrence import window_moments
from hyperforecast.nn.exact.moments.window_blocks import block_moments
from hyperforecast.nn.exact.moments.window_products import lagged_products, summed_lagged_products
from hyperforecast.nn.exact.regressions.channel_regression import ChannelRegression
from hyperforecast.nn.exact.regressions.generated_regression import GeneratedRegression
from hyperforecast.nn.exact.regressions.weights import BasisWeights
from hyperforecast.nn.exact.running_fit import RunningFit
from hyperforecast.nn.exact.settings.combination import Combination
from hyperforecast.nn.exact.settings.frame import Frame
from hyperforecast.nn.exact.settings.options import ExactOptions
from hyperforecast.nn.exact.settings.problem import Problem
from hyperforecast.nn.exact.settings.search_policy import choose_search_space
from hyperforecast.nn.exact.settings.search_space import SearchSpace
from hyperforecast.nn.exact.settings.setting import ComparedSetting, Setting
from hyperforecast.nn.exact.settings.setting_history import SettingHistory
from hyperforecast.nn.exact.settings.solution import ExactSolution
from hyperforecast.nn.exact.sites.exchange import read_exchange, write_exchange
from hyperforecast.nn.exact.sites.federated import SiteSums, shared_frame, solve_from_sums
from hyperforecast.nn.exact.sites.site_rows import SiteRows
from hyperforecast.nn.exact.solver import solve_exact
from hyperforecast.nn.exact.windows.cycles import Cycles
from hyperforecast.nn.exact.windows.layout import LINEAR_NORMS, WindowLayout
from hyperforecast.nn.exact.windows.observed_series import ObservedSeries
from hyperforecast.nn.exact.windows.regressors import Regressors
from hyperforecast.nn.exact.windows.units import MeanDeviation, Units
from hyperforecast.nn.exact.write_solution import (
    solved_arguments,
    solved_network,
    write_cycles,
)

__all__ = [
    "EMBEDDING_STARTS",
    "LINEAR_NORMS",
    "BasisWeights",
    "ChannelRegression",
    "Combination",
    "ComparedSetting",
    "Cycles",
    "ExactOptions",
    "ExactSolution",
    "Frame",
    "GeneratedRegression",
    "MeanDeviation",
    "MomentHistory",
    "Moments",
    "ObservedSeries",
    "Problem",
    "Regressors",
    "RunningFit",
    "SearchSpace",
    "Setting",
    "SettingHistory",
    "SiteRows",
    "SiteSums",
    "Units",
    "WindowLayout",
    "block_moments",
    "choose_search_space",
    "fixed_solution",
    "lagged_products",
    "read_exchange",
    "shared_frame",
    "solve_exact",
    "solve_from_sums",
    "solved_arguments",
    "solved_network",
    "summed_lagged_products",
    "window_moments",
    "write_cycles",
    "write_exchange",
]
