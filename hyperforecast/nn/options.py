"""Options, declared once: name, type, default, meaning, and what each of them belongs to.

Constructors, their documentation and the groups that hosts sort options into come from these
declarations.
"""

import dataclasses
import inspect
import json
import textwrap
import types
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Literal, TypeVar, Union, dataclass_transform, get_args, get_origin

from hyperforecast.nn.option_values import Range, problem_of

T = TypeVar("T", bound=type)

Of = Literal["network", "training", "lengths"]
"""What an option decides: the network, so that trained weights depend on it; only how to train, so
that trained weights outlive a change of it; or how many steps go in and out."""

To = Literal["model", "fit", "host"]
"""Who takes an option: the model's constructor, the model's ``fit``, or the host alone."""

PLACEHOLDER = "{parameters}"
"""Line of a class's docstring in the place of which its options are described."""

_WIDTH = 92


@dataclasses.dataclass(frozen=True)
class Option:
    """An option as a class has it."""

    name: str
    annotation: Any
    default: Any
    """``dataclasses.MISSING`` of one that must be given."""
    doc: str
    of: Of
    to: To
    kw_only: bool
    before: str | None
    among: Range
    unit: str

    @property
    def required(self) -> bool:
        """Whether there is no default."""
        return self.default is dataclasses.MISSING

    def parameter(self) -> inspect.Parameter:
        """Return the option as a parameter of a constructor."""
        return inspect.Parameter(
            self.name,
            inspect.Parameter.KEYWORD_ONLY
            if self.kw_only
            else inspect.Parameter.POSITIONAL_OR_KEYWORD,
            default=inspect.Parameter.empty if self.required else self.default,
            annotation=self.annotation,
        )

    def describe(self) -> str:
        """Return the option as an entry of a numpydoc section."""
        return f"{self.name} : {_type_text(self.annotation, self.default)}\n{_filled(self.doc)}"

    def problem(self, value: Any) -> str | None:
        """Say what is wrong with a value of the option, ``None`` if nothing is."""
        return problem_of(self.name, value, self.annotation, self.among, self.unit)


def option(
    *,
    default: Any = dataclasses.MISSING,
    doc: str,
    of: Of = "network",
    to: To = "model",
    kw_only: bool = True,
    before: str | None = None,
    least: float | None = None,
    most: float | None = None,
    above: float | None = None,
    below: float | None = None,
    unit: str = "",
) -> Any:
    """Declare an option: a field of an :func:`option_group`.

    Parameters
    ----------
    default : object, optional
        Its default, a plain immutable value; it must be given where there is none.
    doc : str
        What it means, in the words of a docstring's ``Parameters``; type and default are added.
    of : {"network", "training", "lengths"}, default="network"
        What it decides, see :data:`Of`.
    to : {"model", "fit", "host"}, default="model"
        Who takes it, see :data:`To`.
    kw_only : bool, default=True
        Whether it can be given by name only.
    before : str, optional
        Option ahead of which it stands in constructors that have that one, instead of beside the
        others of its group.
    least, most : float, optional
        Bounds of a number, or of the entries of a sequence.
    above, below : float, optional
        Bounds that are not reached themselves.
    unit : str, optional
        What a whole number counts, for messages: ``"of steps"``.
    """
    among = Range(least, most, above, below)
    about = {"doc": doc, "of": of, "to": to, "before": before, "among": among, "unit": unit}
    return dataclasses.field(default=default, kw_only=kw_only, metadata=about)


@dataclass_transform(kw_only_default=True, field_specifiers=(option,))
def option_group(cls: T) -> T:
    """Make a class with annotated :func:`option` fields a group of options.

    A group that inherits from others has their options too. To change a default, it declares the
    name again with nothing but the new default; the meaning stays.
    """
    # compared and shown by the classes that groups are mixed into
    dataclasses.dataclass(eq=False, repr=False, kw_only=True)(cls)
    return cls


def options_of(*classes: type) -> list[Option]:
    """Return the options of groups, and of classes into which groups are mixed.

    They come in the order in which the classes are given and name their bases, behind those that
    can be given by position. Of several defaults the first counts, of several meanings too.
    """
    return list(_options_of(*classes))


@lru_cache(maxsize=128)  # each model that is made asks for its options several times
def _options_of(*classes: type) -> tuple[Option, ...]:
    declarations: dict[str, dataclasses.Field] = {}
    defaults: dict[str, Any] = {}
    for cls in (one for given in classes for one in given.__mro__):
        if "__dataclass_fields__" not in vars(cls):
            continue
        own = inspect.get_annotations(cls)
        for field in dataclasses.fields(cls):
            if field.name in own:
                defaults.setdefault(field.name, field.default)
                if field.metadata:
                    declarations.setdefault(field.name, field)
    if undeclared := defaults.keys() - declarations.keys():
        raise TypeError(
            f"{', '.join(sorted(undeclared))} of {classes[0].__name__} is given a default, and "
            "nothing says what it means. Declare it with `option(default=..., doc=...)`."
        )
    found = {
        name: Option(
            name=name,
            annotation=field.type,
            default=defaults[name],
            kw_only=bool(field.kw_only),
            **field.metadata,
        )
        for name, field in declarations.items()
    }
    placed = [name for name, one in found.items() if one.before not in found]
    waiting = [name for name, one in found.items() if one.before in found]
    while waiting:
        ready = [name for name in waiting if found[name].before in placed]
        if not ready:
            raise TypeError(f"{', '.join(waiting)} stand ahead of each other by their `before`.")
        for name in ready:
            placed.insert(placed.index(str(found[name].before)), name)
        waiting = [name for name in waiting if name not in ready]
    return tuple(sorted((found[name] for name in placed), key=lambda one: one.kw_only))


def wrong_values(options: Iterable[Option], given: Mapping[str, Any]) -> dict[str, str]:
    """Say which values are not of an option's declared type and range.

    Parameters
    ----------
    options : iterable of Option
    given : mapping
        Values by name; names of no option are passed over.

    Returns
    -------
    dict of str to str
        Names and messages of those that are wrong.
    """
    found = {one.name: one.problem(given[one.name]) for one in options if one.name in given}
    return {name: problem for name, problem in found.items() if problem is not None}


def show(cls: type, options: Sequence[Option], *, kwargs: str | None = None) -> None:
    """Write options into the signature of a class's constructor, and into its docstring.

    Parameters
    ----------
    cls : type
        Its constructor, its own, takes the options by ``**``. In its docstring they take the place
        of a line ``{parameters}``.
    options : sequence of Option
    kwargs : str, optional
        What is said of further ``**kwargs``; there are none if not given.
    """
    init = vars(cls)["__init__"]
    names = {one.name for one in options}
    variadic = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    parameters = [
        # typed where it is generated, unlike any other `self`
        parameter.replace(annotation=parameter.empty) if parameter.name == "self" else parameter
        for parameter in inspect.signature(init).parameters.values()
        if parameter.kind not in variadic and parameter.name not in names
    ]
    parameters += [one.parameter() for one in options]
    entries = [one.describe() for one in options]
    if kwargs is not None:
        parameters.append(
            inspect.Parameter("kwargs", inspect.Parameter.VAR_KEYWORD, annotation=Any)
        )
        entries.append(f"**kwargs\n{_filled(kwargs)}")
    parameters.sort(key=lambda parameter: parameter.kind)
    init.__signature__ = inspect.Signature(parameters, return_annotation=None)
    _describe(cls, entries)


def describe(cls: type) -> None:
    """Write the options of a class's groups into its docstring, for a line ``{parameters}``."""
    _describe(cls, [one.describe() for one in options_of(cls)])


def _describe(cls: type, entries: Sequence[str]) -> None:
    if cls.__doc__ is not None:
        cls.__doc__ = inspect.cleandoc(cls.__doc__).replace(PLACEHOLDER, "\n".join(entries))


def _filled(text: str) -> str:
    """Return a text as lines of an entry."""
    words = " ".join(text.split())
    lines = textwrap.wrap(words, _WIDTH, break_long_words=False, break_on_hyphens=False)
    return textwrap.indent("\n".join(lines), "    ")


def _type_text(annotation: Any, default: Any) -> str:
    """Return type and default in the words of numpydoc."""
    union = get_origin(annotation) in (Union, types.UnionType)
    kinds = get_args(annotation) if union else (annotation,)
    or_none = types.NoneType in kinds and default is not None
    text = " or ".join(_kind(one, or_none) for one in kinds if one is not types.NoneType)
    if default is dataclasses.MISSING:
        return text
    return f"{text}, optional" if default is None else f"{text}, default={_value(default)}"


def _kind(annotation: Any, or_none: bool = False) -> str:
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        values = [*map(_value, inner), *(["None"] if or_none else [])]
        return f"{{{', '.join(values)}}}"
    if origin is Sequence and inner[0] is not Any:
        return f"sequence of {_kind(inner[0])}"
    return annotation.__name__ if origin is None else origin.__name__.lower()


def _value(value: Any) -> str:
    return json.dumps(value) if isinstance(value, str) else repr(value)
