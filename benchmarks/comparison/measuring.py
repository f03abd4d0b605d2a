"""An estimator on a task: options are chosen on validation, errors are those on test."""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from benchmarks.comparison.tasks import Task, in_batches
from benchmarks.protocol import Part
from benchmarks.runs import Row
from benchmarks.timing import timed

ALL_SECONDS = 20.0
"""Processor seconds in which a network has to forecast every window of the test part for its errors
there to be taken, too."""


class TooLargeError(Exception):
    """An estimator cannot be fitted to a task in the memory that there is."""


class Fitted(NamedTuple):
    """What was fitted to a task.

    Attributes
    ----------
    forecast : callable
        From a part to forecasts (windows, H, C) of its windows, or of the few ones alone.
    parameters : int
    steps : int, optional
        Gradient steps.
    network : nn.Module, optional
        What forecasts windows (B, L, C) -> (B, H, C, 1), if a network does.
    lookback : int
        Rows that ``network`` sees.
    chosen : str
        What it chose by itself.
    known : bool
        Whether ``network`` is given what is known ahead.
    few : bool
        Whether it forecasts the few windows alone.
    """

    forecast: Callable[[Part], Tensor]
    parameters: int
    steps: int | None = None
    network: nn.Module | None = None
    lookback: int = 0
    chosen: str = ""
    known: bool = False
    few: bool = False


@dataclass(frozen=True)
class Estimator:
    """One of those compared.

    Attributes
    ----------
    source : str
        Which package has it.
    fit : callable
        From a task and options to :class:`Fitted`.
    grid : tuple of mapping
        Options between which validation chooses; what an estimator chooses by itself is not there.
    by_gradients : bool
        Whether gradients train it, within the budget.
    knows : bool
        Whether it is given what is known ahead, if anything is.
    """

    source: str
    fit: Callable[..., Fitted]
    grid: tuple[Mapping[str, Any], ...] = ({},)
    by_gradients: bool = False
    knows: bool = False


def network_fitted(
    task: Task, network: nn.Module, parameters: int, *, lookback: int | None = None, **told: Any
) -> Fitted:
    """Return what a network forecasts of a task."""
    rows = task.lookback if lookback is None else lookback
    network = network.eval()

    def forecast(part: Part) -> Tensor:
        past, _ = task.windows(part)
        return in_batches(network, past[:, -rows:], *task.known_windows(part))

    known = task.known is not None
    return Fitted(forecast, parameters, network=network, lookback=rows, known=known, **told)


def measure(estimator: Estimator, task: Task) -> Row:
    """Fit an estimator with each of its options; return errors of the one that validation takes."""
    if not estimator.knows:
        task = task._replace(known=None)
    best: tuple[float, Fitted, str] | None = None
    seconds = 0.0
    for options in estimator.grid:
        try:
            fitted, taken = timed(partial(estimator.fit, task, **options))
        except TooLargeError:
            continue
        seconds += taken.processor
        # with nothing to choose between, validation says nothing
        error = _validation_error(fitted, task) if len(estimator.grid) > 1 else math.nan
        if best is None or error < best[0]:
            told = json.dumps(options, sort_keys=True) if options else fitted.chosen
            best = error, fitted, told
    assert best is not None
    _, fitted, chosen = best
    forecasts, taken = timed(partial(fitted.forecast, "test"))
    return {
        **_errors(fitted, task, forecasts, taken.processor),
        "seconds": round(seconds, 2),
        "forecast_seconds": round(taken.processor, 3),
        "steps": "" if fitted.steps is None else fitted.steps,
        "parameters": fitted.parameters,
        "chosen": chosen,
    }


def _validation_error(fitted: Fitted, task: Task) -> float:
    _, future = task.windows("validation")
    error = (fitted.forecast("validation") - future).double().square().mean().item()
    return error if math.isfinite(error) else math.inf


def _errors(fitted: Fitted, task: Task, forecasts: Tensor, seconds: float) -> Row:
    _, future = task.windows("test")
    few = task.few(len(future))
    missed = (forecasts - (future[few] if fitted.few else future)).double()
    on_few = missed if fitted.few else missed[few]
    everywhere = (float("nan"), float("nan"))
    n_all = len(future) * task.stride("test")
    if fitted.network is not None and seconds * n_all / len(future) < ALL_SECONDS:
        everywhere = _errors_of_all(fitted, task)
    return {
        "test_mse": _rounded(math.nan if fitted.few else missed.square().mean().item()),
        "test_mae": _rounded(math.nan if fitted.few else missed.abs().mean().item()),
        "few_mse": _rounded(on_few.square().mean().item()),
        "few_mae": _rounded(on_few.abs().mean().item()),
        "all_mse": _rounded(everywhere[0]),
        "all_mae": _rounded(everywhere[1]),
        "windows": len(future),
        "few_windows": len(few),
    }


def _errors_of_all(fitted: Fitted, task: Task) -> tuple[float, float]:
    """Return MSE and MAE over every window of the test part."""
    assert fitted.network is not None
    past, future = task.windows("test", stride=1)
    known = task.known_windows("test", stride=1) if fitted.known else ()
    squares = absolutes = 0.0
    parts = (past[:, -fitted.lookback :], future, *known)
    for some, after, *ahead in zip(*(part.split(256) for part in parts), strict=True):
        missed = (in_batches(fitted.network, some, *ahead) - after).double()
        squares += missed.square().sum().item()
        absolutes += missed.abs().sum().item()
    return squares / future.numel(), absolutes / future.numel()


def _rounded(error: float) -> float | str:
    return round(error, 6) if torch.isfinite(torch.tensor(error)) else ""
