"""Maps of the channels: distances are kept."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from darts import TimeSeries

from hyperforecast.darts import BackboneModel
from hyperforecast.diagnostics import channel_gates, channel_map, channel_positions


def test_map_keeps_distances_of_plane_vectors() -> None:
    vectors = pd.DataFrame([[0.0, 0], [4, 0], [0, 1]], index=["p", "q", "r"])
    places = channel_map(vectors)
    assert list(places.index) == ["p", "q", "r"]
    gaps = np.linalg.norm(places.to_numpy()[:, None] - places.to_numpy(), axis=2)
    np.testing.assert_allclose(gaps[0], [0, 4, 1], atol=1e-12)
    assert sum(places.attrs["explained"]) == pytest.approx(1.0)


def test_positions_keep_distances(clustered: Any) -> None:
    gates = np.sqrt(channel_gates(clustered).to_numpy())
    places = channel_positions(clustered).to_numpy()
    # three components that sum to one lie on a surface: two dimensions hold nearly all
    expected = np.linalg.norm(gates[:, None] - gates[None], axis=-1)
    found = np.linalg.norm(places[:, None] - places[None], axis=-1)
    np.testing.assert_allclose(found, expected, atol=0.02)
    assert (places.max(axis=0) >= -places.min(axis=0)).all()


def test_positions_of_one_channel(train_light_sae: Any, make_panel: Any) -> None:
    assert channel_positions(train_light_sae(make_panel(n_channels=1))).to_numpy().tolist() == [
        [0, 0]
    ]


def test_map_of_heads(panel: pd.DataFrame) -> None:
    model = BackboneModel(6, 2, individual=True).fit(TimeSeries.from_dataframe(panel, freq="D"))
    weights = model.network.fold().head.weight.detach().flatten(1).double().numpy()
    places = channel_map(model, n_components=3, of="heads").to_numpy()
    np.testing.assert_allclose(
        np.linalg.norm(places[:, None] - places, axis=2),
        np.linalg.norm(weights[:, None] - weights, axis=2),
        atol=1e-9,
    )


def test_models_without_a_map(panel: pd.DataFrame) -> None:
    model = BackboneModel(6, 2).fit(TimeSeries.from_dataframe(panel, freq="D"))
    with pytest.raises(ValueError, match="one head for all channels, so there is no map of heads"):
        channel_map(model, of="heads")
    with pytest.raises(ValueError, match="of must be 'embedding' or 'heads'; got 'gates'"):
        channel_map(model, of="gates")
