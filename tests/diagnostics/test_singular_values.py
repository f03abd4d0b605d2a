"""Energy of singular values, on weights set by hand."""

import re
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from hyperforecast.diagnostics import auxiliary_energy


@pytest.mark.parametrize("host", ["darts", "sktime"])
def test_energy(train_light_sae: Any, host: str, panel: pd.DataFrame) -> None:
    model = train_light_sae(panel, host, variant="full")
    network = getattr(model, "model_", model).network
    weight = network.backbone.embedding.terms["light-sae"].generator.weight  # (C, 5, 6)
    with torch.no_grad():
        weight.zero_()
        weight[0, 0, 0], weight[0, 1, 1] = 2.0, 1.0  # singular values 2 and 1
        weight[1] = 1.0  # rank one
    energy = auxiliary_energy(model)
    assert energy.shape == (3, 5)
    assert list(energy.columns) == [1, 2, 3, 4, 5]
    np.testing.assert_allclose(energy.loc["a"], [0.8, 1, 1, 1, 1], atol=1e-12)
    np.testing.assert_allclose(energy.loc["b"], np.ones(5), atol=1e-12)
    assert energy.loc["c"].isna().all()


def test_energy_of_the_pool_ends_at_its_rank(train_light_sae: Any, panel: pd.DataFrame) -> None:
    energy = auxiliary_energy(train_light_sae(panel, rank=2))
    assert (energy[1] < 1 - 1e-6).all()
    np.testing.assert_allclose(energy[2], 1, atol=1e-9)


def test_a_shared_embedding_has_no_auxiliary_weights(
    train_light_sae: Any, panel: pd.DataFrame
) -> None:
    with pytest.raises(ValueError, match=re.escape("has no auxiliary weights")):
        auxiliary_energy(train_light_sae(panel, variant="shared"))
