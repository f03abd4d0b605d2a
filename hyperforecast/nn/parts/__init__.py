"""Parts by name."""

import inspect
from collections.abc import Mapping
from typing import Any

from hyperforecast.nn.errors import Problems, raise_all, unknown_name
from hyperforecast.nn.options import options_of, wrong_values
from hyperforecast.nn.parts.base import SLOTS, Part, Slot
from hyperforecast.nn.parts.closed_form import ClosedForm, SharedWeights
from hyperforecast.nn.parts.dynamic import Dynamic
from hyperforecast.nn.parts.film import FiLM
from hyperforecast.nn.parts.hn_mvts import HNMVTS
from hyperforecast.nn.parts.hyper_attention import HyperAttention
from hyperforecast.nn.parts.hyper_kernels import HyperKernels
from hyperforecast.nn.parts.hyper_lstm import HyperLSTM
from hyperforecast.nn.parts.individual import Individual
from hyperforecast.nn.parts.light_sae import LightSAE
from hyperforecast.nn.parts.mola import MoLA
from hyperforecast.nn.parts.task_vectors import TaskVectors

__all__ = [
    "HNMVTS",
    "PARTS",
    "SLOTS",
    "Dynamic",
    "FiLM",
    "HyperAttention",
    "HyperKernels",
    "HyperLSTM",
    "Individual",
    "LightSAE",
    "MoLA",
    "Part",
    "Slot",
    "TaskVectors",
    "closed_form_of_head",
    "make_parts",
    "part_options",
    "parts_of_slot",
    "register_part",
]

PARTS: dict[str, type[Part]] = {
    "light-sae": LightSAE,
    "hyper-kernels": HyperKernels,
    "hyper-lstm": HyperLSTM,
    "hyper-attention": HyperAttention,
    "film": FiLM,
    "individual": Individual,
    "hn-mvts": HNMVTS,
    "dynamic": Dynamic,
    "mola": MoLA,
    "task-vectors": TaskVectors,
}


def register_part(name: str, part: type[Part]) -> None:
    """Make a part of your own usable by name in ``HyperModel`` and ``HyperForecaster``.

    A process that loads a model with such a part must register it first.

    Parameters
    ----------
    name : str
        A new name, lower case.
    part : type
        A subclass of :class:`Part` whose options are keyword-only and plain values.
    """
    if not (isinstance(part, type) and issubclass(part, Part)):
        raise TypeError(f"part must be a subclass of Part; got {part!r}.")
    if getattr(part, "slot", None) not in SLOTS:
        raise TypeError(
            f"{part.__name__}.slot must say what of a network the part concerns, one of: "
            f"{', '.join(map(repr, SLOTS))}; got {getattr(part, 'slot', None)!r}."
        )
    if "." in name:
        raise ValueError(f"The name of a part is part of its parameters' names; got {name!r}.")
    if PARTS.get(name, part) is not part:
        raise ValueError(
            f"The part name {name!r} is taken by {PARTS[name].__name__}; choose another."
        )
    PARTS[name] = part


def parts_of_slot(slot: Slot) -> list[str]:
    """Return the names of the parts of a slot."""
    return [name for name, part in PARTS.items() if part.slot == slot]


def part_options(part: type[Part]) -> dict[str, Any]:
    """Return the options of a part and their defaults."""
    parameters = inspect.signature(part).parameters.values()
    return {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}


def closed_form_of_head(parts: Mapping[str, Part]) -> ClosedForm:
    """Return how the layers that give the forecast are solved for, under some parts."""
    for name, part in parts.items():
        if part.slot == "head":
            return part.closed_form(name)
    return SharedWeights()


def make_parts(
    chosen: Mapping[str, Mapping[str, Any] | None], horizon: int | None = None
) -> dict[str, Part]:
    """Make parts from their names and options, in the order in which they are put in.

    Parameters
    ----------
    chosen : mapping of str to dict
    horizon : int, optional
        That parts may cut into segments, to be checked as well.

    Raises
    ------
    ValueError
        If a name is unknown, an option wrong or not the part's, or two parts concern the same:
        with all that is wrong.
    """
    problems = Problems()
    made: dict[str, Part] = {}
    for name, options in chosen.items():
        if name not in PARTS:
            problems.append(unknown_name("part", name, PARTS))
            continue
        part = PARTS[name]
        known = part_options(part)
        if unknown := [option for option in options or {} if option not in known]:
            has = f"It has: {', '.join(map(repr, known))}." if known else "It has none."
            problems += [f"The part {name!r} has no option {one!r}. {has}" for one in unknown]
            continue
        for other, before in made.items():
            if before.slot == part.slot:
                problems.append(
                    f"{other!r} and {name!r} both say what the {part.slot} of a network is. Choose "
                    "one of them."
                )
        wrong = wrong_values(options_of(part), options or {})
        problems += wrong.values()
        right = {option: value for option, value in (options or {}).items() if option not in wrong}
        made[name] = part(**right)
        problems.check(made[name].check)
        if horizon is not None:
            problems.check(made[name].cut, horizon)
    raise_all(problems)
    return dict(sorted(made.items(), key=lambda item: SLOTS.index(item[1].slot)))
