"""Distributions that have predicted quantiles, as sktime's `predict_proba` returns them."""

from collections.abc import Sequence
from importlib.util import find_spec
from statistics import NormalDist
from typing import Any

import numpy as np
import pandas as pd

from hyperforecast.sktime.likelihoods import on_normal_scale

N_LEVELS = 400


def skpro_is_there() -> bool:
    """Say whether the package is installed that has distributions for sktime."""
    return find_spec("skpro") is not None


def variance(quartiles: pd.DataFrame) -> pd.DataFrame:
    """Return the variance of the normal distribution with some quartiles, as sktime defines it.

    Parameters
    ----------
    quartiles : DataFrame
        A column for each channel and each of the levels 0.25 and 0.75.
    """
    between = 2 * NormalDist().inv_cdf(0.75)
    lower, upper = (quartiles.xs(level, axis=1, level=1) for level in (0.25, 0.75))
    return pd.DataFrame((upper - lower) / between).pow(2)


def quantile_distribution(learned: pd.DataFrame, levels: Sequence[float]) -> Any:
    """Return the distribution that has the learned quantiles.

    In between, its quantiles are those of ``predict_quantiles``. Beyond the outermost learned ones,
    of which nothing is known, the line through the outer two goes on, on the scale of the normal
    distribution, as that one's tails do.

    Parameters
    ----------
    learned : DataFrame
        A column for each channel and level, ascending.
    levels : sequence of float
        Ascending, two at least.

    Returns
    -------
    skpro.distributions.QPD_Empirical

    Raises
    ------
    ImportError
        Without the package skpro.
    """
    from skpro.distributions import QPD_Empirical

    grid = sorted({*np.arange(0.5, N_LEVELS) / N_LEVELS, *levels})
    channels = learned.columns.get_level_values(0).unique()
    values = learned.to_numpy().reshape(len(learned), len(channels), -1)  # (rows, C, Q)
    values = on_normal_scale(values, levels, grid)  # (rows, C, N_LEVELS)
    tables = {
        level: pd.DataFrame(values[..., i], index=learned.index, columns=channels)
        for i, level in enumerate(grid)
    }
    return QPD_Empirical(pd.concat(tables, names=["level"]), index=learned.index, columns=channels)
