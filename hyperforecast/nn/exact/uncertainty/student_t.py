"""Quantiles of Student's t, which torch has not."""

import math

import torch
from torch import Tensor

NEARLY_NORMAL = 200.0
"""Degrees of freedom from which an expansion about the normal quantile is exact to 1e-6."""


def student_t_quantiles(levels: Tensor, degrees: float) -> Tensor:
    r"""Return the quantiles of Student's t at levels between 0 and 1.

    With :math:`t = \sqrt{\nu} \tan\theta` the density of :math:`\theta` is proportional to
    :math:`\cos^{\nu-1}\theta` on a bounded interval, where a sum is an accurate integral.

    Parameters
    ----------
    levels : Tensor, float64
    degrees : float
        Degrees of freedom, at least one; infinity gives the normal distribution.
    """
    if degrees >= NEARLY_NORMAL:
        z = torch.special.ndtri(levels)
        first = (z**3 + z) / 4
        second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
        return z + first / degrees + second / degrees**2
    angles = torch.linspace(-math.pi / 2, math.pi / 2, 2**16 + 1, dtype=torch.float64)
    density = angles.cos().clamp(min=0.0) ** (degrees - 1)
    below = torch.cumulative_trapezoid(density, angles)
    below = torch.cat([below.new_zeros(1), below]) / below[-1]
    above = torch.searchsorted(below, levels.cpu().double()).clamp(1, len(angles) - 1)
    share = (levels.cpu() - below[above - 1]) / (below[above] - below[above - 1])
    angle = angles[above - 1] + share * (angles[above] - angles[above - 1])
    return (math.sqrt(degrees) * angle.tan()).to(levels)
