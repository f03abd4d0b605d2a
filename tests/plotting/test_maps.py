"""Maps of the channels: what is drawn, read back from the artists."""

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from darts import TimeSeries

from hyperforecast.darts import BackboneModel, HNMVTSModel
from hyperforecast.diagnostics import channel_positions
from hyperforecast.plotting import plot_channel_map, plot_channel_positions
from hyperforecast.sktime import HNMVTSForecaster


@pytest.mark.parametrize("host", ["darts", "sktime"])
def test_points_and_names_of_a_model(host: str, panel: pd.DataFrame) -> None:
    options = {"channel_embedding_dim": 2, "n_epochs": 1, "random_state": 0}
    if host == "darts":
        model = HNMVTSModel(6, 2, **options).fit(TimeSeries.from_dataframe(panel, freq="D"))
        network = model.network
    else:
        model = HNMVTSForecaster(6, 2, **options).fit(panel, fh=[1, 2])
        network = model.model_.network
    ax = plot_channel_map(model, colour=pd.Series({"b": 2.0, "a": 1.0, "c": 3.0}, name="level"))
    points = ax.collections[0]
    places = np.asarray(points.get_offsets())
    vectors = network.channel_embedding().numpy()
    np.testing.assert_allclose(
        np.linalg.norm(places[0] - places[2]),
        np.linalg.norm(vectors[0] - vectors[2]),
        rtol=1e-5,
    )
    np.testing.assert_array_equal(points.get_array(), [1.0, 2.0, 3.0])
    named = {text.get_text(): tuple(text.xy) for text in ax.texts}
    assert sorted(named) == ["a", "b", "c"]
    np.testing.assert_allclose(named["b"], places[1])


def test_a_model_without_vectors(panel: pd.DataFrame) -> None:
    model = BackboneModel(6, 2).fit(TimeSeries.from_dataframe(panel, freq="D"))
    with pytest.raises(ValueError, match="The model has no channel embedding"):
        plot_channel_map(model)


def test_map_of_the_channels(clustered: Any) -> None:
    _, given = plt.subplots()
    ax = plot_channel_positions(clustered, 3, names=list("abcdef"), ax=given)
    assert ax is given
    points = ax.collections[0]
    np.testing.assert_allclose(points.get_offsets(), channel_positions(clustered))
    assert points.get_array().tolist() == [0, 1, 1, 1, 2, 0]
    assert [text.get_text() for text in ax.texts] == list("abcdef")


def test_a_single_point(train_light_sae: Any, make_panel: Any) -> None:
    model = train_light_sae(make_panel(n_channels=1))
    assert len(plot_channel_positions(model).collections[0].get_offsets()) == 1


def test_names_asked_for_are_written(clustered: Any) -> None:
    assert len(plot_channel_positions(clustered, names=1).texts) == 1
    ax = plot_channel_positions(clustered, names=["d", "b"])
    assert [text.get_text() for text in ax.texts] == ["d", "b"]
