"""The scan over ranks and pool sizes."""

import numpy as np
import pytest

from benchmarks.light_sae import scan


def test_a_scan_goes_on_where_it_was(two_waves, tmp_path, monkeypatch) -> None:
    options = {"backbone_kwargs": {"d_model": 4}, "n_epochs": 1, "patience": 1}
    path = tmp_path / "scan.csv"
    arguments = {"pools": [2, 3], "seeds": [0], "options": options, "path": path}
    first = scan.scan(two_waves, 8, 4, ranks=[1], **arguments)
    assert list(first["rank"]) == ["shared", 1, 1]
    assert list(first["n_components"]) == ["", 2, 3]
    # a component more: its left factor, its bias, and a gate for each channel
    assert first["parameters"].diff().iloc[2] == 8 * 1 + 4 + 2
    monkeypatch.setattr(scan, "measure", lambda *_: pytest.fail("was trained again"))
    again = scan.scan(two_waves, 8, 4, ranks=[1], **arguments)
    np.testing.assert_array_equal(again["test_mse"], first["test_mse"])
