"""The solver's memory against its bound, and the time of RevIN against that of ``last``."""

import json
import statistics
import sys
from collections.abc import Sequence
from typing import NamedTuple

import pandas as pd
import torch

from benchmarks.markdown import markdown
from benchmarks.processes import in_own_process, peak_memory
from benchmarks.processes import memory as memory_now
from benchmarks.timing import in_turns
from hyperforecast.nn.exact import ExactOptions, ObservedSeries, Problem, SearchSpace, solve_exact

MODULE = "benchmarks.solver.memory"


class Case(NamedTuple):
    """A made problem: its size and what is asked for.

    Known-ahead covariates enter with their lags and with the steps of the horizon, as they do in
    both hosts.
    """

    rows: int
    channels: int
    lookback: int
    horizon: int
    covariates: int = 0
    embedding_dim: int = 0
    factors: int = 0
    norm: str = "revin"

    @property
    def problem(self) -> Problem:
        """What is solved."""
        each = self.embedding_dim == self.channels
        dims = (0, self.embedding_dim) if self.embedding_dim and not each else (self.embedding_dim,)
        search = SearchSpace(
            (self.norm,),
            dims,
            (0, self.factors) if self.factors else (0,),
            embedding_dim_requested=True,
            n_factors_requested=True,
        )
        return Problem(self.lookback, self.horizon, search=search)

    def series(self) -> ObservedSeries:
        """Make seasonal channels under a common factor."""
        random = torch.Generator().manual_seed(0)

        def normal(*shape: int) -> torch.Tensor:
            return torch.randn(*shape, generator=random, dtype=torch.float64)

        steps = torch.arange(self.rows, dtype=torch.float64)[:, None]
        target = torch.sin(steps / (3 + torch.arange(self.channels) % 5))
        target = target + 0.1 * normal(self.rows, 1).cumsum(dim=0)
        target = target + 0.5 * normal(self.rows, self.channels)
        known = normal(self.rows, self.covariates) if self.covariates else None
        return ObservedSeries(target, past=known, future=known)

    def __str__(self) -> str:
        heads = "one each" if self.embedding_dim == self.channels else f"d = {self.embedding_dim}"
        return (
            f"{self.channels:,} channels, {self.lookback} → {self.horizon}, {heads}, "
            f"{self.covariates} covariates, K = {self.factors}"
        )


BOUNDED = (
    (Case(1000, 2000, 96, 24, embedding_dim=2000, norm="none"), 0.25),
    (Case(2000, 400, 336, 96, embedding_dim=400, norm="none"), 0.5),
    (Case(4000, 100, 96, 24, covariates=1, embedding_dim=4, factors=5), 0.25),
    (Case(4000, 100, 336, 96, covariates=1, embedding_dim=2, factors=5), 0.25),
    (Case(4000, 300, 336, 96, embedding_dim=8, factors=5), 0.5),
)
"""Problems and the ``max_memory_gb`` that they are solved in."""

TIMED = (
    Case(8000, 7, 96, 24, covariates=1),
    Case(8000, 7, 336, 96, covariates=1),
    Case(8000, 7, 336, 96, covariates=1, embedding_dim=4),
    Case(4000, 300, 336, 96, factors=5),
    Case(4000, 300, 336, 96, covariates=1),
    Case(4000, 50, 96, 24, covariates=1, embedding_dim=8, factors=5),
    Case(4000, 300, 336, 96, embedding_dim=8, factors=5),
)
"""Problems whose times under RevIN and under ``last`` are compared."""


def memory(repetitions: int) -> None:
    """Measure peak memory against the bound, and times of RevIN against those of ``last``."""
    rows = []
    for case, bound in BOUNDED:
        used = growth(case, bound)
        rows.append(
            {
                "": str(case),
                "norm": case.norm,
                "max_memory_gb": bound,
                "used": used,
                "times the bound": used / bound,
            }
        )
    print(markdown(pd.DataFrame(rows), digits=2))
    rows = []
    for case in TIMED:
        last, revin = compared(case, repetitions)
        rows.append({"": str(case), "last": last, "RevIN": revin, "times": revin / last})
    print("\nprocessor seconds\n\n" + markdown(pd.DataFrame(rows), digits=2))


def growth(case: Case, bound: float) -> float:
    """Return by how many gigabytes the memory of a process of its own grows at its peak."""
    return float(in_own_process(MODULE, json.dumps(case), bound)["gigabytes"])


def compared(case: Case, repetitions: int) -> tuple[float, float]:
    """Return the median processor seconds of a case under ``last`` and under RevIN."""
    series = case.series()
    tasks = {
        norm: lambda norm=norm: solve_exact(case._replace(norm=norm).problem, [series])
        for norm in ("last", "revin")
    }
    times = in_turns(tasks, repetitions, warm_up=1)
    last, revin = (statistics.median(t.processor for t in times[norm]) for norm in tasks)
    return last, revin


def _one(arguments: Sequence[str]) -> None:
    """Solve one case in this process; print by how much its memory grew."""
    torch.set_num_threads(1)
    case, bound = Case(*json.loads(arguments[0])), float(arguments[1])
    small = Case(200, 5, 8, 4, covariates=1, embedding_dim=2, factors=1)
    solve_exact(small.problem, [small.series()])  # loads what is loaded once
    series = case.series()
    before = memory_now()
    solve_exact(case.problem, [series], options=ExactOptions(max_memory_gb=bound))
    print(json.dumps({"gigabytes": (peak_memory() - before) / 2**30}))


if __name__ == "__main__":
    _one(sys.argv[1:])
