"""Training that was interrupted and is resumed ends in the weights of one that was not."""

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from darts import TimeSeries

from hyperforecast.darts import (
    BackboneModel,
    ForecastingModule,
    HNMVTSModel,
    HyperforecastModel,
    LightSAEModel,
    MoLAModel,
)
from tests.hosts.darts.every_model import H, L

TRANSFORMER = {
    "backbone": "patchtst",
    "backbone_kwargs": {"d_model": 8, "n_heads": 2, "dropout": 0.2},
}
N_EPOCHS = 3
MODELS: list[tuple[type[HyperforecastModel], dict[str, Any]]] = [
    (BackboneModel, TRANSFORMER),
    (HNMVTSModel, {}),
    (LightSAEModel, TRANSFORMER),
    (MoLAModel, {"n_segments": 2, **TRANSFORMER}),
]


def make(model_class: type[HyperforecastModel], where: Path, **options: Any) -> HyperforecastModel:
    options = {
        "n_epochs": N_EPOCHS,
        "random_state": 0,
        "save_checkpoints": True,
        "model_name": "run",
        "lr_scheduler_cls": torch.optim.lr_scheduler.ExponentialLR,
        "lr_scheduler_kwargs": {"gamma": 0.7},
        **options,
    }
    return model_class(L, H, work_dir=str(where), **options)


def weights(model: HyperforecastModel) -> list[torch.Tensor]:
    return [w for w in model.network.state_dict().values() if torch.is_tensor(w)]


def interrupted(
    model: HyperforecastModel, n_before: int, monkeypatch: pytest.MonkeyPatch, **data: Any
) -> None:
    """Train until so many epochs, of both stages, are over."""
    begun = []

    def begin(module: ForecastingModule) -> None:
        begun.append(module)
        if len(begun) > n_before:
            raise InterruptedError

    with monkeypatch.context() as patch:
        patch.setattr(ForecastingModule, "on_train_epoch_start", begin)
        with pytest.raises(InterruptedError):
            model.fit(**data)


@pytest.mark.parametrize(
    ("model_class", "options", "n_before"),
    [
        (model_class, options, n_before)
        for model_class, options in MODELS
        for n_before in range(1, 2 * N_EPOCHS if model_class is MoLAModel else N_EPOCHS)
    ],
)
@pytest.mark.parametrize("validates", [False, True])
def test_equals_the_uninterrupted_run(
    model_class: type[HyperforecastModel],
    options: dict,
    n_before: int,
    validates: bool,
    series: TimeSeries,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = {"series": series, "val_series": series[-40:] if validates else None}
    expected = weights(make(model_class, tmp_path / "whole", **options).fit(**data))
    interrupted(make(model_class, tmp_path / "cut", **options), n_before, monkeypatch, **data)
    resumed = model_class.load_from_checkpoint("run", str(tmp_path / "cut"), best=False)
    found = weights(resumed.fit(**data))
    assert all(map(torch.equal, found, expected))


@pytest.mark.parametrize("n_before", [2, 3])
def test_with_validation_every_other_epoch(
    n_before: int, series: TimeSeries, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The checkpoint is then saved before the epoch's end."""
    data = {"series": series, "val_series": series[-40:]}
    options = {"nr_epochs_val_period": 2, "n_epochs": 4}
    expected = weights(make(HNMVTSModel, tmp_path / "whole", **options).fit(**data))
    interrupted(make(HNMVTSModel, tmp_path / "cut", **options), n_before, monkeypatch, **data)
    resumed = HNMVTSModel.load_from_checkpoint("run", str(tmp_path / "cut"), best=False)
    assert all(map(torch.equal, weights(resumed.fit(**data)), expected))


KILLED = """
    import os, signal, sys
    import numpy as np
    from darts import TimeSeries
    from hyperforecast.darts import ForecastingModule, LightSAEModel

    work_dir, n_steps, values = sys.argv[1], int(sys.argv[2]), np.load(sys.argv[3])
    step = ForecastingModule.training_step

    def step_or_die(module, *args):
        global n_steps
        n_steps -= 1
        if n_steps < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return step(module, *args)

    ForecastingModule.training_step = step_or_die
    LightSAEModel(
        12, 4, backbone="rmlp", n_epochs=3, random_state=0, save_checkpoints=True,
        model_name="run", work_dir=work_dir,
    ).fit(TimeSeries.from_values(values))
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_of_a_process_that_was_killed(series: TimeSeries, tmp_path: Path) -> None:
    np.save(tmp_path / "values.npy", series.values())
    n_steps = 2 * 4 + 1  # into the third epoch
    done = subprocess.run(
        [
            *(sys.executable, "-c", textwrap.dedent(KILLED)),
            *(str(tmp_path / "cut"), str(n_steps), str(tmp_path / "values.npy")),
        ],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    given = TimeSeries.from_values(series.values())
    options = {"backbone": "rmlp", "lr_scheduler_cls": None, "lr_scheduler_kwargs": None}
    expected = weights(make(LightSAEModel, tmp_path / "whole", **options).fit(given))
    resumed = LightSAEModel.load_from_checkpoint("run", str(tmp_path / "cut"), best=False)
    assert all(map(torch.equal, weights(resumed.fit(given)), expected))
