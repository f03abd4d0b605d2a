"""Heads, embeddings, adapters and modulations composed freely, in both hosts."""

import itertools
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pandas as pd
import pytest
from darts import TimeSeries
from darts.utils.onnx import run_onnx_prediction
from sktime.forecasting.model_selection import ForecastingGridSearchCV
from sktime.split import ExpandingWindowSplitter

from hyperforecast.darts import (
    BackboneModel,
    HNMVTSModel,
    HyperModel,
    HyperTCNModel,
    HyperTransformerModel,
    LightSAEModel,
    MoLAModel,
)
from hyperforecast.nn import PARTS
from hyperforecast.nn.parts import parts_of_slot
from hyperforecast.sktime import HyperForecaster

L, H = 12, 4
LOOKBACKS = {"lstm": 6}
"""Of backbones whose graphs grow with it; of others it is L."""
SMALL = {
    "hn-mvts": {"channel_embedding_dim": 2},
    "light-sae": {"rank": 2, "n_components": 2},
    "mola": {"n_segments": 2, "rank": 2, "n_experts": 2},
    "film": {"channel_embedding_dim": 2},
    "task-vectors": {"task_embedding_dim": 2},
}
OF_EVERY_BACKBONE = ["embedding", "modulation", "head", "adapters"]
COMPOSITIONS = [
    dict(zip(OF_EVERY_BACKBONE, chosen, strict=True))
    for chosen in itertools.product(
        *(("plain", *parts_of_slot(slot)) for slot in OF_EVERY_BACKBONE)
    )
]
OF_SOME_BACKBONES = [
    (backbone, {**inner, **others})
    for backbone, inner in (
        ("patchtst", {"attention": "hyper-attention"}),
        ("itransformer", {"attention": "hyper-attention"}),
        ("tcn", {"convolution": "hyper-kernels"}),
        ("lstm", {"recurrence": "hyper-lstm"}),
        ("rmlp", {"tasks": "task-vectors"}),
    )
    for others in ({"head": "dynamic"}, {"embedding": "light-sae", "adapters": "mola"})
]
OTHERS = [
    {"embedding": "light-sae", "modulation": "film", "head": "hn-mvts", "adapters": "mola"},
    {"embedding": "plain", "modulation": "film", "head": "individual", "adapters": "mola"},
]
each_composition = pytest.mark.parametrize(
    "parts", COMPOSITIONS, ids=["-".join(one.values()) for one in COMPOSITIONS]
)
some_compositions = pytest.mark.parametrize(
    "parts",
    [
        pytest.param(one, id="-".join(one.values()), marks=[pytest.mark.slow] if i % 3 else [])
        for i, one in enumerate(COMPOSITIONS)
    ],
)
"""All of them, two thirds in slow tests: graphs of two parts are made in those of networks."""


def arguments(parts: dict[str, str], backbone: str = "rmlp") -> dict[str, Any]:
    """Return the arguments of a small model or forecaster of some parts."""
    sizes = {name: {"n_heads": 2, "e_layers": 1} for name in ("patchtst", "itransformer")}
    kwargs = {f"{slot}_kwargs": SMALL[name] for slot, name in parts.items() if name in SMALL}
    return {
        "input_chunk_length": LOOKBACKS.get(backbone, L),
        "output_chunk_length": H,
        "backbone": backbone,
        "backbone_kwargs": {"d_model": 8, **sizes.get(backbone, {})},
        "n_epochs": 1,
        "random_state": 0,
        "pl_trainer_kwargs": {"accelerator": "cpu"},
        **parts,
        **kwargs,
    }


def load_in_a_fresh_process(code: str, *arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


class TestDarts:
    @some_compositions
    def test_forecasts_the_same_folded_and_exported(
        self, parts: dict[str, str], series: TimeSeries, tmp_path: Path
    ) -> None:
        self.check(HyperModel(**arguments(parts)), series, tmp_path)

    @pytest.mark.parametrize(("backbone", "parts"), OF_SOME_BACKBONES)
    def test_with_what_some_backbones_have(
        self, backbone: str, parts: dict[str, str], series: TimeSeries, tmp_path: Path
    ) -> None:
        self.check(HyperModel(**arguments(parts, backbone)), series, tmp_path)

    @pytest.mark.parametrize("backbone", ["patchtst", "itransformer", "moderntcn"])
    @pytest.mark.parametrize("parts", OTHERS, ids=["generated", "individual"])
    def test_on_other_backbones(
        self, backbone: str, parts: dict[str, str], series: TimeSeries, tmp_path: Path
    ) -> None:
        self.check(HyperModel(**arguments(parts, backbone)), series, tmp_path)

    def check(self, model: HyperModel, series: TimeSeries, tmp_path: Path) -> None:
        forecast = model.fit(series).predict(H).values()
        assert forecast.shape == (H, 3)
        assert np.isfinite(forecast).all()
        trained = model.model.network
        of_windows = {"dynamic", "hyper-attention", "hyper-lstm"}
        assert trained.folds == of_windows.isdisjoint(trained.parts)
        if trained.folds:
            model.model.network = trained.fold()
            np.testing.assert_allclose(model.predict(H).values(), forecast, rtol=0, atol=1e-5)
            model.model.network = trained
        else:
            with pytest.raises(ValueError, match="depends on the window that is forecast from"):
                trained.fold()
        assert len(model.predict(2)) == 2
        model.to_onnx(str(tmp_path / "model.onnx"))
        session = onnxruntime.InferenceSession(str(tmp_path / "model.onnx"))
        exported = run_onnx_prediction(H, session, series=series, verbose=False).values()
        np.testing.assert_allclose(exported, forecast, rtol=0, atol=1e-4)

    def test_files_load_in_a_fresh_process(self, series: TimeSeries, tmp_path: Path) -> None:
        series.to_csv(str(tmp_path / "series.csv"))
        chosen = [*COMPOSITIONS[::3], *OTHERS]
        for i, parts in enumerate(chosen):
            model = HyperModel(**arguments(parts)).fit(series)
            model.save(str(tmp_path / f"{i}.pt"))
            np.save(tmp_path / f"{i}.npy", model.predict(H).values())
        code = """
import sys
import numpy as np
import torch
from darts import TimeSeries
from hyperforecast.darts import HyperModel

torch.set_num_threads(1)
folder, count = sys.argv[1], int(sys.argv[2])
series = TimeSeries.from_csv(f"{folder}/series.csv", time_col="time").astype("float32")
for i in range(count):
    model = HyperModel.load(f"{folder}/{i}.pt")
    found = model.predict(4, series=series).values()
    np.testing.assert_allclose(found, np.load(f"{folder}/{i}.npy"), rtol=0, atol=1e-5)
"""
        load_in_a_fresh_process(code, str(tmp_path), str(len(chosen)))

    @pytest.mark.parametrize(
        ("preset", "slot"),
        [
            (HNMVTSModel(L, H, n_epochs=2, random_state=0), "head"),
            (LightSAEModel(L, H, n_epochs=2, random_state=0), "embedding"),
            (MoLAModel(L, H, n_epochs=2, random_state=0), "adapters"),
            (HyperTransformerModel(L, H, n_epochs=2, random_state=0), "attention"),
            (HyperTCNModel(L, H, n_epochs=2, random_state=0), "convolution"),
        ],
        ids=["hn-mvts", "light-sae", "mola", "hyper-attention", "hyper-kernels"],
    )
    def test_a_preset_is_the_free_model_with_one_choice(
        self, preset: Any, slot: str, series: TimeSeries
    ) -> None:
        free = HyperModel(
            L,
            H,
            backbone=preset.model_params["backbone"],
            n_epochs=2,
            random_state=0,
            **{slot: preset.part},
        )
        expected = preset.fit(series).predict(H).values()
        np.testing.assert_array_equal(free.fit(series).predict(H).values(), expected)

    def test_nothing_chosen_is_the_plain_backbone(self, series: TimeSeries) -> None:
        plain = BackboneModel(L, H, backbone="rmlp", n_epochs=1, random_state=0).fit(series)
        free = HyperModel(L, H, backbone="rmlp", n_epochs=1, random_state=0).fit(series)
        np.testing.assert_array_equal(free.predict(H).values(), plain.predict(H).values())

    def test_is_solved_exactly_where_that_is_possible(self, series: TimeSeries) -> None:
        free = HyperModel(L, H, head="hn-mvts", solver="exact").fit(series)
        preset = HNMVTSModel(L, H, solver="exact").fit(series)
        np.testing.assert_array_equal(free.predict(H).values(), preset.predict(H).values())
        assert free.solver_report is not None

    @pytest.mark.parametrize(
        ("wrong", "match"),
        [
            ({"head": "hn-mvst"}, "Unknown head 'hn-mvst'. Did you mean 'hn-mvts'"),
            ({"head": "mola"}, "Unknown head 'mola'"),
            ({"head_kwargs": {"a": 1}}, "head_kwargs has no effect with head='plain'"),
            ({"head": "hn-mvts", "head_kwargs": {"r": 1}}, "'hn-mvts' has no option 'r'"),
            ({"head": "hn-mvts", "head_kwargs": {"rank": 9}}, "Choose rank <= 4"),
            ({"head": "dynamic", "solver": "exact"}, "weights that a window generates"),
            ({"attention": "hyper-attention"}, "'dlinear' has no attention"),
            ({"convolution": "hyper-kernels"}, "'dlinear' has no convolutions"),
            ({"recurrence": "hyper-lstm"}, "'dlinear' has no recurrent layers"),
            ({"modulation": "film"}, "'dlinear' has no hidden activations"),
            ({"embedding": "light-sae"}, "'dlinear' has no embedding"),
            ({"n_base_epochs": 2}, "n_base_epochs would have no effect with adapters='plain'"),
            ({"adapters": "mola", "solver": "exact"}, "MoLA has no closed form"),
            (
                {"adapters": "mola", "adapters_kwargs": {"adapted_layers": ["heads"]}},
                "adapted_layers names 'heads', and no layer has such a name",
            ),
        ],
    )
    def test_wrong_choices_are_refused_by_the_constructor(
        self, wrong: dict[str, Any], match: str
    ) -> None:
        with pytest.raises(ValueError, match=match):
            HyperModel(L, H, **wrong)

    def test_adapting_alone_needs_adapters(self, series: TimeSeries, tmp_path: Path) -> None:
        model = HyperModel(L, H, backbone="rmlp", n_epochs=1).fit(series)
        forecast = model.predict(H).values()
        with pytest.raises(ValueError, match=r"no adapter to train.*Choose adapters"):
            model.fit(series, adapt_only=True)
        with pytest.raises(ValueError, match="no adapter to save"):
            model.save_adapter(tmp_path / "adapter.pt")
        np.testing.assert_array_equal(model.predict(H).values(), forecast)

    def test_all_that_is_wrong_is_said_at_once(self) -> None:
        with pytest.raises(ValueError, match="3 arguments are wrong") as raised:
            HyperModel(0, H, head="nothing", modulation_kwargs={"modulated": ["*"]})
        assert "input_chunk_length" in str(raised.value)
        assert "modulation_kwargs has no effect" in str(raised.value)
        assert "Unknown head 'nothing'" in str(raised.value)

    def test_options_of_numpy_are_saved_as_plain_values(
        self, series: TimeSeries, tmp_path: Path
    ) -> None:
        model = HyperModel(
            L, H, head="hn-mvts", head_kwargs={"channel_embedding_dim": np.int64(2)}, n_epochs=1
        )
        model.fit(series).save(str(tmp_path / "model.pt"))
        loaded = HyperModel.load(str(tmp_path / "model.pt"))
        assert type(loaded.model_params["head_kwargs"]["channel_embedding_dim"]) is int

    def test_grid_over_parts(self, series: TimeSeries) -> None:
        grid = {
            "head": ["plain", "individual", "hn-mvts", "dynamic"],
            "modulation": ["plain", "film"],
        }
        fixed = {"input_chunk_length": [L], "output_chunk_length": [H], "backbone": ["rlinear"]}
        _, best, _ = HyperModel.gridsearch(
            {**grid, **fixed, "n_epochs": [1], "random_state": [0]}, series[:-H], val_series=series
        )
        assert best["head"] in grid["head"]


class TestSktime:
    @each_composition
    def test_fits_and_forecasts(self, parts: dict[str, str], panel: pd.DataFrame) -> None:
        forecaster = HyperForecaster(**arguments(parts)).fit(panel)
        forecast = forecaster.predict([1, 2, 3, 4])
        assert forecast.shape == (4, 3)
        assert np.isfinite(forecast.to_numpy()).all()

    def test_files_load_in_a_fresh_process(self, panel: pd.DataFrame, tmp_path: Path) -> None:
        chosen = [*COMPOSITIONS[1::3], *OTHERS]
        for i, parts in enumerate(chosen):
            forecaster = HyperForecaster(**arguments(parts)).fit(panel)
            forecaster.save(tmp_path / str(i))
            np.save(tmp_path / f"{i}.npy", forecaster.predict([1, 2, 3, 4]).to_numpy())
        code = """
import sys
import numpy as np
import torch
from sktime.base import load

torch.set_num_threads(1)
folder, count = sys.argv[1], int(sys.argv[2])
for i in range(count):
    found = load(f"{folder}/{i}").predict([1, 2, 3, 4]).to_numpy()
    np.testing.assert_allclose(found, np.load(f"{folder}/{i}.npy"), rtol=0, atol=1e-5)
"""
        load_in_a_fresh_process(code, str(tmp_path), str(len(chosen)))

    def test_grid_over_parts(self, panel: pd.DataFrame) -> None:
        search = ForecastingGridSearchCV(
            HyperForecaster(L, H, backbone="rlinear", n_epochs=1, random_state=0),
            ExpandingWindowSplitter(fh=[1, 2, 3, 4], initial_window=100, step_length=10),
            [
                {
                    "head": ["plain", "individual", "hn-mvts", "dynamic"],
                    "modulation": ["plain", "film"],
                },
                {
                    "head": ["hn-mvts"],
                    "head_kwargs": [{"channel_embedding_dim": d} for d in (0, 2)],
                },
            ],
        ).fit(panel, fh=[1, 2, 3, 4])
        assert len(search.cv_results_) == 10
        assert search.best_params_["head"] in ("plain", "individual", "hn-mvts", "dynamic")

    def test_adapting_alone_needs_adapters(self, panel: pd.DataFrame) -> None:
        with pytest.raises(ValueError, match="adapt_only=True trains adapters alone"):
            HyperForecaster(L, H, backbone="rmlp", adapt_only=True).pretrain(
                pd.concat({"a": panel, "b": panel})
            )


def test_every_part_is_composed() -> None:
    composed = [*COMPOSITIONS, *(parts for _, parts in OF_SOME_BACKBONES)]
    assert {name for parts in composed for name in parts.values()} == {*PARTS, "plain"}
