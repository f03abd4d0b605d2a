"""Known channels, pooled by how alike a new one is to each: where it lies, given its rows."""

from dataclasses import dataclass
from functools import cached_property
from typing import Self

import torch
from torch import Tensor

from hyperforecast.nn.newcomers.step_errors import StepErrors
from hyperforecast.nn.newcomers.unknown_level import UnknownLevel

RIDGE = 1e-2
"""Towards the mean of the places, in units of what is lost by a step along a direction."""

OWN_VARIANCE = 1e-2
"""Of a channel's place about where those that it is like are served together, in units of that of
the places of known channels."""

N_ROUNDS = 2
"""In which what a channel is like, and how well its level is known, are found in turn."""


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
    prior : Tensor, shape (N + 1,)
        How likely each is before a row is seen: the last one as all others together.
    """

    places: Tensor
    losses: Tensor
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
        each = places.new_full((n_known,), 1 / n_known)
        start = places.new_zeros(1, places.shape[1])
        if not from_zero:
            start = cls(places, losses, each).shared(each)[None]
        return cls(
            torch.cat([places, start]),
            torch.cat([losses, losses.mean(dim=0, keepdim=True)]),
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

    def shared(self, shares: Tensor, level: UnknownLevel | None = None) -> Tensor:
        """Return the places (..., K) that serve channels by their shares (..., N + 1).

        Their windows may lie as much higher or lower as a level is unknown.
        """
        mean = shares @ self.places
        loss = (shares @ self.losses.flatten(1)).unflatten(-1, self.losses.shape[1:])
        pull = shares @ self._pulls
        ridge = RIDGE * loss.diagonal(dim1=-2, dim2=-1).mean(dim=-1, keepdim=True)
        if level is not None:
            weight = (level.variance_of_mean(shares) / len(level.missed))[..., None]
            loss = loss + weight[..., None] * (level.slopes.T @ level.slopes)
            pull = pull + weight * (level.slopes.T @ level.missed)
        unit = torch.where(ridge > 0, ridge, 1.0)
        loss = loss + torch.diag_embed(unit.expand_as(mean))
        found = torch.linalg.solve(loss, (pull + unit * mean).unsqueeze(-1))[..., 0]
        return torch.where(ridge > 0, found, mean)

    def place(
        self, own: StepErrors, level: UnknownLevel, filled: StepErrors | None = None
    ) -> Tensor:
        r"""Return the places (..., K) of new channels, given what places miss of their rows.

        The known channels are as likely as their errors :math:`e_{nh}` on the rows say,
        :math:`p_n \propto \prod_h e_{nh}^{-\nu/2H}` with :math:`\nu` the number of horizons that
        the rows fill, those of whole windows twice: errors of windows that overlap are not
        independent. Every step counts in units of its own, the nearest of which tell most of
        smooth channels. From :math:`b^*` a channel departs as far as its rows say in spite of
        their noise.

        Parameters
        ----------
        own : StepErrors
            Of whole windows.
        level : UnknownLevel
        filled : StepErrors, optional
            Of windows that have parts which are made up: they say what a channel is like alone.
        """
        rows = own if filled is None else own + filled
        errors, of_level = rows(self.places), level.errors(self.places)  # (..., N + 1, H)
        horizon = own.counts.shape[-1]
        n_seen = max(1.0, (rows.n_windows + own.n_windows) / horizon)
        counting = (rows.counts > 0).double().unsqueeze(-1) / horizon  # steps that are known
        shares = self.prior
        for _ in range(N_ROUNDS):
            of_mean = level.variance_of_mean(shares)[..., None, None]
            likely = ((errors + of_mean * of_level).log() @ counting)[..., 0]
            shares = torch.softmax(self.prior.log() - n_seen / 2 * likely, dim=-1)
        pooled = self.shared(shares, level)
        if not own.n_windows:
            return pooled
        own = own.at_levels(level, level.variance_of_mean(shares))
        by_step = own(pooled.unsqueeze(-2))[..., 0, :]
        error = own.weighed(by_step.mean(dim=-1, keepdim=True) / by_step)
        spread = torch.eye(pooled.shape[-1]).to(pooled) / OWN_VARIANCE
        place = pooled
        for _ in range(N_ROUNDS):
            n_seen = max(1.0, own.n_windows / horizon)
            place = error.drawn(pooled, spread, n_seen, noise=error(place))
        return place
