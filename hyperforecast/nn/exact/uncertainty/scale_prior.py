"""How scales of many channels are distributed: a prior for those of which little is known."""

import math
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor


@dataclass(frozen=True)
class ScalePrior:
    r"""Scales of which :math:`d_0 s_0^2 / \sigma^2` is distributed as :math:`\chi^2_{d_0}`.

    Given :math:`s` of d degrees of freedom a channel's is :math:`\sqrt{(d_0 s_0^2 + d s^2) / (d_0 +
    d)}`, of d_0 + d degrees. Both parameters are found by the mean and the variance of the
    logarithms of scales: Smyth, "Linear models and empirical Bayes methods for assessing
    differential expression in microarray experiments", 2004, section 6.2.

    Attributes
    ----------
    scale : float
        s_0.
    degrees : float
        d_0, infinite where scales differ no more than by chance.
    """

    scale: float
    degrees: float

    @classmethod
    def of(cls, scales: Tensor, degrees: Tensor) -> Self:
        """Return the prior of channels with scales (C,) of so many degrees of freedom (C,) each.

        Those without a degree of freedom, and those that are zero, say nothing.
        """
        some = (degrees >= 1.0) & (scales > 0)
        if int(some.sum()) < 2:
            given = scales[some] if some.any() else scales[scales > 0]
            return cls(given.mean().item() if len(given) else 0.0, math.inf)
        half = degrees[some] / 2
        logs = 2 * scales[some].log() - torch.digamma(half) + half.log()
        mean = logs.mean().item()
        chance = torch.polygamma(1, half).mean().item()
        beyond = logs.var().item() - chance
        if beyond <= 0:
            return cls(math.exp(mean / 2), math.inf)
        half_prior = inverse_trigamma(beyond)
        digamma = torch.digamma(torch.tensor(half_prior, dtype=torch.float64)).item()
        return cls(math.exp((mean + digamma - math.log(half_prior)) / 2), 2 * half_prior)

    def posterior(self, scales: Tensor, degrees: Tensor) -> tuple[Tensor, Tensor]:
        """Return scales (C,) drawn to the prior, and their degrees of freedom (C,).

        These are no more than those of all channels together, from which the prior is. Where
        residuals are known, and all zero, the scale is.
        """
        if math.isinf(self.degrees):
            drawn = torch.full_like(scales, self.scale)
        else:
            squares = self.degrees * self.scale**2 + degrees * scales.square()
            drawn = (squares / (self.degrees + degrees)).sqrt()
        zero = (scales == 0) & (degrees > 0)
        total = (self.degrees + degrees).clamp(max=degrees.sum().item())
        return torch.where(zero, 0.0, drawn), total


def inverse_trigamma(value: float) -> float:
    """Return where the derivative of the digamma function has a value above zero, by Newton steps.

    They begin below and go up on a convex function of it, so none overshoots.
    """
    x = torch.tensor(0.5 + 1 / value, dtype=torch.float64)
    for _ in range(50):
        trigamma = torch.polygamma(1, x)
        step = trigamma * (1 - trigamma / value) / torch.polygamma(2, x)
        x = x + step
        if abs(step) < 1e-8 * x:
            break
    return x.item()
