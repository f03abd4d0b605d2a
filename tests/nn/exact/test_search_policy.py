"""Which settings are compared for a model, spelled out."""

from typing import Any

import pytest

from hyperforecast.nn.exact import SearchSpace, choose_search_space


@pytest.mark.parametrize(
    ("given", "norms"),
    [
        ({"default_norm": "none"}, ("none", "last", "mean")),
        ({"default_norm": "last"}, ("last", "none", "mean")),
        ({"default_norm": "revin"}, ("revin", "none", "last", "mean")),
        ({"default_norm": "none", "norm": "revin"}, ("revin",)),
    ],
)
def test_norms(given: dict[str, Any], norms: tuple[str, ...]) -> None:
    assert choose_search_space(7, **given).norms == norms


@pytest.mark.parametrize(
    ("n_channels", "given", "dims", "requested"),
    [
        # generated from an embedding of any length: up to one head for each channel
        (1, {"generated": True}, (0,), False),
        (2, {"generated": True}, (0, 2), False),
        (3, {"generated": True}, (0, 2, 3), False),
        (7, {"generated": True}, (0, 2, 4, 7), False),
        (8, {"generated": True}, (0, 2, 4, 8), False),
        (32, {"generated": True}, (0, 2, 4, 8, 32), False),
        (33, {"generated": True}, (0, 2, 4, 8), False),
        # from one of a length that is given
        (7, {"generated": True, "embedding_dim": 3}, (0, 3), True),
        (7, {"generated": True, "embedding_dim": 0}, (0,), True),
        (1, {"generated": True, "embedding_dim": 1}, (0,), True),
        # not generated: shared, or one for each channel
        (7, {}, (0,), False),
        (7, {"individual": True}, (7,), False),
        (1, {"individual": True}, (1,), False),
        (99, {"individual": True}, (99,), False),
    ],
)
def test_embedding_lengths(
    n_channels: int, given: dict[str, Any], dims: tuple[int, ...], requested: bool
) -> None:
    space = choose_search_space(n_channels, "none", **given)
    assert space.embedding_dims == dims
    assert space.embedding_dim_requested == requested


@pytest.mark.parametrize(
    ("n_channels", "given", "counts", "requested"),
    [
        (19, {}, (0,), False),
        (20, {}, (0, 5), False),
        (39, {}, (0, 5), False),
        (40, {}, (0, 5, 10), False),
        (40, {"norm": "revin"}, (0,), False),  # visits every window
        (40, {"norm": "last"}, (0, 5, 10), False),
        (3, {"n_factors": 2}, (0, 2), True),
        (3, {"n_factors": 2, "norm": "revin"}, (0, 2), True),
        (40, {"n_factors": 0}, (0,), True),
    ],
)
def test_numbers_of_factors(
    n_channels: int, given: dict[str, Any], counts: tuple[int, ...], requested: bool
) -> None:
    space = choose_search_space(n_channels, "none", **given)
    assert space.n_factors == counts
    assert space.n_factors_requested == requested


def test_nothing_given_for_a_plain_model_of_one_channel() -> None:
    assert choose_search_space(1, "last") == SearchSpace(norms=("last", "none", "mean"))
