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


@pytest.mark.parametrize(
    ("n_aligned", "given", "counts"),
    [
        (3, {}, (0,)),
        (4, {}, (0, 1)),
        (19, {}, (0, 1)),
        (19, {"norm": "revin"}, (0,)),
        (20, {}, (0, 5)),
        (4, {"n_factors": 0}, (0,)),
        (4, {"n_factors": 2}, (0, 2)),
    ],
)
def test_numbers_of_factors_of_the_components_of_series(
    n_aligned: int, given: dict[str, Any], counts: tuple[int, ...]
) -> None:
    space = choose_search_space(100, "none", own_windows=True, n_aligned=n_aligned, **given)
    assert space.n_factors == counts
    assert space.embedding_starts == ("autocorrelation",)
    assert space.starts_beside_factors == ("weights",)


def test_nothing_given_for_a_plain_model_of_one_channel() -> None:
    assert choose_search_space(1, "last") == SearchSpace(norms=("last", "none", "mean"))


@pytest.mark.parametrize(
    ("longest", "lookbacks"),
    [
        (12, (None,)),
        (16, (None, 8)),
        (96, (None, 48, 24, 12)),
        (400, (None, 200, 100, 50)),
        (720, (360, None, 180, 90)),
        (2048, (256, None, 1024, 512)),
        (5000, (625, None, 2500, 1250)),  # the shortest, where all are long
    ],
)
def test_lookbacks_are_halved(longest: int, lookbacks: tuple[int | None, ...]) -> None:
    """The first is the one at which all else is compared; all of the window's is None."""
    assert choose_search_space(7, "none", lookback=longest).lookbacks == lookbacks


@pytest.mark.parametrize(
    ("n_channels", "given", "pooled", "neighbours"),
    [
        (40, {"generated": True}, True, True),
        (39, {"generated": True}, True, False),
        (40, {"individual": True}, True, True),
        (40, {}, False, False),  # one head for all
        (40, {"generated": True, "embedding_dim": 3}, False, False),
        (40, {"generated": True, "n_factors": 0}, True, False),
        (40, {"generated": True, "norm": "revin"}, True, False),
        (1, {"individual": True}, False, False),
    ],
)
def test_what_channels_have_of_their_own(
    n_channels: int, given: dict[str, Any], pooled: bool, neighbours: bool
) -> None:
    space = choose_search_space(n_channels, "none", pool=True, neighbours=True, **given)
    assert (space.pooled, space.neighbours) == (pooled, neighbours)
    none = choose_search_space(n_channels, "none", **given)
    assert not none.pooled
    assert not none.neighbours


def test_revin_is_not_added_up() -> None:
    assert choose_search_space(7, "none", combine=True).combined
    assert not choose_search_space(7, "none", norm="revin", combine=True).combined
    assert choose_search_space(7, "none", norm="revin", lookback=96).lookbacks == (None,)
