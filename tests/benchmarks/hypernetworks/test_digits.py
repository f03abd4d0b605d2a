"""Networks for digits, with kernels of three kinds."""

import pytest
import torch

from benchmarks.hypernetworks import digits
from benchmarks.hypernetworks.digits import NETWORKS, DigitsNetwork, make_network, measure
from hyperforecast.nn import count_parameters


def test_widths_and_parameters():
    made = {name: make_network(*name) for name in NETWORKS}
    generated = made["generated", "same width"]
    assert made["own", "same width"].d_model == generated.d_model
    for name, network in made.items():
        if "as many parameters" in name:
            assert abs(count_parameters(network) / count_parameters(generated) - 1) <= 0.02


def test_generated_kernels_are_those_of_each_layer_s_vector():
    network = DigitsNetwork("generated", 5)
    generator, layer = network.generator, network.embeddings[3].weight[0]
    kernel = network.layer_kernels()[3]
    for i in range(5):
        hidden = generator.first_weight[i] @ layer + generator.first_bias[i]
        slice_ = generator.second_weight @ hidden + generator.second_bias
        torch.testing.assert_close(kernel[:, i], slice_.view(5, 3, 3))


def test_with_the_generated_kernels_as_its_own_a_network_says_the_same():
    generated, own = DigitsNetwork("generated", 5).eval(), DigitsNetwork("own", 5).eval()
    state = {k: v for k, v in generated.state_dict().items() if not k.startswith(("gen", "emb"))}
    kernels = {f"kernels.{i}": kernel for i, kernel in enumerate(generated.layer_kernels())}
    own.load_state_dict(state | kernels)
    x = torch.randn(3, 1, 8, 8)
    torch.testing.assert_close(own(x), generated(x))
    other = DigitsNetwork("one for all", 5).eval()
    assert len({kernel.data_ptr() for kernel in other.layer_kernels()}) == 1
    assert not torch.allclose(other(x), generated(x))


def test_training_finds_digits(monkeypatch):
    monkeypatch.setattr(digits, "EPOCHS", 4)
    assert measure("one for all", "as many parameters", 0)["accuracy"] > 0.5


@pytest.mark.parametrize("seed", [0, 1])
def test_the_test_part_is_the_same_for_every_seed(seed):
    torch.manual_seed(seed)
    _, _, x, y = digits.data()
    assert len(x) == digits.N_TEST
    assert y[:8].tolist() == [6, 5, 5, 7, 9, 9, 8, 4]
