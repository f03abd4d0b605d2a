import pytest
import torch

from hyperforecast.nn import ChannelEmbedding, ForecastingNetwork
from hyperforecast.nn.contexts import ChannelGate
from hyperforecast.nn.contexts.attributes import with_attributes

VALUES = torch.tensor([[1.0, 0.0], [-1.0, 2.0], [0.0, -2.0]])


def embedding() -> ChannelEmbedding:
    context = ChannelEmbedding(3, 2, n_attributes=2)
    context.set_attributes(VALUES)
    return context.eval()


def test_vectors_are_what_attributes_say_and_a_free_part() -> None:
    context = embedding()
    assert context.from_attributes is not None
    with torch.no_grad():
        context.from_attributes.weight.copy_(torch.tensor([[2.0, 0.0], [0.0, 3.0]]))
        context.weight.copy_(torch.tensor([[0.5, 0.0], [0.0, 0.5], [0.0, 0.0]]))
    expected = torch.tensor([[2.5, 0.0], [-2.0, 6.5], [0.0, -6.0]])
    torch.testing.assert_close(context(), expected)


def test_gates_take_attributes_as_logits() -> None:
    context = ChannelGate(3, 2, initialise="uniform", n_attributes=2)
    context.set_attributes(VALUES)
    assert context.from_attributes is not None
    with torch.no_grad():
        context.from_attributes.weight.copy_(torch.tensor([[0.1, 0.0], [0.0, 0.0]]))
    expected = torch.tensor([[1.0, 0.0], [-1.0, 0.0], [0.0, 0.0]]).softmax(dim=1)
    torch.testing.assert_close(context(), expected)


def test_attributes_say_what_is_linear_in_them_at_the_start() -> None:
    context = embedding()
    linear = VALUES @ torch.tensor([[0.3, -1.0], [2.0, 0.7]])
    context.set_vectors(linear)
    torch.testing.assert_close(context(), linear)
    assert context.weight.abs().max() < 0.02 * linear.abs().max()
    other = linear + torch.tensor([[1.0], [1.0], [1.0]])  # of which no attribute knows
    context.set_vectors(other)
    torch.testing.assert_close(context(), other)
    assert context.weight.abs().max() > 0.5


def test_free_parts_are_left_out_of_half_of_the_rows_in_training() -> None:
    torch.manual_seed(0)
    context = ChannelEmbedding(2000, 3, n_attributes=1)
    kept = (context() == context.weight).all(dim=1)
    gone = (context() == 0).all(dim=1)
    assert 0.45 < kept.double().mean() < 0.55
    assert 0.45 < gone.double().mean() < 0.55
    torch.testing.assert_close(context.eval()(), context.weight)


def test_vectors_may_begin_with_the_attributes_themselves() -> None:
    context = ChannelEmbedding(3, 4, n_attributes=2)
    context.set_attributes(VALUES)
    context.set_free(torch.arange(12.0).view(3, 4))
    context.begin_with_attributes()
    torch.testing.assert_close(context.eval()()[:, :2], VALUES)
    torch.testing.assert_close(context()[:, 2:], torch.arange(12.0).view(3, 4)[:, 2:])


def test_half_of_the_free_parts_are_left_out_where_a_pass_trains_and_nowhere_else() -> None:
    context = ChannelEmbedding(400, 4, n_attributes=2)
    whole = context.eval()().detach()
    context.train()
    left_out = (context().detach() == 0).all(dim=1)  # attributes say nothing yet
    assert 160 < left_out.sum() < 240
    with torch.no_grad():
        assert torch.equal(context(), whole)


@pytest.mark.parametrize(
    ("part", "options"), [("hn-mvts", {}), ("light-sae", {"rank": 2}), ("film", {})]
)
def test_every_part_with_vectors_has_a_gradient_for_what_attributes_say(
    part: str, options: dict
) -> None:
    network = ForecastingNetwork(
        lookback=8,
        horizon=2,
        n_channels=1,
        backbone="rmlp",
        parts={part: options},
        weights_by="series",
        n_series=3,
        n_attributes=2,
    )
    network.start_from([torch.randn(30, 1) for _ in range(3)], (), [0, 1, 2], VALUES)
    torch.testing.assert_close(network.attributes(), VALUES)
    with torch.no_grad():
        for parameter in network.parameters():  # many generators start at zero
            parameter += 0.1 * torch.randn_like(parameter)
    out = network(torch.randn(6, 8, 1), series=torch.tensor([0, 1, 2] * 2))
    out.square().sum().backward()
    [(_, context), *_] = with_attributes(network)
    assert context.from_attributes is not None
    gradient = context.from_attributes.weight.grad
    assert gradient is not None
    assert gradient.abs().min() > 0
