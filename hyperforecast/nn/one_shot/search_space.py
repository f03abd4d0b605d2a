"""The architectures that are compared: every combination of some values of some options."""

from collections.abc import Mapping, Sequence
from itertools import product
from numbers import Real
from typing import Any

import torch
from torch import Tensor

from hyperforecast.nn.backbones import check_backbone
from hyperforecast.nn.errors import Problems, raise_all, unknown_name

FAMILIES = ("tsmixer", "moderntcn", "tcn")
"""Backbones one hypernetwork can serve whatever their sizes."""


class SearchSpace:
    """Every combination of some values of some options of a backbone.

    Parameters
    ----------
    backbone : str
        One of ``FAMILIES``.
    values : mapping of str to sequence
        Values to compare, by option.
    fixed : mapping, optional
        Options that all architectures have in common.

    Attributes
    ----------
    members : list of dict
        Values of the options that differ, for each architecture; the last option changes first.

    Raises
    ------
    ValueError
        If there are fewer than two architectures, or an option or a value is wrong: with all that
        is.
    """

    def __init__(
        self,
        backbone: str,
        values: Mapping[str, Sequence[Any]],
        fixed: Mapping[str, Any] | None = None,
    ) -> None:
        self.backbone = backbone
        self.fixed = dict(fixed or {})
        raise_all(_problems(backbone, values, self.fixed))
        self.values = {option: list(one) for option, one in values.items()}
        combinations = product(*self.values.values())
        self.members = [dict(zip(self.values, one, strict=True)) for one in combinations]

    def options(self, number: int) -> dict[str, Any]:
        """Return all options of the backbone of an architecture."""
        return {**self.fixed, **self.members[number]}

    def codes(self) -> Tensor:
        """Return a code of each architecture, of entries -1 and 1: shape (M, E).

        An option of n numbers has n - 1 entries, of which the first ones are 1, as many as there
        are smaller values; any other has one entry for each of its values.
        """
        return torch.tensor(
            [
                [entry for option, value in one.items() for entry in self._code(option, value)]
                for one in self.members
            ]
        )

    def _code(self, option: str, value: Any) -> list[float]:
        values = self.values[option]
        if all(isinstance(one, Real) and not isinstance(one, bool) for one in values):
            return steps_up(sorted(values).index(value), len(values))
        return [1.0 if one == value else -1.0 for one in values]


def steps_up(number: int, count: int) -> list[float]:
    """Return the code of a number of 0 to ``count`` - 1: that many ones, and else -1."""
    return [1.0 if step < number else -1.0 for step in range(count - 1)]


def _problems(
    backbone: str, values: Mapping[str, Sequence[Any]], fixed: Mapping[str, Any]
) -> Problems:
    """Say what is wrong with a search space, one architecture by itself apart."""
    problems = Problems()
    if backbone not in FAMILIES:
        problems.append(unknown_name("backbone of a search space", backbone, FAMILIES))
        return problems
    count = 1
    for option, given in values.items():
        if isinstance(given, str) or not isinstance(given, Sequence):
            problems.append(
                f"search_space[{option!r}] must be a list of values to compare; got {given!r}."
            )
            continue
        if not given or any(one in given[:i] for i, one in enumerate(given)):
            problems.append(
                f"search_space[{option!r}] must have values that differ, and at least one; got "
                f"{given!r}."
            )
            continue
        if option in fixed:
            problems.append(
                f"{option!r} is both in search_space and in backbone_kwargs. Leave it out of one."
            )
        count *= len(given)
        # an unknown option is said once, by its first value
        known = problems.check(check_backbone, backbone, {option: given[0]})
        for one in given[1:] if known else ():
            problems.check(check_backbone, backbone, {option: one})
    if not problems and count < 2:
        problems.append(
            "search_space must have at least two architectures to compare; got "
            f"{dict(values)!r}. Name options of the backbone and several values of one of them."
        )
    return problems
