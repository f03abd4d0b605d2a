"""Losses, loggers, callbacks and checkpoints of fits that are solved exactly."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import pytorch_lightning as pl
import torch
import torchmetrics
from darts import TimeSeries
from darts.utils.data import SequentialTorchTrainingDataset
from darts.utils.likelihood_models.torch import QuantileRegression
from pytorch_lightning.loggers import CSVLogger

from hyperforecast.darts import BackboneModel, HNMVTSModel
from hyperforecast.darts.solving import solved_epoch
from hyperforecast.darts.solving.solved_epoch import WindowBatches, setting_metrics
from hyperforecast.nn.hyper_layers.hyper_linear import HyperLinear

L, H = 12, 4
HOOKS = [
    "setup", "on_fit_start", "on_train_start", "on_train_epoch_start", "on_train_batch_end",
    "on_validation_epoch_end", "on_validation_end", "on_train_epoch_end", "on_train_end",
    "on_fit_end", "teardown",
]  # fmt: skip


class Recorder(pl.Callback):
    """Writes down the hooks that are called, and the losses at the end of the epoch."""

    def __init__(self) -> None:
        self.called: list[str] = []
        self.losses: dict[str, float] = {}
        self.weights: dict[str, torch.Tensor] = {}

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.called.append("on_fit_start")
        self.weights = {n: p.detach().clone() for n, p in pl_module.named_parameters()}

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.called.append("on_train_epoch_end")
        self.losses = {k: v.item() for k, v in trainer.callback_metrics.items()}


class BatchRecorder(pl.Callback):
    """Writes down the sizes and losses of validation batches."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.losses: list[torch.Tensor] = []

    def on_validation_batch_end(self, trainer: Any, module: Any, outputs: Any, *args: Any) -> None:
        self.sizes.append(len(args[0].past_target))
        self.losses.append(outputs)


def _noting(hook: str) -> Callable[..., None]:
    def note(self: Recorder, trainer: pl.Trainer, *args: Any, **kwargs: Any) -> None:
        if not trainer.sanity_checking:
            self.called.append(hook)

    return note


for _hook in HOOKS:
    if _hook not in vars(Recorder):
        setattr(Recorder, _hook, _noting(_hook))


def as_a_gradient_fit_sees_it(model: Any, train: Any, validation: Any, **kwargs: Any) -> Any:
    """Losses of the same weights, by Darts' own loop over all its windows, with a step of zero."""
    arguments = {k: v for k, v in model.model_params.items() if v is not None}
    arguments |= {"solver": "adam", "n_epochs": 1, "optimizer_kwargs": {"lr": 0.0}}
    arguments |= {"batch_size": 4096, "pl_trainer_kwargs": {"accelerator": "cpu"}}
    by_gradients = type(model)(**arguments)
    by_gradients.train_from(model.model.state_dict())
    by_gradients.fit(train, val_series=validation, **kwargs)
    return by_gradients.trainer.callback_metrics


@pytest.fixture
def parts(series: TimeSeries) -> tuple[TimeSeries, TimeSeries]:
    return series[:90], series[70:]


class TestLosses:
    @pytest.mark.parametrize(
        "options",
        [
            {},
            {"likelihood": QuantileRegression([0.1, 0.5, 0.9])},
            {"torch_metrics": torchmetrics.MeanAbsoluteError()},
            {"output_chunk_shift": 2, "instance_norm": "revin"},
        ],
        ids=["mse", "quantiles", "metrics", "shift"],
    )
    def test_equal_those_of_gradients(self, options: dict, parts: tuple) -> None:
        train, validation = parts
        model = HNMVTSModel(L, H, solver="exact", **options).fit(train, val_series=validation)
        found = model.trainer.callback_metrics
        expected = as_a_gradient_fit_sees_it(model, train, validation)
        assert {"train_loss", "val_loss"} <= set(expected) <= set(found)
        for name, value in expected.items():
            assert found[name].item() == pytest.approx(value.item(), rel=1e-5), name

    @pytest.mark.parametrize("max_piece", [solved_epoch.MAX_PIECE, 1])
    @pytest.mark.parametrize("max_generated", [HyperLinear.max_generated, 0])
    def test_with_covariates_of_every_kind(
        self,
        max_piece: int,
        max_generated: int,
        make_series: Callable,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(solved_epoch, "MAX_PIECE", max_piece)
        monkeypatch.setattr(HyperLinear, "max_generated", max_generated)
        series = make_series().with_static_covariates(pd.DataFrame({"s": [1.0, 2.0, 3.0]}))
        kinds = {"past_covariates": make_series(160, 2, seed=5), "future_covariates": None}
        kinds["future_covariates"] = make_series(160, 1, seed=6)
        both = {**kinds, **{f"val_{name}": value for name, value in kinds.items()}}
        train, validation = series[:90], series[70:]
        model = HNMVTSModel(L, H, solver="exact").fit(train, val_series=validation, **both)
        expected = as_a_gradient_fit_sees_it(model, train, validation, **both)
        for name in ("train_loss", "val_loss"):
            found = model.trainer.callback_metrics[name].item()
            assert found == pytest.approx(expected[name].item(), rel=1e-5)

    def test_is_the_same_from_moments_and_from_forecasts(
        self, parts: tuple, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """And single batches are forecast where a callback, or a limit, asks for them."""
        train, validation = parts
        monkeypatch.setattr(solved_epoch, "MAX_BATCH", 20 * train.n_components * (L + H))

        def fit(**trainer: Any) -> Any:
            trainer = {"accelerator": "cpu", **trainer}
            model = BackboneModel(
                L,
                H,
                instance_norm="last",
                solver="exact",
                solver_kwargs={"neighbours": False},
                pl_trainer_kwargs=trainer,
            )
            return model.fit(train, val_series=validation).trainer

        by_moments = fit()
        assert by_moments.num_val_batches == [1]  # one window stands for all
        seen = BatchRecorder()
        by_forecasts = fit(callbacks=[seen])
        n_windows = len(validation) - L - H + 1
        assert sum(seen.sizes) == n_windows > max(seen.sizes)
        losses = torch.stack(seen.losses)
        assert losses.std() > 0  # those of single batches
        mean = (losses * torch.tensor(seen.sizes)).sum() / n_windows
        for trainer in (by_moments, by_forecasts):
            loss = trainer.callback_metrics["val_loss"].item()
            assert loss == pytest.approx(mean.item(), rel=1e-5)
        first = fit(limit_val_batches=1).callback_metrics["val_loss"].item()
        assert first == pytest.approx(losses[0].item(), rel=1e-5)

    def test_no_validation_series_no_validation_loss(self, series: TimeSeries) -> None:
        metrics = HNMVTSModel(L, H).fit(series).trainer.callback_metrics
        assert "train_loss" in metrics
        assert "val_loss" not in metrics

    def test_the_setting_is_among_them(self, parts: tuple) -> None:
        model = HNMVTSModel(L, H).fit(parts[0], val_series=parts[1])
        chosen = model.solver_report[model.solver_report["chosen"]].iloc[-1]
        metrics = model.trainer.callback_metrics
        for name in ("ridge", "channel_embedding_dim", "n_factors", "validation_mse"):
            assert metrics[f"solver_{name}"].item() == pytest.approx(chosen[name])
        norm = ["none", "last", "mean", "revin"][int(metrics["solver_instance_norm"])]
        assert norm == chosen["instance_norm"]

    def test_too_few_windows_to_choose_leave_no_setting(self) -> None:
        assert setting_metrics([]) == {}


def test_windows_are_those_of_the_dataset(make_series: Callable) -> None:
    """All of them, in batches of any size, against the dataset's own samples."""
    dataset = SequentialTorchTrainingDataset(
        [make_series(40), make_series(30)],
        input_chunk_length=L,
        output_chunk_length=H,
        output_chunk_shift=1,
    )
    batches = WindowBatches(dataset, torch.float32)
    pairs = [
        (b.past_target[i], b.future_target[i]) for b in batches for i in range(len(b.past_target))
    ]
    assert len(pairs) == 40 - 16 + 30 - 16
    rows = {(p.numpy().tobytes(), f.numpy().tobytes()) for p, f in pairs}
    samples = [dataset[i] for i in range(len(dataset))]
    assert rows == {(s.past_target.tobytes(), s.future_target.tobytes()) for s in samples}
    few = WindowBatches(dataset, torch.float32, max_windows=10)
    assert sum(len(batch.past_target) for batch in few) <= 11


class TestCallbacks:
    def test_see_one_epoch_in_order(self, parts: tuple) -> None:
        recorder = Recorder()
        trainer = {"callbacks": [recorder], "accelerator": "cpu"}
        model = HNMVTSModel(L, H, solver="exact", pl_trainer_kwargs=trainer)
        model.fit(parts[0], val_series=parts[1])
        assert recorder.called == HOOKS
        assert recorder.losses["val_loss"] == model.trainer.callback_metrics["val_loss"].item()
        assert model.epochs_trained == 0

    def test_weights_stay_as_they_were_solved(self, series: TimeSeries) -> None:
        recorder = Recorder()
        trainer = {"callbacks": [recorder], "accelerator": "cpu"}
        model = HNMVTSModel(L, H, pl_trainer_kwargs=trainer).fit(series.astype(np.float64))
        assert recorder.weights
        for name, value in recorder.weights.items():
            assert torch.equal(model.model.state_dict()[name], value), name
        assert all(parameter.grad is None for parameter in model.network.parameters())

    def test_a_second_fit_is_no_retraining(
        self, series: TimeSeries, caplog: pytest.LogCaptureFixture
    ) -> None:
        model = HNMVTSModel(L, H).fit(series)
        model.fit(series)
        assert "retrain" not in caplog.text


class TestLoggers:
    def test_of_the_trainer(self, parts: tuple, tmp_path: Path) -> None:
        trainer = {"logger": CSVLogger(tmp_path, name="", version="run"), "accelerator": "cpu"}
        model = HNMVTSModel(L, H, solver="exact", pl_trainer_kwargs=trainer)
        model.fit(parts[0], val_series=parts[1])
        rows = pd.read_csv(tmp_path / "run" / "metrics.csv")
        for name, value in model.trainer.callback_metrics.items():
            assert rows[name].dropna().item() == pytest.approx(value.item())

    def test_tensorboard(self, parts: tuple, tmp_path: Path) -> None:
        pytest.importorskip("tensorboard")
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

        model = HNMVTSModel(
            L, H, log_tensorboard=True, work_dir=str(tmp_path), model_name="m", solver="exact"
        ).fit(parts[0], val_series=parts[1])
        events = EventAccumulator(str(tmp_path / "m" / "logs"))
        events.Reload()
        (event,) = events.Scalars("val_loss")
        assert event.value == pytest.approx(model.trainer.callback_metrics["val_loss"].item())
        assert {"train_loss", "solver_ridge"} <= set(events.Tags()["scalars"])


@pytest.fixture
def saved(parts: tuple, tmp_path: Path) -> HNMVTSModel:
    model = HNMVTSModel(L, H, save_checkpoints=True, work_dir=str(tmp_path), model_name="m")
    return model.fit(parts[0], val_series=parts[1])


class TestCheckpoints:
    @pytest.mark.parametrize("best", [True, False])
    def test_are_loaded_by_darts(
        self, best: bool, saved: HNMVTSModel, series: TimeSeries, tmp_path: Path
    ) -> None:
        files = sorted(path.name for path in (tmp_path / "m" / "checkpoints").iterdir())
        loss = saved.trainer.callback_metrics["val_loss"].item()
        assert files == [f"best-epoch=0-val_loss={loss:.4f}.ckpt", "last-epoch=0.ckpt"]
        loaded = HNMVTSModel.load_from_checkpoint("m", str(tmp_path), best=best)
        forecast = loaded.predict(2 * H, series=series)
        expected = saved.predict(2 * H, series=series)
        np.testing.assert_array_equal(forecast.values(), expected.values())
        pd.testing.assert_frame_equal(loaded.solver_report, saved.solver_report)

    def test_weights_alone(self, saved: HNMVTSModel, series: TimeSeries, tmp_path: Path) -> None:
        fresh = HNMVTSModel(L, H)
        fresh.load_weights_from_checkpoint("m", str(tmp_path))
        expected = saved.predict(H, series=series)
        np.testing.assert_array_equal(fresh.predict(H, series=series).values(), expected.values())

    def test_a_loaded_one_is_solved_again(
        self, saved: HNMVTSModel, parts: tuple, tmp_path: Path
    ) -> None:
        loaded = HNMVTSModel.load_from_checkpoint("m", str(tmp_path))
        loaded.fit(parts[0], val_series=parts[1])
        assert loaded.solver_report is not None
        expected = saved.predict(H).values()
        np.testing.assert_allclose(loaded.predict(H).values(), expected, rtol=1e-5)

    def test_a_loaded_one_is_trained_on_for_epochs(self, saved: Any, parts: tuple) -> None:
        loaded = HNMVTSModel.load_from_checkpoint("m", saved.work_dir)
        before = loaded.predict(H, series=parts[0]).values()
        loaded.fit(parts[0], val_series=parts[1], epochs=1)
        assert loaded.solver_report is None
        assert loaded.epochs_trained == 1
        moved = np.abs(loaded.predict(H, series=parts[0]).values() - before).max()
        assert 0 < moved < 0.5

    def test_the_best_is_loaded_where_asked_for(self, parts: tuple, tmp_path: Path) -> None:
        model = HNMVTSModel(L, H, save_checkpoints=True, work_dir=str(tmp_path), model_name="m")
        model.fit(parts[0], val_series=parts[1], load_best=True)
        plain = HNMVTSModel(L, H).fit(parts[0], val_series=parts[1])
        np.testing.assert_array_equal(model.predict(H).values(), plain.predict(H).values())
        assert model.solver_report is not None


def test_weights_are_generated_once_for_all_batches(
    parts: tuple, monkeypatch: pytest.MonkeyPatch
) -> None:
    train, validation = parts
    monkeypatch.setattr(solved_epoch, "MAX_BATCH", 20 * train.n_components * (L + H))
    generated = []
    generate = HyperLinear.generate

    def noted(layer: HyperLinear, shared: bool = False) -> Any:
        generated.append(layer)
        return generate(layer, shared)

    monkeypatch.setattr(HyperLinear, "generate", noted)
    recorder = Recorder()
    model = HNMVTSModel(L, H, 2, solver="exact", pl_trainer_kwargs={"callbacks": [recorder]})
    model.fit(train, val_series=validation)
    assert recorder.called.count("on_train_batch_end") > 2
    assert len(generated) == len(set(generated)) > 0
    assert model.model.network.training == model.model.training
