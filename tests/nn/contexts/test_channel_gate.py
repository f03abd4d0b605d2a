import pytest
import torch

from hyperforecast.nn import ChannelGate


def test_softmax_over_components() -> None:
    gate = ChannelGate(2, 3)
    with torch.no_grad():
        gate.set_logits(torch.tensor([[1.0, 2.0, 4.0], [0.0, 0.0, 0.0]]).log1p())
    torch.testing.assert_close(
        gate(), torch.tensor([[2 / 10, 3 / 10, 5 / 10], [1 / 3, 1 / 3, 1 / 3]])
    )


def test_starts() -> None:
    assert (ChannelGate(5, 4, initialise="uniform").logits == 0).all()
    logits = ChannelGate(400, 50).logits
    assert abs(logits.std().item() - 1) < 0.02


def test_from_correlation_channels_that_move_together_start_alike() -> None:
    sources = torch.randn(200, 2)
    series = sources[:, [0, 1, 0, 1, 0]] + 0.05 * torch.randn(200, 5)
    gate = ChannelGate(5, 3, initialise="correlation")
    gate.start_from([series])
    distances = torch.cdist(gate(), gate())
    same = distances[0, [2, 4]].max(), distances[1, 3]
    assert max(same) < 0.05
    assert distances[0, 1] > 0.2


def test_other_starts_do_not_look_at_the_series() -> None:
    gate = ChannelGate(5, 3, initialise="uniform")
    gate.start_from([torch.randn(20, 5)])
    assert (gate.logits == 0).all()


def test_from_correlation_with_more_components_than_channels() -> None:
    gate = ChannelGate(2, 4, initialise="correlation")
    gate.start_from([torch.randn(20, 2)])
    assert (gate.logits[:, 2:] == 0).all()
    assert (gate.logits[:, :2] != 0).all()


def test_from_correlation_of_constant_channels() -> None:
    gate = ChannelGate(3, 2, initialise="correlation")
    gate.start_from([torch.zeros(20, 3)])
    assert (gate.logits == 0).all()


@pytest.mark.parametrize(
    ("logits", "penalty"),
    [
        ([[0.0, 0.0], [0.0, 0.0]], 0.0),
        ([[1e3, 0.0], [0.0, 1e3]], 0.0),
        ([[1e3, 0.0], [1e3, 0.0]], 0.5 * (2 * 1 - 1)),
        # mean gates 3/4 and 1/4
        ([[1e3, 0.0], [0.0, 0.0]], 0.5 * (2 * (9 / 16 + 1 / 16) - 1)),
    ],
)
def test_penalty(logits: list, penalty: float) -> None:
    gate = ChannelGate(2, 2, load_balancing=0.5)
    with torch.no_grad():
        gate.set_logits(torch.tensor(logits))
    torch.testing.assert_close(gate.penalty(), torch.tensor(penalty))


def test_descent_on_the_penalty_evens_the_load_out() -> None:
    gate = ChannelGate(6, 3, load_balancing=1.0)
    with torch.no_grad():
        gate.weight[:, 0] += 2 / gate.speed
    before = gate.penalty().item()
    optimizer = torch.optim.SGD(gate.parameters(), lr=0.01)
    for _ in range(300):
        optimizer.zero_grad()
        gate.penalty().backward()
        optimizer.step()
    assert before > 0.3
    assert gate.penalty().item() < 0.01


def test_is_a_static_vector_for_each_channel() -> None:
    assert ChannelGate.axis == "channel"
    assert ChannelGate(2, 3).static
    assert ChannelGate(2, 3).penalty() is None
