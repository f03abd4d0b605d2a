"""The table of synthetic channels."""

import numpy as np
import pytest

from benchmarks.light_sae import synthetic
from benchmarks.light_sae.channels import KINDS


def test_synthetic_table(two_waves, tmp_path, monkeypatch) -> None:
    labels = np.arange(2)
    monkeypatch.setattr(synthetic, "synthetic_channels", lambda kind, seed: (two_waves, labels))
    monkeypatch.setattr(synthetic, "N_CLUSTERS", 2)
    monkeypatch.setitem(synthetic.SYNTHETIC, "n_epochs", 1)
    table = synthetic.synthetic([0], tmp_path / "synthetic.csv").set_index("channels")
    assert list(table.index) == list(KINDS)
    ratio = table["light-sae"] / table["plain"]
    np.testing.assert_allclose(table["light-sae / plain"], ratio)
    assert table["agreement"].notna().to_list() == [False, True, False]
    monkeypatch.setattr(synthetic, "train_cell", lambda *_: pytest.fail("was trained again"))
    again = synthetic.synthetic([0], tmp_path / "synthetic.csv").set_index("channels")
    np.testing.assert_allclose(
        again.to_numpy(float), table.to_numpy(float), atol=1e-12, equal_nan=True
    )
