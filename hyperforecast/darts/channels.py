"""Channels go by name: per-channel weights belong to a name, not to a position."""

from collections.abc import Sequence

from hyperforecast.nn.errors import other_names


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
        raise ValueError(other_names("channels", "model", missing, added))
    return [position[name] for name in trained]
