"""The settings that are compared."""

from dataclasses import dataclass
from typing import Self

from hyperforecast.nn.exact.setting import Setting


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
    embedding_dim_requested, n_factors_requested : bool
        Whether the longest embedding, or the largest number of factors, is the user's wish. It
        is then selected with any gain on validation; otherwise it has to gain clearly.
    """

    norms: tuple[str, ...] = ("none",)
    embedding_dims: tuple[int, ...] = (0,)
    n_factors: tuple[int, ...] = (0,)
    embedding_dim_requested: bool = False
    n_factors_requested: bool = False

    @classmethod
    def only(cls, setting: Setting) -> Self:
        """Return the search space of one setting."""
        return cls((setting.norm,), (setting.embedding_dim,), (setting.n_factors,))
