"""What is special about MoLA as a Darts model: two stages, and adapters."""

import copy
import inspect
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import pytorch_lightning as pl
import torch
from darts import TimeSeries
from darts.metrics import mae
from darts.utils.likelihood_models import GaussianLikelihood, QuantileRegression
from pytorch_lightning.callbacks import EarlyStopping
from pytorch_lightning.loggers import CSVLogger
from torchmetrics import MeanAbsoluteError

from hyperforecast.darts import BackboneModel, HNMVTSModel, HyperModel, MoLAModel, StagedModule

L, H = 12, 6

EPOCHS: list[tuple[str, int, float]] = []
"""Stage, number and learning rate of each epoch that a Recorder has seen."""
INTERRUPT: dict[str, int] = {}
"""Epoch of a stage in which a Recorder fails."""


class Recorder(pl.Callback):
    """Writes down every epoch; the stages work with copies of it."""

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: Any) -> None:
        EPOCHS.append(
            (pl_module.stage, trainer.current_epoch, trainer.optimizers[0].param_groups[0]["lr"])
        )
        if INTERRUPT.get(pl_module.stage) == trainer.current_epoch:
            raise RuntimeError("interrupted")


class Watcher(pl.Callback):
    """Keeps what it has seen to itself."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, int]] = []

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: Any) -> None:
        self.seen.append((pl_module.stage, trainer.current_epoch))


class PyTorchLightningPruningCallback(Watcher):
    """One that would report to a study of Optuna, by the name that theirs and Darts' have."""


@pytest.fixture(autouse=True)
def _forget() -> None:
    EPOCHS.clear()
    INTERRUPT.clear()


def make(*callbacks: Any, **kwargs: Any) -> MoLAModel:
    defaults: dict[str, Any] = {
        "backbone": "rmlp",
        "backbone_kwargs": {"d_model": 8},
        "n_segments": 3,
        "n_experts": 2,
        "rank": 2,
        "n_epochs": 2,
        "random_state": 0,
        "pl_trainer_kwargs": {"accelerator": "cpu", "callbacks": [Recorder(), *callbacks]},
    }
    return MoLAModel(L, H, **{**defaults, **kwargs})


def epochs(stage: str) -> int:
    return sum(1 for name, *_ in EPOCHS if name == stage)


def state(model: MoLAModel, adapters: bool) -> dict[str, torch.Tensor]:
    assert model.model is not None
    names = model.model.adapter_names()
    found = {n: v for n, v in model.model.state_dict().items() if torch.is_tensor(v)}
    return {n: v.clone() for n, v in found.items() if (n in names) == adapters}


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(values, other[name]) for name, values in one.items())


def test_the_signature_of_fit_is_that_of_every_model() -> None:
    """Tools that look arguments up by name see them, and two more."""
    for name in ("fit", "fit_from_dataset"):
        expected = dict(inspect.signature(getattr(BackboneModel, name)).parameters)
        found = dict(inspect.signature(getattr(MoLAModel, name)).parameters)
        assert found.pop("adapt_only").default is False
        assert found.pop("base").default is None
        assert found == expected
        assert {"verbose", "epochs"} & found.keys()


class TestStages:
    def test_both_in_one_fit(self, series: TimeSeries) -> None:
        model = make(n_epochs=3, n_base_epochs=2).fit(series)
        assert [(stage, epoch) for stage, epoch, _ in EPOCHS] == [
            ("base", 0),
            ("base", 1),
            ("adapters", 0),
            ("adapters", 1),
            ("adapters", 2),
        ]
        assert model.model.stage == "adapters"
        assert model.epochs_trained == 3

    def test_as_many_epochs_and_as_fast_if_not_told(self, series: TimeSeries) -> None:
        make(optimizer_kwargs={"lr": 0.02}).fit(series, epochs=4)
        assert epochs("base") == epochs("adapters") == 4
        assert {lr for *_, lr in EPOCHS} == {0.02}

    def test_learning_rates_of_their_own(self, series: TimeSeries) -> None:
        make(optimizer_kwargs={"lr": 0.02}, base_optimizer_kwargs={"lr": 0.03}).fit(series)
        assert {(stage, lr) for stage, _, lr in EPOCHS} == {("base", 0.03), ("adapters", 0.02)}

    def test_the_first_is_the_plain_backbone_on_the_first_segment(self, series) -> None:
        # one batch: what is drawn for the experts would change the order of several
        base = make(n_epochs=0, n_base_epochs=2, batch_size=200).fit(series)
        # the plain model sees the same windows: those that leave room for the whole horizon
        plain = BackboneModel(
            L,
            2,
            backbone="rmlp",
            backbone_kwargs={"d_model": 8},
            n_epochs=2,
            batch_size=200,
            random_state=0,
            pl_trainer_kwargs={"accelerator": "cpu"},
        ).fit(series[: -(H - 2)])
        forecast = base.predict(H, series=series).values()
        first = plain.predict(2, series=series).values()
        np.testing.assert_allclose(forecast, np.tile(first, (3, 1)), rtol=1e-5, atol=1e-6)

    @pytest.mark.parametrize("backbone", ["tsmixer", "patchtst", "moderntcn", "itransformer"])
    def test_the_second_holds_the_base_still(self, backbone: str, series: TimeSeries) -> None:
        model = make(backbone=backbone, backbone_kwargs=None).fit(series)
        base, experts = state(model, adapters=False), state(model, adapters=True)
        model.fit(series, adapt_only=True)
        assert same(base, state(model, adapters=False))  # batch statistics among it
        moved = state(model, adapters=True)
        assert not any(torch.equal(experts[name], moved[name]) for name in experts)

    def test_the_first_holds_the_experts_still(self, series: TimeSeries) -> None:
        model = make().fit(series)
        base, experts = state(model, adapters=False), state(model, adapters=True)
        model.fit(series, epochs=1)
        assert not same(base, state(model, adapters=False))
        make(n_epochs=0, n_base_epochs=1)
        again = make(n_epochs=0, n_base_epochs=1)
        again.train_from(copy.deepcopy(model.model.state_dict()))
        experts = state(model, adapters=True)
        again.fit(series)
        assert same(experts, state(again, adapters=True))
        assert not same(state(model, adapters=False), state(again, adapters=False))

    def test_the_head_can_be_trained_with_the_experts(self, series: TimeSeries) -> None:
        model = make(train_head=True).fit(series)
        before = state(model, adapters=True)
        assert {"network.head.weight", "network.head.bias"} <= set(before)
        base = state(model, adapters=False)
        model.fit(series, adapt_only=True)
        after = state(model, adapters=True)
        assert not torch.equal(before["network.head.weight"], after["network.head.weight"])
        assert same(base, state(model, adapters=False))

    def test_nothing_stays_frozen(self, series: TimeSeries) -> None:
        model = make().fit(series)
        assert all(parameter.requires_grad for parameter in model.model.parameters())

    def test_early_stopping_is_of_one_stage(self, series: TimeSeries) -> None:
        still = {"optimizer_cls": torch.optim.SGD, "optimizer_kwargs": {"lr": 0.0}}
        model = make(
            EarlyStopping("val_loss", patience=1),
            n_epochs=6,
            base_optimizer_kwargs={"lr": 0.01},
            **still,
        )
        model.fit(series[:80], val_series=series[60:])
        assert epochs("base") == 6  # it gets better all the time
        assert epochs("adapters") == 2  # it does not move
        EPOCHS.clear()
        model = make(
            EarlyStopping("val_loss", patience=1),
            n_epochs=6,
            base_optimizer_kwargs={"lr": 0.0},
            **still,
        )
        model.fit(series[:80], val_series=series[60:])
        assert epochs("base") == 2
        assert epochs("adapters") == 2

    def test_metrics_say_which_stage_they_are_of(self, series: TimeSeries) -> None:
        seen = []

        class Metrics(pl.Callback):
            def __deepcopy__(self, memo: dict) -> "Metrics":
                return self

            def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: Any) -> None:
                metrics = trainer.callback_metrics
                seen.append((metrics["stage"].item(), "val_loss" in metrics))

        make(Metrics()).fit(series, val_series=series)
        assert seen == [(1.0, True)] * 2 + [(2.0, True)] * 2

    @pytest.mark.parametrize("stage", ["base", "adapters"])
    def test_a_callback_of_one_stage(self, stage: str, series: TimeSeries) -> None:
        """It sees no other, and stays with the trainer for a fit to come."""
        watcher = Watcher()
        watcher.stage = stage
        model = make(watcher)
        for n_seen in (2, 4):
            model.fit(series)
            (kept,) = (one for one in model.trainer.callbacks if isinstance(one, Watcher))
            assert kept.seen == [(stage, 0), (stage, 1)] * (n_seen // 2)

    def test_what_reports_to_a_study_is_not_copied(self, series: TimeSeries) -> None:
        """It reports of the second stage, unless it was given for the first."""
        pruning = PyTorchLightningPruningCallback()
        make(pruning).fit(series)
        assert pruning.seen == [("adapters", 0), ("adapters", 1)]
        pruning.seen.clear()
        pruning.stage = "base"
        make(pruning).fit(series)
        assert pruning.seen == [("base", 0), ("base", 1)]

    def test_steps_of_loggers_go_on(self, series: TimeSeries, tmp_path: Path) -> None:
        logger = CSVLogger(tmp_path, flush_logs_every_n_steps=1)
        trainer = {"accelerator": "cpu", "logger": logger, "log_every_n_steps": 1}
        make(pl_trainer_kwargs=trainer).fit(series)
        files = sorted(tmp_path.rglob("metrics.csv"))
        steps = pd.concat([pd.read_csv(one) for one in files]).dropna(subset="train_loss")["step"]
        assert list(steps) == list(range(16))  # four epochs of four batches

    def test_losses_are_those_of_the_stage(self, series: TimeSeries) -> None:
        still = {"optimizer_cls": torch.optim.SGD, "optimizer_kwargs": {"lr": 0.0}, "n_epochs": 1}
        values = torch.as_tensor(np.array(series.values()))
        windows = values.unfold(0, L + H, 1).transpose(1, 2)
        model = make(**still).fit(series, val_series=series)
        with torch.no_grad():
            y = model.network.eval()(windows[:, :L]).squeeze(-1)
        error = (y - windows[:, L:]).abs()
        assert model.trainer.callback_metrics["val_loss"].item() == pytest.approx(
            (error**2).mean().item(), rel=1e-4
        )

    def test_metrics_and_sample_weights_in_both(self, series: TimeSeries) -> None:
        model = make(torch_metrics=MeanAbsoluteError(), loss_fn=torch.nn.L1Loss())
        model.fit(series, val_series=series, sample_weight="linear", val_sample_weight="linear")
        assert model.model.train_criterion.reduction == "mean"
        metrics = model.trainer.callback_metrics
        # weights below one: the loss is less than the error
        assert metrics["train_loss"] < 0.9 * metrics["train_MeanAbsoluteError"]

    @pytest.mark.parametrize(
        "likelihood", [GaussianLikelihood(), QuantileRegression([0.1, 0.5, 0.9])]
    )
    def test_likelihoods(self, likelihood: Any, series: TimeSeries) -> None:
        model = make(likelihood=likelihood).fit(series, val_series=series)
        n = likelihood.num_parameters
        assert model.predict(4, predict_likelihood_parameters=True).values().shape == (4, 3 * n)
        assert model.predict(4, num_samples=5).all_values().shape == (4, 3, 5)

    def test_fine_tuning_by_patterns(self, series: TimeSeries, tmp_path: Path) -> None:
        trained = make().fit(series)
        trained.save(str(tmp_path / "model.pt"))
        EPOCHS.clear()
        tuned = make(enable_finetuning={"unfreeze": ["*mola.generator*"]})
        tuned.load_weights(str(tmp_path / "model.pt"), trusted=True)
        tuned.fit(series)
        assert epochs("base") == 0  # nothing of it may move
        assert same(state(trained, adapters=False), state(tuned, adapters=False))
        before, after = state(trained, adapters=True), state(tuned, adapters=True)
        moved = {
            name.split(".")[-2] for name in before if not torch.equal(before[name], after[name])
        }
        assert moved == {"generator"}

    def test_a_trainer_of_ones_own(self, series: TimeSeries) -> None:
        trainer = pl.Trainer(
            max_epochs=3,
            accelerator="cpu",
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            callbacks=[Recorder()],
        )
        model = make(n_base_epochs=1).fit(series, trainer=trainer)
        assert (epochs("base"), epochs("adapters")) == (1, 3)
        assert model.trainer is trainer

    def test_lr_find_is_of_the_stage_that_the_model_is_in(
        self, series: TimeSeries, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        stages = []
        configure = StagedModule.configure_optimizers
        monkeypatch.setattr(
            StagedModule,
            "configure_optimizers",
            lambda module: stages.append(module.stage) or configure(module),
        )
        model = make()
        assert len(model.lr_find(series, num_training=10).results["loss"]) > 5
        assert stages == ["base"]
        model.fit(series)
        stages.clear()
        assert len(model.lr_find(series, num_training=10).results["loss"]) > 5
        assert stages == ["adapters"]


class TestRebuilding:
    def test_backtests_train_both(self, series: TimeSeries) -> None:
        model = make(n_epochs=1, n_base_epochs=2)
        model.historical_forecasts(series, start=-8, forecast_horizon=H, stride=1)
        assert (epochs("base"), epochs("adapters")) == (2 * 3, 3)

    def test_grid_search(self, series: TimeSeries) -> None:
        grid = {
            "input_chunk_length": [L],
            "output_chunk_length": [H],
            "backbone": ["dlinear"],
            "n_segments": [2, 3],
            "n_experts": [1, 2],
            "n_base_epochs": [1],
            "n_epochs": [2],
        }
        best, parameters, error = MoLAModel.gridsearch(
            grid, series[:100], val_series=series[100:], metric=mae
        )
        assert parameters["n_segments"] in (2, 3)
        assert np.isfinite(error)
        assert best.model_params["n_base_epochs"] == 1

    def test_best_weights_of_each_stage(self, series: TimeSeries, tmp_path: Path) -> None:
        # so fast that it gets worse
        model = make(
            n_epochs=4,
            optimizer_cls=torch.optim.SGD,
            optimizer_kwargs={"lr": 0.5},
            base_optimizer_kwargs={"lr": 1e-2},
            loss_fn=torch.nn.L1Loss(),
            save_checkpoints=True,
            model_name="run",
            work_dir=str(tmp_path),
        )
        model.fit(series[:80], val_series=series[60:], load_best=True)
        files = sorted(file.name for file in (tmp_path / "run" / "checkpoints").iterdir())
        assert [name.rpartition("-epoch")[0] for name in files if name.startswith("best")] == [
            "best-base",
            "best",
        ]
        best = [float(re.search(r"val_loss=([\d.]+)\.ckpt", n)[1]) for n in files if "val" in n]
        values = torch.as_tensor(np.array(series[60:].values()))
        windows = values.unfold(0, L + H, 1).transpose(1, 2)
        with torch.no_grad():
            y = model.network.eval()(windows[:, :L]).squeeze(-1)
            assert (y - windows[:, L:]).abs().mean() == pytest.approx(best[1], abs=1e-3)
            first = model.network(windows[:, :L], shared=True).squeeze(-1)
            error = (first - windows[:, L : L + 2]).abs().mean()
            assert error == pytest.approx(best[0], abs=1e-3)

    @pytest.mark.parametrize(("stage", "done"), [("base", (4, 3)), ("adapters", (0, 2))])
    def test_resumed_in_the_middle(
        self, stage: str, done: tuple[int, int], series: TimeSeries, tmp_path: Path
    ) -> None:
        where = {"model_name": "run", "work_dir": str(tmp_path), "save_checkpoints": True}
        INTERRUPT[stage] = 1
        with pytest.raises(RuntimeError, match="interrupted"):
            make(n_epochs=3, n_base_epochs=5, **where).fit(series)
        INTERRUPT.clear()
        EPOCHS.clear()
        model = MoLAModel.load_from_checkpoint(
            "run", work_dir=str(tmp_path), best=False, trusted=True
        )
        assert model.model.stage == stage
        model.fit(series)
        assert (epochs("base"), epochs("adapters")) == done
        assert next(e for name, e, _ in EPOCHS if name == stage) == 1
        assert model.model.stage == "adapters"
        assert np.isfinite(model.predict(H).values()).all()

    def test_a_failed_fit_changes_nothing(self, series: TimeSeries) -> None:
        model = make().fit(series)
        forecast = model.predict(H).values()
        INTERRUPT["adapters"] = 0
        with pytest.raises(RuntimeError, match="interrupted"):
            copy.deepcopy(model).fit(series)
        np.testing.assert_array_equal(model.predict(H).values(), forecast)


class TestForecasts:
    def test_shorter_longer_and_by_hand(self, series: TimeSeries) -> None:
        model = make().fit(series)
        whole = model.predict(H).values()
        for n in range(1, H):
            np.testing.assert_allclose(model.predict(n).values(), whole[:n], rtol=1e-5, atol=1e-6)
        assert len(model.predict(2 * H + 1)) == 2 * H + 1
        x = torch.as_tensor(np.array(series[-L:].values()))[None]
        with torch.no_grad():
            np.testing.assert_array_equal(model.network.eval()(x)[0, ..., 0], whole)

    def test_a_shorter_forecast_computes_its_segments(self, series: TimeSeries) -> None:
        model = make().fit(series)
        passed = []
        model.network.head.register_forward_hook(lambda *given: passed.append(len(given[2])))
        model.predict(3)
        model.predict(H)
        model.historical_forecasts(series, start=-10, forecast_horizon=2, retrain=False)
        assert passed == [2, 3, 1]


class TestAdapters:
    def many(self, make_series: Callable) -> list[TimeSeries]:
        return [make_series(80, seed=seed) for seed in (0, 1, 2)]

    def test_one_series_on_the_base_of_many(self, make_series: Callable) -> None:
        model = make().fit(self.many(make_series))
        base = state(model, adapters=False)
        EPOCHS.clear()
        own = make_series(120, seed=9)
        before = model.predict(H, series=own).values()
        model.fit(own, adapt_only=True)
        assert (epochs("base"), epochs("adapters")) == (0, 2)
        assert same(base, state(model, adapters=False))
        assert not np.allclose(model.predict(H).values(), before)

    def test_saved_apart_from_the_base(self, make_series: Callable, tmp_path: Path) -> None:
        model = make().fit(self.many(make_series))
        forecasts = {}
        for seed in (7, 8):
            own = copy.deepcopy(model).fit(make_series(120, seed=seed), adapt_only=True)
            own.save_adapter(tmp_path / f"{seed}.pt")
            forecasts[seed] = own.predict(H).values()
        model.save(str(tmp_path / "base.pt"))
        loaded = MoLAModel.load(str(tmp_path / "base.pt"), trusted=True)
        for seed in (7, 8):
            loaded.load_adapter(tmp_path / f"{seed}.pt")
            found = loaded.predict(H, series=make_series(120, seed=seed)).values()
            np.testing.assert_array_equal(found, forecasts[seed])
        loaded.save(str(tmp_path / "both.pt"))
        both = MoLAModel.load(str(tmp_path / "both.pt"), trusted=True)
        found = both.predict(H, series=make_series(120, seed=8)).values()
        np.testing.assert_array_equal(found, forecasts[8])

    def test_of_another_base_or_other_sizes(self, series: TimeSeries, tmp_path: Path) -> None:
        make().fit(series).save_adapter(tmp_path / "a.pt")
        other = make(random_state=1).fit(series)
        forecast = other.predict(H).values()
        with pytest.raises(ValueError, match="was trained on another base than this model's"):
            other.load_adapter(tmp_path / "a.pt")
        with pytest.raises(ValueError, match="does not fit this model: 12 parameters differ"):
            make(rank=1, n_experts=3).fit(series).load_adapter(tmp_path / "a.pt")
        np.testing.assert_array_equal(other.predict(H).values(), forecast)

    def test_nothing_to_adapt(self, series: TimeSeries, tmp_path: Path) -> None:
        with pytest.raises(ValueError, match="adapt_only=True trains adapters on a base"):
            make().fit(series, adapt_only=True)
        with pytest.raises(ValueError, match="no base to load an adapter for yet"):
            make().load_adapter(tmp_path / "a.pt")


class TestALongerHorizon:
    """Of the base of another model."""

    @pytest.mark.parametrize("backbone", ["rmlp", "dlinear", "itransformer"])
    def test_every_segment_starts_as_the_first_of_the_base(
        self, backbone: str, series: TimeSeries
    ) -> None:
        options = {"backbone": backbone, "backbone_kwargs": None}
        base = make(n_segments=None, segment_length=2, **options).fit(series)
        longer = _longer(15, random_state=1, n_epochs=0, **options).fit(series, base=base)
        assert base.model is not None
        window = torch.from_numpy(series.values()[-L:])[None]
        with torch.no_grad():  # what the base forecasts, its own adapters left out
            segment = base.network.eval()(window, shared=True)[0, :2, :, 0]
        expected = segment.tile(8, 1)[:15]
        np.testing.assert_allclose(longer.predict(15).values(), expected, rtol=1e-4, atol=1e-5)
        assert not np.allclose(base.predict(2).values(), segment, atol=1e-4)

    def test_a_plain_network_is_a_base(self, series: TimeSeries) -> None:
        options: dict[str, Any] = {"pl_trainer_kwargs": {"accelerator": "cpu"}}
        base = BackboneModel(L, 3, backbone="dlinear", **options).fit(series)  # solved for
        assert base.network.standardiser is not None
        longer = _longer(9, segment_length=3, backbone="dlinear", backbone_kwargs=None, n_epochs=0)
        longer.fit(series, base=base)
        expected = np.tile(base.predict(3).values(), (3, 1))
        np.testing.assert_allclose(longer.predict(9).values(), expected, rtol=1e-4, atol=1e-5)

    def test_heads_that_were_solved_for(self, series: TimeSeries, tmp_path: Path) -> None:
        options: dict[str, Any] = {
            "backbone": "dlinear",
            "pl_trainer_kwargs": {"accelerator": "cpu"},
        }
        base = HNMVTSModel(L, 3, **options).fit(series)
        longer = HyperModel(
            L,
            9,
            head="hn-mvts",
            adapters="mola",
            adapters_kwargs={"segment_length": 3},
            n_epochs=0,
            **options,
        )
        longer.fit(series, base=base)
        expected = np.tile(base.predict(3).values(), (3, 1))
        np.testing.assert_allclose(longer.predict(9).values(), expected, rtol=1e-4, atol=1e-5)
        longer.save(str(tmp_path / "longer.pt"))
        again = HyperModel.load(str(tmp_path / "longer.pt"), trusted=True)
        np.testing.assert_array_equal(again.predict(9).values(), longer.predict(9).values())

    def test_the_base_stays_and_the_experts_are_trained(
        self, series: TimeSeries, tmp_path: Path
    ) -> None:
        base = make(n_segments=None, segment_length=2).fit(series)
        base.save(str(tmp_path / "base.pt"))
        EPOCHS.clear()
        start = _longer(14, n_epochs=0).fit(series, base=base)
        longer = _longer(14).fit(
            series, base=MoLAModel.load(str(tmp_path / "base.pt"), trusted=True)
        )
        assert (epochs("base"), epochs("adapters")) == (0, 2)
        assert same(state(base, adapters=False), state(longer, adapters=False))
        assert not same(state(start, adapters=True), state(longer, adapters=True))
        longer.save_adapter(tmp_path / "adapter.pt")
        start.load_adapter(tmp_path / "adapter.pt")
        np.testing.assert_array_equal(start.predict(14).values(), longer.predict(14).values())
        other = make(n_segments=None, segment_length=2, random_state=1).fit(series)
        with pytest.raises(ValueError, match="was trained on another base than this model's"):
            _longer(14, n_epochs=0).fit(series, base=other).load_adapter(tmp_path / "adapter.pt")

    def test_channels_go_by_the_names_of_the_base(self, make_series: Callable) -> None:
        series = make_series(80)
        base = make(n_segments=None, segment_length=2).fit(series)
        names = list(series.components)
        turned = series[[*names[1:], names[0]]]
        longer = _longer(14).fit(turned, base=base)
        assert longer.channel_names == names
        expected = _longer(14).fit(series, base=base).predict(14, series=series)
        np.testing.assert_allclose(
            longer.predict(14, series=turned)[names].values(), expected.values(), rtol=1e-4
        )

    def test_every_fit_of_a_backtest_is_on_the_base(self, series: TimeSeries) -> None:
        base = make(n_segments=None, segment_length=2).fit(series)
        EPOCHS.clear()
        _longer(8, n_epochs=1).historical_forecasts(
            series, start=-9, forecast_horizon=8, fit_kwargs={"base": base}, show_warnings=False
        )
        assert (epochs("base"), epochs("adapters")) == (0, 2)

    @pytest.mark.parametrize(
        ("lookback", "options", "message"),
        [
            (L + 1, {}, "input_chunk_length is 13, and the base's 12"),
            (L, {"segment_length": 3}, "a segment has 3 steps, and the base forecasts 2 (choose "),
            (L, {"backbone": "rlinear"}, "backbone is 'rlinear', and the base's 'rmlp'"),
            (L, {"backbone_kwargs": {"d_model": 9}}, "backbone_kwargs is {'d_model': 9, "),
            (L, {"instance_norm": "last"}, "instance_norm is 'last', and the base's 'revin'"),
            (L, {"likelihood": GaussianLikelihood()}, "what the likelihood takes of each step is"),
        ],
    )
    def test_another_network(
        self, lookback: int, options: dict, message: str, series: TimeSeries
    ) -> None:
        base = make(n_segments=None, segment_length=2, n_epochs=0).fit(series)
        longer = _longer(14, lookback=lookback, **options)
        with pytest.raises(ValueError, match=re.escape(message)):
            longer.fit(series, base=base)
        with pytest.raises(ValueError, match="adapt_only=True trains adapters on a base"):
            longer.fit(series, adapt_only=True)  # nothing is left of it

    def test_what_is_no_base(self, series: TimeSeries) -> None:
        with pytest.raises(TypeError, match="base must be a trained model of this package; got st"):
            _longer(14).fit(series, base="base.pt")
        with pytest.raises(ValueError, match="base, a MoLAModel, is not trained"):
            _longer(14).fit(series, base=make())
        base = make(n_segments=None, segment_length=2, n_epochs=0).fit(series)
        with pytest.raises(ValueError, match="base= gives a new model its base"):
            make(n_segments=None, segment_length=2, n_epochs=0).fit(series).fit(series, base=base)
        with pytest.raises(ValueError, match="There is no adapter to train"):
            HyperModel(L, 14, backbone="rmlp").fit(series, base=base)
        one = series[str(series.components[0])]
        with pytest.raises(ValueError, match="not those that the model was trained on"):
            _longer(14).fit(one, base=base)
        quantiles = BackboneModel(L, 2, likelihood=QuantileRegression([0.1, 0.5, 0.9])).fit(series)
        longer = _longer(
            14,
            backbone="dlinear",
            backbone_kwargs=None,
            likelihood=QuantileRegression([0.1, 0.5, 0.9]),
        )
        with pytest.raises(ValueError, match="has quantiles for each step of its own horizon"):
            longer.fit(series, base=quantiles)


def _longer(horizon: int, *, lookback: int = L, **kwargs: Any) -> MoLAModel:
    defaults: dict[str, Any] = {
        "backbone": "rmlp",
        "backbone_kwargs": {"d_model": 8},
        "segment_length": 2,
        "n_epochs": 2,
        "random_state": 0,
        "pl_trainer_kwargs": {"accelerator": "cpu", "callbacks": [Recorder()]},
    }
    return MoLAModel(lookback, horizon, **{**defaults, **kwargs})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_segments": 7}, "n_segments must be at most the horizon, 6 steps; got 7."),
        ({"segment_length": 2}, "say the same thing twice"),
        ({"mixing": "hard"}, "Unknown mixing 'hard'."),
        ({"n_base_epochs": -1}, "n_base_epochs must be a whole number of epochs >= 0; got -1."),
        ({"solver": "exact"}, "solver"),
    ],
)
def test_errors_come_with_the_constructor(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        make(**options)
