"""Graphs of ONNX that take any number of windows."""

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pandas as pd
import pytest
from darts import TimeSeries

from hyperforecast.darts import (
    BackboneModel,
    HyperforecastModel,
    HyperLSTMModel,
    HyperTransformerModel,
)
from tests.hosts.darts.any_number_of_windows import check_any_number_of_windows
from tests.hosts.darts.every_model import MODELS, H, L

LONG_GRAPHS = (HyperLSTMModel, HyperTransformerModel)
"""Models whose export takes long."""


@pytest.fixture
def data() -> dict[str, TimeSeries]:
    """Three channels with covariates of every kind, as far ahead as any forecast reaches."""
    random = np.random.default_rng(0)

    def made(n_rows: int, n_columns: int) -> TimeSeries:
        return TimeSeries.from_values(random.normal(size=(n_rows, n_columns)).astype(np.float32))

    static = pd.DataFrame(random.normal(size=(3, 2)), columns=["x", "y"])
    return {
        "series": made(40, 3).with_static_covariates(static).astype(np.float32),
        "past_covariates": made(40, 2),
        "future_covariates": made(60, 1),
    }


def exported(model: Any, folder: Path) -> onnxruntime.InferenceSession:
    model.to_onnx(str(folder / "model.onnx"), dynamic_batch=True)
    return onnxruntime.InferenceSession(str(folder / "model.onnx"))


def make(model_class: type[HyperforecastModel], **options: Any) -> HyperforecastModel:
    return model_class(
        L,
        H,
        n_epochs=1,
        batch_size=16,
        random_state=0,
        pl_trainer_kwargs={"accelerator": "cpu"},
        **options,
    )


@pytest.mark.parametrize(
    ("model_class", "dtype"),
    # onnxruntime has convolutions and the error function in single precision only
    [
        *(
            pytest.param(one, np.float32, marks=pytest.mark.slow if one in LONG_GRAPHS else [])
            for one in MODELS
        ),
        *((one, np.float64) for one in MODELS[:2]),
    ],
)
def test_every_model(
    model_class: type[HyperforecastModel],
    dtype: type,
    data: dict[str, TimeSeries],
    tmp_path: Path,
) -> None:
    """With an output shift and covariates of every kind, in both precisions."""
    model = make(model_class, output_chunk_shift=2)
    model.fit(**{name: one.astype(dtype) for name, one in data.items()})
    check_any_number_of_windows(model, exported(model, tmp_path))


def test_a_likelihood(data: dict[str, TimeSeries], tmp_path: Path) -> None:
    from darts.utils.likelihood_models.torch import QuantileRegression

    model = make(BackboneModel, likelihood=QuantileRegression([0.1, 0.5, 0.9]))
    model.fit(data["series"])
    check_any_number_of_windows(model, exported(model, tmp_path))
