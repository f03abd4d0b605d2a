"""What the parameters of a forecaster are for, and what is wrong with them.

A parameter goes where its declaration says: see :mod:`hyperforecast.nn.options`.
"""

from collections.abc import Mapping
from typing import Any

from darts.utils.likelihood_models.torch import TorchLikelihood

from hyperforecast.darts.solving.solver_choice import HEAD_SOLVER
from hyperforecast.nn.errors import Problems
from hyperforecast.nn.options import Of, To, options_of
from hyperforecast.sktime import likelihoods
from hyperforecast.sktime.trained import Trained


def values(forecaster: Any, of: Of | None = None, to: To | None = None) -> dict[str, Any]:
    """Return the parameters that belong to something, with their values."""
    return {
        one.name: getattr(forecaster, one.name)
        for one in options_of(type(forecaster))
        if of in (None, one.of) and to in (None, one.to)
    }


SERIES_ID = "instance"
"""Static covariate of Darts' series that names the instance."""


def model_arguments(
    forecaster: Any,
    lengths: Mapping[str, int],
    likelihood: TorchLikelihood | None,
) -> dict[str, Any]:
    """Return the arguments of the Darts model: the one place where they are handed on."""
    trainer = {"logger": False, "enable_checkpointing": False, "enable_model_summary": False}
    arguments = {
        **values(forecaster, to="model"),
        **lengths,
        "likelihood": likelihood,
        "pl_trainer_kwargs": trainer | (forecaster.pl_trainer_kwargs or {}),
    }
    if arguments.get("weights_by", "channel") != "channel":
        arguments["series_id"] = SERIES_ID
    return {name: value for name, value in arguments.items() if value is not None}


def without_solved_head(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of a Darts model that trains by gradients where it would end by solving
    for the head."""
    if arguments.get("solver") != HEAD_SOLVER:
        return dict(arguments)
    rest = {name: value for name, value in arguments.items() if name != "solver_kwargs"}
    return {**rest, "solver": "adam"}


def problems_of(forecaster: Any, likelihood: TorchLikelihood | None) -> Problems:
    """Say what is wrong with parameters that go to none but the forecaster."""
    given = forecaster
    problems = Problems()
    if given.scaler is not None and not likelihoods.takes_any_value(likelihood):
        problems.append(
            f"The likelihood {given.likelihood!r} does not cover standardised values, which are "
            "negative as often as positive. Give scaler=None, or another likelihood."
        )
    static = getattr(given, "static_covariates", None)
    if static is not None and given.weights_by == "channel":
        problems.append(
            f"static_covariates={static!r} has no effect with weights_by='channel', where no "
            "weights are an instance's own. Choose 'series' or 'both', or leave it out."
        )
    if isinstance(static, str) or (static is not None and SERIES_ID in map(str, static)):
        problems.append(
            f"static_covariates must be a list of names, none of them {SERIES_ID!r}; got "
            f"{static!r}."
        )
    if given.short_instances not in ("pad", "raise"):
        problems.append(f"short_instances must be 'pad' or 'raise'; got {given.short_instances!r}.")
    if given.loss_fn is not None and likelihood is not None:
        problems.append(
            "loss_fn has no effect beside a likelihood or quantiles, which bring their own "
            "loss. Leave one of the two out."
        )
    if given.patience is not None and given.validation_size is None:
        problems.append(
            "patience has no effect without validation_size: there is no validation loss to "
            "wait for. Give validation_size, or leave patience out."
        )
    return problems


def changed(forecaster: Any, trained: Trained) -> list[str]:
    """Name the parameters by which the network would differ from a trained one."""
    now = values(forecaster, of="network")
    names = [name for name, value in now.items() if not _equal(value, trained.options[name])]
    lookback, horizon = forecaster._lengths_on(trained)
    lengths = {"input_chunk_length": lookback, "output_chunk_length": horizon}
    return names + [n for n, then in lengths.items() if getattr(forecaster, n) not in (None, then)]


def check_unchanged(forecaster: Any, start: Trained) -> None:
    """Raise if a forecaster cannot take over trained weights."""
    if names := changed(forecaster, start):
        raise ValueError(
            f"The weights cannot be taken over: they were trained with other values of "
            f"{', '.join(names)}. Set these back, or train anew with a forecaster that was "
            "not pretrained."
        )


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        return list(one) == list(other)
    return bool(one == other)
