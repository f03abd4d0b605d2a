"""What is special about MoLA as an sktime forecaster: pretraining a base, adapting to a series."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from darts import TimeSeries
from sktime.forecasting.model_selection import ExpandingWindowSplitter, ForecastingGridSearchCV

from hyperforecast.darts import MoLAModel
from hyperforecast.sktime import MoLAForecaster

L, H = 12, 6


def make(**kwargs: Any) -> MoLAForecaster:
    defaults: dict[str, Any] = {
        "input_chunk_length": L,
        "backbone": "rmlp",
        "backbone_kwargs": {"d_model": 8},
        "n_segments": 3,
        "n_experts": 2,
        "rank": 2,
        "n_epochs": 2,
        "random_state": 0,
        "pl_trainer_kwargs": {"accelerator": "cpu"},
    }
    return MoLAForecaster(**{**defaults, **kwargs})


def instances(panel: pd.DataFrame) -> pd.DataFrame:
    parts = {"one": panel, "two": 2 * panel + 1, "three": panel.iloc[::-1].set_axis(panel.index)}
    return pd.concat(parts, names=["instance", "time"])


def states(model: MoLAModel) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    """What the base is, and what was adapted to it."""
    assert model.model is not None
    names = model.model.adapter_names()
    state = {n: v.clone() for n, v in model.model.state_dict().items() if torch.is_tensor(v)}
    base = {n: v for n, v in state.items() if n not in names}
    return base, {n: v for n, v in state.items() if n in names}


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(values, other[name]) for name, values in one.items())


def test_forecasts_as_the_darts_model(panel: pd.DataFrame) -> None:
    options: dict[str, Any] = {
        "backbone": "rmlp",
        "backbone_kwargs": {"d_model": 8},
        "segment_length": 2,
        "mixing": "free",
        "scaling": 2.0,
        "adapted_layers": ["head", "backbone.mlp.*"],
        "train_head": True,
        "n_base_epochs": 3,
        "base_optimizer_kwargs": {"lr": 0.01},
        "n_epochs": 2,
        "random_state": 0,
        "pl_trainer_kwargs": {"accelerator": "cpu"},
    }
    y_pred = make(**options, n_segments=None, scaler=None, n_experts=4, rank=4)
    y_pred = y_pred.fit(panel, fh=range(1, H + 1)).predict()
    model = MoLAModel(L, H, **options).fit(TimeSeries.from_dataframe(panel, freq="D"))
    np.testing.assert_allclose(y_pred, model.predict(H).values(), rtol=1e-5, atol=1e-6)


def test_the_base_is_pretrained_and_the_experts_adapted(panel: pd.DataFrame) -> None:
    forecaster = make(adapt_only=True)
    forecaster.pretrain(instances(panel), fh=range(1, H + 1))
    base, experts = states(forecaster.pretrained_.model)
    forecaster.fit(panel, fh=range(1, H + 1))
    assert same(base, states(forecaster.model_)[0])
    assert not same(experts, states(forecaster.model_)[1])
    again = forecaster.clone()
    again.fit(panel, fh=range(1, H + 1))
    pd.testing.assert_frame_equal(again.predict(), forecaster.predict())


def test_without_adapt_only_the_base_is_trained_on(panel: pd.DataFrame) -> None:
    forecaster = make()
    forecaster.pretrain(instances(panel), fh=range(1, H + 1))
    base, _ = states(forecaster.pretrained_.model)
    forecaster.fit(panel, fh=range(1, H + 1))
    assert not same(base, states(forecaster.model_)[0])


def test_pretraining_again_trains_the_base_on(panel: pd.DataFrame) -> None:
    forecaster = make(adapt_only=True)
    forecaster.pretrain(instances(panel), fh=range(1, H + 1))
    base, _ = states(forecaster.pretrained_.model)
    forecaster.pretrain(instances(panel), fh=range(1, H + 1))
    assert not same(base, states(forecaster.pretrained_.model)[0])


@pytest.mark.parametrize("remember", [True, False])
def test_update_adapts_alone(panel: pd.DataFrame, remember: bool) -> None:
    forecaster = make(adapt_only=True).set_config(remember_data=remember)
    forecaster.pretrain(instances(panel), fh=range(1, H + 1))
    forecaster.fit(panel[:90], fh=range(1, H + 1))
    base, experts = states(forecaster.model_)
    forecaster.update(panel[90:], update_params=True)
    assert same(base, states(forecaster.model_)[0])
    assert not same(experts, states(forecaster.model_)[1])
    assert forecaster.predict().index[0] == panel.index[-1] + panel.index.freq


def test_parameters_of_training_keep_what_was_pretrained(panel: pd.DataFrame) -> None:
    forecaster = make()
    forecaster.pretrain(instances(panel), fh=range(1, H + 1))
    base, _ = states(forecaster.pretrained_.model)
    forecaster.set_params(adapt_only=True, train_head=True, n_base_epochs=7, n_epochs=1)
    forecaster.fit(panel, fh=range(1, H + 1))
    after, adapted = states(forecaster.model_)
    assert {"network.head.weight", "network.head.bias"} == set(base) - set(after)
    assert all(torch.equal(values, base[name]) for name, values in after.items())
    assert not torch.equal(adapted["network.head.weight"], base["network.head.weight"])
    again = forecaster.clone()
    with pytest.warns(UserWarning, match="loses its pretrained weights: n_segments changed"):
        again.set_params(n_segments=2)


def test_grid_search_over_adapters(panel: pd.DataFrame) -> None:
    forecaster = make(adapt_only=True)
    forecaster.pretrain(instances(panel), fh=range(1, H + 1))
    base, _ = states(forecaster.pretrained_.model)
    search = ForecastingGridSearchCV(
        forecaster,
        ExpandingWindowSplitter(fh=range(1, H + 1), initial_window=80, step_length=30),
        {"n_epochs": [0, 2], "optimizer_kwargs": [{"lr": 1e-3}, {"lr": 1e-2}]},
    )
    search.fit(panel, fh=range(1, H + 1))
    assert same(base, states(search.best_forecaster_.model_)[0])
    assert search.predict().shape == (H, 3)


def test_an_adapter_saved_apart(panel: pd.DataFrame, tmp_path: Path) -> None:
    forecaster = make(adapt_only=True)
    forecaster.pretrain(instances(panel), fh=range(1, H + 1))
    base = forecaster.clone().set_params(n_epochs=0)
    y_pred = forecaster.fit(panel, fh=range(1, H + 1)).predict()
    forecaster.model_.save_adapter(tmp_path / "adapter.pt")
    base.pretrained_.model.load_adapter(tmp_path / "adapter.pt")
    pd.testing.assert_frame_equal(base.fit(panel, fh=range(1, H + 1)).predict(), y_pred)


def test_patience_is_of_a_stage(panel: pd.DataFrame) -> None:
    forecaster = make(
        validation_size=0.2,
        patience=1,
        n_epochs=5,
        optimizer_cls=torch.optim.SGD,
        optimizer_kwargs={"lr": 0.0},
    )
    y_pred = forecaster.fit(panel, fh=range(1, H + 1)).predict()
    # nothing moves, so both stages stop, and every segment forecasts what the first does
    steps = y_pred.to_numpy().reshape(3, 2, -1)
    np.testing.assert_allclose(steps[1:], steps[:1].repeat(2, axis=0), rtol=1e-5, atol=1e-5)


def test_a_base_must_be_there(panel: pd.DataFrame) -> None:
    message = "adapt_only=True trains the adapters of a pretrained base, and this forecaster has"
    with pytest.raises(ValueError, match=re.escape(message)):
        make(adapt_only=True).fit(panel, fh=[1, 2, 3])


def test_segments_must_fit_the_horizon(panel: pd.DataFrame) -> None:
    with pytest.raises(ValueError, match="n_segments must be at most the horizon, 2 steps; got 3"):
        make().fit(panel, fh=[1, 2])


def test_a_longer_horizon_on_the_pretrained_base(panel: pd.DataFrame) -> None:
    forecaster = make(n_segments=None, segment_length=2, output_chunk_length=4, adapt_only=True)
    forecaster.pretrain(instances(panel))
    base, _ = states(forecaster.pretrained_.model)
    forecaster.set_params(output_chunk_length=9)
    forecaster.fit(panel[:90], fh=range(1, 10))
    assert forecaster.model_.network.segments.count == 5
    assert same(base, states(forecaster.model_)[0])
    _, experts = states(forecaster.model_)
    pd.testing.assert_frame_equal(
        forecaster.clone().fit(panel[:90], fh=range(1, 10)).predict(), forecaster.predict()
    )
    forecaster.update(panel[90:])
    assert same(base, states(forecaster.model_)[0])
    assert not same(experts, states(forecaster.model_)[1])


@pytest.mark.parametrize(
    "changed", [{"output_chunk_length": 9, "adapt_only": False}, {"output_chunk_length": 1}]
)
def test_a_horizon_that_the_base_does_not_serve(panel: pd.DataFrame, changed: dict) -> None:
    forecaster = make(n_segments=None, segment_length=2, output_chunk_length=4, adapt_only=True)
    forecaster.pretrain(instances(panel))
    with pytest.warns(UserWarning, match="loses its pretrained weights: output_chunk_length"):
        forecaster.set_params(**changed)


def test_segments_of_another_length_are_another_base(panel: pd.DataFrame) -> None:
    forecaster = make(output_chunk_length=6, adapt_only=True)  # three segments, whatever it is
    forecaster.pretrain(instances(panel))
    with pytest.warns(UserWarning, match="loses its pretrained weights: output_chunk_length"):
        forecaster.set_params(output_chunk_length=9)
