"""The sktime forecasters: copies, files, seeds, noise and litter."""

import copy
import io
import pickle
import random
import subprocess
import sys
import textwrap
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from pytorch_lightning.callbacks import EarlyStopping
from sktime.base import load

import hyperforecast.sktime
from hyperforecast.sktime import (
    BackboneForecaster,
    BaseHyperforecastForecaster,
    HNMVTSForecaster,
)

L = 12
FH = [1, 2, 3]
FORECASTERS = [
    cls
    for cls in map(hyperforecast.sktime.__dict__.get, hyperforecast.sktime.__all__)
    if isinstance(cls, type) and cls is not BaseHyperforecastForecaster
]
each_forecaster = pytest.mark.parametrize("cls", [HNMVTSForecaster, BackboneForecaster])


def make(cls: type = HNMVTSForecaster, **kwargs: Any) -> Any:
    return cls(**{"input_chunk_length": L, "n_epochs": 2, "random_state": 0, **kwargs})


class TestCopies:
    COPIES: dict[str, Any] = {
        "pickle": lambda f: pickle.loads(pickle.dumps(f)),
        "deepcopy": copy.deepcopy,
        "save": lambda f: load(f.save()),
    }

    @each_forecaster
    @pytest.mark.parametrize("how", COPIES)
    @pytest.mark.parametrize("used", [False, True])
    def test_forecasts_the_same(self, cls: type, how: str, used: bool, panel: pd.DataFrame) -> None:
        forecaster = make(cls, quantiles=(0.1, 0.5, 0.9)).fit(panel, fh=FH)
        if used:
            forecaster.predict()
        other = self.COPIES[how](forecaster)
        pd.testing.assert_frame_equal(other.predict(), forecaster.predict(), atol=1e-6)
        pd.testing.assert_frame_equal(
            other.predict_interval(coverage=0.8), forecaster.predict_interval(coverage=0.8)
        )
        again = self.COPIES[how](other)
        pd.testing.assert_frame_equal(again.predict(), forecaster.predict(), atol=1e-6)

    def test_a_copy_lives_on_its_own(self, panel: pd.DataFrame) -> None:
        forecaster = make().fit(panel.iloc[:80], fh=FH)
        expected = forecaster.predict()
        copy.deepcopy(forecaster).update(panel.iloc[80:], update_params=True)
        pd.testing.assert_frame_equal(forecaster.predict(), expected)

    def test_a_copy_goes_on(self, panel: pd.DataFrame) -> None:
        forecaster = make().fit(panel.iloc[:80], fh=FH)
        other = pickle.loads(pickle.dumps(forecaster))
        for one in (forecaster, other):
            one.update(panel.iloc[80:], update_params=True)
        pd.testing.assert_frame_equal(other.predict(), forecaster.predict())

    def test_pretrained(self, panel: pd.DataFrame) -> None:
        y = pd.concat({"x": panel, "y": panel * 2}, names=["store", "time"])
        forecaster = make().pretrain(y, fh=FH)
        other = pickle.loads(pickle.dumps(forecaster))
        assert other.state == "pretrained"
        pd.testing.assert_frame_equal(
            other.fit(panel, fh=FH).predict(), forecaster.fit(panel, fh=FH).predict()
        )

    def test_in_a_fresh_process(self, tmp_path: Path, panel: pd.DataFrame) -> None:
        forecaster = make(likelihood="gaussian").fit(panel, fh=FH)
        expected = forecaster.predict_interval()
        forecaster.save(tmp_path / "forecaster")
        script = f"""
            from sktime.base import load
            load({str(tmp_path / "forecaster")!r}).predict_interval().to_pickle("interval.pkl")
        """
        subprocess.run(
            [sys.executable, "-c", textwrap.dedent(script)], check=True, cwd=tmp_path, timeout=120
        )
        found = pd.read_pickle(tmp_path / "interval.pkl")
        pd.testing.assert_frame_equal(found, expected, atol=1e-6)

    def test_weights_are_read_to_the_cpu(
        self, panel: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Whatever device they were on when they were written."""
        written = pickle.dumps(make().fit(panel, fh=FH))
        targets = []
        read = torch.load

        def recorded(*args: Any, **kwargs: Any) -> Any:
            targets.append(kwargs["map_location"])
            return read(*args, **kwargs)

        monkeypatch.setattr(torch, "load", recorded)
        pickle.loads(written)
        assert targets == ["cpu"]

    @each_forecaster
    def test_parameters_are_not_touched(self, cls: type, panel: pd.DataFrame) -> None:
        stop = EarlyStopping("train_loss", patience=1)
        trainer = {"callbacks": [stop], "accelerator": "cpu"}
        optimizer = {"lr": 1e-3}
        forecaster = make(cls, pl_trainer_kwargs=trainer, optimizer_kwargs=optimizer)
        forecaster.fit(panel, fh=FH)
        assert forecaster.pl_trainer_kwargs is trainer
        assert trainer == {"callbacks": [stop], "accelerator": "cpu"}
        assert optimizer == {"lr": 1e-3}
        assert stop.stopped_epoch == 0
        assert stop.best_score == np.inf, "a callback that two fits share must not remember"


class Payload:
    """Creates a file where it is unpickled by something that runs code."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


class TestForeignBytes:
    @pytest.mark.parametrize("wrapped", [False, True])
    @pytest.mark.parametrize("by_torch", [False, True])
    def test_nothing_within_the_weights_is_run(
        self, by_torch: bool, wrapped: bool, tmp_path: Path, panel: pd.DataFrame
    ) -> None:
        forecaster = make().fit(panel, fh=FH)
        trained, file = forecaster.trained_, tmp_path / "created"
        weights: Any = Payload(file)
        if wrapped:
            weights = {**trained.model.model.state_dict(), "_extra_state": weights}
        buffer = io.BytesIO()
        if by_torch:
            torch.save(weights, buffer)
        else:
            pickle.dump(weights, buffer)
        state = {**trained.__getstate__(), "weights": buffer.getvalue()}
        with pytest.raises(ValueError, match=r"expected numbers and names.*nothing was run"):
            type(trained).__new__(type(trained)).__setstate__(state)
        assert not file.exists()
        pickle.loads(pickle.dumps(Payload(file)))
        assert file.exists(), "the payload works where code is run"

    @pytest.mark.filterwarnings("ignore:Quantiles from")  # of few rows
    @pytest.mark.parametrize("cls", FORECASTERS)
    def test_weights_of_every_forecaster_are_plain(self, cls: type, panel: pd.DataFrame) -> None:
        for params in cls.get_test_params():
            forecaster = cls(**params).fit(panel.iloc[:40], fh=FH)
            other = pickle.loads(pickle.dumps(forecaster))
            pd.testing.assert_frame_equal(other.predict(), forecaster.predict(), atol=1e-6)

    def test_reading_leaves_the_random_state_alone(self, panel: pd.DataFrame) -> None:
        written = pickle.dumps(make().fit(panel, fh=FH))
        state = torch.get_rng_state()
        pickle.loads(written)
        assert torch.equal(torch.get_rng_state(), state)


class TestSeed:
    @each_forecaster
    @pytest.mark.parametrize("kind", [{}, {"likelihood": "laplace"}, {"backbone": "rmlp"}])
    def test_same_forecast_whatever_ran_before(
        self, cls: type, kind: dict, panel: pd.DataFrame
    ) -> None:
        if "backbone" in kind:
            kind = {**kind, "backbone_kwargs": {"d_model": 8, "dropout": 0.3}}
        one = make(cls, **kind).fit(panel, fh=FH).predict()
        make(BackboneForecaster, random_state=None).fit(panel, fh=[1]).predict()
        torch.rand(7), np.random.rand(3)  # noqa: NPY002
        other = make(cls, **kind).fit(panel, fh=FH).predict()
        pd.testing.assert_frame_equal(one, other)
        third = make(cls, **kind, random_state=1).fit(panel, fh=FH).predict()
        assert (third != one).any().any()

    @each_forecaster
    def test_global_random_state_is_left_alone(self, cls: type, panel: pd.DataFrame) -> None:
        states = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()  # noqa: NPY002
        forecaster = make(cls, likelihood="gaussian", validation_size=0.2, output_chunk_length=2)
        forecaster.fit(panel)
        forecaster.predict(fh=range(1, 6))
        forecaster.predict_quantiles(fh=range(1, 6), alpha=[0.1])
        forecaster.update(panel.iloc[-3:])
        assert torch.equal(torch.get_rng_state(), states[0])
        np.testing.assert_array_equal(np.random.get_state()[1], states[1])  # noqa: NPY002
        assert random.getstate() == states[2]


class TestQuiet:
    def test_nothing_is_printed_warned_or_left_behind(
        self,
        panel: pd.DataFrame,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        capfd: pytest.CaptureFixture,
    ) -> None:
        monkeypatch.chdir(tmp_path)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            forecaster = make(likelihood="gaussian", validation_size=0.2, patience=1)
            forecaster.fit(panel.iloc[:100], fh=FH)
            forecaster.predict()
            forecaster.predict_interval()
            forecaster.update(panel.iloc[100:])
            pickle.loads(pickle.dumps(forecaster)).predict()
        captured = capfd.readouterr()
        assert captured.out == ""
        assert captured.err == ""
        assert list(tmp_path.iterdir()) == []

    def test_progress_when_asked(self, panel: pd.DataFrame, capfd: pytest.CaptureFixture) -> None:
        make(verbose=True).fit(panel, fh=FH)
        captured = capfd.readouterr()
        assert "Epoch" in captured.out + captured.err


def test_trainer_arguments_reach_lightning(panel: pd.DataFrame) -> None:
    forecaster = make(pl_trainer_kwargs={"accelerator": "cpu", "max_epochs": 1}, n_epochs=9)
    assert forecaster.fit(panel, fh=FH).model_.epochs_trained == 1
    with pytest.raises(ValueError, match="accelerator"):
        make(pl_trainer_kwargs={"accelerator": "abacus"}).fit(panel, fh=FH)


def test_channel_embedding(panel: pd.DataFrame) -> None:
    forecaster = make(channel_embedding_dim=2).fit(panel, fh=FH)
    embedding = forecaster.channel_embedding_
    assert embedding.shape == (3, 2)
    assert list(embedding.index) == ["a", "b", "c"]
    expected = forecaster.model_.network.channel_embedding()
    np.testing.assert_array_equal(embedding, expected)
