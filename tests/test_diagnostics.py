"""Diagnostics and pictures of LightSAE, on weights set by hand, from models of both hosts."""

import math
import re
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
import torch

mpl.use("Agg")

import matplotlib.pyplot as plt
from darts import TimeSeries

from hyperforecast.darts import BackboneModel, LightSAEModel
from hyperforecast.diagnostics import (
    auxiliary_energy,
    channel_clusters,
    channel_gates,
    channel_positions,
    gate_collapse,
)
from hyperforecast.plotting import plot_auxiliary_energy, plot_channel_positions, plot_gates
from hyperforecast.sktime import LightSAEForecaster

L, H = 6, 2
OPTIONS: dict[str, Any] = {
    "backbone_kwargs": {"d_model": 5},
    "n_epochs": 1,
    "random_state": 0,
    "pl_trainer_kwargs": {"accelerator": "cpu"},
}


def trained(panel: pd.DataFrame, host: str = "darts", **options: Any) -> Any:
    if host == "sktime":
        forecaster = LightSAEForecaster(L, H, **{**OPTIONS, **options})
        return forecaster.fit(panel, fh=[1, 2])
    model = LightSAEModel(L, H, **{**OPTIONS, **options})
    return model.fit(TimeSeries.from_dataframe(panel, freq="D"))


def set_gates(model: Any, gates: list[list[float]]) -> None:
    network = getattr(model, "model_", model).network
    with torch.no_grad():
        network.backbone.embedding.auxiliary.gate.set_logits(torch.tensor(gates).log())


each_host = pytest.mark.parametrize("host", ["darts", "sktime"])


@each_host
class TestOfBothHosts:
    def test_gates(self, host: str, panel: pd.DataFrame) -> None:
        model = trained(panel, host, n_components=2)
        set_gates(model, [[0.25, 0.75], [0.5, 0.5], [0.9, 0.1]])
        gates = channel_gates(model)
        np.testing.assert_allclose(gates, [[0.25, 0.75], [0.5, 0.5], [0.9, 0.1]], atol=1e-6)
        assert list(gates.index) == ["a", "b", "c"]

    def test_energy(self, host: str, panel: pd.DataFrame) -> None:
        model = trained(panel, host, variant="full")
        network = getattr(model, "model_", model).network
        weight = network.backbone.embedding.auxiliary.weight  # (C, 5, 6)
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


def test_energy_of_the_pool_ends_at_its_rank(panel: pd.DataFrame) -> None:
    energy = auxiliary_energy(trained(panel, rank=2))
    assert (energy[1] < 1 - 1e-6).all()
    np.testing.assert_allclose(energy[2], 1, atol=1e-9)


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
    gates: list, gate_entropy: float, load_entropy: float, panel: pd.DataFrame
) -> None:
    model = trained(panel, n_components=2)
    set_gates(model, gates)
    found = gate_collapse(model)
    np.testing.assert_allclose(
        found[["gate_entropy", "load_entropy", "specialisation"]],
        [gate_entropy, load_entropy, load_entropy - gate_entropy],
        atol=1e-6,
    )


@pytest.fixture
def clustered(make_panel: Any) -> Any:
    """Six channels in three clusters: a and f; b, c and d; e."""
    model = trained(make_panel(n_channels=6), n_components=3)
    likes = [0, 1, 1, 1, 2, 0]
    gates = np.full((6, 3), 0.05) + 0.85 * np.eye(3)[likes]
    gates += 0.01 * np.random.default_rng(0).random(gates.shape)
    set_gates(model, (gates / gates.sum(axis=1, keepdims=True)).tolist())
    return model


def test_clusters(clustered: Any) -> None:
    expected = pd.Series([0, 1, 1, 1, 2, 0], index=pd.Index(list("abcdef"), name="channel"))
    for found in (channel_clusters(clustered, 3), channel_clusters(clustered)):
        pd.testing.assert_series_equal(found, expected, check_names=False)
    assert channel_clusters(clustered, 1).tolist() == [0] * 6
    assert sorted(channel_clusters(clustered, 6)) == [0, 1, 2, 3, 4, 5]


def test_clusters_of_two_channels(make_panel: Any) -> None:
    assert channel_clusters(trained(make_panel(n_channels=2))).tolist() == [0, 1]


def test_positions_keep_distances(clustered: Any) -> None:
    gates = np.sqrt(channel_gates(clustered).to_numpy())
    places = channel_positions(clustered).to_numpy()
    # three components that sum to one lie on a surface: two dimensions hold nearly all
    expected = np.linalg.norm(gates[:, None] - gates[None], axis=-1)
    found = np.linalg.norm(places[:, None] - places[None], axis=-1)
    np.testing.assert_allclose(found, expected, atol=0.02)
    assert (places.max(axis=0) >= -places.min(axis=0)).all()


def test_positions_of_one_channel(make_panel: Any) -> None:
    assert channel_positions(trained(make_panel(n_channels=1))).to_numpy().tolist() == [[0, 0]]


@pytest.mark.parametrize(
    ("function", "options", "error", "message"),
    [
        (auxiliary_energy, {"variant": "shared"}, ValueError, "has no auxiliary weights"),
        (channel_gates, {"variant": "full"}, ValueError, "has no gates"),
        (gate_collapse, {"n_components": 1}, ValueError, "A pool of one component"),
    ],
)
def test_errors(
    function: Any, options: dict, error: type, message: str, panel: pd.DataFrame
) -> None:
    with pytest.raises(error, match=re.escape(message)):
        function(trained(panel, **options))


def test_other_errors(panel: pd.DataFrame, make_panel: Any) -> None:
    with pytest.raises(TypeError, match=re.escape("Expected a trained model of hyperforecast.")):
        channel_gates("model")
    plain = BackboneModel(L, H, n_epochs=1).fit(TimeSeries.from_dataframe(panel, freq="D"))
    with pytest.raises(ValueError, match="has no gates"):
        channel_gates(plain)
    with pytest.raises(ValueError, match=re.escape("between 1 and the number of channels, 3")):
        channel_clusters(trained(panel), 4)
    with pytest.raises(ValueError, match="at least two channels"):
        channel_clusters(trained(make_panel(n_channels=1)))
    with pytest.raises(ValueError, match=re.escape("call `fit()` first")):
        channel_gates(LightSAEModel(L, H))


class TestPictures:
    @pytest.fixture(autouse=True)
    def _close(self) -> Any:
        yield
        plt.close("all")

    def test_energy_curves(self, panel: pd.DataFrame) -> None:
        model = trained(panel, rank=2)
        ax = plot_auxiliary_energy(model)
        *curves, median = ax.lines
        np.testing.assert_allclose(
            np.stack([curve.get_ydata() for curve in curves]), auxiliary_energy(model)
        )
        np.testing.assert_allclose(median.get_ydata(), auxiliary_energy(model).median())

    def test_heat_map_goes_by_cluster(self, clustered: Any) -> None:
        ax = plot_gates(clustered, 3)
        order = ["a", "f", "b", "c", "d", "e"]
        assert [label.get_text() for label in ax.get_yticklabels()] == order
        np.testing.assert_allclose(ax.images[0].get_array(), channel_gates(clustered).loc[order])

    def test_map_of_the_channels(self, clustered: Any) -> None:
        _, given = plt.subplots()
        ax = plot_channel_positions(clustered, 3, names=list("abcdef"), ax=given)
        assert ax is given
        points = ax.collections[0]
        np.testing.assert_allclose(points.get_offsets(), channel_positions(clustered))
        assert points.get_array().tolist() == [0, 1, 1, 1, 2, 0]
        assert [text.get_text() for text in ax.texts] == list("abcdef")

    def test_of_one_channel(self, make_panel: Any) -> None:
        model = trained(make_panel(n_channels=1))
        assert plot_gates(model).images[0].get_array().shape == (1, 10)
        assert len(plot_channel_positions(model).collections[0].get_offsets()) == 1

    def test_names_asked_for_are_written(self, clustered: Any) -> None:
        assert len(plot_channel_positions(clustered, names=1).texts) == 1
        ax = plot_channel_positions(clustered, names=["d", "b"])
        assert [text.get_text() for text in ax.texts] == ["d", "b"]

    def test_rows_of_many_channels_are_not_named(self, make_panel: Any) -> None:
        model = trained(make_panel(n_channels=41), n_components=2)
        assert plot_gates(model).get_ylabel() == "41 channels, by cluster"
