"""Coverage of intervals."""

import numpy as np
import pytest
import torch

from benchmarks.solver import coverage


def test_made_series_are_an_autoregression_and_a_season() -> None:
    made = coverage.autoregression_with_season(0.5, 12, 20_000, np.random.default_rng(0))[:, 0]
    seasons = made[: len(made) // 12 * 12].reshape(-1, 12).mean(axis=0)
    assert np.ptp(seasons) == pytest.approx(6, rel=0.05)
    rest = made[: len(made) // 12 * 12].reshape(-1, 12) - seasons
    rest = rest.ravel()
    assert rest.var() == pytest.approx(1 / (1 - 0.25), rel=0.05)
    assert np.corrcoef(rest[1:], rest[:-1])[0, 1] == pytest.approx(0.5, abs=0.03)


def test_calm_and_lively_are_thirds_of_each_channel() -> None:
    activity = torch.tensor([[0.0, 9], [1, 8], [2, 7], [3, 6], [4, 5], [5, 4]])
    inside = torch.tensor([[1.0, 0], [1, 0], [0, 0], [0, 0], [0, 1], [0, 1]])
    assert coverage._calm_and_lively(inside, activity) == (1.0, 0.0)


def test_what_lies_between_the_outermost_quantiles_is_inside() -> None:
    quantiles = np.array([[[0.0, 0.5, 1.0]], [[2.0, 2.5, 3.0]]])
    assert coverage._inside(np.array([[1.0], [1.9]]), quantiles).tolist() == [[True], [False]]


def test_a_row_of_made_series_says_how_sure_it_is() -> None:
    row = coverage.cover_made(0.5, 12, 60, n_draws=3)
    assert 0.5 < row["coverage"] <= 1
    assert 0 <= row["standard error"] < 0.3


def test_a_row_of_a_data_set(dataset, monkeypatch) -> None:
    monkeypatch.setattr(coverage, "load", lambda name, folder: dataset)
    monkeypatch.setattr(coverage, "WINDOWS", {"waves": (8, 4)})
    row = coverage.cover_data("waves", None, held_out=True)
    assert 0.6 < row["lowest step"] <= row["coverage"] <= row["highest step"] <= 1
    assert 0 < row["pinball 5, 50, 95 %"] < row["pinball 10, 50, 90 %"]
