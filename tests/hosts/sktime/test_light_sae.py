"""What is special about LightSAE as an sktime forecaster."""

import re
from typing import Any

import numpy as np
import pandas as pd
import pytest

from hyperforecast.darts import LightSAEModel
from hyperforecast.nn import count_parameters
from hyperforecast.sktime import BackboneForecaster, HNMVTSForecaster, LightSAEForecaster

L, H = 12, 4


def make(cls: type = LightSAEForecaster, **kwargs: Any) -> Any:
    defaults: dict[str, Any] = {
        "input_chunk_length": L,
        "backbone": "rmlp",
        "backbone_kwargs": {"d_model": 8},
        "n_epochs": 2,
        "random_state": 0,
        "pl_trainer_kwargs": {"accelerator": "cpu"},
    }
    return cls(**{**defaults, **kwargs})


def fitted(y: pd.DataFrame, **kwargs: Any) -> Any:
    return make(**kwargs).fit(y, fh=range(1, H + 1))


def test_forecasts_as_the_darts_model(panel: pd.DataFrame) -> None:
    from darts import TimeSeries

    y_pred = fitted(panel, scaler=None, rank=3).predict()
    model = LightSAEModel(
        L,
        H,
        rank=3,
        backbone_kwargs={"d_model": 8},
        n_epochs=2,
        random_state=0,
        pl_trainer_kwargs={"accelerator": "cpu"},
    )
    expected = model.fit(TimeSeries.from_dataframe(panel, freq="D")).predict(H)
    np.testing.assert_allclose(y_pred, expected.values(), rtol=1e-5, atol=1e-6)


def test_shared_is_the_plain_backbone(panel: pd.DataFrame) -> None:
    plain = make(BackboneForecaster).fit(panel, fh=[1, 2]).predict()
    pd.testing.assert_frame_equal(
        make(variant="shared").fit(panel, fh=[1, 2]).predict(), plain, rtol=1e-6
    )
    light = make().fit(panel, fh=[1, 2]).predict()
    assert np.abs(light - plain).to_numpy().max() > 1e-6


def test_gates_have_the_channels_names(panel: pd.DataFrame) -> None:
    forecaster = fitted(panel, n_components=5)
    gates = forecaster.channel_gates_
    assert gates.shape == (3, 5)
    assert list(gates.index) == list(panel.columns)
    np.testing.assert_allclose(gates.sum(axis=1), 1, atol=1e-6)
    np.testing.assert_array_equal(gates, forecaster.model_.network.channel_gates())


def test_there_are_no_gates_without_a_pool(panel: pd.DataFrame) -> None:
    forecaster = fitted(panel, variant="full")
    with pytest.raises(AttributeError, match="only 'light' has a pool"):
        _ = forecaster.channel_gates_


@pytest.mark.parametrize("backbone", ["dlinear", "nlinear", "tsmixer"])
def test_an_embedding_before_a_backbone_without_one(panel: pd.DataFrame, backbone: str) -> None:
    forecaster = fitted(panel, backbone=backbone, backbone_kwargs=None, embedding_dim=6, rank=2)
    assert np.isfinite(forecaster.predict()).all(axis=None)
    network = forecaster.model_.network
    assert network.embedding.weight.shape == (6, L)
    added = (L * 6 + 6) + (10 * L * 2 + 2 * 6 + 10 * 6) + 3 * 10
    assert count_parameters(network.embedding) == added


def test_every_option_reaches_the_model(panel: pd.DataFrame) -> None:
    options = {"rank": 2, "n_components": 3, "gate_init": "uniform", "load_balancing": 0.5}
    network = fitted(panel, **options).model_.network
    term = network.backbone.embedding.terms["light-sae"]
    gate, pool = term.context, term.generator
    assert pool.left.shape == (3, L, 2)
    assert (gate.initialise, gate.load_balancing) == ("uniform", 0.5)


def test_covariates_and_quantiles(panel: pd.DataFrame) -> None:
    y, X = panel[["a", "b"]], panel[["c"]]
    forecaster = make(quantiles=(0.1, 0.5, 0.9), likelihood=None)
    forecaster.fit(y[:-H], X=X[:-H], fh=range(1, H + 1))
    found = forecaster.predict_quantiles(X=X[-H:], alpha=[0.1, 0.9])
    assert found.shape == (H, 4)
    changed = forecaster.predict_quantiles(X=X[-H:] + 1, alpha=[0.1, 0.9])
    assert (np.abs(found - changed) > 0).any(axis=None)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"variant": "full", "rank": 3}, "rank would have no effect with variant='full'"),
        ({"backbone": "dlinear", "backbone_kwargs": None}, "Give embedding_dim"),
    ],
)
def test_errors(panel: pd.DataFrame, options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        fitted(panel, **options)


def test_pretrained_weights_are_adapted(panel: pd.DataFrame) -> None:
    instances = pd.concat({"one": panel, "two": panel + 1}, names=["instance", "time"])
    forecaster = make(n_components=3)
    forecaster.pretrain(instances, fh=range(1, H + 1))
    start = forecaster.pretrained_.model.network.channel_gates()
    forecaster.set_params(n_epochs=0)
    forecaster.fit(panel, fh=range(1, H + 1))
    np.testing.assert_array_equal(forecaster.channel_gates_, start)


def test_hn_mvts_has_no_gates(panel: pd.DataFrame) -> None:
    forecaster = HNMVTSForecaster(input_chunk_length=L, n_epochs=1).fit(panel, fh=[1])
    assert forecaster.model_.network.channel_gates() is None
