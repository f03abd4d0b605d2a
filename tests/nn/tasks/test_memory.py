"""What is kept of tasks, what a further one may change, and what holds the others."""

from typing import Any

import pytest
import torch

from hyperforecast.nn import ForecastingNetwork
from hyperforecast.nn.tasks import TaskMemory
from hyperforecast.nn.tasks.memory import n_numbers

PARTED = {
    "parts": {"hn-mvts": {"channel_embedding_dim": 1}, "task-vectors": {"task_embedding_dim": 3}}
}


def arguments(n_channels: int, **changed: Any) -> dict[str, Any]:
    sizes = {"lookback": 8, "horizon": 3, "n_channels": n_channels}
    return {**sizes, "backbone": "rmlp", "backbone_kwargs": {"d_model": 8}, **PARTED, **changed}


def trained(memory: TaskMemory, n_channels: int, strength: float, steps: int = 100) -> Any:
    """A network that has learned forecasts of noise as a further task."""
    torch.manual_seed(n_channels)
    network = ForecastingNetwork(**arguments(n_channels))
    memory.start(network)
    x, y = torch.randn(20, 8, n_channels), torch.randn(20, 3, n_channels, 1)
    with memory.held(network, arguments(n_channels), strength):
        optimizer = torch.optim.Adam(network.parameters(), lr=0.003)
        for _ in range(steps):
            optimizer.zero_grad()
            loss = (network(x) - y).square().mean() + (network.penalty() or 0.0)
            loss.backward()
            optimizer.step()
    return network


def forecast(memory: TaskMemory, name: str, n_channels: int) -> torch.Tensor:
    network = ForecastingNetwork(**arguments(n_channels)).eval()
    network.load_state_dict(memory.weights(name))
    torch.manual_seed(0)
    with torch.no_grad():
        return network(torch.randn(50, 8, n_channels))


@pytest.fixture(scope="module")
def first() -> TaskMemory:
    return TaskMemory().learned("one", trained(TaskMemory(), 2, 0.0), arguments(2))


def moved(first: TaskMemory, strength: float) -> float:
    """How far forecasts of the first task move while a second one is learned."""
    before = forecast(first, "one", 2)
    both = first.learned("two", trained(first, 4, strength), arguments(4))
    assert both.names == ["one", "two"]
    return (forecast(both, "one", 2) - before).square().mean().item()


def test_the_more_what_is_generated_is_held_the_less_forecasts_move(first: TaskMemory) -> None:
    free, some, much = (moved(first, strength) for strength in (0.0, 1.0, 1000.0))
    assert much < 0.05 * free
    assert much < some < free


def test_what_is_generated_from_no_task_stays_as_it_is(first: TaskMemory) -> None:
    second = first.learned("two", trained(first, 4, 1.0), arguments(4))
    changed = {name for name, v in first.shared.items() if not v.equal(second.shared[name])}
    assert changed
    assert all(".generator." in name for name in changed)
    kept = {name for name in first.shared if name not in changed}
    assert {"head.weight", "backbone.embedding.weight"} <= kept
    for name, value in first.own["one"].items():
        assert second.own["one"][name].equal(value)


def test_a_tasks_own_are_its_vector_its_channels_and_buffers(first: TaskMemory) -> None:
    network = ForecastingNetwork(**arguments(2))
    own = set(first.own["one"])
    buffers = {name for name, _ in network.named_buffers()}
    vectors = {
        name for name in network.state_dict() if name.endswith("task-vectors.context.weight")
    }
    assert len(vectors) > 1  # one vector, under the name of each layer
    assert own - buffers - vectors == {"head.terms.hn-mvts.context.weight"}
    numbers = sum(network.get_buffer(name).numel() for name in buffers) + 3 + 2
    assert n_numbers(first.own["one"].values()) == numbers


def test_a_new_task_starts_from_what_is_shared_with_a_direction_of_its_own(
    first: TaskMemory,
) -> None:
    network = ForecastingNetwork(**arguments(4))
    first.start(network)
    state = network.state_dict()
    assert all(state[name].equal(value) for name, value in first.shared.items())
    before = first.own["one"]["head.terms.task-vectors.context.weight"]
    (vector,) = network.contexts("task-vectors")
    assert abs((vector() @ before.T).item()) < 1e-6
    assert vector().norm().item() == pytest.approx(1.0)


def test_training_is_let_go_of_what_was_held(first: TaskMemory) -> None:
    network = trained(first, 4, 1.0, steps=1)
    assert all(parameter.requires_grad for parameter in network.parameters())
    assert network.penalty() is None


def test_what_was_not_moved_costs_nothing_and_moves_cost_what_outputs_change(
    first: TaskMemory,
) -> None:
    network = ForecastingNetwork(**arguments(4))
    first.start(network)
    with first.held(network, arguments(4), 2.0):
        penalty = network.penalty()
        assert penalty is not None
        assert penalty.item() == 0
        generator = network.head.terms["task-vectors"].generator
        with torch.no_grad():
            generator.weight_bases += 0.1
            z = first.own["one"]["head.terms.task-vectors.context.weight"].sum()
        # each of the outputs by the squares of all its inputs' weights
        expected = 2.0 * (0.1 * z) ** 2 * network.head.in_features
        torch.testing.assert_close(network.penalty(), expected)


def test_a_task_forgotten_is_held_no_more(first: TaskMemory) -> None:
    both = first.learned("two", trained(first, 4, 1.0, steps=1), arguments(4))
    assert both.without("one").names == ["two"]
    assert both.without("one").without("two") == TaskMemory()


def test_messages_name_what_is_known(first: TaskMemory) -> None:
    with pytest.raises(ValueError, match=r"Unknown task 'on'.*'one'"):
        first.check_known("on")
    with pytest.raises(ValueError, match="none was learned"):
        TaskMemory().check_known("on")
    with pytest.raises(ValueError, match="was learned before; tasks are: 'one'"):
        first.check_new("one")
    with pytest.raises(TypeError, match="must be a text; got 3"):
        first.check_new(3)
    with pytest.raises(ValueError, match="horizon=4 where those before have 3"):
        first.check_fits(arguments(5, horizon=4))
    first.check_fits(arguments(5))
