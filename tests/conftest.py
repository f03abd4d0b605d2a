"""Fixtures shared by all tests."""

import functools
import importlib.metadata
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MKL_NUM_THREADS", "1")

import numpy as np
import pandas as pd
import pytest
import torch

torch.set_num_threads(1)
# every trainer asks for what other packages add to Lightning, and every file in which they say so
# is read again
importlib.metadata.entry_points = functools.cache(importlib.metadata.entry_points)
# with every seed torch notes for each device that is not there from where it was set, which takes
# longer than many of the steps that are seeded
for device in (torch.cuda, torch.xpu, torch.mtia):
    if not device.is_available():
        device.manual_seed_all = lambda seed: None

SHARED_DATA = Path(__file__).parents[2] / "shared" / "data"
LONGEST = "test_sktime_conformance"
"""What is begun first, or the last process would be left with it alone."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest tests."""
    items.sort(key=lambda item: LONGEST not in item.nodeid)


@pytest.fixture(autouse=True)
def seed() -> None:
    """Start every test from the same random state."""
    torch.manual_seed(0)
    np.random.seed(0)  # noqa: NPY002 (a Darts model without random_state draws from it)


@pytest.fixture
def shared_data() -> Path:
    """Folder of the benchmark series, which are not part of the repository."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"the benchmark series are not here: no folder {SHARED_DATA}")
    return SHARED_DATA


@pytest.fixture
def make_panel() -> Callable[..., pd.DataFrame]:
    """Make a table of correlated daily series, the same one for the same arguments."""

    def make(
        n_rows: int = 120, n_channels: int = 3, *, seed: int = 0, noise: float = 0.1
    ) -> pd.DataFrame:
        random = np.random.default_rng(seed)
        time = np.arange(n_rows)
        sources = np.stack([np.sin(2 * np.pi * time / 12), np.cos(2 * np.pi * time / 7)], axis=1)
        values = sources @ random.normal(size=(2, n_channels))
        values += noise * random.normal(size=values.shape) + np.arange(n_channels)
        return pd.DataFrame(
            values.astype(np.float32),
            index=pd.date_range("2020-01-01", periods=n_rows, freq="D", name="time"),
            columns=[chr(ord("a") + i) for i in range(n_channels)],
        )

    return make


@pytest.fixture
def panel(make_panel: Callable[..., pd.DataFrame]) -> pd.DataFrame:
    """120 days of channels a, b and c."""
    return make_panel()


@pytest.fixture
def train_light_sae() -> Callable[..., Any]:
    """Train a small LightSAE on a table, through either host."""

    def train(panel: pd.DataFrame, host: str = "darts", **options: Any) -> Any:
        from darts import TimeSeries

        from hyperforecast.darts import LightSAEModel
        from hyperforecast.sktime import LightSAEForecaster

        options = {
            "backbone_kwargs": {"d_model": 5},
            "n_epochs": 1,
            "random_state": 0,
            "pl_trainer_kwargs": {"accelerator": "cpu"},
            **options,
        }
        if host == "sktime":
            return LightSAEForecaster(6, 2, **options).fit(panel, fh=[1, 2])
        return LightSAEModel(6, 2, **options).fit(TimeSeries.from_dataframe(panel, freq="D"))

    return train


@pytest.fixture
def set_gates() -> Callable[[Any, list[list[float]]], None]:
    """Set the gates of a trained LightSAE."""

    def set_to(model: Any, gates: list[list[float]]) -> None:
        network = getattr(model, "model_", model).network
        with torch.no_grad():
            term = network.backbone.embedding.terms["light-sae"]
            term.context.set_logits(torch.tensor(gates).log())

    return set_to


@pytest.fixture
def clustered(
    make_panel: Callable[..., pd.DataFrame],
    train_light_sae: Callable[..., Any],
    set_gates: Callable[..., None],
) -> Any:
    """Train on six channels whose gates form three clusters: a and f; b, c and d; e."""
    model = train_light_sae(make_panel(n_channels=6), n_components=3)
    likes = [0, 1, 1, 1, 2, 0]
    gates = np.full((6, 3), 0.05) + 0.85 * np.eye(3)[likes]
    gates += 0.01 * np.random.default_rng(0).random(gates.shape)
    set_gates(model, (gates / gates.sum(axis=1, keepdims=True)).tolist())
    return model
