"""What is forecast and from where: training and test rows, horizon, lookback, origins."""

import math
from dataclasses import dataclass

import pandas as pd

from hyperforecast.automatic.season import season_of

MAX_ORIGINS = 20
"""Most forecasts of a backtest."""

MAX_TRAINING_ROWS = 15_000
"""Rows before the test part that are kept, the last ones."""

MAX_LOOKBACK = 192
"""Longest lookback that is tried unasked."""


@dataclass(frozen=True)
class Plan:
    """What is forecast and from where.

    Parameters
    ----------
    data : DataFrame, shape (T, C)
    first_test_row : int
        Rows before it are for training and for every choice.
    horizon, lookback : int
    stride : int
        Rows from one forecast's start to the next.
    season : int, optional
        Rows after which a naive forecast repeats itself.
    """

    data: pd.DataFrame
    first_test_row: int
    horizon: int
    lookback: int
    stride: int
    season: int | None = None

    @property
    def training(self) -> pd.DataFrame:
        """Rows to train on."""
        return self.data.iloc[: self.first_test_row]

    @property
    def origins(self) -> range:
        """First rows of the forecasts."""
        return range(self.first_test_row, len(self.data) - self.horizon + 1, self.stride)


def split(
    data: pd.DataFrame, horizon: int | None = None, lookback: int | None = None
) -> tuple[pd.DataFrame, int, int, list[int]]:
    """Choose what to test on, and the lengths that were not asked for.

    Returns
    -------
    data : DataFrame
        Without the first rows, where there are more to train on than there is time for.
    first_test_row : int
        The last fifth, and of short series the last 30 %, is the test part.
    horizon : int
    lookbacks : list of int
        Those to try; all leave windows to train and to validate on.

    Raises
    ------
    ValueError
        If the lengths do not fit into the rows, or a channel begins too late.
    """
    for name, length in (("horizon", horizon), ("lookback", lookback)):
        if length is not None and length < 1:
            raise ValueError(f"the {name} must be a number of rows >= 1; got {length}.")
    n = len(data)
    horizon = horizon or min(24, max(1, n // 10))
    n_test = max(int(n * (0.3 if n < 200 else 0.2)), min(2 * horizon, n // 3))
    n_training = n - n_test
    longest = n_training - n_training // 3 - 2 * horizon  # two windows, before the validation
    wanted = [lookback] if lookback else sorted({horizon * k for k in (1, 2, 4, 8)} | {10})
    limit = longest if lookback else min(longest, max(MAX_LOOKBACK, 2 * horizon))
    lookbacks = [length for length in wanted if length <= limit]
    if not lookbacks or n_test < horizon or n_training // 3 < horizon:
        shortest = min(wanted)
        needed = math.ceil(1.5 * (shortest + 2 * horizon) / 0.7) + 2
        raise ValueError(
            f"{n} rows are too few for a lookback of {shortest} and a horizon of {horizon}, which "
            f"take about {max(needed, 5 * horizon)}. Give more rows or shorter lengths."
        )
    dropped = max(0, n_training - MAX_TRAINING_ROWS)
    compared = data.iloc[dropped : n_training - n_training // 3]  # by which lookbacks are trained
    empty = [str(name) for name in data.columns[compared.isna().all()]]
    if empty:
        raise ValueError(
            f"the first {len(compared)} rows that are trained on have no value of "
            f"{', '.join(empty[:5])}{f' and {len(empty) - 5} more' * (len(empty) > 5)}. Drop these "
            "columns, or the rows before they begin."
        )
    return data.iloc[dropped:], n_training - dropped, horizon, lookbacks


def plan_backtest(data: pd.DataFrame, first_test_row: int, horizon: int, lookback: int) -> Plan:
    """Plan forecasts from equally spaced rows of the test part, at most ``MAX_ORIGINS``."""
    stride = math.ceil((len(data) - first_test_row - horizon + 1) / MAX_ORIGINS)
    return Plan(data, first_test_row, horizon, lookback, stride, season_of(data.index))
