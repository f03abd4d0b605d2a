"""Which layers are solved for together, and how their weights are read and written."""

import pytest
import torch

from hyperforecast.nn.exact import BasisWeights
from hyperforecast.nn.solved_head.output_layers import HeadRegressors, OutputLayers
from tests.nn.solved_head.made import C, H, arguments, network_of

COVARIATES = {"n_past_covariates": 2, "n_future_covariates": 1, "n_static_covariates": 2}
ALL = (
    "head",
    "past_covariate_map",
    "factor_map",
    "static_covariate_map",
    "future_covariate_map",
)


@pytest.mark.parametrize(
    ("parts", "names", "channel_weights"),
    [
        ({}, ALL, "shared"),
        ({"individual": {}}, ALL, "individual"),
        ({"hn-mvts": {}}, ALL, "generated"),
        ({"hn-mvts": {"rank": 1}}, ALL, "shared"),
        ({"dynamic": {}}, ALL, "shared"),
        # every channel responds to covariates in its own way, beside a head for all
        ({"light-sae": {"rank": 1}}, ("head", "factor_map", "static_covariate_map"), "shared"),
    ],
)
def test_layers_are_solved_for_with_a_head_of_their_kind(parts, names, channel_weights) -> None:
    layers = OutputLayers(network_of(arguments("rmlp", parts, n_factors=1, **COVARIATES)))
    assert layers.names == names
    assert layers.channel_weights == channel_weights


def test_features_covariates_factors_and_statics_are_groups_of_their_own() -> None:
    regressors = HeadRegressors(n_own=3, n_past=4, n_factors=2, n_static=2, n_past_covariates=2)
    # lags of two covariates lie step by step
    assert regressors.penalty_groups().tolist() == [0, 0, 0, 1, 2, 1, 2, 3, 3, 4, 5]


def test_generated_weights_are_written_as_they_are_read() -> None:
    given = arguments("rmlp", {"hn-mvts": {"channel_embedding_dim": 2}}, n_factors=1, **COVARIATES)
    network = network_of(given)
    layers = OutputLayers(network)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    embedding, weights = layers.generated()
    assert not embedding.requires_grad
    assert embedding.shape == (C, 2)
    assert weights.weight.shape == (3, H, layers.regressors.total)
    with torch.no_grad():
        for parameter in network.head.parameters():
            parameter.zero_()
    layers.write(embedding, weights)
    for name, value in network.state_dict().items():
        assert torch.equal(value, before[name]), name


def test_a_change_is_added_to_the_weights_of_all_layers() -> None:
    network = network_of(arguments("rmlp", n_factors=1, **COVARIATES))
    layers = OutputLayers(network)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    weight = torch.arange(H * layers.regressors.total).view(1, H, -1).double()
    layers.change(BasisWeights(weight, torch.tensor([[7.0]]).double()))
    changes = {
        name: network.get_submodule(name).weight - before[f"{name}.weight"] for name in ALL[:-1]
    }
    together = torch.cat([*changes.values(), (network.head.bias - before["head.bias"])[:, None]], 1)
    torch.testing.assert_close(together, weight[0])
    future = network.future_covariate_map.weight - before["future_covariate_map.weight"]
    torch.testing.assert_close(future, torch.tensor([[7.0]]).double())
