"""What is wrong with arguments: messages in one form throughout the package, and all at once."""

from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches
from numbers import Integral
from typing import Any, TypeVar

T = TypeVar("T")


MAX_SAID = 10
"""Number of messages from which an error says no more, as of a list of a thousand series."""


class WrongArguments(ValueError):
    """An error that names everything that is wrong with several arguments.

    Parameters
    ----------
    problems : sequence of str
        A message for each; a single one is the whole message. The first ten are said.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = list(problems)
        said = self.problems[:MAX_SAID]
        if n_more := len(self.problems) - len(said):
            said.append(f"and {n_more} more")
        message = "\n- ".join([f"{len(self.problems)} arguments are wrong:", *said])
        super().__init__(self.problems[0] if len(self.problems) == 1 else message)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.problems,)


class Problems(list[str]):
    """Messages gathered by several checks, to be raised at once by :func:`raise_all`."""

    def check(self, check: Callable[..., Any], *args: Any, **kwargs: Any) -> bool:
        """Call a check that raises ``ValueError``; note its message, and return whether none came.

        So a check that needs another one to have passed can be left out.
        """
        n_before = len(self)
        self.attempt(check, *args, **kwargs)
        return len(self) == n_before

    def attempt(self, make: Callable[..., T], *args: Any, **kwargs: Any) -> T | None:
        """Return what a function makes; where it raises ``ValueError``, note its message."""
        try:
            return make(*args, **kwargs)
        except WrongArguments as error:
            self.extend(error.problems)
        except ValueError as error:
            self.append(str(error))
        return None


def raise_all(problems: Sequence[str]) -> None:
    """Raise one ``ValueError`` that names all problems, if there are any."""
    if problems:
        raise WrongArguments(problems)


def unknown_name(kind: str, name: object, known: Iterable[str]) -> str:
    """Say that ``name`` is no ``kind``, which near matches there are, and which names exist."""
    known = list(known)
    near = get_close_matches(str(name).lower(), known, n=3, cutoff=0.5)
    hint = f" Did you mean {' or '.join(repr(n) for n in near)}?" if near else ""
    return f"Unknown {kind} {name!r}.{hint} Expected one of: {', '.join(map(repr, known))}."


def other_names(what: str, trained: str, missing: Sequence[object], added: Sequence[object]) -> str:
    """Say which names that weights belong to are missing, and which are new.

    Parameters
    ----------
    what : str
        That has the names.
    trained : str
        That has the weights.
    missing, added : sequence
        Names; the first ten of each are said.
    """
    parts = [
        f"{which}: {', '.join(map(repr, names[:10]))}"
        + (f" and {len(names) - 10} more" if len(names) > 10 else "")
        for which, names in (("missing", missing), ("new", added))
        if names
    ]
    return (
        f"The {what} are not those that the {trained} was trained on, whose weights go by name "
        f"({'; '.join(parts)}). Give every one of them under its own name and no other, in any "
        "order."
    )


def check_whole_number(name: str, value: object, *, least: int = 0, unit: str = "") -> None:
    """Raise unless a value is a whole number of at least ``least``."""
    if not isinstance(value, Integral) or isinstance(value, bool) or int(value) < least:
        raise ValueError(f"{name} must be a whole number{unit} >= {least}; got {value!r}.")


def check_sizes(**sizes: object) -> None:
    """Raise unless every size is a whole number of at least one."""
    problems = Problems()
    for name, size in sizes.items():
        problems.check(check_whole_number, name, size, least=1)
    raise_all(problems)
