"""Electricity prices, against windows written out."""

from types import SimpleNamespace

import numpy as np
import pytest
from torch import Tensor, nn

from benchmarks.protocol import Dataset
from benchmarks.solver import electricity
from benchmarks.solver.electricity import (
    evaluate_known,
    ordinary_least_squares,
    prices_and_known,
    seasonal_naive,
)

VALUES = np.random.default_rng(0).normal(size=(60, 3)).astype(np.float32)
BOUNDS = {"train": (0, 40), "validation": (40, 46), "test": (46, 60)}


@pytest.fixture
def prices() -> Dataset:
    return prices_and_known(Dataset("made", ["load", "wind", "OT"], VALUES, BOUNDS))[0]


@pytest.fixture
def known() -> Dataset:
    return prices_and_known(Dataset("made", ["load", "wind", "OT"], VALUES, BOUNDS))[1]


def test_the_price_comes_last(prices: Dataset, known: Dataset) -> None:
    assert prices.channels == ["OT"]
    assert known.channels == ["load", "wind"]
    np.testing.assert_array_equal(np.hstack([known.values, prices.values]), VALUES)


def test_naive_forecasts_are_whole_periods_back(prices: Dataset) -> None:
    found = seasonal_naive(prices, period=2, horizon=3)  # four rows back
    errors = [VALUES[t : t + 3, 2] - VALUES[t - 4 : t - 1, 2] for t in range(46, 58)]
    assert found.mse == pytest.approx(np.square(errors).mean(), rel=1e-6)
    assert found.mae == pytest.approx(np.abs(errors).mean(), rel=1e-6)


class OfTheCovariates(nn.Module):
    """Forecasts the last price, and what the covariates add up to."""

    def forward(self, past: Tensor, seen: Tensor, ahead: Tensor) -> Tensor:
        """Return forecasts (B, H, 1, 1)."""
        return (past[:, -1:] + seen.sum(dim=(1, 2))[:, None, None] + ahead.sum(dim=2)[..., None])[
            ..., None
        ]


def test_a_network_is_given_what_is_known_over_window_and_horizon(
    prices: Dataset, known: Dataset
) -> None:
    found = evaluate_known(OfTheCovariates(), prices, known, 5, 3)
    errors = []
    for t in range(46, 58):
        made = VALUES[t - 1, 2] + VALUES[t - 5 : t, :2].sum() + VALUES[t : t + 3, :2].sum(axis=1)
        errors.append(made - VALUES[t : t + 3, 2])
    assert found.mse == pytest.approx(np.square(errors).mean(), rel=1e-5)


def test_least_squares_sees_the_same(
    prices: Dataset, known: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(electricity, "LOOKBACK", 2)
    monkeypatch.setattr(electricity, "HORIZON", 1)
    model = ordinary_least_squares(prices, known, 2, 1)
    found = electricity._backtest(model, prices, known)

    def rows(first: int, end: int) -> SimpleNamespace:
        x = [
            np.concatenate([[1.0], VALUES[t - 2 : t, 2], VALUES[t - 2 : t + 1, :2].ravel()])
            for t in range(first, end)
        ]
        return SimpleNamespace(x=np.array(x), y=VALUES[first:end, 2])

    trained, tested = rows(2, 40), rows(46, 60)
    weight, *_ = np.linalg.lstsq(trained.x, trained.y, rcond=None)
    assert found.mse == pytest.approx(np.square(tested.x @ weight - tested.y).mean(), rel=1e-4)


def test_rows_hold_errors_and_seconds(prices: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = Dataset("made", ["load", "wind", "OT"], VALUES, BOUNDS)
    monkeypatch.setattr(electricity, "load", lambda *_: dataset)
    monkeypatch.setattr(electricity, "HORIZON", 1)
    for options in ({}, {"known": False}, {"held_out": True}):
        row = electricity._measure("made", None, lookback=3, **options)
        assert 0 < row["test MSE"] < 10
        assert row["processor seconds"] > 0
    naive = electricity._measure("made", None, period=2)
    assert naive["test MSE"] == round(seasonal_naive(prices, 2, 1).mse, 4)
