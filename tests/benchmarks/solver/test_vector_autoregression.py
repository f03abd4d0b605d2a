"""The vector autoregression of the benchmarks, against rows written out."""

import numpy as np
import pytest

from benchmarks.comparison import estimators
from benchmarks.comparison.tasks import Task, in_batches
from benchmarks.protocol import Dataset, Part
from benchmarks.solver import vector_autoregression
from benchmarks.solver.vector_autoregression import autoregression


def test_is_a_ridge_regression_on_the_last_values(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vector_autoregression, "LAGS", (2,))
    monkeypatch.setattr(vector_autoregression, "RIDGES", (0.1,))
    values = np.random.default_rng(0).normal(size=(60, 3)).cumsum(axis=0).astype(np.float32)
    bounds = {"train": (0, 40), "validation": (40, 50), "test": (50, 60)}
    found = autoregression(Dataset("made", list("abc"), values, bounds), 2)

    def rows(first: int, end: int) -> tuple[np.ndarray, np.ndarray]:
        starts = range(first, end - 3)
        x = [values[t : t + 2].ravel() for t in starts]
        y = [values[t + 2 : t + 4].ravel() for t in starts]
        return np.array(x, dtype=float), np.array(y, dtype=float)

    x, y = rows(0, 40)
    mean_x, mean_y = x.mean(axis=0), y.mean(axis=0)
    square = (x - mean_x).T @ (x - mean_x)
    penalty = 0.1 * np.trace(square) / len(square) * np.eye(len(square))
    weight = np.linalg.solve(square + penalty, (x - mean_x).T @ (y - mean_y))
    x, y = rows(48, 60)
    expected = np.mean((y - mean_y - (x - mean_x) @ weight) ** 2)
    assert found.mse == pytest.approx(expected, rel=1e-5)
    assert (found.n_lags, found.ridge) == (2, 0.1)


def test_its_network_has_the_same_error() -> None:
    values = np.random.default_rng(1).normal(size=(90, 3)).cumsum(axis=0).astype(np.float32)
    bounds: dict[Part, tuple[int, int]] = {"train": (0, 60), "validation": (60, 75)}
    task = Task(Dataset("made", list("abc"), values, {**bounds, "test": (75, 90)}), 9, 2, 2)
    fitted = estimators.vector_autoregression(task)
    past, future = task.windows("test", 1)
    forecast = in_batches(fitted.network, past[:, -fitted.lookback :])
    error = (future - forecast).square().mean().item()
    assert error == pytest.approx(autoregression(task.dataset, 2).mse, rel=1e-4)
