"""What is wrong with the arguments of training by gradients, told by making what they describe."""

import inspect
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytorch_lightning as pl
import torch
from darts.models.components.layer_norm_variants import RINorm
from darts.models.forecasting.pl_forecasting_module import PLForecastingModule
from pytorch_lightning.callbacks import Callback
from torch import nn

from hyperforecast.nn.errors import unknown_name

MAX_LEARNING_RATE = 1e6
"""Adam moves a weight by about the learning rate in a step."""

LIGHTNING_OPTIONS = {"monitor", "interval", "frequency", "strict", "name"}
"""Entries of ``lr_scheduler_kwargs`` that say when a scheduler is called."""


def training_problems(arguments: Mapping[str, Any]) -> list[str]:
    """Say what is wrong with loss, optimizer, scheduler and trainer of a Darts model.

    Parameters
    ----------
    arguments : mapping
        Those that are given, of their declared types.
    """
    return [
        *_problems_of_none(arguments),
        *_loss_problems(arguments),
        *_optimizer_problems(arguments),
        *_trainer_problems(arguments.get("pl_trainer_kwargs") or {}),
    ]


def _problems_of_none(arguments: Mapping[str, Any]) -> Iterator[str]:
    """Say which arguments are ``None`` that Darts would take as it is."""
    for name, expected in (
        ("n_epochs", "a whole number >= 0"),  # Lightning would train for a thousand
        ("optimizer_cls", "a class"),
        ("loss_fn", "a function"),
    ):
        has_no_effect = name == "loss_fn" and arguments.get("likelihood") is not None
        if name in arguments and arguments[name] is None and not has_no_effect:
            yield f"{name} must be {expected}; got None. Leave it out for Darts' default."


def _loss_problems(arguments: Mapping[str, Any]) -> Iterator[str]:
    loss = arguments.get("loss_fn")
    if isinstance(loss, type):
        yield f"loss_fn must be a loss, not a class; got {loss!r}. Give loss_fn={loss.__name__}()."
    metrics = arguments.get("torch_metrics")
    try:
        PLForecastingModule.configure_torch_metrics(metrics)
    except (TypeError, ValueError, AttributeError):
        yield (
            "torch_metrics must be a metric of torchmetrics, several in a list or dict, or a "
            f"MetricCollection; got {metrics!r}."
        )
    norm = arguments.get("use_reversible_instance_norm")
    for name in norm if isinstance(norm, dict) else ():
        known = list(inspect.signature(RINorm).parameters)[1:]
        if name not in known:
            yield unknown_name("option of use_reversible_instance_norm", name, known)


def _optimizer_problems(arguments: Mapping[str, Any]) -> Iterator[str]:
    optimizer_cls = arguments.get("optimizer_cls") or torch.optim.Adam
    optimizer = None
    for name in ("base_optimizer_kwargs", "optimizer_kwargs"):
        given = arguments.get(name) or {}
        problems = list(_number_problems(name, given))
        rate = given.get("lr")
        if not problems and isinstance(rate, (int, float)) and not 0 <= rate <= MAX_LEARNING_RATE:
            problems.append(
                f"lr in {name} must be a number >= 0 and <= {MAX_LEARNING_RATE:.0e}; got {rate}."
            )
        if problems:
            yield from problems
            continue
        weights = [nn.Parameter(torch.zeros(1, 1))]
        optimizer, problem = _made(optimizer_cls, name, {"params": weights, **given}, given)
        if problem is not None:
            yield problem
    scheduler_cls = arguments.get("lr_scheduler_cls")
    given = arguments.get("lr_scheduler_kwargs") or {}
    yield from _number_problems("lr_scheduler_kwargs", given)
    if scheduler_cls is None and given:
        yield (
            "lr_scheduler_kwargs have no effect without lr_scheduler_cls. Leave them out, or give "
            "a scheduler."
        )
    elif scheduler_cls is not None and optimizer is not None:
        own = {name: value for name, value in given.items() if name not in LIGHTNING_OPTIONS}
        _, problem = _made(
            scheduler_cls, "lr_scheduler_kwargs", {"optimizer": optimizer, **own}, own
        )
        if problem is not None:
            yield problem


def _made(
    make: Callable[..., Any], name: str, arguments: Mapping[str, Any], given: Mapping[str, Any]
) -> tuple[Any, str | None]:
    """Return what a class makes of its arguments, or what is wrong with these."""
    try:
        return make(**arguments), None
    except (TypeError, ValueError) as error:
        return None, (
            f"{name}={dict(given)!r} are no arguments of {getattr(make, '__name__', make)}: "
            f"{error}. Give those that it has."
        )
    except Exception:  # something that only training can tell
        return None, None


def _number_problems(name: str, given: Mapping[str, Any]) -> Iterator[str]:
    for key, value in given.items():
        if isinstance(value, float) and not math.isfinite(value):
            yield f"{key} in {name} must be a finite number; got {value}."


def _trainer_problems(given: Mapping[str, Any]) -> Iterator[str]:
    known = list(inspect.signature(pl.Trainer).parameters)
    for name in given:
        if name not in known:
            yield unknown_name("argument of the trainer in pl_trainer_kwargs", name, known)
    callbacks = given.get("callbacks")
    if callbacks is not None and not (
        isinstance(callbacks, list) and all(isinstance(one, Callback) for one in callbacks)
    ):
        yield (
            "callbacks in pl_trainer_kwargs must be a list of Lightning's callbacks; got "
            f"{callbacks!r}. Give a list, also of one."
        )
