"""One model of several sites that share sums, and no rows."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from operator import add
from typing import Self

from torch import Tensor

from hyperforecast.nn.exact.moments.moments import Moments
from hyperforecast.nn.exact.running_fit import distinct_settings
from hyperforecast.nn.exact.settings.combination import Combination
from hyperforecast.nn.exact.settings.frame import Frame
from hyperforecast.nn.exact.settings.options import ExactOptions
from hyperforecast.nn.exact.settings.problem import Problem
from hyperforecast.nn.exact.settings.search_space import SearchSpace
from hyperforecast.nn.exact.settings.setting import ComparedSetting, Setting
from hyperforecast.nn.exact.settings.solution import ExactSolution
from hyperforecast.nn.exact.sites.site_rows import SiteRows
from hyperforecast.nn.exact.splits.data_split import DataSplit
from hyperforecast.nn.exact.splits.hold_out import LAST_FIFTH, hold_out
from hyperforecast.nn.exact.windows.observed_series import ObservedSeries
from hyperforecast.nn.exact.windows.units import MeanDeviation

PARTS = ("training", "validation", "all")
"""Which windows are summed: those before the rows held out, those that forecast these, and all."""


def shared_frame(rows: Sequence[SiteRows], settings: Sequence[Setting]) -> Frame:
    """Return the units and vectors in which all sites sum their windows.

    Parameters
    ----------
    rows : sequence of SiteRows
        One of each site.
    settings : sequence of Setting
        That are compared; their ridges say nothing.
    """
    _check_settings(settings)
    total = reduce(add, rows)
    length = max((one.embedding_dim for one in settings if not one.individual), default=0)
    none = total.products.new_zeros(len(total.products), 0)
    return Frame(total.embedding(length), none, total.units())


@dataclass(frozen=True)
class SiteSums:
    """Sums over the windows of a site: all that a closed form needs of them.

    Attributes
    ----------
    moments : mapping of tuple to Moments
        By the part of the windows, one of ``PARTS``, and a number: of settings that see the same of
        a window, the one with the longest vectors says all.
    """

    moments: Mapping[tuple[str, int], Moments]

    @classmethod
    def of(
        cls,
        problem: Problem,
        series: Sequence[ObservedSeries],
        frame: Frame,
        settings: Sequence[Setting],
        options: ExactOptions | None = None,
    ) -> Self:
        """Sum over the windows of a site.

        Parameters
        ----------
        problem : Problem
        series : sequence of ObservedSeries
            Float64. The last windows of each are held out, too, to compare settings by.
        frame : Frame
            That all sites share.
        settings : sequence of Setting
        options : ExactOptions, optional
        """
        _check_settings(settings)
        options = options or ExactOptions()
        size = LAST_FIFTH if options.validation_size is None else options.validation_size
        ((training, validation),) = hold_out(problem, series, size)
        parts = dict(zip(PARTS, (training, validation, series), strict=True))
        moments = {}
        for part, given in parts.items():
            if any(len(one.target) >= problem.width for one in given):
                split = _split(problem, given, frame, settings, options)
                for number, setting in enumerate(distinct_settings(split, settings)):
                    moments[part, number] = split.sums(setting)
        return cls(moments)

    def __add__(self, other: "SiteSums") -> "SiteSums":
        total = dict(self.moments)
        for key, moments in other.moments.items():
            total[key] = total[key] + moments if key in total else moments
        return SiteSums(total)


def solve_from_sums(
    problem: Problem,
    frame: Frame,
    sums: Sequence[SiteSums],
    settings: Sequence[Setting],
    options: ExactOptions | None = None,
) -> ExactSolution:
    """Solve for the weights of all sites' windows, as if their rows lay in one place.

    Parameters
    ----------
    problem : Problem
    frame : Frame
    sums : sequence of SiteSums
        One of each site.
    settings : sequence of Setting
        Those compared by the error on validation, each with every ridge of the options; the best
        is solved again on all windows.
    options : ExactOptions, optional

    Returns
    -------
    ExactSolution
        To be written into a network by :func:`~hyperforecast.nn.exact.solved_network`.
    """
    _check_settings(settings)
    options = options or ExactOptions()
    total = reduce(add, sums).moments
    if ("all", 0) not in total:
        raise ValueError(
            f"No site has a window of {problem.width} rows. Choose a shorter lookback or horizon."
        )
    splits = {}
    for part in PARTS:
        splits[part] = _split(problem, [_zeros(problem, frame)], frame, settings, options)
        for number, setting in enumerate(distinct_settings(splits[part], settings)):
            if (part, number) in total:
                splits[part].use(setting, total[part, number])
    if ("validation", 0) not in total:
        raise ValueError(
            f"No site has a series of {problem.width + problem.horizon} rows, which it takes to "
            "hold a window out, by which settings are compared. Give longer series."
        )
    n_windows = total["validation", 0].n_windows
    compared = []
    for setting in settings:
        regression = splits["training"].regression(setting)
        for ridge in options.ridges:
            weights = regression.solve(ridge)
            # of one window of zeros, by whose number the sums are divided
            mse = splits["validation"].error(setting, weights) / n_windows
            one = replace(setting, ridge=ridge)
            compared.append(ComparedSetting(one, mse, False, weights.damping))
    best = min(range(len(compared)), key=lambda i: compared[i].validation_mse)
    if not math.isfinite(compared[best].validation_mse):
        raise ValueError("No setting has an error on validation that is more than rounding.")
    compared[best] = replace(compared[best], chosen=True, share=1.0)
    solution = splits["all"].solve_all(Combination.alone(compared[best].setting))
    return replace(solution, compared=compared)


def _check_settings(settings: Sequence[Setting]) -> None:
    if not settings:
        raise ValueError("No setting to compare; give at least one.")
    for one in settings:
        if one.n_factors or one.neighbour_lags or one.shared_ridge is not None:
            raise ValueError(
                f"Sums over windows are shared for settings without factors, neighbours and "
                f"pooling; got {one}."
            )


def _split(
    problem: Problem,
    series: Sequence[ObservedSeries],
    frame: Frame,
    settings: Sequence[Setting],
    options: ExactOptions,
) -> DataSplit:
    problem = replace(problem, search=SearchSpace.only(settings), quantiles=())
    return DataSplit(problem, series, options, None, "site", frame)


def _zeros(problem: Problem, frame: Frame) -> ObservedSeries:
    """Return a window of zeros, for the sizes of a regression."""
    units = frame.units

    def rows(of: MeanDeviation | None, n_rows: int) -> Tensor | None:
        return None if of is None else of.mean.new_zeros(n_rows, len(of.mean))

    target = rows(units.target, problem.width)
    assert target is not None
    return ObservedSeries(
        target,
        rows(units.past, problem.width),
        rows(units.future, problem.width),
        rows(units.static, target.shape[1]),
    )
