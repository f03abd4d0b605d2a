"""How estimators compare over all tasks: win rate and skill score."""

import numpy as np
import pandas as pd

CLIP = (0.01, 100.0)
"""Between which a ratio of errors counts."""


def win_rates(errors: pd.DataFrame) -> pd.Series:
    """Return for each estimator the part of tasks and rivals where its error is the lower.

    A tie counts a half to each, as in fev-bench (Shchur et al. 2025, arXiv 2509.26468).

    Parameters
    ----------
    errors : DataFrame, shape (tasks, estimators)
    """
    values = errors.to_numpy()
    lower = values[:, :, None] < values[:, None, :]
    ties = values[:, :, None] == values[:, None, :]
    wins = (lower + 0.5 * ties).mean(axis=0)
    n_rivals = values.shape[1] - 1
    return pd.Series((wins.sum(axis=1) - 0.5) / n_rivals, index=errors.columns)


def skill_scores(errors: pd.DataFrame, baseline: str) -> pd.Series:
    """Return for each estimator by how much its error is lower than a baseline's.

    One less the geometric mean, over the tasks, of the ratio to the baseline's error; ratios are
    clipped, as in fev-bench.

    Parameters
    ----------
    errors : DataFrame, shape (tasks, estimators)
    baseline : str
        A column.
    """
    ratios = errors.div(errors[baseline], axis=0).clip(*CLIP)
    return 1.0 - np.exp(np.log(ratios).mean())
