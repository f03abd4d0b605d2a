"""Channels go by name: per-channel weights belong to a name, not to a position."""

from collections.abc import Sequence


def channel_order(names: Sequence[str], trained: Sequence[str]) -> list[int] | None:
    """Return where each trained channel stands among ``names``.

    Parameters
    ----------
    names : sequence of str
        Components of a series.
    trained : sequence of str
        Channels that the weights were trained for, in their order; empty if unknown.

    Returns
    -------
    list of int or None
        ``order`` such that ``names[order[i]] == trained[i]``; ``None`` if the channels are to be
        taken by position: they are in order already, or share no name with the trained ones.

    Raises
    ------
    ValueError
        If some, but not all, names are those of trained channels.
    """
    names, trained = list(map(str, names)), list(map(str, trained))
    if names == trained:
        return None
    position = {name: i for i, name in enumerate(names)}
    missing = [name for name in trained if name not in position]
    if len(missing) == len(trained):
        return None
    known = set(trained)
    added = [name for name in names if name not in known]
    if missing or added:
        raise ValueError(channel_mismatch(missing, added))
    return [position[name] for name in trained]


def channel_mismatch(missing: Sequence[str], added: Sequence[str]) -> str:
    """Say which trained channels are missing and which are new."""
    parts = [
        f"{what}: {', '.join(map(repr, names[:10]))}"
        + (f" and {len(names) - 10} more" if len(names) > 10 else "")
        for what, names in (("missing", missing), ("new", added))
        if names
    ]
    return (
        "The channels are not those that the model was trained on, whose weights go by name "
        f"({'; '.join(parts)}). Give every trained channel under its own name and no other, in any "
        "order."
    )
