"""Errors, output, files and random numbers of the Darts models."""

import logging
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from darts import TimeSeries
from darts.utils.likelihood_models.torch import GaussianLikelihood

from hyperforecast.darts import (
    BackboneModel,
    HNMVTSModel,
    HyperforecastModel,
    LightSAEModel,
    MoLAModel,
)
from tests.hosts.darts.every_model import (
    H,
    L,
    each_model,
    each_model_on_any_backbone,
    each_model_some_slowly,
)


def make(model_class: type[HyperforecastModel] = HNMVTSModel, **kwargs: Any) -> HyperforecastModel:
    return model_class(L, H, **{"n_epochs": 2, "random_state": 0, **kwargs})


def spoilt(series: TimeSeries, row: int, value: float, channel: int = 1) -> TimeSeries:
    values = series.values().copy()
    values[row, channel] = value
    return series.with_values(values)


def no_numbers(index: pd.Index) -> np.ndarray:
    return np.full(len(index), np.inf)


class TestErrors:
    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (
                {"input_chunk_length": 0},
                "input_chunk_length must be a whole number of steps >= 1; got 0.",
            ),
            (
                {"output_chunk_length": 2.5},
                "output_chunk_length must be a whole number of steps >= 1; got 2.5.",
            ),
            ({"n_factors": 2.5}, "n_factors must be a whole number >= 0; got 2.5."),
            ({"n_factors": -1}, "n_factors must be a whole number >= 0; got -1."),
            (
                {"input_chunk_length": True},
                "input_chunk_length must be a whole number of steps >= 1; got True.",
            ),
            ({"backbone": "DLiner"}, "Unknown backbone 'DLiner'. Did you mean 'dlinear'"),
            (
                {"backbone": "dlinear", "backbone_kwargs": {"d_model": 4}},
                "The backbone 'dlinear' has no option 'd_model' in backbone_kwargs. "
                "It has: 'kernel_size'.",
            ),
            (
                {"instance_norm": "rev-in"},
                "Unknown instance_norm 'rev-in'. Did you mean 'revin'",
            ),
        ],
    )
    @each_model
    def test_of_the_constructor(self, model_class: type, arguments: dict, message: str) -> None:
        lengths = {"input_chunk_length": L, "output_chunk_length": H}
        with pytest.raises(ValueError, match=re.escape(message)):
            model_class(**{**lengths, **arguments})

    def test_all_that_is_wrong_is_named_at_once(self) -> None:
        with pytest.raises(ValueError, match=r"^3 arguments are wrong:") as caught:
            HNMVTSModel(0, H, instance_norm="rev-in", hyper_hidden=[0])
        assert "\n- input_chunk_length must be a whole number of steps" in str(caught.value)
        assert "\n- Unknown instance_norm 'rev-in'" in str(caught.value)
        assert "\n- hyper_hidden must be a sequence of whole numbers >= 1; got [0]." in str(
            caught.value
        )
        with pytest.raises(ValueError, match=r"^4 arguments are wrong:") as caught:
            MoLAModel(L, H, backbone="DLiner", n_experts=0, mixing="hard", n_segments=H + 1)
        for name in ("backbone", "n_experts", "mixing", "n_segments"):
            assert name in str(caught.value)
        with pytest.raises(
            ValueError, match=r"(?s)^2 arguments are wrong:.*variant.*load_balancing"
        ):
            LightSAEModel(L, H, variant="lite", load_balancing=-1.0)

    def test_arrays_are_options_too(self, series: TimeSeries) -> None:
        for _ in range(2):  # the second time the arguments are compared with those of the first
            model = HNMVTSModel(L, H, hyper_hidden=np.array([3, 4]), n_epochs=1)
        trunk = model.fit(series).network.head.terms["hn-mvts"].generator.trunk
        assert [layer.out_features for layer in trunk[::2]] == [3, 4]

    def test_unknown_argument(self) -> None:
        with pytest.raises(ValueError, match="chanel_embedding_dim"):
            make(chanel_embedding_dim=2)

    def test_series_too_short(self, series: TimeSeries) -> None:
        message = (
            "The series are too short to train on: a window takes 16 rows (input_chunk_length=12 + "
            "output_chunk_length=4), and the longest series has 15. Give more rows or choose "
            "shorter chunks."
        )
        with pytest.raises(ValueError, match=re.escape(message)):
            make().fit([series[:15], series[:9]])
        make().fit(series[:16])

    def test_validation_series_too_short(self, series: TimeSeries) -> None:
        message = (
            "The `val_series` are too short to validate on: a window takes 16 rows "
            "(input_chunk_length=12 + output_chunk_length=4), and the longest series has 15. Let "
            "them begin with the last rows trained on or choose shorter chunks."
        )
        with pytest.raises(ValueError, match=re.escape(message)):
            make().fit(series, val_series=[series[:15], series[:9]])
        make().fit(series, val_series=[series[:16], series[:9]])

    def test_series_too_short_with_a_shift(self, series: TimeSeries) -> None:
        message = (
            "takes 18 rows (input_chunk_length=12 + output_chunk_length=4 + output_chunk_shift=2)"
        )
        with pytest.raises(ValueError, match=re.escape(message)):
            make(output_chunk_shift=2).fit(series[:17])

    def test_series_too_short_to_predict(self, series: TimeSeries) -> None:
        model = make().fit(series)
        with pytest.raises(ValueError, match=r"12.*11"):
            model.predict(H, series=series[:11])

    @pytest.mark.parametrize("value", [np.inf, -np.inf])
    def test_infinite_values_in_training(self, series: TimeSeries, value: float) -> None:
        message = (
            "`series[1]` holds infinite values: 1 in 'b', the first at 2020-01-31 00:00:00. "
            "Expected finite numbers, or NaN where a value is missing."
        )
        with pytest.raises(ValueError, match=re.escape(message)):
            make().fit([series, spoilt(series, 30, value)])

    @pytest.mark.parametrize("kind", ["past_covariates", "future_covariates"])
    def test_infinite_values_in_covariates(self, series: TimeSeries, kind: str) -> None:
        with pytest.raises(ValueError, match=f"`{kind}` holds infinite values: 1 in 'a'"):
            make().fit(series, **{kind: spoilt(series["a"], 30, np.inf, channel=0)})

    def test_infinite_values_made_by_an_encoder(self, series: TimeSeries, caplog: Any) -> None:
        encoders = {"custom": {"past": [no_numbers]}}
        make(add_encoders=encoders).fit(series)
        assert "`past_covariates` holds infinite values: 116 in 'darts_enc" in caplog.text
        assert "made by `add_encoders`; forecasts will be NaN" in caplog.text

    def test_infinite_values_in_prediction(self, series: TimeSeries) -> None:
        model = make().fit(series)
        with pytest.raises(ValueError, match="`series` holds infinite values: 1 in 'b'"):
            model.predict(H, series=spoilt(series, -L, np.inf))
        # before the window they do no harm
        found = model.predict(H, series=spoilt(series, -L - 1, np.inf))
        np.testing.assert_array_equal(found.values(), model.predict(H).values())

    def test_infinite_values_in_historical_forecasts(self, series: TimeSeries) -> None:
        model = make().fit(series)
        options = {"retrain": False, "forecast_horizon": H, "start": 80}
        for row, harmless in ((80 - L - 1, True), (80 - L, False), (100, False), (119, True)):
            given = spoilt(series, row, np.inf)
            if harmless:
                found = model.historical_forecasts(given, **options)
                assert np.isfinite(found.values()).all()
            else:
                with pytest.raises(ValueError, match="holds infinite"):
                    model.historical_forecasts(given, **options)

    def test_embedding_longer_than_channels(self, series: TimeSeries) -> None:
        message = (
            "channel_embedding_dim must lie between 0 (one weight for all channels) and the number "
            "of channels (of series, where weights are by series), 3; got 4. "
            "Choose channel_embedding_dim <= 3."
        )
        with pytest.raises(ValueError, match=re.escape(message)):
            make(channel_embedding_dim=4).fit(series)

    def test_hidden_layers_without_an_embedding(self, series: TimeSeries) -> None:
        with pytest.raises(ValueError, match="hyper_hidden has no effect"):
            make(channel_embedding_dim=0, hyper_hidden=[4]).fit(series)

    def test_network_before_training(self) -> None:
        with pytest.raises(ValueError, match="no network yet"):
            _ = make().network


class TestFailedFits:
    """A fit that fails leaves the model as it was."""

    def test_of_a_new_model(self, series: TimeSeries) -> None:
        model = make()
        with pytest.raises(ValueError, match="holds infinite"):
            model.fit(spoilt(series, 30, np.inf))
        assert model.model is None
        assert model.training_series is None
        expected = make().fit(series[["a", "b"]]).predict(H)
        model.fit(series[["a", "b"]])
        assert model.channel_names == ["a", "b"]
        assert model.predict(H).values().shape == expected.values().shape

    def test_of_a_trained_model(self, make_series: Callable) -> None:
        series, covariates = make_series(), make_series(140)["a"]
        model = make(likelihood=GaussianLikelihood()).fit(series, future_covariates=covariates)
        before = model.predict(H, predict_likelihood_parameters=True)
        for bad, given in (
            (spoilt(series, 30, np.inf), covariates),
            (series[:10], covariates),
            (make_series(n_channels=2), covariates),
            (series, None),
            (series, make_series(140)[["a", "b"]]),
            (make_series(n_channels=2).with_columns_renamed(["a", "b"], ["x", "y"]), None),
        ):
            with pytest.raises(ValueError):  # noqa: PT011 (the messages are tested elsewhere)
                model.fit(bad, future_covariates=given)
            assert model.training_series is series
            after = model.predict(H, predict_likelihood_parameters=True)
            np.testing.assert_array_equal(after.values(), before.values())
        model.fit(series, future_covariates=covariates)

    def test_in_the_middle_of_training(self, series: TimeSeries) -> None:
        from pytorch_lightning.callbacks import Callback

        class Fail(Callback):
            armed = False

            def on_train_batch_end(self, *args: Any) -> None:
                if Fail.armed:
                    raise RuntimeError("out of luck")

        model = make(pl_trainer_kwargs={"callbacks": [Fail()]}).fit(series)
        Fail.armed = True
        with pytest.raises(RuntimeError, match="out of luck"):
            model.fit(series[:60])
        assert model.training_series is series
        assert len(model.predict(H)) == H


class TestQuiet:
    @each_model_some_slowly
    def test_by_default(
        self, model_class: type, series: TimeSeries, capfd: Any, caplog: Any, recwarn: Any
    ) -> None:
        with caplog.at_level(logging.INFO):
            model = make(model_class).fit(series, val_series=series)
            model.predict(H)
            model.historical_forecasts(series, start=112, retrain=True, forecast_horizon=H)
            model.backtest(series, start=112, retrain=False, forecast_horizon=H)
        captured = capfd.readouterr()
        assert captured.out == ""
        assert captured.err == ""
        own = [str(w.message) for w in recwarn if "lightning" in str(w.filename)]
        assert own == []

    def test_progress_when_asked(self, series: TimeSeries, capfd: Any) -> None:
        model = make().fit(series, verbose=True)
        captured = capfd.readouterr()
        assert "Epoch 1" in captured.out + captured.err
        model.predict(H, verbose=True)
        captured = capfd.readouterr()
        assert "Predicting" in captured.out + captured.err
        model.predict(H)
        captured = capfd.readouterr()
        assert captured.out + captured.err == ""

    def test_trainer_options_that_ask_for_progress(self, series: TimeSeries, capfd: Any) -> None:
        make(pl_trainer_kwargs={"enable_progress_bar": True}).fit(series)
        captured = capfd.readouterr()
        assert "Epoch 1" in captured.out + captured.err

    @pytest.mark.parametrize("option", ["enable_progress_bar", "enable_model_summary"])
    def test_trainer_options_that_ask_for_silence(
        self, option: str, series: TimeSeries, capfd: Any, caplog: Any
    ) -> None:
        with caplog.at_level(logging.INFO, logger="pytorch_lightning"):
            make(pl_trainer_kwargs={option: False}).fit(series).predict(H)
        captured = capfd.readouterr()
        assert captured.out + captured.err == ""
        assert [r for r in caplog.records if "lightning" in r.name] == []

    @pytest.mark.parametrize("trainer", [None, {"accelerator": "cpu"}])
    @pytest.mark.parametrize("clean", [True, False])
    def test_after_loading(
        self,
        trainer: dict | None,
        clean: bool,
        series: TimeSeries,
        capfd: Any,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        make().fit(series).save(str(tmp_path / "m.pt"), clean=clean)
        cwd = tmp_path / "cwd"
        cwd.mkdir()
        monkeypatch.chdir(cwd)
        model = HNMVTSModel.load(str(tmp_path / "m.pt"), pl_trainer_kwargs=trainer)
        model.predict(H, series=series)
        model.fit(series)
        captured = capfd.readouterr()
        assert captured.out + captured.err == ""
        assert list(cwd.iterdir()) == []

    def test_export(self, series: TimeSeries, capfd: Any, tmp_path: Path) -> None:
        pytest.importorskip("onnxscript")
        model = make().fit(series)
        model.to_onnx(str(tmp_path / "m.onnx"))
        assert capfd.readouterr().out == ""

    def test_loggers_are_left_as_they_were(self, series: TimeSeries) -> None:
        logger = logging.getLogger("pytorch_lightning")
        level = logger.level
        make().fit(series).predict(H)
        assert logger.level == level

    def test_no_files(
        self, series: TimeSeries, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        model = make().fit(series, val_series=series)
        model.predict(H)
        model.historical_forecasts(series, start=112, retrain=True, forecast_horizon=H)
        assert list(tmp_path.iterdir()) == []


class TestReproducible:
    def run(self, model_class: type, series: TimeSeries) -> np.ndarray:
        model = make(
            model_class,
            backbone="rmlp",
            backbone_kwargs={"d_model": 8, "dropout": 0.2},
            likelihood=GaussianLikelihood(),
        ).fit(series)
        return np.concatenate(
            [
                model.predict(H, num_samples=3, mc_dropout=True).all_values(),
                model.historical_forecasts(
                    series, start=112, retrain=True, forecast_horizon=H, num_samples=3
                ).all_values(),
            ]
        )

    @each_model_on_any_backbone
    def test_whatever_ran_before(self, model_class: type, series: TimeSeries) -> None:
        first = self.run(model_class, series)
        make(BackboneModel, backbone="rlinear", random_state=5).fit(series).predict(H)
        torch.rand(3)
        np.random.rand(3)  # noqa: NPY002
        random.random()
        np.testing.assert_array_equal(self.run(model_class, series), first)

    def test_another_seed_is_another_model(self, series: TimeSeries) -> None:
        one, two = make(), make(random_state=1)
        assert (one.fit(series).predict(H).values() != two.fit(series).predict(H).values()).any()

    @each_model_on_any_backbone
    def test_global_random_state_is_untouched(self, model_class: type, series: TimeSeries) -> None:
        def states() -> tuple:
            kind, keys, *rest = np.random.get_state()  # noqa: NPY002
            return torch.get_rng_state().tolist(), random.getstate(), (kind, keys.tolist(), *rest)

        before = states()
        self.run(model_class, series)
        assert states() == before


def test_arguments_are_not_changed(series: TimeSeries) -> None:
    options = {"kernel_size": 5}
    trainer = {"enable_progress_bar": False, "callbacks": []}
    hidden = [4]
    model = make(backbone_kwargs=options, pl_trainer_kwargs=trainer, hyper_hidden=hidden)
    copy = series.copy()
    model.fit(series)
    model.predict(H)
    assert options == {"kernel_size": 5}
    assert trainer == {"enable_progress_bar": False, "callbacks": []}
    assert hidden == [4]
    assert series == copy


def test_static_covariates_of_series_are_kept(series: TimeSeries) -> None:
    static = pd.DataFrame({"s": np.float32([1, 2, 3])}, index=list("abc"))
    forecast = make().fit(series.with_static_covariates(static)).predict(H)
    assert forecast.static_covariates["s"].tolist() == [1, 2, 3]
