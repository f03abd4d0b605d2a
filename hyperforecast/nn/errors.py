"""Messages of wrong names, in one form throughout the package."""

from collections.abc import Iterable
from difflib import get_close_matches


def unknown_name(kind: str, name: object, known: Iterable[str]) -> str:
    """Say that ``name`` is no ``kind``, which near matches there are, and which names exist."""
    known = list(known)
    near = get_close_matches(str(name).lower(), known, n=3, cutoff=0.5)
    hint = f" Did you mean {' or '.join(repr(n) for n in near)}?" if near else ""
    return f"Unknown {kind} {name!r}.{hint} Expected one of: {', '.join(map(repr, known))}."


def check_sizes(**sizes: int) -> None:
    """Raise unless every size is a whole number of at least one."""
    for name, size in sizes.items():
        if not isinstance(size, int) or isinstance(size, bool) or size < 1:
            raise ValueError(f"{name} must be a whole number >= 1; got {size!r}.")
