"""Weights that `enable_finetuning` holds still, in whichever way they came into the model."""

from collections.abc import Callable
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
import torch
from darts import TimeSeries

from hyperforecast.darts import BackboneModel, HNMVTSModel, HyperforecastModel, MoLAModel
from tests.hosts.darts.every_model import H, L


def make(model_class: type[HyperforecastModel] = HNMVTSModel, **options: Any) -> HyperforecastModel:
    return model_class(L, H, **{"random_state": 0, **options})


def parameters(model: HyperforecastModel) -> dict[str, torch.Tensor]:
    assert model.model is not None
    return {name: p.detach().clone() for name, p in model.model.named_parameters()}


def by_load_weights(saved: HyperforecastModel, folder: Path, **options: Any) -> HyperforecastModel:
    saved.save(str(folder / "model.pt"))
    model = make(**options)
    model.load_weights(str(folder / "model.pt"))
    return model


def by_load(saved: HyperforecastModel, folder: Path, **options: Any) -> HyperforecastModel:
    by_load_weights(saved, folder, **options).save(str(folder / "tuned.pt"))
    return HNMVTSModel.load(str(folder / "tuned.pt"))


def by_train_from(saved: HyperforecastModel, folder: Path, **options: Any) -> HyperforecastModel:
    assert saved.model is not None
    return make(**options).train_from(saved.model.state_dict())


@pytest.mark.parametrize("load", [by_load_weights, by_load, by_train_from])
@pytest.mark.parametrize("solver", ["exact", "adam"])
@pytest.mark.parametrize("mode", ["freeze", "unfreeze"])
def test_frozen_weights_stay(
    load: Callable[..., HyperforecastModel],
    solver: str,
    mode: str,
    series: TimeSeries,
    tmp_path: Path,
) -> None:
    """Those of a solved model come with another network than the one that Darts froze."""
    saved = make(solver=solver, n_factors=2, channel_embedding_dim=2)
    if solver == "adam":
        saved.n_epochs = 1
    before = parameters(saved.fit(series))
    patterns = ["network.head.weight", "network.factor_map*"]
    model = load(
        saved,
        tmp_path,
        n_factors=2,
        channel_embedding_dim=2,
        n_epochs=2,
        enable_finetuning={mode: patterns},
    )
    after = parameters(model.fit(series + 1))
    assert after.keys() == before.keys()
    for name, values in after.items():
        if values.numel() == 0:  # vectors of a length of zero, which the solver selected
            continue
        named = any(fnmatch(name, pattern) for pattern in patterns)
        assert torch.equal(values, before[name]) == (named == (mode == "freeze")), name


def test_of_a_checkpoint(series: TimeSeries, tmp_path: Path) -> None:
    where = {"work_dir": str(tmp_path), "model_name": "run", "save_checkpoints": True}
    make(n_epochs=1, enable_finetuning={"freeze": ["network.head.weight"]}, **where).fit(series)
    model = HNMVTSModel.load_from_checkpoint("run", str(tmp_path), best=False)
    before = parameters(model)
    after = parameters(model.fit(series, epochs=3))
    assert torch.equal(after["network.head.weight"], before["network.head.weight"])
    assert not torch.equal(after["network.head.bias"], before["network.head.bias"])


def test_in_both_stages(series: TimeSeries, tmp_path: Path) -> None:
    saved = make(MoLAModel, n_epochs=1, n_segments=2).fit(series)
    saved.save(str(tmp_path / "model.pt"))
    frozen = ["network.head.weight", "network.head.terms.mola.context*"]
    model = make(MoLAModel, n_epochs=1, n_segments=2, enable_finetuning={"freeze": frozen})
    model.load_weights(str(tmp_path / "model.pt"))
    before = parameters(model)
    after = parameters(model.fit(series + 1))
    for name, values in after.items():
        named = any(fnmatch(name, pattern) for pattern in frozen)
        assert torch.equal(values, before[name]) == named, name


def test_nothing_is_solved_where_nothing_is_to_be_trained(
    series: TimeSeries, tmp_path: Path
) -> None:
    saved = make(BackboneModel).fit(series)
    saved.save(str(tmp_path / "model.pt"))
    model = make(BackboneModel, enable_finetuning=False)
    model.load_weights(str(tmp_path / "model.pt"))
    before = parameters(model)
    after = parameters(model.fit(series[:60] * 3))
    assert all(torch.equal(after[name], before[name]) for name in before)
