"""What is wrong with the value of an option, told by its declared type and range."""

import inspect
import math
import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from reprlib import Repr
from typing import Any, Literal, Union, get_args, get_origin

from hyperforecast.nn.errors import raise_all, unknown_name

_WORDS = {int: "a whole number", float: "a finite number", bool: "True or False", str: "a string"}
_PLURALS = {int: "whole numbers", float: "finite numbers", str: "strings"}

_short = Repr()
_short.maxlist = _short.maxdict = _short.maxtuple = 6
_short.maxstring = _short.maxother = 60


@dataclass(frozen=True)
class Range:
    """Numbers that an option may be, or that its entries may be."""

    least: float | None = None
    most: float | None = None
    above: float | None = None
    """A bound that is not reached itself."""
    below: float | None = None
    """A bound that is not reached itself."""

    def __contains__(self, value: Any) -> bool:
        return (
            (self.least is None or value >= self.least)
            and (self.most is None or value <= self.most)
            and (self.above is None or value > self.above)
            and (self.below is None or value < self.below)
        )

    def __str__(self) -> str:
        bounds = ((">=", self.least), (">", self.above), ("<=", self.most), ("<", self.below))
        return " and ".join(f"{sign} {bound}" for sign, bound in bounds if bound is not None)


def problem_of(
    name: str, value: Any, annotation: Any, among: Range = Range(), unit: str = ""
) -> str | None:
    """Say what is wrong with a value, ``None`` if nothing is.

    Parameters
    ----------
    name : str
        Of the option.
    value : object
    annotation : type
        Its declared type: numbers, strings, ``Literal``, sequences, dicts, classes and unions of
        them. Numbers are finite, and ``True`` is none of them; numbers and sequences may be another
        library's. A class is anything that can be called as one.
    among : Range, optional
        Of numbers, and of the entries of sequences.
    unit : str, optional
        What a number counts, for the message: ``"of steps"``.
    """
    if _fits(value, annotation, among):
        return None
    kinds = [one for one in _alternatives(annotation) if one is not types.NoneType]
    choices = [choice for one in kinds if get_origin(one) is Literal for choice in get_args(one)]
    if len(choices) > 1 and len(kinds) == 1 and isinstance(value, str):
        message = unknown_name(name, value, choices)
        return message[:-1] + ", or None." if _fits(None, annotation, among) else message
    expected = " or ".join(_in_words(one, among, unit) for one in kinds)
    if len(choices) == 1 and _fits(None, annotation, among):
        expected += " or None"
    return f"{name} must be {expected}; got {_short.repr(value)}."


def check_values(given: Mapping[str, Any], annotations: Mapping[str, Any]) -> None:
    """Raise if values are not of the types that a signature or a dataclass declares for them."""
    found = {
        name: problem_of(name, value, annotations.get(name, Any)) for name, value in given.items()
    }
    raise_all([problem for problem in found.values() if problem is not None])


def _alternatives(annotation: Any) -> Iterable[Any]:
    union = get_origin(annotation) in (Union, types.UnionType)
    return get_args(annotation) if union else (annotation,)


def _fits(value: Any, annotation: Any, among: Range) -> bool:
    return any(_is(value, one, among) for one in _alternatives(annotation))


def _is(value: Any, kind: Any, among: Range) -> bool:
    origin, inner = get_origin(kind), get_args(kind)
    if kind in (Any, inspect.Parameter.empty) or isinstance(kind, str):  # told by nothing
        return True
    if kind in (None, types.NoneType):
        return value is None
    if kind is bool:
        return isinstance(value, bool)
    if kind in (int, float):
        if isinstance(value, bool) or not isinstance(value, Integral if kind is int else Real):
            return False
        return (isinstance(value, Integral) or math.isfinite(value)) and value in among
    if origin is Literal:
        return any(type(value) is type(choice) and value == choice for choice in inner)
    if kind is Callable or origin is Callable or kind is type or origin is type:
        return callable(value)
    if origin in (Sequence, list, tuple):
        values = _listed(value)
        return values is not None and all(_fits(one, inner[0], among) for one in values)
    return isinstance(value, origin or kind)


def _listed(value: Any) -> Sequence[Any] | None:
    """Return a sequence, also an array, as one; ``None`` if a value is none."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    return None if isinstance(value, (str, bytes)) or not isinstance(value, Sequence) else value


def _in_words(kind: Any, among: Range, unit: str) -> str:
    origin, inner = get_origin(kind), get_args(kind)
    if kind in (int, float):
        return " ".join(filter(None, (_WORDS[kind], unit, str(among))))
    if origin is Literal:
        return " or ".join(map(repr, inner))
    if origin in (Sequence, list, tuple):
        return f"a sequence of {_PLURALS.get(inner[0], 'values')} {among}".rstrip()
    if kind is Callable or origin is Callable:
        return "a function"
    if kind is type or origin is type:
        return "a class"
    return _WORDS.get(kind) or f"a {(origin or kind).__name__}"
