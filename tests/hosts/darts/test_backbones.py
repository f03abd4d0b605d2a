"""What is special about a backbone inside a Darts model."""

import numpy as np
import onnxruntime
import pandas as pd
import pytest
import torch
from darts import TimeSeries
from darts.utils.data.torch_datasets.utils import PLModuleInput
from darts.utils.onnx import run_onnx_prediction
from darts.utils.torch import MonteCarloDropout
from torch import nn

from hyperforecast.darts import BackboneModel, HNMVTSModel, LightSAEModel, MoLAModel
from hyperforecast.nn import BACKBONES
from hyperforecast.nn.backbones import backbone_options
from tests.hosts.darts.any_number_of_windows import check_any_number_of_windows

L, H = 12, 4
MODELS = [BackboneModel, HNMVTSModel, LightSAEModel, MoLAModel]
models = pytest.mark.parametrize("model_class", MODELS)
IN_EVERY_RUN = ("dlinear", "itransformer")
"""Backbones whose graphs with generated parts are made in every run; of others in slow tests."""
WITHOUT_EMBEDDING = ("dlinear", "nlinear", "tsmixer")
backbones = pytest.mark.parametrize("backbone", BACKBONES)


def make(model_class, backbone, dropout=0.1, lookback=L, **kwargs):
    """Make a small model of any backbone."""
    options = {"d_model": 16, "d_ff": 16, "e_layers": 1, "n_heads": 2, "dropout": dropout}
    known = backbone_options(BACKBONES[backbone])
    if model_class is LightSAEModel and backbone in WITHOUT_EMBEDDING:
        kwargs["embedding_dim"] = 8
    return model_class(
        lookback,
        H,
        backbone=backbone,
        backbone_kwargs={name: value for name, value in options.items() if name in known},
        n_epochs=1,
        batch_size=16,
        random_state=0,
        pl_trainer_kwargs={"accelerator": "cpu"},
        **kwargs,
    )


@pytest.fixture
def data():
    """Three channels with covariates of every kind, beyond the end of the series."""
    random = np.random.default_rng(0)

    def made(n_rows, n_columns):
        return TimeSeries.from_values(random.normal(size=(n_rows, n_columns)).astype(np.float32))

    static = pd.DataFrame(random.normal(size=(3, 2)), columns=["x", "y"])
    return {
        "series": made(60, 3).with_static_covariates(static).astype(np.float32),
        "past_covariates": made(60, 2),
        "future_covariates": made(80, 1),
    }


@pytest.mark.parametrize(
    ("model_class", "backbone"),
    [
        pytest.param(
            model_class,
            backbone,
            marks=[]
            if backbone in IN_EVERY_RUN or model_class is BackboneModel
            else [pytest.mark.slow],
        )
        for backbone in BACKBONES
        for model_class in MODELS
    ],
)
def test_onnx_forecasts_the_same(model_class, backbone, data, tmp_path):
    # a graph of recurrent layers grows with the lookback
    model = make(model_class, backbone, lookback=6 if backbone == "lstm" else L)
    model.fit(**data)
    path = str(tmp_path / "model.onnx")
    model.to_onnx(path, dynamic_batch=True)
    session = onnxruntime.InferenceSession(path)
    expected = model.predict(H, **data)
    exported = run_onnx_prediction(H, session, **data, verbose=False)
    np.testing.assert_allclose(exported.values(), expected.values(), atol=1e-5)
    check_any_number_of_windows(model, session)


@pytest.mark.parametrize(
    "backbone", [b for b in BACKBONES if "dropout" in backbone_options(BACKBONES[b])]
)
def test_dropout_can_stay_on(backbone, data):
    model = make(BackboneModel, backbone, dropout=0.5)
    model.fit(**data)
    layers = [m for m in model.network.modules() if isinstance(m, nn.Dropout)]
    assert layers
    assert all(isinstance(layer, MonteCarloDropout) for layer in layers)
    drawn = [model.predict(H, **data, mc_dropout=True).values() for _ in range(2)]
    assert not np.allclose(*drawn)
    kept = [model.predict(H, **data).values() for _ in range(2)]
    np.testing.assert_array_equal(*kept)


@backbones
def test_the_last_batch_may_be_one_window(backbone, data):
    series = data["series"]
    # one window more than two batches of 16
    model = make(BackboneModel, backbone).fit(series[: L + H + 32])
    assert np.isfinite(model.predict(H, series=series).values()).all()


@models
def test_covariates_are_tokens_of_itransformer(model_class, data):
    model = make(model_class, "itransformer")
    model.fit(**data)
    forecast = model.predict(H, **data).values()
    network = model.network
    assert network.past_covariate_map is None
    assert network.future_covariate_map is None
    # two covariates known over the window, one over window and horizon
    assert network.backbone.past_embedding.weight.shape[1] == L
    assert network.backbone.future_embedding.weight.shape[1] == L + H
    known = data["future_covariates"]
    for first, last in ((60 - L, 60), (60, 60 + H)):
        values = known.values().copy()
        values[first:last] += 1
        changed = model.predict(H, **{**data, "future_covariates": known.with_values(values)})
        assert (np.abs(changed.values() - forecast) > 0).all()
    beyond = known.values().copy()
    beyond[60 + H :] += 1
    same = model.predict(H, **{**data, "future_covariates": known.with_values(beyond)})
    np.testing.assert_array_equal(same.values(), forecast)


def test_of_a_shorter_future_the_last_covariates_go_on(data):
    model = make(BackboneModel, "itransformer", use_static_covariates=False)
    model.fit(**{**data, "past_covariates": None})
    past, known = torch.randn(5, L, 3), torch.randn(5, L + H, 1)
    known[:, L + 2 :] = known[:, L + 1 : L + 2]
    module = model.model.eval()

    def forecast(n):
        inputs = PLModuleInput(
            past_target=past,
            historic_future_covariates=known[:, :L],
            future_covariates=known[:, L : L + n],
        )
        return module(inputs).prediction

    torch.testing.assert_close(forecast(2), forecast(H))
