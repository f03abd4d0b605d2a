"""The Darts models, used as Darts' own are used."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from darts import TimeSeries, concatenate
from darts.metrics import mae
from darts.models import ConformalNaiveModel, NaiveEnsembleModel, RegressionEnsembleModel
from darts.models.forecasting.forecasting_model import GlobalForecastingModel
from darts.utils.callbacks import TFMProgressBar
from darts.utils.data import SequentialTorchTrainingDataset, TorchTrainingDataset
from darts.utils.data.torch_datasets.utils import TorchTrainingSample
from darts.utils.likelihood_models import torch as likelihoods

from hyperforecast.darts import (
    BackboneModel,
    HNMVTSModel,
    HyperforecastModel,
    HyperLSTMModel,
    HyperModel,
    HyperTCNModel,
    HyperTransformerModel,
    LightSAEModel,
    MoLAModel,
)
from hyperforecast.nn import PARTS
from tests.hosts.darts.every_model import H, L, each_model, each_model_some_slowly


def make(model_class: type[HyperforecastModel] = HNMVTSModel, **kwargs: Any) -> HyperforecastModel:
    defaults: dict[str, Any] = {
        "n_epochs": 2,
        "random_state": 0,
        "pl_trainer_kwargs": {"accelerator": "cpu"},
    }
    return model_class(L, H, **{**defaults, **kwargs})


def weights(model: HyperforecastModel) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in model.network.state_dict().items()}


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


def by_hand(model: HyperforecastModel, series: TimeSeries) -> np.ndarray:
    """The network's own forecast from the last window, (H, C, P)."""
    window = torch.as_tensor(np.array(series[-L:].values()))[None]
    with torch.no_grad():
        return model.network.eval()(window)[0].numpy()


class TestForecasts:
    @each_model
    @pytest.mark.parametrize("n_channels", [1, 3])
    def test_equal_the_network_s(
        self, model_class: type, n_channels: int, make_series: Callable
    ) -> None:
        series = make_series(n_channels=n_channels)
        model = make(model_class).fit(series)
        forecast = model.predict(H)
        np.testing.assert_allclose(
            forecast.values(), by_hand(model, series)[..., 0], rtol=1e-5, atol=1e-6
        )
        assert list(forecast.components) == list(series.components)
        assert forecast.start_time() == series.end_time() + series.freq

    @pytest.mark.parametrize("covariates", [(), ("past_covariates", "future_covariates")])
    @pytest.mark.parametrize("lookback", [L, 2])  # longer than what is fed back, and shorter
    def test_beyond_the_horizon_feed_on_as_many_steps_as_is_said(
        self, lookback: int, covariates: tuple[str, ...], make_series: Callable
    ) -> None:
        series, n = make_series(), 3 * H + 1
        long = make_series(n_rows=len(series) + n, n_channels=2, seed=1)
        given = {kind: long.with_columns_renamed(long.columns, list("uv")) for kind in covariates}
        model = BackboneModel(lookback, H, solver="exact").fit(series, **given)
        for roll_size in range(1, H + 1):
            known, left = series, n
            while left:
                forecast = model.predict(H, known, **given)
                # the last pass ends at the last step
                kept = left if left == H else min(roll_size, left - H)
                known, left = known.append(forecast[:kept]), left - kept
            found = model.predict(n, series, **given, roll_size=roll_size)
            assert found.time_index.equals(known[-n:].time_index)
            np.testing.assert_allclose(found.values(), known[-n:].values(), rtol=1e-4, atol=1e-5)

    def test_beyond_the_horizon_feed_on_themselves(self, series: TimeSeries) -> None:
        model = make().fit(series)
        first = model.predict(H)
        second = model.predict(H, series=series.append(first))
        expected = np.concatenate([first.values(), second.values()])
        np.testing.assert_allclose(model.predict(2 * H).values(), expected, rtol=1e-5, atol=1e-6)

    @each_model_some_slowly
    def test_learn(self, model_class: type, make_series: Callable) -> None:
        series = make_series(400, noise=0.0)
        train, test = series[:-H], series[-H:]
        options = {"backbone": "dlinear"} if model_class is MoLAModel else {}  # half the time
        model = make(model_class, n_epochs=60, optimizer_kwargs={"lr": 1e-2}, **options).fit(train)
        assert mae(test, model.predict(H)) < 0.1

    def test_many_series_of_unequal_lengths(self, make_series: Callable) -> None:
        panel = [make_series(n, seed=n) for n in (40, 80, 16)]
        model = make().fit(panel)
        forecasts = model.predict(H, series=panel)
        for one, forecast in zip(panel, forecasts, strict=True):
            np.testing.assert_allclose(
                forecast.values(), by_hand(model, one)[..., 0], rtol=1e-5, atol=1e-6
            )
            assert forecast.start_time() == one.end_time() + one.freq

    def test_float64(self, series: TimeSeries) -> None:
        model = make().fit(series.astype(np.float64))
        assert {p.dtype for p in model.network.parameters()} == {torch.float64}
        assert model.predict(H).dtype == np.float64

    @pytest.mark.parametrize("backbone", ["nlinear", "rlinear", "rmlp"])
    def test_backbone_by_name(self, series: TimeSeries, backbone: str) -> None:
        options = {} if backbone == "nlinear" else {"d_model": 8}
        model = make(backbone=backbone, backbone_kwargs=options).fit(series)
        assert type(model.network.backbone).__name__.lower() == backbone
        assert len(model.predict(H)) == H

    def test_output_chunk_shift(self, series: TimeSeries) -> None:
        model = make(output_chunk_shift=3).fit(series)
        forecast = model.predict(H)
        assert forecast.start_time() == series.end_time() + 4 * series.freq
        np.testing.assert_allclose(
            forecast.values(), by_hand(model, series)[..., 0], rtol=1e-5, atol=1e-6
        )

    def test_darts_own_reversible_norm(self, series: TimeSeries) -> None:
        model = make(use_reversible_instance_norm=True).fit(series)
        shifted = model.predict(H, series=series + 50)
        np.testing.assert_allclose(shifted.values(), model.predict(H).values() + 50, atol=1e-3)

    @pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
    def test_cuda_by_default_and_back(self, series: TimeSeries, tmp_path: Any) -> None:
        model = make(pl_trainer_kwargs=None).fit(series)
        assert model.trainer.strategy.root_device.type == "cuda"
        expected = model.predict(H).values()
        model.save(str(tmp_path / "model.pt"))
        loaded = HNMVTSModel.load(
            str(tmp_path / "model.pt"),
            map_location="cpu",
            pl_trainer_kwargs={"accelerator": "cpu"},
        )
        np.testing.assert_allclose(loaded.predict(H).values(), expected, rtol=1e-3, atol=1e-4)


def driven(kind: str, n_rows: int = 400) -> tuple[TimeSeries, TimeSeries]:
    """A target that only a covariate explains: of three days before, or of its own day."""
    random = np.random.default_rng(0)
    driver = random.normal(size=n_rows).astype(np.float32)
    target = driver if kind == "future" else np.roll(driver, H + 2)
    index = pd.date_range("2020-01-01", periods=n_rows, freq="D")
    both = [
        TimeSeries.from_times_and_values(index, values[:, None], columns=[name])
        for values, name in ((target, "target"), (driver, "driver"))
    ]
    return both[0], both[1]


DEEP: dict[type, dict[str, Any]] = {
    HyperTransformerModel: {"d_model": 16, "n_heads": 2, "d_ff": 16, "e_layers": 1, "dropout": 0.0},
    HyperTCNModel: {"d_model": 8, "dropout": 0.0},
    HyperLSTMModel: {"d_model": 16},
}
"""Sizes of the models whose backbone is not linear, and learns in more and smaller steps."""


class TestCovariates:
    @each_model
    @pytest.mark.parametrize("kind", ["past", "future"])
    def test_a_target_driven_by_one_is_learned(self, model_class: type, kind: str) -> None:
        target, driver = driven(kind)
        given = {f"{kind}_covariates": driver}
        options: dict[str, Any] = {
            "n_epochs": 15,
            "batch_size": 64,
            "optimizer_kwargs": {"lr": 3e-2},
        }
        if model_class is LightSAEModel:  # as linear as the others, and as little normalised
            options |= {"backbone": "dlinear", "embedding_dim": L}
        if model_class is MoLAModel:
            options |= {"backbone": "dlinear"}
        if model_class in DEEP:
            options |= {
                "backbone_kwargs": DEEP[model_class],
                "instance_norm": "none",
                "n_epochs": 60 if model_class is HyperLSTMModel else 25,
                "optimizer_kwargs": {"lr": 1e-2 if model_class is HyperLSTMModel else 2e-2},
            }
        model = make(model_class, **options)
        model.fit(target[:-60], **given)
        forecasts = model.historical_forecasts(
            target,
            **given,
            start=target.time_index[-60],
            forecast_horizon=H,
            retrain=False,
            last_points_only=False,
            stride=H,
        )
        assert mae(target, concatenate(forecasts)) < 0.15  # 0.8 at best by the target's own past

    @each_model
    def test_a_target_driven_by_a_static_one_is_learned(self, model_class: type) -> None:
        random = np.random.default_rng(0)
        index = pd.date_range("2020-01-01", periods=60, freq="D")
        panel = [
            TimeSeries.from_times_and_values(
                index,
                # the window is noise around zero; the level of the next steps is the covariate's
                random.normal(size=(60, 1)).astype(np.float32) * 0.05
                + np.float32(level) * (np.arange(60)[:, None] >= L),
                static_covariates=pd.DataFrame({"level": [np.float32(level)]}),
            )[: L + H]
            for level in (-2.0, -1.0, 0.5, 3.0)
        ]
        options: dict[str, Any] = {"optimizer_kwargs": {"lr": 3e-2}}
        if model_class is MoLAModel:
            options |= {"backbone": "dlinear"}
        if model_class in DEEP:
            options = {
                "backbone_kwargs": DEEP[model_class],
                "instance_norm": "none",
                "optimizer_kwargs": {"lr": 1e-2},
            }
        if model_class is HyperTransformerModel:  # whose other backbone normalises batches, of four
            options |= {"backbone": "itransformer"}
        model = make(model_class, n_epochs=300, batch_size=4, **options)
        model.fit(panel)
        for one in panel:
            forecast = model.predict(H, series=one[:L])
            assert mae(one[L:], forecast) < 0.2

    def test_static_ones_can_be_left_out(self, series: TimeSeries) -> None:
        with_static = series.with_static_covariates(
            pd.DataFrame({"s": np.float32([1, 2, 3])}, index=["a", "b", "c"])
        )
        model = make(use_static_covariates=False).fit(with_static)
        assert model.network.static_covariate_map is None
        assert make().fit(with_static).network.static_covariate_map is not None

    def test_all_kinds_at_once_beyond_the_horizon(self, make_series: Callable) -> None:
        long = make_series(160)
        series = long[:120].with_static_covariates(pd.DataFrame({"s": np.float32([1, 2, 3])}))
        model = make().fit(series, past_covariates=long["a"], future_covariates=long[["b", "c"]])
        assert len(model.predict(2)) == 2
        assert len(model.predict(10)) == 10

    def test_encoders(self, series: TimeSeries) -> None:
        model = make(
            add_encoders={
                "cyclic": {"future": ["dayofweek"]},
                "position": {"past": ["relative"]},
                "datetime_attribute": {"future": ["day"]},
            }
        ).fit(series)
        assert model.network.future_covariate_map is not None
        assert model.network.past_covariate_map is not None
        assert len(model.predict(2 * H)) == 2 * H


class TestLikelihoods:
    LIKELIHOODS = {
        "gaussian": (likelihoods.GaussianLikelihood(), ["location", "scale"]),
        "laplace": (likelihoods.LaplaceLikelihood(), ["location", "scale"]),
        "cauchy": (likelihoods.CauchyLikelihood(), ["location", "scale"]),
        "gumbel": (likelihoods.GumbelLikelihood(), ["location", "scale"]),
        "quantile": (likelihoods.QuantileRegression([0.1, 0.5, 0.9]), ["location"] * 3),
        "poisson": (likelihoods.PoissonLikelihood(), ["location"]),
        "negative-binomial": (likelihoods.NegativeBinomialLikelihood(), ["location", "free"]),
        "half-normal": (likelihoods.HalfNormalLikelihood(), ["scale"]),
        "exponential": (likelihoods.ExponentialLikelihood(), ["free"]),
        "gamma": (likelihoods.GammaLikelihood(), ["free", "free"]),
        "log-normal": (likelihoods.LogNormalLikelihood(), ["free", "free"]),
        "weibull": (likelihoods.WeibullLikelihood(), ["free", "free"]),
        "geometric": (likelihoods.GeometricLikelihood(), ["free"]),
    }

    @pytest.mark.parametrize("name", LIKELIHOODS)
    @pytest.mark.parametrize("norm", ["none", "revin"])
    def test_samples_and_parameters(self, name: str, norm: str, series: TimeSeries) -> None:
        likelihood, roles = self.LIKELIHOODS[name]
        counts = series.map(lambda x: np.abs(np.round(3 * x)) + np.float32(1))
        model = make(likelihood=likelihood, instance_norm=norm).fit(counts.astype(np.float32))
        assert list(model.network.output_roles) == roles
        samples = model.predict(H, num_samples=20)
        assert samples.n_samples == 20
        assert np.isfinite(samples.all_values()).all()
        parameters = model.predict(H, predict_likelihood_parameters=True)
        assert parameters.n_components == 3 * len(roles)
        assert np.isfinite(parameters.values()).all()

    def test_gaussian_learns_level_and_spread(self) -> None:
        random = np.random.default_rng(0)
        values = random.normal(size=(600, 2)) * [0.5, 2.0] + [10.0, -5.0]
        series = TimeSeries.from_values(values.astype(np.float32))
        for norm in ("mean", "revin"):
            model = make(
                likelihood=likelihoods.GaussianLikelihood(),
                instance_norm=norm,
                n_epochs=40,
                batch_size=128,
                optimizer_kwargs={"lr": 3e-2},
            ).fit(series)
            parameters = model.predict(H, predict_likelihood_parameters=True).values().mean(axis=0)
            np.testing.assert_allclose(parameters[[0, 2]], [10.0, -5.0], atol=1.2)
            np.testing.assert_allclose(parameters[[1, 3]], [0.5, 2.0], rtol=0.5)

    def test_quantiles_are_in_order_of_their_levels(self, make_series: Callable) -> None:
        series = make_series(300, noise=0.5)
        model = make(
            likelihood=likelihoods.QuantileRegression([0.1, 0.5, 0.9]),
            n_epochs=40,
            optimizer_kwargs={"lr": 1e-2},
        ).fit(series)
        parameters = model.predict(H, predict_likelihood_parameters=True)
        assert list(parameters.components)[:3] == ["a_q0.100", "a_q0.500", "a_q0.900"]
        values = parameters.values().reshape(H, 3, 3)
        assert (np.diff(values.mean(axis=0), axis=-1) > 0).all()

    def test_samples_repeat_with_a_random_state(self, series: TimeSeries) -> None:
        model = make(likelihood=likelihoods.GaussianLikelihood()).fit(series)
        one, two = (model.predict(H, num_samples=5, random_state=3) for _ in range(2))
        np.testing.assert_array_equal(one.all_values(), two.all_values())

    def test_monte_carlo_dropout(self, series: TimeSeries) -> None:
        model = make(backbone="rmlp", backbone_kwargs={"d_model": 16, "dropout": 0.3}).fit(series)
        plain = model.predict(H, num_samples=5).all_values()
        assert (plain == plain[..., :1]).all()
        dropped = model.predict(H, num_samples=5, mc_dropout=True).all_values()
        assert (dropped.std(axis=-1) > 0).all()

    @pytest.mark.parametrize(
        "backbone", [("dlinear", {}), ("rmlp", {"d_model": 8, "dropout": 0.0})]
    )
    def test_a_network_without_dropout_gives_no_samples(
        self, backbone: tuple, series: TimeSeries
    ) -> None:
        model = make(backbone=backbone[0], backbone_kwargs=backbone[1]).fit(series)
        assert not model.supports_probabilistic_prediction
        with pytest.raises(ValueError, match="num_samples"):
            model.predict(H, num_samples=5)


class TestEvaluation:
    @each_model
    def test_historical_forecasts_without_retraining_equal_predict(
        self, model_class: type, series: TimeSeries
    ) -> None:
        model = make(model_class).fit(series[:80])
        forecasts = model.historical_forecasts(
            series, start=90, forecast_horizon=H, retrain=False, last_points_only=False
        )
        assert len(forecasts) == 120 - 90 - H + 1
        for i, forecast in enumerate(forecasts):
            expected = model.predict(H, series=series[: 90 + i])
            assert forecast.start_time() == expected.start_time()
            np.testing.assert_allclose(forecast.values(), expected.values(), rtol=1e-4, atol=1e-5)

    def test_optimised_and_plain_historical_forecasts_agree(self, series: TimeSeries) -> None:
        model = make().fit(series)
        fast, slow = (
            model.historical_forecasts(
                series,
                start=100,
                forecast_horizon=H,
                retrain=False,
                enable_optimization=fast,
            )
            for fast in (True, False)
        )
        np.testing.assert_allclose(fast.values(), slow.values(), rtol=1e-4, atol=1e-5)

    @each_model
    def test_retraining_equals_a_new_model(self, model_class: type, series: TimeSeries) -> None:
        model = make(model_class, n_epochs=1)
        forecasts = model.historical_forecasts(
            series, start=114, forecast_horizon=H, retrain=True, last_points_only=False
        )
        expected = make(model_class, n_epochs=1).fit(series[:114]).predict(H)
        np.testing.assert_allclose(forecasts[0].values(), expected.values(), rtol=1e-5, atol=1e-6)

    def test_backtest_and_residuals(self, series: TimeSeries) -> None:
        model = make().fit(series)
        error = model.backtest(series, start=100, forecast_horizon=H, retrain=False, metric=mae)
        residuals = model.residuals(series, start=100, forecast_horizon=1, retrain=False)
        assert np.isfinite(error)
        assert residuals.n_components == 3

    def test_grid_search(self, series: TimeSeries) -> None:
        best, parameters, _ = HNMVTSModel.gridsearch(
            {
                "input_chunk_length": [L],
                "output_chunk_length": [H],
                "channel_embedding_dim": [0, 2],
                "n_epochs": [1],
                "random_state": [0],
            },
            series,
            forecast_horizon=H,
            start=110,
            metric=mae,
        )
        assert parameters["channel_embedding_dim"] in (0, 2)
        assert best.model_params["channel_embedding_dim"] == parameters["channel_embedding_dim"]


class WindowDataset(TorchTrainingDataset):
    """A training set that keeps no series."""

    def __init__(self, values: np.ndarray) -> None:
        super().__init__()
        self.values = values

    def __len__(self) -> int:
        return len(self.values) - L - H + 1

    def __getitem__(self, index: int) -> TorchTrainingSample:
        window = self.values[index : index + L + H]
        return TorchTrainingSample(past_target=window[:L], future_target=window[L:])


class TestTraining:
    def test_fit_from_darts_dataset_keeps_names_and_start(self, series: TimeSeries) -> None:
        dataset = SequentialTorchTrainingDataset(
            series, input_chunk_length=L, output_chunk_length=H
        )
        model = make(optimizer_kwargs={"lr": 0.0}).fit_from_dataset(dataset)
        assert model.channel_names == ["a", "b", "c"]
        start = make(optimizer_kwargs={"lr": 0.0}).fit(series).network.channel_embedding()
        assert torch.equal(model.network.channel_embedding(), start)
        forecast, expected = (
            model.predict(H, series=series[["c", "a", "b"]]),
            by_hand(model, series),
        )
        np.testing.assert_allclose(forecast["a"].values()[:, 0], expected[:, 0, 0], rtol=1e-5)

    def test_fit_from_a_dataset_of_one_s_own(self, series: TimeSeries) -> None:
        model = make().fit_from_dataset(WindowDataset(series.values().astype(np.float32)))
        assert model.channel_names == []
        assert np.isfinite(model.network.channel_embedding().numpy()).all()
        forecast = model.predict(H, series=series)
        np.testing.assert_allclose(
            forecast.values(), by_hand(model, series)[..., 0], rtol=1e-5, atol=1e-6
        )

    def test_training_goes_on_after_predicting(self, series: TimeSeries) -> None:
        """Weights generated once for predicting do not leak into what is trained next."""
        one, two = make(), make()
        for model in (one, two):
            model.fit(series)
        one.predict(H, series=series)
        for model in (one, two):
            # predicting draws one random number; training continues from the same state
            model._random_instance = np.random.RandomState(1)
            model.fit(series, epochs=2)
        assert same(weights(one), weights(two))
        np.testing.assert_array_equal(one.predict(H).values(), two.predict(H).values())
        np.testing.assert_allclose(
            one.predict(H).values(), by_hand(one, series)[..., 0], rtol=1e-5, atol=1e-6
        )

    def test_a_failed_forecast_does_not_disturb_training(
        self, series: TimeSeries, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        options = {"backbone": "rmlp", "backbone_kwargs": {"d_model": 8, "dropout": 0.5}}
        one, two = make(**options).fit(series), make(**options).fit(series)
        with monkeypatch.context() as patch:
            patch.setattr(one.model, "forward", lambda x: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                one.predict(H)
        for model in (one, two):
            model._random_instance = np.random.RandomState(1)
            model.fit(series)
        assert same(weights(one), weights(two))

    def test_refitting_changes_what_is_predicted(self, series: TimeSeries) -> None:
        model = make().fit(series)
        before = model.predict(H).values()
        model.fit(series, epochs=3)
        assert np.abs(model.predict(H).values() - before).max() > 1e-4

    @pytest.mark.parametrize("part", ["hn-mvts", "light-sae", "film", "mola"])
    def test_weights_written_by_hand_are_forecast_with(self, part: str, series: TimeSeries) -> None:
        options = {"backbone": "rmlp", "backbone_kwargs": {"d_model": 8}, PARTS[part].slot: part}
        one, other = (make(HyperModel, random_state=r, **options).fit(series) for r in (0, 1))
        for model in (one, other):
            model.predict(H)
        for mine, theirs in zip(one.model.parameters(), other.model.parameters(), strict=True):
            mine.data.copy_(theirs.data)
        np.testing.assert_allclose(one.predict(H).values(), other.predict(H).values(), rtol=1e-5)

    def test_sample_weights_decide_what_is_learned(self) -> None:
        # 60 days at 0, then 60 at 1. After a window of zeros come zeros, but for a few windows
        # before the step: these are all that weights on the second half leave.
        values = np.repeat(np.float32([0.0, 1.0]), 60)[:, None]
        series = TimeSeries.from_values(values)
        last = {}
        for kept in (0, 1):
            weight = TimeSeries.from_values((values == kept).astype(np.float32))
            model = make(n_epochs=40, optimizer_kwargs={"lr": 3e-2}, instance_norm="none")
            model.fit(series, sample_weight=weight)
            last[kept] = model.predict(H, series=series[:L]).values()[-1].item()
        assert abs(last[0]) < 0.1
        assert abs(last[1] - 1) < 0.1

    @pytest.mark.parametrize("weight", ["linear", "exponential"])
    def test_sample_weights_by_name(self, weight: str, series: TimeSeries) -> None:
        one, two = make().fit(series, sample_weight=weight), make().fit(series)
        assert not same(weights(one), weights(two))

    def test_early_stopping_and_the_best_weights(self, series: TimeSeries, tmp_path: Any) -> None:
        from pytorch_lightning.callbacks import EarlyStopping

        model = make(
            n_epochs=30,
            optimizer_kwargs={"lr": 0.5},
            save_checkpoints=True,
            model_name="best",
            work_dir=str(tmp_path),
            pl_trainer_kwargs={
                "accelerator": "cpu",
                "callbacks": [EarlyStopping("val_loss", patience=2)],
            },
        )
        model.fit(series[:90], val_series=series[70:], load_best=True)
        assert model.trainer.current_epoch < 30
        best = HNMVTSModel.load_from_checkpoint("best", work_dir=str(tmp_path), best=True)
        assert same(weights(model), weights(best))

    def test_learning_rate_finder(self, series: TimeSeries) -> None:
        model = make()
        found = model.lr_find(series, val_series=series, num_training=20)
        assert len(found.results["lr"]) > 0
        assert model.model is None
        model.fit(series)

    @pytest.mark.parametrize(
        ("patterns", "trained"),
        [
            ({"unfreeze": ["*context.weight"]}, {"head.terms.hn-mvts.context.weight"}),
            (
                {"freeze": ["*generator*", "*head.weight", "*head.bias"]},
                {"head.terms.hn-mvts.context.weight"},
            ),
        ],
    )
    def test_fine_tuning_patterns(
        self, patterns: dict, trained: set, series: TimeSeries, tmp_path: Any
    ) -> None:
        path = str(tmp_path / "model.pt")
        make().fit(series).save(path)
        model = make(enable_finetuning=patterns)
        model.load_weights(path)
        before = weights(model)
        model.fit(series)
        after = weights(model)
        assert {k for k in before if not torch.equal(before[k], after[k])} == trained

    def test_dataloader_kwargs_are_left_alone(self, series: TimeSeries) -> None:
        given = {"batch_size": 8, "shuffle": False}
        model = make().fit(series, dataloader_kwargs=given)
        assert given == {"batch_size": 8, "shuffle": False}
        model.predict(H, dataloader_kwargs={"batch_size": 8})
        assert model.historical_forecasts(
            series,
            start=114,
            forecast_horizon=H,
            retrain=True,
            fit_kwargs={"dataloader_kwargs": given},
        )
        assert given == {"batch_size": 8, "shuffle": False}

    def test_gradient_clipping(self, series: TimeSeries) -> None:
        kwargs = {"accelerator": "cpu", "gradient_clip_val": 1e-8}
        clipped = make(pl_trainer_kwargs=kwargs, optimizer_cls=torch.optim.SGD).fit(series)
        start = make(optimizer_cls=torch.optim.SGD, optimizer_kwargs={"lr": 0.0}).fit(series)
        for a, b in zip(weights(clipped).values(), weights(start).values(), strict=True):
            torch.testing.assert_close(a, b, rtol=0, atol=1e-7)


class TestWrappers:
    def test_conformal(self, series: TimeSeries, tmp_path: Any) -> None:
        model = ConformalNaiveModel(make().fit(series[:80]), quantiles=[0.1, 0.5, 0.9])
        forecast = model.predict(H, series=series, predict_likelihood_parameters=True)
        assert forecast.n_components == 9
        model.save(str(tmp_path / "conformal.pkl"))
        loaded = ConformalNaiveModel.load(str(tmp_path / "conformal.pkl"))
        again = loaded.predict(H, series=series, predict_likelihood_parameters=True)
        np.testing.assert_allclose(again.values(), forecast.values(), rtol=1e-6)

    def test_ensembles(self, series: TimeSeries) -> None:
        members = [make(n_epochs=1), make(BackboneModel, n_epochs=1)]
        naive = NaiveEnsembleModel(members).fit(series)
        expected = np.mean([m.predict(H).values() for m in naive.forecasting_models], axis=0)
        np.testing.assert_allclose(naive.predict(H).values(), expected, rtol=1e-5, atol=1e-6)
        stacked = RegressionEnsembleModel(
            [make(n_epochs=1), make(BackboneModel, n_epochs=1)], regression_train_n_points=20
        ).fit(series)
        assert len(stacked.predict(H)) == H

    @pytest.mark.slow
    def test_shap(self, series: TimeSeries) -> None:
        pytest.importorskip("shap")
        from darts.explainability import ShapExplainer

        one = series["a"][:24]
        model = HNMVTSModel(4, 1, n_epochs=1, random_state=0).fit(one)
        explainer = ShapExplainer(model, background_num_samples=3, test_stationarity=False)
        explanation = explainer.explain(one[-6:]).get_explanation(horizon=1)
        assert explanation.n_components == 4

    def test_is_a_global_model(self) -> None:
        model = make()
        assert isinstance(model, GlobalForecastingModel)
        assert model.supports_multivariate
        assert model.supports_past_covariates
        assert model.supports_future_covariates
        assert model.supports_static_covariates

    def test_progress_bar_callback_is_kept(self, series: TimeSeries, capsys: Any) -> None:
        bar = TFMProgressBar(enable_sanity_check_bar=False)
        make(pl_trainer_kwargs={"accelerator": "cpu", "callbacks": [bar]}).fit(series)
        captured = capsys.readouterr()
        assert "Epoch" in captured.out + captured.err
