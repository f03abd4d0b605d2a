"""Known channels, pooled by how alike a new one is to each: where it lies, given its rows."""

from dataclasses import dataclass
from functools import cached_property
from typing import Self

import torch
from torch import Tensor

from hyperforecast.nn.newcomers.quadratic_error import QuadraticError

RIDGE = 1e-2
"""Towards the mean of the places, in units of what is lost by a step along a direction."""


@dataclass(frozen=True)
class Pool:
    r"""What forecasts of known channels lose by the place of another.

    The place b of a channel that is like the known channel n with probability :math:`p_n` is that
    of the least squares of them all, each on windows of its own,

    .. math:: b^* = \arg\min_b \sum_n p_n \, E_{x \sim n} \| f(x; b) - f(x; b_n) \|^2
              = \Big(\sum_n p_n Q_n\Big)^{-1} \sum_n p_n Q_n b_n .

    With equal probabilities it is one weight that serves all; with a single likely channel it is
    that channel's. The mean of places is neither: weights of smooth channels, whose windows never
    try them, are any on the windows of noisy ones.

    Attributes
    ----------
    places : Tensor, shape (N + 1, K)
        :math:`b_n`, and behind them the place before a row is seen, which a channel may keep.
    losses : Tensor, shape (N + 1, K, K)
        :math:`Q_n`: mean products of what steps along the directions add to forecasts.
    apart : Tensor, shape (N + 1,)
        What each loses by the place of the channel that is most like it; the last, what known
        channels lose by that place.
    prior : Tensor, shape (N + 1,)
        How likely each is before a row is seen: the last one as all others together.
    """

    places: Tensor
    losses: Tensor
    apart: Tensor
    prior: Tensor

    @classmethod
    def of(cls, places: Tensor, losses: Tensor, from_zero: bool = False) -> Self:
        """Return the pool of known channels.

        Parameters
        ----------
        places : Tensor, shape (N, K)
        losses : Tensor, shape (N, K, K)
        from_zero : bool, default=False
            Whether place zero is where a channel begins, as attributes say it; else it begins
            where all known channels are served together.
        """
        n_known = len(places)
        apart = places.new_zeros(n_known)
        if n_known > 1:
            apart = torch.stack(
                [_lost(places[n], losses[n], _without(places, n)).min() for n in range(n_known)]
            )
        each = places.new_full((n_known,), 1 / n_known)
        start = places.new_zeros(1, places.shape[1])
        if not from_zero:
            start = cls(places, losses, apart, each).shared(each)[0][None]
        usual = torch.stack([_lost(b, q, start[0]) for b, q in zip(places, losses, strict=True)])
        return cls(
            torch.cat([places, start]),
            torch.cat([losses, losses.mean(dim=0, keepdim=True)]),
            torch.cat([apart, usual.mean(dim=0, keepdim=True)]),
            torch.cat([each / 2, each.new_full((1,), 0.5)]),
        )

    @cached_property
    def _pulls(self) -> Tensor:
        """How much each draws a place to its own, (N + 1, K)."""
        return (self.losses @ self.places[..., None])[..., 0]

    @property
    def start(self) -> Tensor:
        """The place (K,) before a row is seen."""
        return self.places[-1]

    @property
    def mean_loss(self) -> Tensor:
        """What known channels lose by a step, (K, K), and what keeps it definite."""
        loss = self.losses[-1].clone()
        loss.diagonal().add_(RIDGE * loss.diagonal().mean())
        return loss

    def shared(self, shares: Tensor) -> tuple[Tensor, Tensor]:
        """Return the place (K,) that serves channels by their shares (N,), and their loss (K, K).

        The loss has what keeps it definite.
        """
        mean = shares @ self.places
        loss = (shares @ self.losses.flatten(1)).unflatten(0, self.losses.shape[1:])
        ridge = RIDGE * loss.diagonal().mean()
        if not ridge > 0:
            return mean, loss
        loss.diagonal().add_(ridge)
        return torch.linalg.solve(loss, shares @ self._pulls + ridge * mean), loss

    def place(
        self, missed: Tensor, slopes: Tensor, least: float, whole: Tensor | None = None
    ) -> Tensor:
        r"""Return the place of a new channel, given what place zero misses of its rows.

        The known channels are as likely as their errors :math:`e_n` on the rows say,
        :math:`p_n \propto e_n^{-\nu/2}` with :math:`\nu` the number of horizons that the rows
        fill: errors of windows that overlap are not independent. From :math:`b^*` a channel departs
        as far as known channels do from the one most like each; what its rows say about that is
        weighed by their noise.

        Parameters
        ----------
        missed : Tensor, shape (T, H)
            Targets less forecasts, NaN where they are not known.
        slopes : Tensor, shape (T, H, K)
            What a step along each direction adds to the forecasts.
        least : float
            Mean squared error below which there is nothing but rounding.
        whole : Tensor, shape (T,), bool, optional
            Windows that say how the channel departs; the others have parts that are made up, and
            say what it is like alone. All if not given.
        """
        horizon = missed.shape[1]
        n_seen = max(1.0, len(missed) / horizon)
        errors = QuadraticError.of(missed, slopes, least)(self.places)
        shares = torch.softmax(self.prior.log() - n_seen / 2 * errors.log(), dim=0)
        place, loss = self.shared(shares)
        if whole is not None:
            missed, slopes = missed[whole], slopes[whole]
        if not len(missed):
            return place
        n_seen = max(1.0, len(missed) / horizon)
        apart = (shares @ self.apart).item()
        own = QuadraticError.of(missed, slopes, least)
        return own.drawn(place, loss, n_seen * apart / len(place))


def _lost(place: Tensor, loss: Tensor, others: Tensor) -> Tensor:
    """Return what a channel loses by other places (..., K)."""
    differences = others - place
    return ((differences @ loss) * differences).sum(dim=-1).clamp(min=0)


def _without(values: Tensor, number: int) -> Tensor:
    return torch.cat([values[:number], values[number + 1 :]])
