"""Networks whose forecasts are added up."""

import pytest
import torch

from hyperforecast.diagnostics.network import heads_of
from hyperforecast.nn.combined_network import CombinedNetwork, make_network
from hyperforecast.nn.network import ForecastingNetwork

L, H, C = 8, 3, 2
OF_ALL = {"n_channels": C, "output_roles": ["location"] * 3}
LINEAR = {"lookback": L, "horizon": H, "backbone": "dlinear"}
HYPER = {**LINEAR, "backbone": "rlinear", "parts": {"hn-mvts": {"channel_embedding_dim": 1}}}


def combined(spreads: tuple[float, float] = (1.0, 1.0)) -> CombinedNetwork:
    network = make_network(
        {**OF_ALL, "members": [LINEAR, HYPER], "shares": [0.25, 0.75], "spreads": spreads}
    )
    assert isinstance(network, CombinedNetwork)
    return network.eval()


def test_the_forecast_is_the_sum_of_the_members_by_their_shares() -> None:
    network, past = combined(), torch.randn(5, L, C)
    first, second = (one(past) for one in network.members)
    torch.testing.assert_close(network(past), 0.25 * first + 0.75 * second)


def test_quantiles_come_nearer_to_the_middle_one_of_each_channel() -> None:
    network, past = combined((0.5, 2.0)), torch.randn(5, L, C)
    first, second = (one(past) for one in network.members)
    total = 0.25 * first + 0.75 * second
    found = network(past)
    torch.testing.assert_close(found[..., 1], total[..., 1])
    for output in (0, 2):
        distances = total[..., output] - total[..., 1]
        expected = total[..., 1] + distances * torch.tensor([0.5, 2.0])
        torch.testing.assert_close(found[..., output], expected)


def test_it_folds_to_plain_networks_that_forecast_the_same() -> None:
    network, past = combined((0.5, 2.0)), torch.randn(5, L, C)
    folded = network.fold()
    assert network.folds
    assert not folded.generating()
    torch.testing.assert_close(folded(past), network(past), rtol=0, atol=1e-5)


def test_it_has_the_weights_of_its_members_and_no_others() -> None:
    network = combined()
    expected = [
        f"members.{i}.{k}" for i, one in enumerate(network.members) for k in one.state_dict()
    ]
    assert list(network.state_dict()) == expected


@pytest.mark.parametrize("arguments", [LINEAR, HYPER])
def test_arguments_of_one_make_one(arguments: dict) -> None:
    assert type(make_network({**OF_ALL, **arguments})) is ForecastingNetwork


def test_it_says_what_its_members_are_made_of() -> None:
    network = combined()
    [embedding] = [one.channel_embedding() for one in network.members if one.parts]
    torch.testing.assert_close(network.channel_embedding(), embedding)
    assert len(network.terms("hn-mvts")) == 1
    assert heads_of(network) is None  # of each member its own
