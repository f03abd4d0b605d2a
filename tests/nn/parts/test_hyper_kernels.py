"""Static hypernetworks on a causal convolutional network."""

import pytest
import torch

from hyperforecast.nn import CausalConv, ForecastingNetwork, HyperConv, summarise

L, H, C, D = 24, 6, 3, 8


def make(backbone: str = "tcn", n_blocks: int = 2, **options: object) -> ForecastingNetwork:
    torch.manual_seed(0)
    return ForecastingNetwork(
        lookback=L,
        horizon=H,
        n_channels=C,
        backbone=backbone,
        backbone_kwargs={"d_model": D, "e_layers": n_blocks} if backbone == "tcn" else {},
        parts={"hyper-kernels": options} if options.pop("on", True) else {},
    ).double()


def layers(network: ForecastingNetwork) -> list[HyperConv]:
    return [m for m in network.modules() if isinstance(m, HyperConv)]


def test_all_convolutions_are_generated_by_one_generator_from_vectors_of_their_own() -> None:
    network = make(n_blocks=3)
    terms = [layer.terms["hyper-kernels"] for layer in layers(network)]
    assert len(terms) == 6
    assert not any(isinstance(m, CausalConv) for m in network.modules())
    assert len({id(term.generator) for term in terms}) == 1
    assert len({id(term.context) for term in terms}) == 6


def test_a_plain_network_with_the_generated_kernels_forecasts_the_same() -> None:
    network, plain = make(kernel_width=4).eval(), make(on=False).eval()
    x = torch.randn(4, L, C, dtype=torch.float64).cumsum(dim=1)
    state = {k: v for k, v in network.state_dict().items() if ".terms." not in k}
    for name, layer in network.named_modules():
        if isinstance(layer, HyperConv):
            state[f"{name}.weight"] = layer.generate()[0]
    plain.load_state_dict(state)
    with torch.no_grad():
        torch.testing.assert_close(network(x), plain(x), rtol=0, atol=1e-12)
        folded = network.fold()
        torch.testing.assert_close(folded(x), plain(x), rtol=0, atol=1e-12)
    assert {type(m) for m in folded.modules()} == {type(m) for m in plain.modules()}


def test_parameters_by_hand() -> None:
    """Those of the paper: d N_z N_i + d N_i + f N_out d + f N_out, and a vector for each layer."""
    *rows, whole = summarise(make(n_blocks=3, layer_embedding_dim=2, hyper_width=5))
    assert whole.generator_parameters == 5 * 2 * D + 5 * D + 3 * D * 5 + 3 * D
    assert whole.context_parameters == 6 * 2
    assert [row.generated_weights for row in rows] == [D * D * 3] * 6
    plain = summarise(make(n_blocks=3, on=False))[-1].plain_parameters
    assert whole.plain_parameters == plain - 6 * D * D * 3  # biases, embedding and head are left
    assert whole.folded_parameters == plain


def test_wider_layers_take_several_vectors() -> None:
    network = make(kernel_width=2)
    assert layers(network)[0].terms["hyper-kernels"].context().shape == (16, 4)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"kernel_width": 3}, "kernel_width must divide .* has 8 and 8; got 3"),
        ({"layer_embedding_dim": 0}, "layer_embedding_dim must be a whole number >= 1"),
        ({"backbone": "dlinear"}, r"no convolutions whose kernels .* Choose 'tcn'"),
    ],
)
def test_wrong_options(options: dict, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        make(**options)
