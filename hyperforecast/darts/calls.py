"""What is wrong with the arguments of ``fit`` and ``predict``, asked before anything else."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, TypeVar

from darts import TimeSeries

from hyperforecast.darts.inputs.finite import named
from hyperforecast.darts.options import FitOptions, PredictOptions
from hyperforecast.nn.errors import raise_all
from hyperforecast.nn.options import options_of, wrong_values

Method = TypeVar("Method", bound=Callable[..., Any])

_DECLARED = options_of(FitOptions, PredictOptions)

SERIES = ("series", "past_covariates", "future_covariates", "sample_weight")
"""Arguments that are series; those of the validation are called ``val_...``."""


def accepting(method: Callable[..., Any], *added: str) -> Callable[[Method], Method]:
    """Give a method the signature of the one that it hands its arguments on to.

    Tools that look arguments up by name, such as MLflow's autologging, see them all.

    Parameters
    ----------
    method : callable
    *added : str
        Keywords that the method has beside.
    """

    def decorate(own: Method) -> Method:
        theirs, ours = inspect.signature(method), inspect.signature(own)
        parameters = [*theirs.parameters.values(), *(ours.parameters[name] for name in added)]
        parameters.sort(key=lambda one: one.kind)
        signature = theirs.replace(parameters=parameters)
        own.__signature__ = signature  # type: ignore[attr-defined]
        return own

    return decorate


def check_call(method: Callable[..., Any], *args: Any, **kwargs: Any) -> dict[str, Any]:
    """Raise unless the arguments of a call are of the kinds that a Darts model takes.

    Parameters
    ----------
    method : callable
        Darts' own ``fit`` or ``predict``, by whose signature the arguments have names.
    *args, **kwargs
        Of the call, the model first.

    Returns
    -------
    dict
        The arguments by name.

    Raises
    ------
    TypeError
        If series are something else.
    ValueError
        If another argument is not of its declared type and range, or a sequence is empty.
    """
    given = _signature(method).bind(*args, **kwargs).arguments
    for name in SERIES:
        for argument in (name, f"val_{name}"):
            _check_series(argument, given.get(argument))
    if method.__name__ == "fit" and given.get("series") is None:
        raise TypeError("`series` must be a TimeSeries, or a list of them, to train on; got None.")
    raise_all([*wrong_values(_DECLARED, given).values()])
    return given


def picked(given: Mapping[str, Any], numbers: Sequence[int]) -> dict[str, Any]:
    """Return the arguments of a call for some of its series.

    Parameters
    ----------
    given : mapping
        What :func:`check_call` returns, for several series.
    numbers : sequence of int
        Of these series.
    """
    lists = {name: given[name] for name in SERIES if given.get(name) is not None}
    some = {name: [values[number] for number in numbers] for name, values in lists.items()}
    return {**given, **some}


_signature = lru_cache(inspect.signature)  # to read one takes as long as to forecast a few series


def _check_series(name: str, given: Any) -> None:
    """Raise unless an argument is a series, several, or none."""
    if given is None:
        return
    if isinstance(given, TimeSeries):
        given = [given]
    if isinstance(given, str) and name.endswith("sample_weight"):  # weights that Darts makes
        return
    place, wrong = name, given
    if isinstance(given, Sequence) and not isinstance(given, str):
        others = [i for i, one in enumerate(given) if not isinstance(one, TimeSeries)]
        if not others:
            return _check_components(name, given)
        place, wrong = f"{name}[{others[0]}]", given[others[0]]
    raise TypeError(
        f"`{place}` must be a TimeSeries; got a {type(wrong).__name__}. Make one, for example with "
        f"TimeSeries.from_dataframe, and give `{name}` a TimeSeries or a list of them."
    )


def _check_components(name: str, given: Sequence[TimeSeries]) -> None:
    if not given:
        raise ValueError(
            f"`{name}` is an empty list. Give at least one TimeSeries, or leave it out."
        )
    for place, one in named(given, name):
        if not one.width:
            raise ValueError(f"`{place}` has no components. Expected one for each channel.")
