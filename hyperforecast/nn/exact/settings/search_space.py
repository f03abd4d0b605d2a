"""The settings that are compared."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from hyperforecast.nn.exact.settings.setting import Setting


@dataclass(frozen=True)
class SearchSpace:
    """The settings that are compared on validation.

    Attributes
    ----------
    norms : tuple of str
        Instance norms, the simplest first.
    embedding_dims : tuple of int
        Lengths of the channel embedding, ascending; C means weights of each channel's own.
    n_factors : tuple of int
        Numbers of common factors, ascending.
    embedding_starts : tuple of str
        What the channel embedding may be made of, see ``EMBEDDING_STARTS``; ties go to the first.
    starts_beside_factors : tuple of str
        What else it may be made of where common factors enter.
    lookbacks : tuple of int, optional
        Numbers of most recent steps seen; the first is the one at which all else is compared, and
        ``None`` is all of the window's lookback.
    pooled : bool
        Whether weights of each channel's own that are drawn towards those selected are compared.
    neighbours : bool
        Whether the last values of all channels are compared with none.
    combined : bool
        Whether the forecasts of what was compared are added up; else one setting is selected.
    embedding_dim_requested, n_factors_requested : bool
        Whether the longest embedding, or the largest number of factors, is the user's wish. It
        is then selected with any gain on validation; otherwise it has to gain clearly.
    """

    norms: tuple[str, ...] = ("none",)
    embedding_dims: tuple[int, ...] = (0,)
    n_factors: tuple[int, ...] = (0,)
    embedding_starts: tuple[str, ...] = ("correlation",)
    starts_beside_factors: tuple[str, ...] = ()
    lookbacks: tuple[int | None, ...] = (None,)
    pooled: bool = False
    neighbours: bool = False
    combined: bool = False
    embedding_dim_requested: bool = False
    n_factors_requested: bool = False

    @classmethod
    def only(cls, settings: Sequence[Setting]) -> Self:
        """Return the search space of what settings have."""
        return cls(
            norms=tuple(dict.fromkeys(one.norm for one in settings)),
            embedding_dims=tuple(sorted({one.embedding_dim for one in settings})),
            n_factors=tuple(sorted({one.n_factors for one in settings})),
            embedding_starts=tuple(dict.fromkeys(one.embedding_start for one in settings)),
            pooled=any(one.shared is not None for one in settings),
        )
