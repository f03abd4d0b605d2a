"""Cutting a horizon into segments."""

import re

import pytest
import torch

from hyperforecast.nn import Segments


def test_a_horizon_that_cuts_evenly() -> None:
    segments = Segments(12, n_segments=3)
    assert (segments.count, segments.length) == (3, 4)
    assert Segments(12, segment_length=4).count == 3


def test_the_last_segment_may_reach_beyond_the_horizon() -> None:
    segments = Segments(10, n_segments=4)
    assert (segments.count, segments.length) == (4, 3)
    y = torch.arange(12.0).view(4, 1, 1, 3, 1)  # (S, B, C, T, P)
    assert segments.join(y).flatten().tolist() == list(range(10))


@pytest.mark.parametrize(("horizon", "count"), [(96, 2), (9, 2), (2, 2), (1, 1)])
def test_by_default_there_are_two_or_as_many_as_cut(horizon: int, count: int) -> None:
    assert Segments(horizon).count == count


def test_joining_what_is_the_same_for_all_segments() -> None:
    one = torch.tensor([1.0, 2.0]).view(1, 1, 1, 2, 1)
    y = Segments(4, n_segments=2).join(one.expand(2, *one.shape[1:]))
    assert y.flatten().tolist() == [1.0, 2.0, 1.0, 2.0]


def test_joining_the_first_segments() -> None:
    y = torch.arange(12.0).view(2, 1, 2, 3, 1)  # (S', B, C, T, P)
    joined = Segments(10, n_segments=4).join(y)
    assert joined.squeeze().tolist() == [[0, 1, 2, 6, 7, 8], [3, 4, 5, 9, 10, 11]]


def test_splitting_what_is_given_for_every_step() -> None:
    segments = Segments(5, n_segments=2)
    x = torch.arange(20.0).view(2, 5, 2)  # (B, H, n)
    parts = segments.split(x, 2)
    assert parts.shape == (2, 2, 1, 3, 2)
    assert torch.equal(parts[0, :, 0], x[:, :3])
    assert torch.equal(parts[1, :, 0], x[:, [3, 4, 4]])  # the last step goes on
    assert torch.equal(segments.split(x, 1), parts[:1])


def test_the_segments_that_reach_some_steps() -> None:
    segments = Segments(10, n_segments=4)  # 3, 3, 3 and 1 steps
    reaching = [segments.reaching(n) for n in range(1, 11)]
    assert reaching == [1, 1, 1, 2, 2, 2, 3, 3, 3, 4]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_segments": 0}, "n_segments must be a whole number >= 1; got 0."),
        ({"segment_length": 1.5}, "segment_length must be a whole number >= 1; got 1.5."),
        ({"n_segments": 11}, "n_segments must be at most the horizon, 10 steps; got 11."),
        ({"segment_length": 12}, "segment_length must be at most the horizon, 10 steps; got 12."),
        ({"n_segments": 6}, "2 steps each make 5. Choose n_segments=5"),
        ({"n_segments": 2, "segment_length": 5}, "say the same thing twice"),
    ],
)
def test_errors(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        Segments(10, **options)
