"""Which options mean gradients, and what is said where the closed form is ruled out."""

import logging
from collections.abc import Iterator
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from darts import TimeSeries
from darts.utils.likelihood_models.torch import GaussianLikelihood, QuantileRegression
from pytorch_lightning import callbacks

from hyperforecast.darts import BackboneModel, HNMVTSModel
from hyperforecast.darts.solving import solver_choice
from hyperforecast.darts.solving.solver_choice import gradient_options
from tests.case_names import case_name

L, H = 12, 4


class Watcher(pl.Callback):
    """Looks at gradients."""

    def on_after_backward(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        pass


class Reporter(pl.Callback):
    """Looks at the end of epochs, which a solved fit has, too."""

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        pass


@pytest.fixture(autouse=True)
def nothing_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(solver_choice, "_warned", set())


@pytest.fixture
def warnings(caplog: pytest.LogCaptureFixture) -> Iterator[Any]:
    with caplog.at_level(logging.INFO, logger="hyperforecast"):
        yield lambda: [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]


MEAN_GRADIENTS: list[dict[str, Any]] = [
    {"n_epochs": 1},
    {"n_epochs": 0},
    {"optimizer_cls": torch.optim.SGD},
    {"optimizer_kwargs": {"lr": 1e-2}},
    {"lr_scheduler_cls": torch.optim.lr_scheduler.ConstantLR},
    {"nr_epochs_val_period": 2},
    {"enable_finetuning": True},
    {"enable_finetuning": False},
    {"pl_trainer_kwargs": {"max_epochs": 1}},
    {"pl_trainer_kwargs": {"max_epochs": 0}},
    {"pl_trainer_kwargs": {"max_steps": 1}},
    {"pl_trainer_kwargs": {"max_time": "00:00:00:05"}},
    {"pl_trainer_kwargs": {"limit_train_batches": 2}},
    {"pl_trainer_kwargs": {"accumulate_grad_batches": 2}},
    {"pl_trainer_kwargs": {"gradient_clip_val": 1.0}},
    {"pl_trainer_kwargs": {"callbacks": [callbacks.EarlyStopping("train_loss")]}},
    {"pl_trainer_kwargs": {"callbacks": [callbacks.StochasticWeightAveraging(1e-2)]}},
    {"pl_trainer_kwargs": {"callbacks": [Watcher()]}},
]

DO_NOT: list[dict[str, Any]] = [
    {"optimizer_kwargs": {}},
    {"lr_scheduler_kwargs": {}},
    {"nr_epochs_val_period": 1},
    {"loss_fn": torch.nn.MSELoss()},
    {"batch_size": 16, "random_state": 1},
    {"instance_norm": "revin"},
    {"likelihood": QuantileRegression([0.1, 0.5, 0.9])},
    {"pl_trainer_kwargs": {}},
    {"pl_trainer_kwargs": {"accelerator": "cpu", "enable_progress_bar": False}},
    {"pl_trainer_kwargs": {"deterministic": True}},
    {"pl_trainer_kwargs": {"callbacks": []}},
    {"pl_trainer_kwargs": {"callbacks": [Reporter()]}},
    {"pl_trainer_kwargs": {"log_every_n_steps": 1}},
    {"pl_trainer_kwargs": {"num_sanity_val_steps": 0}},
    {"pl_trainer_kwargs": {"inference_mode": False}},
    {"pl_trainer_kwargs": {"profiler": None, "detect_anomaly": False, "benchmark": False}},
    {"pl_trainer_kwargs": {"gradient_clip_val": None, "accumulate_grad_batches": 1}},
    {"pl_trainer_kwargs": {"max_steps": -1, "max_epochs": None, "fast_dev_run": False}},
]


def name(kwargs: dict[str, Any]) -> str:
    return "-".join(f"{k}={case_name(v)}" for k, v in kwargs.items())


@pytest.mark.parametrize("kwargs", MEAN_GRADIENTS, ids=name)
class TestOptionsThatMeanGradients:
    def test_are_named(self, kwargs: dict) -> None:
        (told,) = gradient_options(kwargs)
        assert next(iter(kwargs)) in told or "callback" in told

    def test_are_refused_where_the_solver_is_asked_for(self, kwargs: dict) -> None:
        (told,) = gradient_options(kwargs)
        with pytest.raises(ValueError, match="would have no effect with solver='exact'") as error:
            HNMVTSModel(L, H, solver="exact", **kwargs)
        assert str(error.value).startswith(told)


def test_several_are_all_named() -> None:
    scheduler = torch.optim.lr_scheduler.ConstantLR
    told = ["lr_scheduler_cls", "lr_scheduler_kwargs"]
    options = {"lr_scheduler_cls": scheduler, "lr_scheduler_kwargs": {"factor": 0.5}}
    assert gradient_options(options) == told


@pytest.mark.parametrize(
    "kwargs", [{"n_epochs": 1}, {"pl_trainer_kwargs": {"max_steps": 2}}], ids=name
)
def test_epochs_asked_for_train_by_gradients_without_a_warning(
    kwargs: dict, series: TimeSeries, warnings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    model = HNMVTSModel(L, H, **kwargs).fit(series, max_samples_per_ts=8)
    assert model.solver_report is None
    assert "says how to train by gradients" in caplog.text
    assert warnings() == []


def test_no_epochs_are_no_epochs(series: TimeSeries) -> None:
    """Zero is a number of epochs: the weights stay those that were drawn."""
    model = HNMVTSModel(L, H, n_epochs=0, random_state=0).fit(series)
    assert model.solver_report is None
    assert model.epochs_trained == 0


@pytest.mark.parametrize("kwargs", DO_NOT, ids=name)
def test_other_options_do_not_count(
    kwargs: dict, series: TimeSeries, warnings: Any, tmp_path: Any
) -> None:
    assert gradient_options(kwargs) == []
    kwargs = {"pl_trainer_kwargs": {"default_root_dir": str(tmp_path)}, **kwargs}
    for solver in ("auto", "exact"):
        assert HNMVTSModel(L, H, solver=solver, **kwargs).fit(series).solver_report is not None
    assert warnings() == []


@pytest.mark.parametrize(
    ("kwargs", "said"),
    [
        ({"loss_fn": torch.nn.L1Loss()}, "L1Loss() is not the mean squared error"),
        ({"likelihood": GaussianLikelihood()}, "GaussianLikelihood has no closed form"),
        ({"instance_norm": "revin-affine"}, "has weights of its own"),
        ({"optimizer_kwargs": {"lr": 1e-2}}, "optimizer_kwargs says how to train by gradients"),
        (
            {"pl_trainer_kwargs": {"callbacks": [Watcher()]}},
            "the callback Watcher says how to train by gradients",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else name(value),
)
def test_what_rules_the_closed_form_out_is_said_visibly_once(
    kwargs: dict, said: str, series: TimeSeries, warnings: Any
) -> None:
    for _ in range(2):
        BackboneModel(L, H, **kwargs, batch_size=512).fit(series, max_samples_per_ts=2)
    (warning,) = warnings()
    assert warning.startswith("Training by gradients: ")
    assert said in warning


def test_a_backbone_that_is_not_linear_is_no_surprise(series: TimeSeries, warnings: Any) -> None:
    HNMVTSModel(L, H, backbone="rlinear", backbone_kwargs={"d_model": 4}).fit(
        series, max_samples_per_ts=1
    )
    assert warnings() == []


def test_epochs_of_a_fit_beside_exact_are_refused(series: TimeSeries) -> None:
    with pytest.raises(ValueError, match="epochs would have no effect with solver='exact'"):
        HNMVTSModel(L, H, solver="exact").fit(series, epochs=3)
