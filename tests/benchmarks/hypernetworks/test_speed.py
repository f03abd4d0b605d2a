"""What is timed has as many parameters, and runs."""

import pytest

from benchmarks.hypernetworks.cost import cost
from benchmarks.hypernetworks.speed import layers, speed
from hyperforecast.nn import count_parameters


@pytest.mark.parametrize("d_model", [32, 64, 128])
def test_as_many_parameters(d_model: int) -> None:
    counts = [count_parameters(layer) for layer in layers(d_model).values()]
    assert max(counts) / min(counts) <= 1.04  # each within 2 % of HyperLSTM


def test_ratios_are_of_the_times() -> None:
    table = speed([32], [2], repetitions=1)
    assert list(table["pass"]) == ["forward", "forward and backward"]
    expected = table["HyperLSTM, ms"] / table["layer-normalised, ms"]
    assert (table["to layer-normalised"] == expected).all()


def test_networks_are_compared_at_the_same_width_and_the_same_size() -> None:
    table = cost(["dynamic head, RLinear"], repetitions=1)
    assert list(table["against"]) == 2 * ["same width", "rlinear"]
    assert (table["ms"] > 0).all()
    first, second = table["its parameters"][:2]
    assert first < table["parameters"][0]
    assert abs(second / table["parameters"][0] - 1) <= 0.02
