"""Answers that the test part itself chose are the best there are of their kind."""

import torch

from benchmarks.new_channel_limits import RIDGES, best_place, own_heads
from benchmarks.new_channels import Case
from hyperforecast.nn.newcomers.quadratic_error import QuadraticError

CASE = Case("made", 3, 2, "hn-mvts", (0,))


def test_a_head_of_its_own_forecasts_what_follows_exactly() -> None:
    rows = torch.arange(40.0).double().cos()  # x[t + 1] = 2 cos(1) x[t] - x[t - 1]
    last_value, *heads = own_heads(rows[:20], rows, CASE)
    assert len(heads) == len(RIDGES)
    future = torch.stack([rows[3:-1], rows[4:]], dim=1)
    torch.testing.assert_close(last_value, (future - rows[2:-2, None]).square().mean().item())
    assert heads[0] < 1e-4 * last_value
    torch.testing.assert_close(heads[-1], last_value, rtol=0.01, atol=0.0)


def test_no_place_misses_less_than_the_best() -> None:
    torch.manual_seed(0)
    slopes, missed = torch.randn(50, 4).double(), torch.randn(50).double()
    error = QuadraticError(
        slopes.T @ slopes / 50, slopes.T @ missed / 50, missed.square().mean(), 50
    )
    expected = torch.linalg.lstsq(slopes, missed[:, None]).solution[:, 0]
    torch.testing.assert_close(best_place(error), expected, rtol=1e-6, atol=1e-8)
