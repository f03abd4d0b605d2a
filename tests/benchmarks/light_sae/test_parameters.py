"""Parameter counts, by hand."""

import pytest

from benchmarks.light_sae.parameters import parameters


def test_parameters_of_rmlp_by_hand() -> None:
    table = parameters(horizon=720).set_index(["backbone", "channels"])
    row = table.loc[("rmlp", "Weather, 21")]
    shared = (96 + 1) * 512 + 2 * (512 + 1) * 512 + (512 + 1) * 720
    pool, biases, gates = 10 * 96 * 25 + 25 * 512, 10 * 512, 21 * 10
    assert row["shared"] == shared
    assert row["full"] == shared + 21 * (96 + 1) * 512
    assert row["light"] == shared + pool + biases + gates
    assert row["light, % more"] == pytest.approx(100 * (pool + biases + gates) / shared)
    assert row["without its biases"] == pytest.approx(100 * (pool + gates) / shared)
