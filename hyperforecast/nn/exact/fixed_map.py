"""Forecasts that are a given map of the window, such as the last value or the last season."""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from hyperforecast.nn.exact.calibration import calibrate
from hyperforecast.nn.exact.candidate import Solved
from hyperforecast.nn.exact.combination import Combination
from hyperforecast.nn.exact.data_split import DataSplit
from hyperforecast.nn.exact.observed_series import ObservedSeries
from hyperforecast.nn.exact.options import ExactOptions
from hyperforecast.nn.exact.out_of_sample import held_out_residuals, n_sampled
from hyperforecast.nn.exact.problem import Problem
from hyperforecast.nn.exact.setting import Setting
from hyperforecast.nn.exact.solution import ExactSolution
from hyperforecast.nn.exact.weights import BasisWeights


def fixed_solution(
    problem: Problem, series: Sequence[ObservedSeries], linear_map: Tensor
) -> ExactSolution:
    """Return a map of the window as a solution: nothing is solved but quantiles, if asked for.

    All windows tell the errors of a map that none was trained on.

    Parameters
    ----------
    problem : Problem
        Whose search space is of no account.
    series : sequence of ObservedSeries
    linear_map : Tensor, shape (H, L)
        The same for every channel; the weights of each step add up to one, so that units and
        levels of channels are those of their windows.

    Returns
    -------
    ExactSolution
        Of weights that all channels share. Covariates have weights of zero.

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
    split = DataSplit(problem, series, ExactOptions(), None, "all")
    first, setting = split.series[0], Setting("none", 0, False, 0)
    regressors = split.layout(setting.view).regressors(first)
    weight = first.target.new_zeros(1, problem.horizon, regressors.total)
    weight[0, :, regressors.own] = linear_map.to(weight)
    n_future = 0 if first.future is None else first.future.shape[1]
    weights = BasisWeights(weight, weight.new_zeros(1, n_future))
    solved = Solved(setting, weights, split.mixing(setting))
    solution = split.as_solution(Combination.alone(setting), solved)
    if not problem.quantiles:
        return solution
    residuals = held_out_residuals(split, solution, n_sampled(split))
    return replace(solution, residual_quantiles=calibrate(residuals, problem))
