"""A base is taken to longer horizons as a user does it."""

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.mola import longer
from benchmarks.mola.longer import Rolled
from benchmarks.runs import complete


class Twice(nn.Module):
    """Forecasts two steps: the last value plus one, and the first plus ten."""

    def forward(self, window: Tensor) -> Tensor:
        return torch.stack([window[:, -1] + 1, window[:, 0] + 10], dim=1).unsqueeze(-1)


def test_a_rolled_network_goes_on_from_its_forecasts():
    window = torch.tensor([0.0, 1.0, 2.0])[None, :, None]
    found = Rolled(Twice(), 5)(window).squeeze()
    # 2 + 1, 0 + 10; then from 2, 3, 10: 11, 12; then from 10, 11, 12: 13
    assert found.tolist() == [3, 10, 11, 12, 13]


def test_every_method_at_a_longer_horizon(dataset, monkeypatch, tmp_path):
    monkeypatch.setattr(longer, "load", lambda *args: dataset)
    runs = longer.runs(
        "waves",
        None,
        ["dlinear"],
        [0],
        [6],
        lookback=6,
        base_horizon=4,
        segment_length=2,
        epochs=2,
        learning_rate=1e-3,
        stride=2,
    )
    rows = complete(tmp_path / "longer.csv", runs)
    assert [row["method"] for row in rows] == list(longer.METHODS)
    assert all(np.isfinite(row["test_mse"]) for row in rows)
    found = longer.table(longer.pd.DataFrame(rows))
    assert list(found.columns[3:7]) == list(longer.METHODS)
