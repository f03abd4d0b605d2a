"""The exact solver inside Darts: when it trains, what it chooses, and what follows."""

import copy
import logging
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from darts import TimeSeries
from darts.metrics import mse
from darts.utils.data import SequentialTorchTrainingDataset
from darts.utils.likelihood_models.torch import (
    GaussianLikelihood,
    LaplaceLikelihood,
    QuantileRegression,
)
from pytorch_lightning.callbacks import Callback
from sklearn.linear_model import Ridge

from hyperforecast.darts import BackboneModel, HNMVTSModel, HyperforecastModel
from hyperforecast.darts.solving.exact import float64_device
from hyperforecast.nn import ForecastingNetwork
from hyperforecast.nn.exact import ExactSolution, solve_exact

L, H = 12, 4
MODELS = [HNMVTSModel, BackboneModel]
each_model = pytest.mark.parametrize("model_class", MODELS)


def make(model_class: type[HyperforecastModel] = HNMVTSModel, **kwargs: Any) -> HyperforecastModel:
    return model_class(L, H, **kwargs)


def unlike(n_rows: int = 400, n_channels: int = 4) -> TimeSeries:
    """Channels with opposite dynamics: weights of each channel's own pay."""
    random = np.random.default_rng(0)
    slopes = np.array([0.9, -0.9, 0.6, -0.6, 0.3])[:n_channels]
    x = np.zeros((n_rows, n_channels))
    for t in range(1, n_rows):
        x[t] = slopes * x[t - 1] + random.normal(size=n_channels)
    index = pd.date_range("2020-01-01", periods=n_rows, freq="D")
    names = list("abcde")[:n_channels]
    return TimeSeries.from_times_and_values(index, x.astype(np.float32), columns=names)


def equal(one: TimeSeries, two: TimeSeries, tolerance: float = 0.0) -> None:
    np.testing.assert_allclose(one.values(), two.values(), rtol=tolerance, atol=tolerance)
    assert list(one.components) == list(two.components)


def standardised(values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Values in the units that the solver works in, and these: mean and deviation."""
    mean, deviation = values.mean(axis=0), values.std(axis=0)
    return (values - mean) / deviation, mean, deviation


def centred(rows: np.ndarray) -> float:
    """The unit of ridges: the mean over regressors of their squared deviations."""
    return np.square(rows - rows.mean(axis=0)).sum(axis=0).mean()


@pytest.mark.parametrize(("n_channels", "compared"), [(7, {0}), (24, {0, 5})])
def test_factors_are_compared_unasked_where_channels_are_many(
    n_channels: int, compared: set[int]
) -> None:
    """Five factors of seven channels would be all but the channels themselves."""
    common = np.random.default_rng(0).normal(size=(200, 1)).cumsum(axis=0)
    values = common + np.random.default_rng(1).normal(size=(200, n_channels))
    series = TimeSeries.from_values(values)
    assert set(make(solver="exact").fit(series).solver_report["n_factors"]) == compared
    asked = make(solver="exact", n_factors=5).fit(series)
    assert set(asked.solver_report["n_factors"]) == {0, 5}


class TestResolution:
    """By which solver a model is trained, and what is said about it."""

    @each_model
    def test_linear_models_are_solved_by_default(
        self, model_class: type, series: TimeSeries, caplog: pytest.LogCaptureFixture
    ) -> None:
        with caplog.at_level(logging.INFO, logger="hyperforecast"):
            model = make(model_class).fit(series)
        assert "Trained by the exact solver" in caplog.text
        assert list(model.solver_report.columns) == [
            "lookback",
            "instance_norm",
            "channel_embedding_dim",
            "embedding_start",
            "embedding_rounds",
            "individual",
            "n_factors",
            "drift",
            "neighbour_lags",
            "ridge",
            "shared_ridge",
            "validation_mse",
            "damping",
            "share",
            "chosen",
        ]
        assert (model.solver_report["damping"] == 0).all()
        assert model.epochs_trained == 0

    @pytest.mark.parametrize(
        ("kwargs", "said"),
        [
            ({"backbone": "rlinear"}, "backbone='rlinear' is not linear"),
            ({"backbone": "tsmixer"}, "backbone='tsmixer' is not linear"),
            ({"hyper_hidden": [4]}, "hyper_hidden layers is not linear in its weights"),
            ({"instance_norm": "revin-affine"}, "instance_norm='revin-affine' has weights"),
            ({"use_reversible_instance_norm": True}, "use instance_norm='revin'"),
            ({"likelihood": GaussianLikelihood()}, "GaussianLikelihood has no closed form"),
            ({"likelihood": LaplaceLikelihood()}, "LaplaceLikelihood has no closed form"),
            ({"loss_fn": torch.nn.L1Loss()}, "L1Loss() is not the mean squared error"),
            ({"loss_fn": torch.nn.MSELoss(reduction="sum")}, "not the mean squared error"),
        ],
        ids=lambda value: None if isinstance(value, str) else "-".join(value),
    )
    def test_obstacles_of_the_model(
        self, kwargs: dict, said: str, series: TimeSeries, caplog: pytest.LogCaptureFixture
    ) -> None:
        with pytest.raises(ValueError, match="solver='exact' cannot train this model") as error:
            make(**kwargs, solver="exact")
        assert said in str(error.value)
        model = make(**kwargs)
        with caplog.at_level(logging.INFO, logger="hyperforecast"):
            model.fit(series, max_samples_per_ts=8)
        assert f"Training by gradients: {said}"[:22] in caplog.text
        assert said in caplog.text
        assert model.solver_report is None

    def test_epochs_of_one_fit(self, series: TimeSeries) -> None:
        assert make().fit(series, epochs=1).solver_report is None

    def test_weights_of_validation_are_an_obstacle(self, series: TimeSeries) -> None:
        fit = {"val_series": series, "val_sample_weight": "linear", "max_samples_per_ts": 8}
        with pytest.raises(ValueError, match="val_sample_weight has no closed form"):
            make(solver="exact").fit(series, **fit)
        model = make(pl_trainer_kwargs={"max_steps": 1}).fit(series, **fit)
        assert model.solver_report is None

    def test_adam_is_adam(self, series: TimeSeries) -> None:
        model = make(solver="adam", n_epochs=1).fit(series)
        assert model.solver_report is None
        assert model.epochs_trained == 1

    @pytest.mark.parametrize(
        ("kwargs", "said"),
        [
            ({"solver": "exakt"}, "exact"),
            ({"solver_kwargs": {"rigde": 1.0}}, "ridge"),
            ({"solver_kwargs": {"ridge": -1.0}}, "ridge must be positive; got -1.0"),
            ({"solver": "adam", "solver_kwargs": {"ridge": 1.0}}, "would be ignored"),
            ({"n_factors": 9}, "Choose n_factors <= 3"),
        ],
    )
    def test_wrong_arguments(self, kwargs: dict, said: str, series: TimeSeries) -> None:
        with pytest.raises(ValueError, match=said):
            make(**kwargs).fit(series)


class TestForecasts:
    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_equal_ridge_regression_of_scikit_learn(self, dtype: type) -> None:
        series = unlike().astype(dtype)
        model = BackboneModel(
            L, H, backbone="nlinear", instance_norm="last", n_factors=0, solver="exact",
            solver_kwargs={"combine": False},
        ).fit(series)  # fmt: skip
        values, mean, deviation = standardised(series.values().astype(np.float64))
        windows = np.lib.stride_tricks.sliding_window_view(values, L + H, axis=0)
        windows = windows - windows[..., L - 1 : L]
        rows, targets = windows[..., :L].reshape(-1, L), windows[..., L:].reshape(-1, H)
        ridge = model.solver_report["ridge"].iloc[-1] * centred(rows)
        expected = Ridge(alpha=ridge).fit(rows, targets)
        last = values[-1:, :]
        forecast = (expected.predict((values[-L:] - last).T).T + last) * deviation + mean
        tolerance = 1e-9 if dtype is np.float64 else 1e-4
        found = model.predict(H)
        assert found.dtype == dtype
        np.testing.assert_allclose(found.values(), forecast, rtol=tolerance, atol=tolerance)

    def test_are_better_than_those_of_one_head_where_channels_differ(self) -> None:
        train, test = unlike(1000).split_before(0.8)
        errors = {}
        for model_class in MODELS:
            model = make(model_class, n_factors=0).fit(train)
            forecasts = model.historical_forecasts(
                test, forecast_horizon=1, retrain=False, verbose=False
            )
            errors[model_class] = mse(test, forecasts)
        assert errors[HNMVTSModel] < 0.8 * errors[BackboneModel]
        assert errors[HNMVTSModel] < 1.2  # the shocks have variance 1

    @each_model
    @pytest.mark.parametrize("n", [1, H, 3 * H + 1])
    def test_of_any_length(self, model_class: type, n: int, series: TimeSeries) -> None:
        model = make(model_class).fit(series)
        forecast = model.predict(n)
        assert len(forecast) == n
        equal(forecast[: min(n, H)], model.predict(min(n, H)), 1e-6)

    def test_output_chunk_shift(self) -> None:
        """A series that repeats: the right shift forecasts it without error."""
        steps = pd.date_range("2020-01-01", periods=200, freq="D")
        values = np.sin(2 * np.pi * np.arange(200) / 10)[:, None] * np.array([1.0, 3.0])
        series = TimeSeries.from_times_and_values(steps, values)
        for shift in (0, 3):
            model = HNMVTSModel(L, H, shift, solver="exact").fit(series[:150])
            forecast = model.predict(H)
            assert forecast.start_time() == steps[150 + shift]
            equal(forecast, series.slice_intersect(forecast), 5e-3)

    def test_many_series_equal_one_regression_over_all(self, make_series: Callable) -> None:
        panel = [make_series(n, seed=n) for n in (60, 90, 16)]
        kwargs = {"instance_norm": "none", "channel_embedding_dim": 0, "n_factors": 0}
        model = make(**kwargs, solver_kwargs={"ridge": 1e-3}).fit(panel)
        _, mean, deviation = standardised(np.concatenate([s.values() for s in panel]))
        windows = np.concatenate(
            [
                np.lib.stride_tricks.sliding_window_view(
                    (s.values().astype(np.float64) - mean) / deviation, L + H, axis=0
                ).reshape(-1, L + H)
                for s in panel
            ]
        )
        rows, targets = windows[:, :L], windows[:, L:]
        alpha = 1e-3 * centred(rows)
        expected = Ridge(alpha=alpha).fit(rows, targets)
        for series in panel:
            found = model.predict(H, series=series).values()
            last = (series.values()[-L:] - mean) / deviation
            forecast = expected.predict(last.T).T * deviation + mean
            np.testing.assert_allclose(found, forecast, rtol=1e-3, atol=1e-3)

    def test_max_samples_are_the_last_windows(self) -> None:
        series = unlike(200)
        few = make(solver="exact").fit(series, max_samples_per_ts=50)
        same = make(solver="exact").fit(series[-(50 + L + H - 1) :])
        equal(few.predict(H), same.predict(H), 1e-6)

    def test_validation_series_choose(self) -> None:
        series = unlike(600)
        train, val = series[:450], series[450 - L :]
        model = make(solver_kwargs={"ridge": 1e-3}).fit(train, val_series=val)
        held_out = make(solver_kwargs={"ridge": 1e-3}).fit(train)
        assert not model.solver_report["validation_mse"].equals(
            held_out.solver_report["validation_mse"]
        )
        # the first setting's error, by the forecasts of a model that has this setting alone
        plain = make(
            channel_embedding_dim=0, n_factors=0, instance_norm="none",
            solver_kwargs={"ridge": 1e-3},
        ).fit(train, val_series=val)  # fmt: skip
        forecasts = plain.historical_forecasts(
            val, forecast_horizon=H, retrain=False, last_points_only=False, verbose=False
        )
        # in units of each channel's training variance
        variances = train.values().var(axis=0)
        errors = [mse(val, forecast, component_reduction=None) for forecast in forecasts]
        error = np.mean(errors / variances)
        assert model.solver_report["validation_mse"].iloc[0] == pytest.approx(error, rel=1e-3)

    def test_too_few_windows_to_hold_any_out(self, series: TimeSeries) -> None:
        model = make().fit(series[: L + H + 1])
        assert model.solver_report.empty
        assert np.isfinite(model.predict(H).values()).all()

    @pytest.mark.parametrize("wanted", [1, 3])
    def test_embedding_is_at_most_as_long_as_asked_for(self, wanted: int) -> None:
        report = make(channel_embedding_dim=wanted).fit(unlike()).solver_report
        assert set(report["channel_embedding_dim"]) == {0, wanted}

    def test_individual_heads_of_the_backbone(self) -> None:
        report = make(BackboneModel, individual=True).fit(unlike()).solver_report
        assert report["individual"].all()

    def test_one_channel(self, series: TimeSeries) -> None:
        model = make().fit(series["a"])
        assert set(model.solver_report["channel_embedding_dim"]) == {0}
        assert np.isfinite(model.predict(H).values()).all()

    def test_constant_channel(self, series: TimeSeries) -> None:
        values = series.values().copy()
        values[:, 1] = 7.0
        model = make().fit(series.with_values(values))
        assert (model.predict(2 * H).values()[:, 1] == 7.0).all()

    def test_global_random_state_is_untouched(self, series: TimeSeries) -> None:
        torch_state, numpy_state = torch.get_rng_state(), np.random.get_state()  # noqa: NPY002
        first = make(random_state=0).fit(series).predict(H)
        assert torch.equal(torch.get_rng_state(), torch_state)
        assert np.array_equal(np.random.get_state()[1], numpy_state[1])  # noqa: NPY002
        equal(make(random_state=1).fit(series).predict(H), first)  # there is nothing random

    def test_infinite_values_are_an_error(self, series: TimeSeries) -> None:
        values = series.values().copy()
        values[5, 1] = np.inf
        with pytest.raises(ValueError, match=r"infinite.*'b'"):
            make(solver="exact").fit(series.with_values(values))


def test_devices_without_double_precision_leave_the_arithmetic_to_the_cpu(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As Apple's MPS, of which this is the error."""
    zeros, mps, cpu = torch.zeros, torch.device("mps"), torch.device("cpu")

    def zeros_of_a_mac(*shape: int, dtype: torch.dtype, device: torch.device) -> torch.Tensor:
        if device == mps and dtype is torch.float64:
            raise TypeError("Cannot convert a MPS Tensor to float64 dtype")
        return zeros(*shape, dtype=dtype, device=cpu)

    monkeypatch.setattr(torch, "zeros", zeros_of_a_mac)
    assert float64_device(mps) == cpu
    assert float64_device(torch.device("cuda")) == torch.device("cuda")


def test_a_network_is_moved_in_the_precision_that_it_goes_on_in(
    series: TimeSeries, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Never in double precision: a device may not know it."""
    moved = []
    to = torch.nn.Module.to

    def watched(self: torch.nn.Module, *args: Any, **kwargs: Any) -> torch.nn.Module:
        if isinstance(self, ForecastingNetwork) and isinstance(args[0], torch.device):
            held = self.state_dict().values()
            moved.append({values.dtype for values in held if values.is_floating_point()})
        return to(self, *args, **kwargs)

    monkeypatch.setattr(torch.nn.Module, "to", watched)
    make(solver="exact", n_factors=1).fit(series)
    assert moved == [{torch.float32}]


@pytest.mark.parametrize("kind", ["target", "past_covariates", "future_covariates", "static"])
def test_units_and_levels_do_not_matter(kind: str) -> None:
    """Nor for what is chosen: a series of one deviation, and one of 1e6 at a level of 1e9."""
    panel = unlike(300).astype(np.float64)
    panel = panel.with_static_covariates(pd.DataFrame({"s": [0.0, 1.0, 2.0, 5.0]}))
    other = unlike(320, 2).astype(np.float64)
    driver = other.with_values(np.sin(other.values()))
    before = {"past_covariates": other, "future_covariates": driver}

    def changed(values: Any) -> Any:
        return 1e6 * values + 1e9

    after, there = dict(before), panel
    if kind == "target":
        there = panel.with_values(changed(panel.values()))
    elif kind == "static":
        there = panel.with_static_covariates(changed(panel.static_covariates))
    else:
        after[kind] = before[kind].with_values(changed(before[kind].values()))
    one = make(solver="exact").fit(panel, **before)
    two = make(solver="exact").fit(there, **after)
    found, expected = two.predict(H).values(), one.predict(H).values()
    if kind == "target":
        found = (found - 1e9) / 1e6
    np.testing.assert_allclose(found, expected, rtol=0.0, atol=1e-6)
    report = one.solver_report.drop(columns="validation_mse")
    pd.testing.assert_frame_equal(two.solver_report.drop(columns="validation_mse"), report)


class TestCovariates:
    @each_model
    @pytest.mark.parametrize("kind", ["past", "future"])
    def test_that_drive_the_target_are_used(self, model_class: type, kind: str) -> None:
        random = np.random.default_rng(0)
        index = pd.date_range("2020-01-01", periods=300, freq="D")
        driver = random.normal(size=(300, 1))
        target = np.roll(driver, 1, axis=0) if kind == "past" else driver
        target = target * [1.0, -2.0] if model_class is HNMVTSModel else target
        series = TimeSeries.from_times_and_values(index, target)
        covariates = {
            f"{kind}_covariates": TimeSeries.from_times_and_values(index, driver, columns=["d"])
        }
        model = model_class(L, 1, solver="exact").fit(
            series[:250], **{k: v[:250] for k, v in covariates.items()}
        )
        found = model.predict(1, series=series[:260], **covariates)
        np.testing.assert_allclose(found.values(), target[260:261], atol=0.05)

    def test_static_ones_of_each_channel(self) -> None:
        series = unlike(300).with_static_covariates(pd.DataFrame({"level": [0.0, 1.0, 2.0, 3.0]}))
        series = series.with_values(series.values() + 50 * np.arange(4))
        model = make(BackboneModel, instance_norm="none", solver="exact").fit(series)
        assert model.network.static_covariate_map is not None
        with_static = model.network.static_covariate_map.weight
        assert with_static.abs().max() > 0

    def test_encoders(self, series: TimeSeries) -> None:
        encoders = {"cyclic": {"future": ["dayofweek"]}}
        weekly = series.with_values(
            series.values() * 0 + np.sin(2 * np.pi * np.arange(120) / 7)[:, None]
        )
        model = HNMVTSModel(2, H, add_encoders=encoders, solver="exact").fit(weekly[:100])
        equal(model.predict(H), weekly[100 : 100 + H].astype(np.float32), 0.05)
        assert len(model.predict(3 * H)) == 3 * H

    @pytest.mark.parametrize("kind", ["past_covariates", "future_covariates"])
    def test_that_do_not_cover_the_series(self, kind: str, series: TimeSeries) -> None:
        with pytest.raises(ValueError, match="cover"):
            make(solver="exact").fit(series, **{kind: series["a"][5:]})
        with pytest.raises(ValueError, match="cover"):
            make(solver="exact").fit(series, **{kind: series["a"][: -H - 1]})

    def test_future_ones_that_repeat_what_is_known(self, series: TimeSeries) -> None:
        """A constant and a multiple of the series itself, on hardly more rows than a window."""
        short = series[: L + H + 3]
        covariates = (-2 * short["a"]).stack(short["b"] * 0 + 7)
        model = make(solver="exact", individual=True, model_class=BackboneModel)
        model.fit(
            short, val_series=short, future_covariates=covariates, val_future_covariates=covariates
        )
        assert np.isfinite(
            model.predict(H, short[:-H], future_covariates=covariates).values()
        ).all()

    @pytest.mark.parametrize("level", [0.0, 1e8])
    @pytest.mark.parametrize("shift", [0, 3])
    def test_past_ones_need_not_reach_into_the_horizon(
        self, shift: int, level: float, series: TimeSeries
    ) -> None:
        series = series.astype(np.float64)
        past = series["a"] + level
        options = {"output_chunk_shift": shift, "solver": "exact"}
        whole = make(**options).fit(series, past_covariates=past)
        cut = make(**options).fit(series, past_covariates=past[: -H - shift])
        equal(
            cut.predict(H, series=series, past_covariates=past),
            whole.predict(H, series=series, past_covariates=past),
            1e-6,
        )
        errors = [model.solver_report["validation_mse"] for model in (cut, whole)]
        np.testing.assert_allclose(*errors, rtol=1e-6)
        assert (errors[0] < 2).all()

    def test_all_kinds_beyond_the_horizon(self, make_series: Callable) -> None:
        covariates = make_series(160, 2, seed=5)
        series = make_series(120).with_static_covariates(pd.DataFrame({"s": [1.0, 2.0, 3.0]}))
        kinds = {"past_covariates": covariates, "future_covariates": covariates}
        model = make(solver="exact").fit(series, **kinds)
        assert len(model.predict(3 * H, series=series, **kinds)) == 3 * H


FIXED = {"instance_norm": "none", "n_factors": 0, "solver_kwargs": {"ridge": 1e-9}}


class TestWeights:
    """Sample weights and strides: the least squares that gradients would minimise."""

    def make(self, **kwargs: Any) -> HyperforecastModel:
        return BackboneModel(L, H, backbone="nlinear", **{**FIXED, "solver": "exact", **kwargs})

    def weights(self, name: str, n_rows: int) -> np.ndarray:
        """Darts' own formulas."""
        steps = np.linspace(0, 1, n_rows)
        return steps if name == "linear" else np.exp(-10 * (1 - steps))

    def by_hand(self, values: np.ndarray, weight: np.ndarray, starts: range) -> np.ndarray:
        """The forecast of weighted least squares for each step, of one channel."""
        forecast = []
        for h in range(H):
            rows = np.stack([[*values[t : t + L], 1.0] for t in starts])
            root = np.sqrt([weight[t + L + h] for t in starts])
            target = np.array([values[t + L + h] for t in starts])
            solved = np.linalg.lstsq(rows * root[:, None], target * root, rcond=None)[0]
            forecast.append([*values[-L:], 1.0] @ solved)
        return np.array(forecast)

    @pytest.mark.parametrize("name", ["linear", "exponential"])
    def test_by_name(self, name: str) -> None:
        series = unlike(200).astype(np.float64)["a"]
        found = self.make().fit(series, sample_weight=name).predict(H)
        values = series.values()[:, 0]
        expected = self.by_hand(values, self.weights(name, 200), range(200 - L - H + 1))
        np.testing.assert_allclose(found.values()[:, 0], expected, rtol=1e-6)

    @pytest.mark.parametrize("kind", ["one for all channels", "one each"])
    def test_as_series(self, kind: str) -> None:
        series = unlike(200).astype(np.float64)
        weight = np.random.default_rng(1).random((200, 4 if kind == "one each" else 1))
        given = TimeSeries.from_times_and_values(
            series.time_index, weight, columns=series.components if weight.shape[1] > 1 else None
        )
        found = self.make(individual=True).fit(series, sample_weight=given).predict(H).values()
        for n, values in enumerate(series.values().T):
            own = weight[:, min(n, weight.shape[1] - 1)]
            expected = self.by_hand(values, own, range(200 - L - H + 1))
            np.testing.assert_allclose(found[:, n], expected, rtol=1e-6, atol=1e-6)

    @pytest.mark.parametrize("name", [None, "linear"])
    def test_a_stride_counts_from_the_end(self, name: str | None) -> None:
        series = unlike(200).astype(np.float64)["a"]
        found = self.make().fit(series, stride=3, sample_weight=name).predict(H)
        weight = np.ones(200) if name is None else self.weights(name, 200)
        starts = range(200 - L - H, -1, -3)
        expected = self.by_hand(series.values()[:, 0], weight, starts)
        np.testing.assert_allclose(found.values()[:, 0], expected, rtol=1e-6)

    def test_the_last_windows_of_a_stride(self) -> None:
        series = unlike(200).astype(np.float64)["a"]
        found = self.make().fit(series, stride=3, max_samples_per_ts=40).predict(H)
        starts = range(200 - L - H, -1, -3)[:40]
        expected = self.by_hand(series.values()[:, 0], np.ones(200), starts)
        np.testing.assert_allclose(found.values()[:, 0], expected, rtol=1e-6)

    @pytest.mark.parametrize("fit", [{"sample_weight": "linear"}, {"stride": 3}], ids=str)
    def test_gradients_go_to_the_same_weights(self, fit: dict) -> None:
        """From the exact ones their full-batch gradient is all but zero; from others it is not."""
        series = unlike(200).astype(np.float64)["a"]
        solved, other = self.make().fit(series, **fit), self.make().fit(series)
        lengths = []
        for start in (solved, other):
            seen: list[float] = []

            class Watcher(Callback):
                def on_after_backward(self, trainer: Any, pl_module: Any) -> None:
                    grads = [p.grad.flatten() for p in pl_module.parameters() if p.grad is not None]
                    seen.append(torch.cat(grads).norm().item())  # noqa: B023

            by_gradients = self.make(
                solver="adam", solver_kwargs=None, n_epochs=1, batch_size=1000,
                optimizer_kwargs={"lr": 0.0}, pl_trainer_kwargs={"callbacks": [Watcher()]},
            )  # fmt: skip
            by_gradients.train_from(start.model.state_dict())
            by_gradients.fit(series, **fit)
            lengths.append(seen[0])
        assert lengths[0] < 1e-6 * lengths[1]

    def test_one_number_changes_nothing(self) -> None:
        series = unlike(200)
        weight = TimeSeries.from_times_and_values(series.time_index, np.full((200, 1), 0.3))
        model = make(solver="exact").fit(series, sample_weight=weight.astype(np.float32))
        equal(model.predict(H), make(solver="exact").fit(series).predict(H))

    def test_losses_are_weighted_as_gradients_see_them(self) -> None:
        series = unlike(200)
        fit = {"sample_weight": "linear", "stride": 2, "val_series": series[100:]}
        solved = make(solver="exact").fit(series, **fit)
        by_gradients = make(
            solver="adam", n_epochs=1, batch_size=1000, optimizer_kwargs={"lr": 0.0}
        )
        by_gradients.train_from(solved.model.state_dict())
        by_gradients.fit(series, **fit)
        for name in ("train_loss", "val_loss"):
            expected = by_gradients.trainer.callback_metrics[name].item()
            found = solved.trainer.callback_metrics[name].item()
            assert found == pytest.approx(expected, rel=1e-4)

    @pytest.mark.parametrize(("wrong", "match"), [(-1.0, "negative"), (np.inf, "NaN or infinite")])
    def test_wrong_ones_are_an_error(self, wrong: float, match: str) -> None:
        series = unlike(200)
        weight = np.ones((200, 1), dtype=np.float32)
        weight[50] = wrong
        given = TimeSeries.from_times_and_values(series.time_index, weight)
        with pytest.raises(ValueError, match=rf"`sample_weight` holds {match}.* 2020-02-20"):
            make(solver="exact").fit(series, sample_weight=given)

    @pytest.mark.parametrize("wrong", [-1.0, np.inf, np.nan])
    def test_wrong_ones_of_a_dataset_are_an_error(self, wrong: float) -> None:
        series = unlike(200)
        weight = np.ones((200, 1), dtype=np.float32)
        weight[50] = wrong
        given = TimeSeries.from_times_and_values(series.time_index, weight)
        dataset = SequentialTorchTrainingDataset(
            series, input_chunk_length=L, output_chunk_length=H, sample_weight=given
        )
        with pytest.raises(ValueError, match=r"must be finite and not negative; .* 2020-02-20"):
            make(solver="exact").fit_from_dataset(dataset)

    def test_auto_solves_with_them(self, series: TimeSeries) -> None:
        assert make().fit(series, sample_weight="exponential", stride=2).solver_report is not None


class TestQuantiles:
    levels = (0.05, 0.5, 0.95)

    def make(self, **kwargs: Any) -> HyperforecastModel:
        likelihood = QuantileRegression(list(self.levels))
        return make(likelihood=likelihood, solver="exact", **kwargs)

    def test_cover_what_they_say(self) -> None:
        series = unlike(2000)
        train, test = series.split_before(0.6)
        model = self.make().fit(train)
        forecasts = model.historical_forecasts(
            test,
            forecast_horizon=1,
            retrain=False,
            predict_likelihood_parameters=True,
            verbose=False,
        )
        quantiles = forecasts.values().reshape(len(forecasts), 4, 3)
        assert (np.diff(quantiles, axis=2) > 0).all()
        truth = test.slice_intersect(forecasts).values()[..., None]
        np.testing.assert_allclose((truth < quantiles).mean(axis=(0, 1)), self.levels, atol=0.03)

    def test_samples_follow_the_quantiles(self, series: TimeSeries) -> None:
        model = self.make().fit(series)
        samples = model.predict(H, num_samples=400, random_state=0)
        assert samples.n_samples == 400
        quantiles = model.predict(H, predict_likelihood_parameters=True)
        quantiles = quantiles.values().reshape(H, 3, 3)
        below = (samples.all_values()[:, :, None, :] <= quantiles[..., None] + 1e-6).mean(axis=3)
        np.testing.assert_allclose(below[..., 1], 0.5, atol=0.12)
        assert len(model.predict(3 * H, num_samples=10)) == 3 * H

    def test_median_is_near_the_point_forecast(self) -> None:
        series = unlike(1000)
        point = make(solver="exact").fit(series).predict(H).values()
        quantiles = self.make().fit(series).predict(H, predict_likelihood_parameters=True)
        median = quantiles.values().reshape(H, 4, 3)[..., 1]
        np.testing.assert_allclose(median, point, atol=0.3)


LOAD = """
import sys
import pandas as pd
import hyperforecast.darts as hf
from darts import TimeSeries

path = sys.argv[1]
frame = pd.read_csv(path + "/series.csv", index_col=0, parse_dates=True).astype("float32")
series = TimeSeries.from_dataframe(frame, freq="D")
loaded = hf.HNMVTSModel.load(path + "/m.pt")
fresh = hf.HNMVTSModel(12, 4)
fresh.load_weights(path + "/m.pt")
for name, model in {"loaded": loaded, "fresh": fresh}.items():
    model.predict(4, series=series).to_csv(f"{path}/{name}.csv")
"""


@pytest.fixture
def chosen() -> HyperforecastModel:
    """A model whose solver chose what no default is: last value, embedding, factors."""
    model = make(
        channel_embedding_dim=2,
        n_factors=2,
        instance_norm="last",
        solver="exact",
        solver_kwargs={"factor_lookback": 3},
    ).fit(unlike())
    row = model.solver_report[model.solver_report["chosen"]].iloc[-1]
    assert row["channel_embedding_dim"] == 2
    return model


class TestQuantilesThatFollowTheWindow:
    """Of noise whose deviation changes every hundred steps."""

    @pytest.fixture
    def restless(self) -> TimeSeries:
        shocks = np.random.default_rng(0).normal(size=(1200, 2))
        deviations = np.where(np.arange(1200) // 100 % 2 == 0, 1.0, 5.0)
        return TimeSeries.from_values((shocks * deviations[:, None]).astype(np.float32))

    @pytest.fixture
    def model(self, restless: TimeSeries) -> HyperforecastModel:
        likelihood = QuantileRegression([0.05, 0.5, 0.95])
        model = make(likelihood=likelihood, solver="exact", n_factors=0).fit(restless)
        assert model.network.channel_offsets.spans
        return model

    def width(self, model: HyperforecastModel, series: TimeSeries) -> float:
        quantiles = model.predict(H, series, predict_likelihood_parameters=True)
        quantiles = quantiles.values().reshape(H, 2, 3)
        return (quantiles[..., 2] - quantiles[..., 0]).mean()

    def test_are_wider_after_a_lively_window(
        self, model: HyperforecastModel, restless: TimeSeries
    ) -> None:
        assert self.width(model, restless[:200]) > 2 * self.width(model, restless[:300])

    def test_are_finite_after_a_constant_one(self, model: HyperforecastModel) -> None:
        constant = TimeSeries.from_values(np.zeros((L, 2), dtype=np.float32))
        assert 0 < self.width(model, constant) < 10

    @pytest.mark.parametrize("clean", [False, True])
    def test_come_back_from_a_file(
        self, model: HyperforecastModel, restless: TimeSeries, clean: bool, tmp_path: Path
    ) -> None:
        options = {"series": restless, "predict_likelihood_parameters": True}
        expected = model.predict(H, **options)
        model.save(str(tmp_path / "model.pt"), clean=clean)
        loaded = HNMVTSModel.load(str(tmp_path / "model.pt"))
        equal(loaded.predict(H, **options), expected)

    def test_go_on_by_gradients(
        self, model: HyperforecastModel, restless: TimeSeries, tmp_path: Path
    ) -> None:
        model.save(str(tmp_path / "model.pt"))
        other = make(
            likelihood=QuantileRegression([0.05, 0.5, 0.95]), solver="adam", n_factors=0, n_epochs=1
        )
        other.load_weights(str(tmp_path / "model.pt"))
        options = {"series": restless, "predict_likelihood_parameters": True}
        equal(other.predict(H, **options), model.predict(H, **options))
        assert np.isfinite(other.fit(restless).predict(H, **options).values()).all()

    def test_are_exported(
        self, model: HyperforecastModel, restless: TimeSeries, tmp_path: Path
    ) -> None:
        onnxruntime = pytest.importorskip("onnxruntime")
        from darts.utils.onnx import run_onnx_prediction

        model.to_onnx(str(tmp_path / "model.onnx"))
        session = onnxruntime.InferenceSession(str(tmp_path / "model.onnx"))
        expected = model.predict(H, predict_likelihood_parameters=True)
        found = run_onnx_prediction(n=H, session=session, series=restless)
        np.testing.assert_allclose(found.values(), expected.values(), rtol=1e-4, atol=1e-5)

    def test_rows_that_cannot_bear_a_level_are_said(self) -> None:
        short = TimeSeries.from_values(np.random.default_rng(0).normal(size=(40, 1)))
        with pytest.warns(UserWarning, match="Give longer series, or ask for a shorter horizon"):
            make(likelihood=QuantileRegression([0.01, 0.5, 0.99])).fit(short)


class TestFiles:
    def test_in_a_fresh_process(self, tmp_path: Path) -> None:
        series = unlike()
        model = make().fit(series)
        report = model.solver_report
        assert report[report["chosen"]].iloc[-1]["channel_embedding_dim"] > 0
        series.to_csv(str(tmp_path / "series.csv"))
        model.save(str(tmp_path / "m.pt"))
        done = subprocess.run(
            [sys.executable, "-c", LOAD, str(tmp_path)], capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        expected = model.predict(H, series=series).values()
        for name in ("loaded", "fresh"):
            found = pd.read_csv(tmp_path / f"{name}.csv", index_col=0).to_numpy()
            np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)

    def test_precision_outlives_a_file(self, tmp_path: Path) -> None:
        model = make(solver="exact").fit(unlike().astype(np.float64))
        assert model.model.dtype is torch.float64
        model.save(str(tmp_path / "m.pt"))
        loaded = HNMVTSModel.load(str(tmp_path / "m.pt"))
        np.testing.assert_array_equal(loaded.predict(H).values(), model.predict(H).values())

    @each_model
    @pytest.mark.parametrize("clean", [False, True])
    @pytest.mark.parametrize("quantiles", [False, True])
    def test_save_and_load(
        self, model_class: type, clean: bool, quantiles: bool, series: TimeSeries, tmp_path: Path
    ) -> None:
        likelihood = QuantileRegression([0.1, 0.5, 0.9]) if quantiles else None
        model = make(model_class, likelihood=likelihood).fit(series)
        options = {"series": series, "predict_likelihood_parameters": quantiles}
        model.save(str(tmp_path / "m.pt"), clean=clean)
        loaded = model_class.load(str(tmp_path / "m.pt"))
        equal(loaded.predict(H, **options), model.predict(H, **options))
        pd.testing.assert_frame_equal(loaded.solver_report, model.solver_report)
        loaded.fit(series)  # solved again
        equal(loaded.predict(H, **options), model.predict(H, **options), 1e-6)

    def test_what_was_chosen_travels_with_the_weights(
        self, chosen: HyperforecastModel, tmp_path: Path
    ) -> None:
        chosen.save(str(tmp_path / "m.pt"))
        fresh = make(channel_embedding_dim=2, n_factors=2, instance_norm="last")
        fresh.load_weights(str(tmp_path / "m.pt"))
        series = unlike()
        equal(fresh.predict(H, series=series), chosen.predict(H, series=series))

    def test_deepcopy(self, chosen: HyperforecastModel) -> None:
        duplicate = copy.deepcopy(chosen)
        equal(duplicate.predict(H, series=unlike()), chosen.predict(H, series=unlike()))
        pd.testing.assert_frame_equal(duplicate.solver_report, chosen.solver_report)

    def test_onnx(self, chosen: HyperforecastModel, tmp_path: Path) -> None:
        pytest.importorskip("onnx")
        runtime = pytest.importorskip("onnxruntime")
        from darts.utils.onnx import run_onnx_prediction

        chosen.to_onnx(str(tmp_path / "m.onnx"))
        session = runtime.InferenceSession(str(tmp_path / "m.onnx"))
        found = run_onnx_prediction(n=2 * H, session=session, series=unlike())
        equal(found, chosen.predict(2 * H, series=unlike()), 1e-4)


class TestGoingOnByGradients:
    @pytest.mark.parametrize("quantiles", [False, True])
    def test_starts_at_the_solution(self, quantiles: bool, tmp_path: Path) -> None:
        series = unlike(300)
        likelihood = QuantileRegression([0.1, 0.5, 0.9]) if quantiles else None
        solved = make(likelihood=likelihood).fit(series)
        solved.save(str(tmp_path / "m.pt"))
        tuned = make(
            solver="adam",
            likelihood=likelihood,
            n_epochs=1,
            optimizer_kwargs={"lr": 1e-6},
        )
        tuned.load_weights(str(tmp_path / "m.pt"))
        options = {"series": series, "predict_likelihood_parameters": quantiles}
        expected = solved.predict(H, **options)
        equal(tuned.predict(H, **options), expected)
        tuned.fit(series)
        assert tuned.epochs_trained == 1
        moved = np.abs((tuned.predict(H, **options) - expected).values()).max()
        assert 0 < moved < 1e-2

    def test_the_loss_goes_on_from_there(self, tmp_path: Path) -> None:
        series = unlike(300)
        make().fit(series).save(str(tmp_path / "m.pt"))

        def first_loss(load: bool) -> float:
            model = make(solver="adam", n_epochs=1, optimizer_kwargs={"lr": 1e-5}, random_state=0)
            if load:
                model.load_weights(str(tmp_path / "m.pt"))
            model.fit(series)
            return model.trainer.callback_metrics["train_loss"].item()

        assert first_loss(load=True) < 0.8 * first_loss(load=False)

    def test_a_solved_model_is_trained_on_for_epochs(self) -> None:
        series = unlike(300)
        model = make(solver_kwargs={"combine": False, "pool": False}).fit(series)
        before = model.predict(H)
        model.fit(series, epochs=1)
        assert model.solver_report is None
        assert np.abs((model.predict(H) - before).values()).max() < 0.5


class TestHarness:
    @pytest.fixture
    def solved(self, monkeypatch: pytest.MonkeyPatch) -> list[ExactSolution]:
        """Solutions of the exact solver, as it makes them."""
        solutions = []

        def noting(*args: Any, **kwargs: Any) -> Any:
            solutions.append(solve_exact(*args, **kwargs))
            return solutions[-1]

        monkeypatch.setattr("hyperforecast.darts.solving.exact.solve_exact", noting)
        return solutions

    def retrained(self, model: HyperforecastModel, series: TimeSeries) -> list[TimeSeries]:
        return model.historical_forecasts(
            series, start=110, start_format="position", forecast_horizon=H, retrain=True,
            stride=7, last_points_only=False, verbose=False, overlap_end=False,
        )  # fmt: skip

    @each_model
    def test_retraining_equals_a_new_model_at_every_step(self, model_class: type) -> None:
        """Where settings are compared at every step."""
        series, options = unlike(140), {"solver_kwargs": {"choose_every": 1}}
        forecasts = self.retrained(make(model_class, solver="exact", **options), series)
        assert len(forecasts) == 4
        for forecast in forecasts:
            before = series.drop_after(forecast.start_time())
            expected = make(model_class, solver="exact").fit(before).predict(H)
            equal(forecast, expected, 1e-4)

    def test_settings_are_compared_once_in_a_retraining_backtest(
        self, solved: list[ExactSolution]
    ) -> None:
        """Later steps solve the setting of the first one on the rows that they have."""
        series = unlike(140)
        alone = {"combine": False}
        forecasts = self.retrained(make(BackboneModel, solver="exact", solver_kwargs=alone), series)
        assert [len(solution.compared) > 1 for solution in solved] == [True, False, False, False]
        assert len({solution.setting for solution in solved}) == 1
        first = solved[0].setting
        fixed = {"instance_norm": first.norm, "solver_kwargs": {"ridge": first.ridge}}
        for forecast in forecasts:
            before = series.drop_after(forecast.start_time())
            alone = BackboneModel(L, H, solver="exact", n_factors=0, **fixed).fit(before)
            equal(forecast, alone.predict(H), 1e-4)

    def test_what_is_added_up_is_chosen_once_in_a_retraining_backtest(
        self, solved: list[ExactSolution]
    ) -> None:
        self.retrained(make(solver="exact"), unlike(140))
        assert len(solved) == 4
        assert len({solution.combination for solution in solved}) == 1
        assert len(solved[0].combination.settings) > 1
        assert all(np.isnan(entry.validation_mse) for entry in solved[1].compared)
        assert [entry.share for entry in solved[1].compared] == sorted(solved[0].combination.shares)

    def test_several_series_are_each_compared_for(self) -> None:
        """A backtest goes from one to the next with the same chain of models."""
        one, other = unlike(140), unlike(140) * 3 + 1
        both = self.retrained(make(solver="exact"), [one, other])
        for forecast in (both[1][0], self.retrained(make(solver="exact"), other)[0]):
            before = other.drop_after(forecast.start_time())
            equal(forecast, make(solver="exact").fit(before).predict(H), 1e-4)

    def test_series_of_another_kind_of_time(self) -> None:
        model = make(solver="exact")
        series = unlike(140)
        model.untrained_model().fit(series)
        later = TimeSeries.from_values(series.values(), columns=series.components)
        found = model.untrained_model().fit(later).predict(H)
        equal(found, make(solver="exact").fit(later).predict(H), 1e-5)

    @each_model
    def test_without_retraining_equals_predict(self, model_class: type) -> None:
        series = unlike(200)
        model = make(model_class).fit(series[:150])
        for optimised in (True, False):
            forecasts = model.historical_forecasts(
                series, start=160, start_format="position", forecast_horizon=H, retrain=False,
                stride=9, last_points_only=False, verbose=False, enable_optimization=optimised,
            )  # fmt: skip
            for forecast in forecasts:
                before = series.drop_after(forecast.start_time())
                equal(forecast, model.predict(H, series=before), 1e-5)

    def test_grid_search(self) -> None:
        series = unlike(200)
        grid = {
            "input_chunk_length": [2, 12],
            "output_chunk_length": [H],
            "instance_norm": ["none", "last"],
            "channel_embedding_dim": np.arange(2),
            "solver": ["exact"],
        }
        best, setting, error = HNMVTSModel.gridsearch(
            grid, series[:150], val_series=series[150 : 150 + H], metric=mse
        )
        assert best.model_params["instance_norm"] == setting["instance_norm"]
        alone = HNMVTSModel(**setting).fit(series[:150]).predict(H)
        assert mse(series[150 : 150 + H], alone) == pytest.approx(error, rel=1e-4)

    def test_channels_in_another_order(self) -> None:
        series = unlike()
        model = make().fit(series)
        turned = series[["c", "a", "d", "b"]]
        equal(model.predict(H, series=turned), model.predict(H)[["c", "a", "d", "b"]], 1e-6)
        equal(
            make().fit([series, turned]).predict(H, series=series),
            make().fit([series, series]).predict(H, series=series),
            1e-6,
        )


@pytest.mark.parametrize(("n_rows", "compared"), [(52, False), (300, True)])
def test_weights_that_are_many_are_compared_where_validation_spans_horizons(
    n_rows: int, compared: bool
) -> None:
    """Within one horizon, what befalls all channels at once looks like a gain of each."""
    values = np.random.default_rng(0).normal(size=(n_rows, 40)).cumsum(axis=0)
    report = HNMVTSModel(12, 5).fit(TimeSeries.from_values(values)).solver_report
    assert (report["neighbour_lags"] > 0).any() == compared
    assert report["shared_ridge"].notna().any() == compared
