"""LightSAE taken apart."""

import numpy as np
import pytest
import torch

from benchmarks.light_sae import ablation
from benchmarks.runs import complete
from hyperforecast.darts import HyperModel
from hyperforecast.nn import PARTS

OPTIONS = {"backbone_kwargs": {"d_model": 4}, "n_epochs": 2, "patience": 2, "lr": 1e-2}


@pytest.fixture
def own_parts(monkeypatch) -> None:
    for name, part in ablation.OWN_PARTS.items():
        monkeypatch.setitem(PARTS, name, part)


def trained(dataset, **slots):
    model = HyperModel(
        8, 4, backbone="rmlp", backbone_kwargs={"d_model": 4}, n_epochs=2, random_state=0, **slots
    )
    return model.fit(dataset.series("train")).network


@pytest.mark.usefixtures("own_parts")
def test_without_the_shared_weight_the_pool_alone_embeds(two_waves) -> None:
    network = trained(two_waves, embedding=ablation.ALONE)
    embedding = network.backbone.embedding
    assert not embedding.weight.any()
    weight, _ = embedding.generate()
    assert weight.abs().amax(dim=(1, 2)).min() > 0


@pytest.mark.usefixtures("own_parts")
def test_the_pool_at_the_head_leaves_the_embedding_plain(two_waves) -> None:
    network = trained(two_waves, head=ablation.AT_THE_HEAD)
    assert isinstance(network.backbone.embedding, torch.nn.Linear)
    weight, _ = network.head.generate()
    assert weight.shape[0] == 2
    assert not torch.allclose(weight[0], weight[1])


def test_every_variant_is_a_row(two_waves, tmp_path) -> None:
    variants = ["shared embedding", "LightSAE", "SAE-full"]
    runs = ablation.runs(two_waves, 8, 4, variants, [2], [0], OPTIONS)
    rows = complete(tmp_path / "ablation.csv", runs)
    table = ablation.table(rows).set_index("variant")
    errors = table["test_mse"]
    assert table.loc["LightSAE", "change"] == pytest.approx(
        100 * (errors["LightSAE"] / errors["shared embedding"] - 1)
    )
    assert np.isnan(table.loc["SAE-full", "gate_entropy"])
    assert table.loc["LightSAE", "rank_90"] >= 1


def test_some_channels_are_evenly_spread(two_waves) -> None:
    one = ablation.some_channels(two_waves, 1)
    assert one.channels == ["a"]
    assert one.values.shape == (120, 1)
    assert ablation.some_channels(two_waves, 9).channels == ["a", "b"]
