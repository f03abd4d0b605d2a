"""Gates and their collapse, on gates set by hand."""

import math
import re
from typing import Any

import numpy as np
import pandas as pd
import pytest
from darts import TimeSeries

from hyperforecast.darts import BackboneModel
from hyperforecast.diagnostics import channel_gates, gate_collapse


@pytest.mark.parametrize("host", ["darts", "sktime"])
def test_gates(train_light_sae: Any, set_gates: Any, host: str, panel: pd.DataFrame) -> None:
    model = train_light_sae(panel, host, n_components=2)
    set_gates(model, [[0.25, 0.75], [0.5, 0.5], [0.9, 0.1]])
    gates = channel_gates(model)
    np.testing.assert_allclose(gates, [[0.25, 0.75], [0.5, 0.5], [0.9, 0.1]], atol=1e-6)
    assert list(gates.index) == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("gates", "gate_entropy", "load_entropy"),
    [
        ([[0.5, 0.5]] * 3, 1.0, 1.0),
        # each has chosen one, two of them the same
        (
            [[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]],
            0.0,
            -(2 / 3 * math.log2(2 / 3) + math.log2(1 / 3) / 3),
        ),
        ([[1.0, 0.0]] * 3, 0.0, 0.0),
        # a fair coin, and two of entropy h(1/4) = 0.811278 bits
        ([[0.5, 0.5], [0.25, 0.75], [0.75, 0.25]], (1 + 2 * 0.8112781245) / 3, 1.0),
    ],
)
def test_collapse(
    gates: list,
    gate_entropy: float,
    load_entropy: float,
    train_light_sae: Any,
    set_gates: Any,
    panel: pd.DataFrame,
) -> None:
    model = train_light_sae(panel, n_components=2)
    set_gates(model, gates)
    found = gate_collapse(model)
    np.testing.assert_allclose(
        found[["gate_entropy", "load_entropy", "specialisation"]],
        [gate_entropy, load_entropy, load_entropy - gate_entropy],
        atol=1e-6,
    )


def test_a_pool_of_one_component_cannot_collapse(train_light_sae: Any, panel: pd.DataFrame) -> None:
    with pytest.raises(ValueError, match=re.escape("A pool of one component")):
        gate_collapse(train_light_sae(panel, n_components=1))


def test_models_without_a_pool(train_light_sae: Any, panel: pd.DataFrame) -> None:
    plain = BackboneModel(6, 2, n_epochs=1).fit(TimeSeries.from_dataframe(panel, freq="D"))
    for model in (plain, train_light_sae(panel, variant="full")):
        with pytest.raises(ValueError, match="has no gates"):
            channel_gates(model)
