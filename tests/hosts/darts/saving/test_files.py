"""Saving, loading, copying and exporting Darts models."""

import copy
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from darts import TimeSeries
from darts.utils.likelihood_models.torch import GaussianLikelihood, QuantileRegression

from hyperforecast.darts import (
    HNMVTSModel,
    HyperforecastModel,
    LightSAEModel,
)
from hyperforecast.darts.saving.files import digest_of_weights, replacing
from hyperforecast.nn import StaticLayer
from tests.hosts.darts.every_model import (
    ON_ANY_BACKBONE,
    H,
    L,
    each_model_on_any_backbone,
    each_model_some_slowly,
)


def make(model_class: type[HyperforecastModel] = HNMVTSModel, **kwargs: Any) -> HyperforecastModel:
    return model_class(L, H, **{"n_epochs": 2, "random_state": 0, **kwargs})


def equal(one: TimeSeries, two: TimeSeries) -> None:
    np.testing.assert_array_equal(one.values(), two.values())
    assert list(one.components) == list(two.components)


@each_model_on_any_backbone
@pytest.mark.parametrize("clean", [False, True])
@pytest.mark.parametrize(
    "kwargs",
    [
        {},
        {"likelihood": QuantileRegression([0.1, 0.5, 0.9])},
        {
            "backbone": "rmlp",
            "backbone_kwargs": {"d_model": 8, "dropout": 0.1},
            "loss_fn": torch.nn.L1Loss(),
            "lr_scheduler_cls": torch.optim.lr_scheduler.ExponentialLR,
            "lr_scheduler_kwargs": {"gamma": 0.9},
        },
    ],
)
def test_save_and_load(
    model_class: type, clean: bool, kwargs: dict, series: TimeSeries, tmp_path: Path
) -> None:
    options = {"series": series, "predict_likelihood_parameters": "likelihood" in kwargs}
    model = make(model_class, **kwargs).fit(series)
    expected = model.predict(H, **options)
    model.save(str(tmp_path / "m.pt"), clean=clean)
    loaded = model_class.load(str(tmp_path / "m.pt"))
    equal(loaded.predict(H, **options), expected)
    assert loaded.channel_names == ["a", "b", "c"]
    # a loaded model saves and trains on
    loaded.save(str(tmp_path / "again.pt"))
    equal(model_class.load(str(tmp_path / "again.pt")).predict(H, **options), expected)
    loaded.fit(series, epochs=1)


def test_loaded_and_saved_before_any_use(series: TimeSeries, tmp_path: Path) -> None:
    model = make().fit(series)
    model.save(str(tmp_path / "m.pt"))
    HNMVTSModel.load(str(tmp_path / "m.pt")).save(str(tmp_path / "n.pt"))
    equal(HNMVTSModel.load(str(tmp_path / "n.pt")).predict(H), model.predict(H))


def test_options_given_as_numpy_numbers(series: TimeSeries, tmp_path: Path) -> None:
    model = HNMVTSModel(np.int64(L), np.int64(H), channel_embedding_dim=np.int64(2), n_epochs=1)
    model.fit(series).save(str(tmp_path / "m.pt"))
    equal(HNMVTSModel.load(str(tmp_path / "m.pt")).predict(H), model.predict(H))


LOAD = """
import sys
import pandas as pd
import hyperforecast.darts as hf
from darts import TimeSeries

path = sys.argv[1]
frame = pd.read_csv(path + "/series.csv", index_col=0, parse_dates=True).astype("float32")
series = TimeSeries.from_dataframe(frame, freq="D")


def new():
    return hf.HNMVTSModel(12, 4, n_epochs=2, random_state=0)


models = {
    "load": hf.HNMVTSModel.load(path + "/m.pt"),
    "load_from_checkpoint": hf.HNMVTSModel.load_from_checkpoint("run", path, best=False),
    "load_weights": new(),
    "load_weights_from_checkpoint": new(),
}
models["load_weights"].load_weights(path + "/m.pt")
models["load_weights_from_checkpoint"].load_weights_from_checkpoint("run", path, best=False)
for way, model in models.items():
    assert model.channel_names == ["a", "b", "c"], (way, model.channel_names)
    forecast = model.predict(4, series=series[["b", "c", "a"]])
    forecast[["a", "b", "c"]].to_csv(f"{path}/{way}.csv")
"""


def test_in_a_fresh_process_with_safe_settings(series: TimeSeries, tmp_path: Path) -> None:
    series.to_csv(str(tmp_path / "series.csv"))
    model = make(save_checkpoints=True, model_name="run", work_dir=str(tmp_path)).fit(series)
    model.save(str(tmp_path / "m.pt"))
    done = subprocess.run(
        [sys.executable, "-c", LOAD, str(tmp_path)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    expected = model.predict(H, series=series).values()
    for way in (
        "load",
        "load_from_checkpoint",
        "load_weights",
        "load_weights_from_checkpoint",
    ):
        found = pd.read_csv(tmp_path / f"{way}.csv", index_col=0).to_numpy()
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6, err_msg=way)


def test_training_is_resumed_from_a_checkpoint(series: TimeSeries, tmp_path: Path) -> None:
    where = {"model_name": "run", "work_dir": str(tmp_path), "save_checkpoints": True}
    make(n_epochs=2, **where).fit(series)
    resumed = HNMVTSModel.load_from_checkpoint("run", work_dir=str(tmp_path), best=False)
    before = resumed.network.state_dict()["head.weight"].clone()
    resumed.fit(series, epochs=5)
    assert resumed.epochs_trained == 5
    assert not torch.equal(before, resumed.network.state_dict()["head.weight"])


class TestCopies:
    @each_model_some_slowly
    def test_of_a_model(self, model_class: type, series: TimeSeries, tmp_path: Path) -> None:
        model = make(model_class).fit(series)
        for use in (
            lambda: None,
            lambda: model.predict(H),
            lambda: model.to_onnx(str(tmp_path / "m.onnx")),
        ):
            use()
            duplicate = copy.deepcopy(model)
            equal(duplicate.predict(H), model.predict(H))
        duplicate.fit(series, epochs=1)
        assert not np.array_equal(duplicate.predict(H).values(), model.predict(H).values())
        copy.deepcopy(model).save(str(tmp_path / "copy.pt"))
        equal(model_class.load(str(tmp_path / "copy.pt")).predict(H), model.predict(H))

    def test_of_a_module(self, series: TimeSeries, tmp_path: Path) -> None:
        model = make().fit(series)
        x = torch.randn(2, L, 3)
        for use in (
            lambda: None,
            lambda: model.predict(H),
            lambda: model.to_onnx(str(tmp_path / "m.onnx")),
        ):
            use()
            duplicate = copy.deepcopy(model.model)
            with torch.no_grad():
                assert torch.equal(duplicate.network(x), model.network(x))

    def test_of_an_untrained_model(self, series: TimeSeries) -> None:
        duplicate = copy.deepcopy(make())
        equal(duplicate.fit(series).predict(H), make().fit(series).predict(H))

    def test_untrained_model_forgets_everything(self, series: TimeSeries) -> None:
        model = make().fit(series)
        other = model.untrained_model()
        assert other.model is None
        assert other.channel_names == []


class TestOnnx:
    onnxruntime = pytest.importorskip("onnxruntime")

    def export(self, model: HyperforecastModel, folder: Path) -> Any:
        model.to_onnx(str(folder / "model.onnx"))
        return self.onnxruntime.InferenceSession(str(folder / "model.onnx"))

    @pytest.mark.parametrize(
        ("model_class", "backbone"),
        [
            *((one, "rlinear") for one in ON_ANY_BACKBONE),
            (HNMVTSModel, "dlinear"),
            # beside it, each model is exported on it with a free batch
            *(
                pytest.param(one, "dlinear", marks=pytest.mark.slow)
                for one in ON_ANY_BACKBONE
                if one is not HNMVTSModel
            ),
        ],
    )
    def test_forecasts_as_darts(
        self, model_class: type, backbone: str, series: TimeSeries, tmp_path: Path
    ) -> None:
        from darts.utils.onnx import run_onnx_prediction

        embedded = model_class is LightSAEModel and backbone == "dlinear"
        options = {"embedding_dim": 8} if embedded else {}
        model = make(model_class, backbone=backbone, **options).fit(series)
        expected = model.predict(2 * H)
        found = run_onnx_prediction(n=2 * H, session=self.export(model, tmp_path), series=series)
        np.testing.assert_allclose(found.values(), expected.values(), rtol=1e-4, atol=1e-5)

    def test_with_covariates_and_a_likelihood(self, series: TimeSeries, tmp_path: Path) -> None:
        from darts.utils.onnx import run_onnx_prediction

        covariates = {"past_covariates": series["a"], "future_covariates": series["b"]}
        model = make(likelihood=QuantileRegression([0.1, 0.5, 0.9])).fit(series[:100], **covariates)
        expected = model.predict(H, predict_likelihood_parameters=True)
        found = run_onnx_prediction(
            n=H,
            session=self.export(model, tmp_path),
            series=series[:100],
            **covariates,
        )
        np.testing.assert_allclose(found.values(), expected.values(), rtol=1e-4, atol=1e-5)

    def test_graph_holds_no_hypernetwork(self, series: TimeSeries, tmp_path: Path) -> None:
        import onnx

        model = make(channel_embedding_dim=2, hyper_hidden=[7]).fit(series)
        self.export(model, tmp_path)
        graph = onnx.load(str(tmp_path / "model.onnx")).graph
        names = [i.name for i in graph.initializer]
        assert not [n for n in names if "generator" in n or "context" in n]
        sizes = [int(np.prod(i.dims)) for i in graph.initializer]
        assert 3 * H * 2 * L in sizes  # one head for each channel
        assert sum(sizes) < 3 * H * 2 * L + 3 * H + 64
        # the trained model keeps its hypernetwork
        assert any(isinstance(module, StaticLayer) for module in model.network.modules())
        model.fit(series, epochs=1)

    def test_needs_a_trained_model(self, tmp_path: Path) -> None:
        with pytest.raises(ValueError, match="fit"):
            make().to_onnx(str(tmp_path / "m.onnx"))


def test_a_digest_of_weights_knows_names_values_and_precision() -> None:
    state = {"a": torch.arange(3.0), "b": torch.tensor(2), "_extra_state": {"names": ["x"]}}
    same = {"b": torch.tensor(2), "a": torch.arange(6.0)[:3]}
    assert digest_of_weights(state) == digest_of_weights(same)
    others = [
        {**same, "b": torch.tensor(3)},
        {"c": same["b"], "a": same["a"]},
        {**same, "a": same["a"].bfloat16()},
        {"a": same["a"]},
    ]
    assert len({digest_of_weights(other) for other in [state, *others]}) == 5


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    path = str(tmp_path / "a")
    Path(path).write_text("old")

    def write(fails: bool) -> None:
        with replacing(path) as temporary:
            Path(temporary).write_text("new")
            assert Path(path).read_text() == "old"
            assert not fails

    with pytest.raises(AssertionError):
        write(fails=True)
    assert Path(path).read_text() == "old"
    write(fails=False)
    assert Path(path).read_text() == "new"
    assert list(tmp_path.iterdir()) == [Path(path)]


class TestStateDict:
    def test_names_travel_with_weights(self, series: TimeSeries) -> None:
        state = make().fit(series).model.state_dict()
        other = make().fit(series.with_columns_renamed(list("abc"), list("xyz")))
        other.model.load_state_dict(state)
        assert other.channel_names == ["a", "b", "c"]

    def test_gaussian_model_keeps_its_roles(self, series: TimeSeries, tmp_path: Path) -> None:
        model = make(likelihood=GaussianLikelihood(), instance_norm="revin").fit(series)
        model.save(str(tmp_path / "m.pt"))
        loaded = HNMVTSModel.load(str(tmp_path / "m.pt"))
        assert loaded.network.output_roles == ("location", "scale")
        equal(
            loaded.predict(H, predict_likelihood_parameters=True),
            model.predict(H, predict_likelihood_parameters=True),
        )
