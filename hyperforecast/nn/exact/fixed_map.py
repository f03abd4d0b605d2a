"""Forecasts that are a given map of the window, such as the last value or the last season."""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from hyperforecast.nn.exact.intervals.calibration import calibrate
from hyperforecast.nn.exact.intervals.out_of_sample import held_out_residuals, n_sampled
from hyperforecast.nn.exact.regressions.weights import BasisWeights
from hyperforecast.nn.exact.settings.candidate import Solved
from hyperforecast.nn.exact.settings.combination import Combination
from hyperforecast.nn.exact.settings.options import ExactOptions
from hyperforecast.nn.exact.settings.problem import Problem
from hyperforecast.nn.exact.settings.search_space import SearchSpace
from hyperforecast.nn.exact.settings.setting import Setting
from hyperforecast.nn.exact.settings.solution import ExactSolution
from hyperforecast.nn.exact.splits.data_split import DataSplit
from hyperforecast.nn.exact.uncertainty.drift import damped_drift_of
from hyperforecast.nn.exact.windows.observed_series import ObservedSeries
from hyperforecast.nn.exact.windows.regressors import CONSTANT


def fixed_solution(
    problem: Problem,
    series: Sequence[ObservedSeries],
    linear_map: Tensor,
    *,
    drift: bool = False,
) -> ExactSolution:
    """Return a map of the window as a solution: nothing is solved but quantiles, if asked for.

    All windows tell the errors of a map that none was trained on. A drift has seen them all, which
    makes its errors look smaller by little, for it is one number of a channel.

    Parameters
    ----------
    problem : Problem
        Whose search space is of no account.
    series : sequence of ObservedSeries
    linear_map : Tensor, shape (H, L)
        The same for every channel; the weights of each step add up to one, so that units and
        levels of channels are those of their windows.
    drift : bool, default=False
        Whether forecasts move on by the :func:`damped_drift` of each channel.

    Returns
    -------
    ExactSolution
        Of weights that all channels share, or with a drift of constants generated from that of
        each. Covariates have weights of zero.

    Raises
    ------
    ValueError
        If the weights of a step do not add up to one.
    """
    totals = linear_map.sum(dim=1)
    if not torch.allclose(totals, torch.ones_like(totals)):
        raise ValueError(
            "The weights of every step must add up to one, else a forecast depends on where a "
            f"channel's zero is; they add up to {totals.min():g} to {totals.max():g}."
        )
    split = DataSplit(replace(problem, search=SearchSpace()), series, ExactOptions(), None, "all")
    first, setting = split.series[0], Setting("none", int(drift), False, 0)
    regressors = split.layout(setting.view).regressors(first)
    weight = first.target.new_zeros(1 + drift, problem.horizon, regressors.total)
    weight[0, :, regressors.own] = linear_map.to(weight)
    mixing = weight.new_ones(split.n_channels, 1)
    if drift:
        weight[1, :, CONSTANT] = problem.shift + 1.0 + torch.arange(problem.horizon)
        changes = torch.cat([one.target.diff(dim=0) for one in split.series])
        mixing = torch.cat([mixing, damped_drift_of(changes)[:, None]], dim=1)
    weights = BasisWeights(weight, weight.new_zeros(len(weight), first.n_future))
    solution = split.as_solution(Combination.alone(setting), Solved(setting, weights, mixing))
    if not problem.quantiles:
        return solution
    residuals = held_out_residuals(split, solution, n_sampled(split))
    return replace(solution, residual_quantiles=calibrate(residuals, problem))
