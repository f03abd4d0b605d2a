"""Inputs go by name: a weight belongs to the name of a channel or covariate, not to a position."""

from collections.abc import Sequence
from typing import Literal, get_args

from hyperforecast.nn.errors import other_names

InputKind = Literal["channels", "past_covariates", "future_covariates", "static_covariates"]
"""What has names: the components of series, and the columns of static covariates."""

KINDS: tuple[InputKind, ...] = get_args(InputKind)

ALONG_TIME: tuple[InputKind, ...] = ("past_covariates", "future_covariates")
"""Kinds of covariates that are series."""

ENCODED = "darts_enc_"
"""How the names of covariates begin that Darts makes for ``add_encoders``."""

_WORDS: dict[InputKind, str] = {
    "channels": "channels",
    "past_covariates": "past covariates",
    "future_covariates": "future covariates",
    "static_covariates": "columns of the static covariates",
}


def name_order(
    names: Sequence[str], trained: Sequence[str], kind: InputKind = "channels"
) -> list[int] | None:
    """Return where each input that weights were trained for stands among ``names``.

    Parameters
    ----------
    names : sequence of str
        Names of inputs, in the order in which they are given.
    trained : sequence of str
        Names that the weights were trained for, in their order; empty if unknown.
    kind : InputKind, default="channels"
        What has these names.

    Returns
    -------
    list of int or None
        ``order`` such that ``names[order[i]] == trained[i]``; ``None`` if the inputs are to be
        taken by position: they are in order already, or share no name with the trained ones.

    Raises
    ------
    ValueError
        If some, but not all, names are trained ones.
    """
    names, trained = list(map(str, names)), list(map(str, trained))
    if names == trained or unknown_in_whole(names, trained):
        return None
    position = {name: i for i, name in enumerate(names)}
    missing = [name for name in trained if name not in position]
    known = set(trained)
    added = [name for name in names if name not in known]
    if missing or added:
        raise ValueError(other_names(_WORDS[kind], "model", missing, added))
    return [position[name] for name in trained]


def unknown_in_whole(names: Sequence[str], trained: Sequence[str]) -> bool:
    """Say whether no name is a trained one; names that Darts gave to encodings do not count."""
    known = {name for name in trained if not name.startswith(ENCODED)}
    return not known.intersection(names) and {*names} != {*trained}


def taken_by_position(names: Sequence[str], trained: Sequence[str], kind: InputKind) -> str:
    """Say that inputs whose names are all unknown are taken by position, and what to do."""
    return (
        f"The {_WORDS[kind]} {_listed(names)} are unknown to this model, whose weights belong to "
        f"{_listed(trained)}: they are taken by position. If their order is another one, give them "
        "their trained names, with `with_columns_renamed` for example; then any order is right."
    )


def _listed(names: Sequence[str], most: int = 5) -> str:
    return ", ".join(map(repr, names[:most])) + (" ..." if len(names) > most else "")
