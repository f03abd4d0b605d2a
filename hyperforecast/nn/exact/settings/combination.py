"""Settings whose forecasts are added up."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from hyperforecast.nn.exact.settings.neighbours import Neighbours
from hyperforecast.nn.exact.settings.setting import Setting
from hyperforecast.nn.exact.uncertainty.effective_size import EffectiveSize
from hyperforecast.nn.exact.uncertainty.simplex import simplex_minimum

EXCESS = 0.05
"""Part of the least error by which another may be larger for its share to fall to 1 / e."""

PULL = 1.0
"""How much a squared distance from the shares that the errors alone ask for counts, in units of
the least error."""

FARTHEST = 0.2
"""Part of the least error by which that of what is added up may be larger."""

ENOUGH = 100.0
"""Number of independent errors from which validation tells what :data:`EXCESS`, :data:`PULL` and
:data:`FARTHEST` say. With half as many it takes twice the excess to tell two errors apart."""

LEAST_SHARE = 0.01
"""Share below which a setting is left out."""


@dataclass(frozen=True)
class Combination:
    """Settings whose forecasts are added up, each by its share.

    Attributes
    ----------
    settings : tuple of Setting
    shares : tuple of float
        Not negative, of sum one.
    neighbours : Neighbours, optional
        How the last values of all channels are added to their sum.
    """

    settings: tuple[Setting, ...]
    shares: tuple[float, ...]
    neighbours: Neighbours | None = None

    @classmethod
    def alone(cls, setting: Setting) -> Self:
        """Return the combination of one setting."""
        return cls((setting,), (1.0,))

    @classmethod
    def of(
        cls, settings: Sequence[Setting], products: Tensor, n_independent: float = math.inf
    ) -> Self:
        """Choose the shares of settings by their errors.

        Parameters
        ----------
        settings : sequence of Setting
        products : Tensor, shape (J, J)
            Mean products of their errors on validation.
        n_independent : float, default=inf
            How many independent errors these are means of.
        """
        shares = chosen_shares(products, n_independent).tolist()
        kept = [(one, share) for one, share in zip(settings, shares, strict=True) if share]
        return cls(tuple(one for one, _ in kept), tuple(share for _, share in kept))

    @property
    def for_all(self) -> "Combination":
        """The same settings with one weight for all channels."""
        shares: dict[Setting, float] = {}
        for setting, share in zip(self.settings, self.shares, strict=True):
            shares[setting.for_all] = shares.get(setting.for_all, 0.0) + share
        return Combination(tuple(shares), tuple(shares.values()))

    def share(self, setting: Setting) -> float:
        """Return what a setting counts."""
        return dict(zip(self.settings, self.shares, strict=True)).get(setting, 0.0)


def mean_products(errors: Sequence[Tensor]) -> Tensor:
    """Return the mean products (J, J) of errors of the same forecasts, any shape each."""
    rows = torch.stack([error.flatten() for error in errors])
    return rows @ rows.T / rows.shape[1]


def farthest(n_independent: float) -> float:
    """Return by what part of the least error that of what is added up may be larger."""
    return FARTHEST * _doubt(n_independent)


def independent_errors(errors: Tensor, n_apart: int, n_series: int, shift: int) -> float:
    """Return how many independent errors those of a candidate amount to.

    Parameters
    ----------
    errors : Tensor, shape (C, T, H)
    n_apart : int
        Number of horizons that the windows span.
    n_series : int
        Of how many series they are; they count as independent.
    shift : int
        Number of steps before the horizon.
    """
    size = errors.square().mean(dim=1, keepdim=True).sqrt()
    unit = torch.where(size > 0, errors / size, 0.0)
    effective = EffectiveSize.of(unit, [max(1, n_apart * errors.shape[2])], shift)
    return n_series * effective.of_windows


def _doubt(n_independent: float) -> float:
    return max(1.0, ENOUGH / n_independent)


def chosen_shares(products: Tensor, n_independent: float = math.inf) -> Tensor:
    r"""Return the shares that minimise the error of the sum, drawn towards those of the errors.

    Minimises :math:`a^T G a / e_{min} + \pi |a - a^0|^2` over the simplex, where G holds the mean
    products of errors and :math:`a^0_j \propto \exp(-(G_{jj} / e_{min} - 1) / 0.05)`: a set of
    validation windows tells errors that are far apart, and little of how to weigh those that are
    near to each other. Of fewer independent errors than :data:`ENOUGH` it tells less: both
    :math:`\pi` and what stands for 0.05 grow as their number falls.

    Parameters
    ----------
    products : Tensor, shape (J, J)
    n_independent : float, default=inf
        How many independent errors these are means of.

    Returns
    -------
    Tensor, shape (J,)
        Those below ``LEAST_SHARE`` are zero.
    """
    errors = products.diagonal()
    least = errors.min()
    if not least > 0:
        return (errors == least).to(errors) / (errors == least).sum()
    doubt = _doubt(n_independent)
    excess, pull = errors / least - 1, PULL * doubt
    expected = torch.softmax(-excess / (EXCESS * doubt), dim=0)
    square = (products + products.T) / (2 * least) + pull * torch.eye(len(errors)).to(errors)
    shares = simplex_minimum(square, pull * expected)
    shares = torch.where(shares >= LEAST_SHARE, shares, 0.0)
    return shares / shares.sum()
