"""M4 weekly, and the errors of the competition."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

HORIZON = 13

NAIVE2 = {"sMAPE": 9.161, "MASE": 2.777}
"""Errors of the forecast that the competition compares with, as published."""


@dataclass(frozen=True)
class M4Weekly:
    """The series.

    Attributes
    ----------
    names : list of str
    training : list of ndarray, each of shape (T_i,)
    test : ndarray, shape (number of series, 13)
    """

    names: list[str]
    training: list[np.ndarray]
    test: np.ndarray

    def errors(self, forecasts: np.ndarray) -> dict[str, float]:
        """Return sMAPE, MASE and OWA of forecasts (number of series, 13)."""
        missed = np.abs(forecasts - self.test)
        smape = 200 * missed / (np.abs(forecasts) + np.abs(self.test))
        steps = np.array([np.abs(np.diff(one)).mean() for one in self.training])
        found = {"sMAPE": float(smape.mean()), "MASE": float((missed.mean(axis=1) / steps).mean())}
        owa = np.mean([found[name] / theirs for name, theirs in NAIVE2.items()])
        return {**{k: round(v, 3) for k, v in found.items()}, "OWA": round(float(owa), 4)}


def read_m4_weekly(folder: str | Path | None = None) -> M4Weekly:
    """Read the series; see :func:`benchmarks.protocol.data_folder` for the folder."""
    default = Path(__file__).parents[3] / "shared" / "data"
    path = Path(folder or os.environ.get("HYPERFORECAST_DATA") or default)
    training = pd.read_csv(path / "m4_weekly_train.csv", index_col=0)
    test = pd.read_csv(path / "m4_weekly_test.csv", index_col=0)
    rows = [one[~np.isnan(one)] for one in training.to_numpy(float)]
    return M4Weekly(list(map(str, training.index)), rows, test.to_numpy(float))
