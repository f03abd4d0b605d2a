"""Pictures of forecasts and channels: what is drawn, read back from the artists."""

from collections.abc import Iterator

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

mpl.use("Agg")

import matplotlib.pyplot as plt
from darts import TimeSeries

from hyperforecast.darts import BackboneModel, HNMVTSModel
from hyperforecast.plotting import channel_map, plot_channel_map, plot_forecasts
from hyperforecast.sktime import HNMVTSForecaster


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    yield
    plt.close("all")


class TestForecasts:
    def test_lines_hold_the_series_and_every_forecast(self, panel: pd.DataFrame) -> None:
        parts = [panel.iloc[100:103] + 1, panel.iloc[110:113] + 2]
        other = TimeSeries.from_dataframe(panel.iloc[100:103] - 1, freq="D")
        figure = plot_forecasts(panel, {"one": parts, "other": other}, ["c", "a"], history=5)
        axes = figure.axes
        assert [ax.get_title(loc="left") for ax in axes] == ["c", "a"]
        for ax, channel in zip(axes, ["c", "a"], strict=True):
            drawn = [np.asarray(line.get_ydata(), dtype=float) for line in ax.get_lines()]
            expected = [panel.iloc[95:], *parts, panel.iloc[100:103] - 1]
            for values, frame in zip(drawn, expected, strict=True):
                np.testing.assert_allclose(values, frame[channel])
        legend = axes[0].get_legend()
        assert legend is not None
        assert [text.get_text() for text in legend.get_texts()] == ["actual", "one", "other"]

    def test_an_unknown_channel(self, panel: pd.DataFrame) -> None:
        with pytest.raises(ValueError, match=r"'actual' has no channel 'z'. It has: 'a', 'b', 'c'"):
            plot_forecasts(panel, {}, ["z"])


class TestChannelMap:
    def test_positions_keep_distances_of_plane_vectors(self) -> None:
        vectors = pd.DataFrame([[0.0, 0], [4, 0], [0, 1]], index=["p", "q", "r"])
        places = channel_map(vectors)
        assert list(places.index) == ["p", "q", "r"]
        gaps = np.linalg.norm(places.to_numpy()[:, None] - places.to_numpy(), axis=2)
        np.testing.assert_allclose(gaps[0], [0, 4, 1], atol=1e-12)
        assert sum(places.attrs["explained"]) == pytest.approx(1.0)

    @pytest.mark.parametrize("host", ["darts", "sktime"])
    def test_points_and_names_of_a_model(self, host: str, panel: pd.DataFrame) -> None:
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

    def test_a_model_without_vectors(self, panel: pd.DataFrame) -> None:
        model = BackboneModel(6, 2).fit(TimeSeries.from_dataframe(panel, freq="D"))
        with pytest.raises(ValueError, match="The model has no channel embedding"):
            plot_channel_map(model)
