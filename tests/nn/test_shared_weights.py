"""Weights that sites share, and means of them."""

from typing import Any

import pytest
import torch

from hyperforecast.nn import ForecastingNetwork, averaged, split_weights

PARTS = {"hn-mvts": {"channel_embedding_dim": 1}, "task-vectors": {"task_embedding_dim": 2}}


def arguments(n_channels: int) -> dict[str, Any]:
    sizes = {"lookback": 6, "horizon": 2, "n_channels": n_channels}
    return {**sizes, "backbone": "rlinear", "backbone_kwargs": {"d_model": 4}, "parts": PARTS}


def test_networks_of_other_channels_share_all_but_vectors_and_buffers() -> None:
    networks = [ForecastingNetwork(**arguments(n)) for n in (2, 5)]
    parts = [split_weights(one, arguments(one.n_channels)) for one in networks]
    shared, own = parts[0]
    assert shared.keys() | own.keys() == networks[0].state_dict().keys()
    assert not shared.keys() & own.keys()
    parameters = {name for name, _ in networks[0].named_parameters(remove_duplicate=False)}
    vectors = {name for name in own if name.endswith(".context.weight")}
    assert own.keys() & parameters == vectors

    mean = averaged([one for one, _ in parts], counts=[1, 3])
    for name, value in mean.items():
        torch.testing.assert_close(value, 0.25 * shared[name] + 0.75 * parts[1][0][name])
    networks[1].load_state_dict({**mean, **parts[1][1]})


def test_copies_stay_when_the_network_learns_on() -> None:
    network = ForecastingNetwork(**arguments(2))
    shared, _ = split_weights(network, arguments(2))
    before = shared["head.weight"].clone()
    with torch.no_grad():
        network.head.weight += 1
    assert shared["head.weight"].equal(before)


def test_the_mean_of_one_site_is_its_weights_to_the_bit() -> None:
    shared, _ = split_weights(ForecastingNetwork(**arguments(2)), arguments(2))
    mean = averaged([shared], counts=[7])
    assert all(mean[name].equal(value) for name, value in shared.items())


@pytest.mark.parametrize(
    ("weights", "counts", "message"),
    [
        ([], None, "at least one site"),
        ([{"w": torch.ones(2)}], [0.0], "a positive count of each"),
        ([{"w": torch.ones(2)}], [1.0, 1.0], "a positive count of each"),
        ([{"w": torch.ones(2)}, {"w": torch.ones(3)}], None, r"'w' has the sizes \(3,\), and \(2,"),
        ([{"w": torch.ones(2)}, {}], None, "'w' has the sizes None"),
        ([{}, {"w": torch.ones(2)}], None, "and None was expected"),
    ],
)
def test_what_has_no_mean(weights: Any, counts: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        averaged(weights, counts)
