"""Drifts drawn to zero by how little is known of them."""

import numpy as np
import pytest
import torch

from hyperforecast.nn.exact.uncertainty.drift import damped_drift, damped_drift_of


def test_by_hand() -> None:
    changes = torch.tensor([[1.0, 5.0], [2.0, -4.0], [3.0, 1.0]], dtype=torch.float64)
    # means 2 and 2 / 3, variances 1 and 61 / 3, squared standard errors 1 / 3 and 61 / 9
    assert damped_drift_of(changes).tolist() == pytest.approx([2 * (1 - 1 / 12), 0.0])


def test_of_a_line_is_its_slope_and_of_one_change_nothing() -> None:
    line = torch.full((20, 1), -0.7, dtype=torch.float64)
    assert damped_drift_of(line).item() == pytest.approx(-0.7)
    assert damped_drift_of(line[:1]).item() == 0.0
    assert damped_drift_of(line[:0]).item() == 0.0
    assert damped_drift_of(0 * line).item() == 0.0


def test_its_error_is_below_those_of_the_last_value_and_of_the_mean_change() -> None:
    """Over random walks whose drifts are about as large as their standard errors."""
    random = np.random.default_rng(0)
    drifts = torch.from_numpy(random.normal(size=4000) / 5)
    changes = drifts + torch.from_numpy(random.normal(size=(25, 4000)))
    count = torch.tensor([25])
    damped = damped_drift(count, changes.sum(dim=0), changes.square().sum(dim=0))
    errors = [(one - drifts).square().mean().item() for one in (damped, changes.mean(dim=0))]
    assert errors[0] < min(errors[1], drifts.square().mean().item())


def test_takes_the_unit_of_the_changes() -> None:
    changes = torch.from_numpy(np.random.default_rng(1).normal(0.4, 1, size=(30, 4)))
    torch.testing.assert_close(damped_drift_of(-1e3 * changes), -1e3 * damped_drift_of(changes))
