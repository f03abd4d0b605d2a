"""The condition of a pass reaches those that want it, and only those."""

import pytest
import torch
from torch import Tensor, nn

from hyperforecast.nn import Chain, Condition, Conditioned
from hyperforecast.nn.layers.attention import SelfAttention
from hyperforecast.nn.layers.conditioning import run
from hyperforecast.nn.transformer import TransformerLayer


class Wanting(Conditioned):
    """Adds the mean of the window, and remembers what it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.given: list[Condition | None] = []

    def forward(self, x: Tensor, condition: Condition | None = None) -> Tensor:
        self.given.append(condition)
        return x if condition is None else x + condition.window.mean()


class Plain(nn.Module):
    """Takes nothing beside the activations."""

    def forward(self, x: Tensor) -> Tensor:
        return 2 * x


CONDITION = Condition(torch.full((1, 1, 4), 3.0))


def test_run_gives_it_to_those_that_want_it() -> None:
    wanting, x = Wanting(), torch.ones(2)
    assert run(wanting, x, CONDITION).tolist() == [4.0, 4.0]
    assert run(wanting, x, None).tolist() == [1.0, 1.0]
    assert wanting.given == [CONDITION, None]


def test_run_leaves_plain_modules_alone() -> None:
    assert run(Plain(), torch.ones(2), CONDITION).tolist() == [2.0, 2.0]


def test_a_chain_hands_it_on_in_order() -> None:
    first, last = Wanting(), Wanting()
    chain = Chain(first, Plain(), Chain(Plain(), last))
    # ((1 + 3) * 2 * 2) + 3
    assert chain(torch.ones(1), CONDITION).item() == 19
    assert first.given == last.given == [CONDITION]
    assert chain(torch.ones(1)).item() == 4
    assert last.given == [CONDITION, None]


def test_a_chain_of_plain_modules_is_torchs() -> None:
    layers = nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2)
    x = torch.randn(5, 3)
    assert torch.equal(Chain(*layers)(x, CONDITION), nn.Sequential(*layers)(x))
    assert Chain(*layers).state_dict().keys() == nn.Sequential(*layers).state_dict().keys()


def test_a_plain_container_does_not_hand_it_on() -> None:
    wanting = Wanting()
    run(nn.Sequential(wanting), torch.ones(1), CONDITION)
    assert wanting.given == [None]


def test_it_cannot_be_written_to() -> None:
    with pytest.raises(AttributeError):
        CONDITION.window = torch.zeros(1)


@pytest.mark.parametrize("name", ["query", "key", "value", "output"])
def test_attention_hands_it_on(name: str) -> None:
    attention, wanting = SelfAttention(8, 2), Wanting()
    setattr(attention, name, Chain(getattr(attention, name), wanting))
    attention(torch.randn(2, 3, 8), CONDITION)
    assert wanting.given == [CONDITION]


@pytest.mark.parametrize("name", ["attention.query", "mlp.0", "mlp.3", "attended"])
def test_a_transformer_layer_hands_it_on(name: str) -> None:
    layer, wanting = TransformerLayer(8, 2, 12, norm=nn.LayerNorm), Wanting()
    parent, _, child = name.rpartition(".")
    setattr(layer.get_submodule(parent), child, Chain(layer.get_submodule(name), wanting))
    layer(torch.randn(2, 3, 8), CONDITION)
    assert wanting.given == [CONDITION]
