"""Missing values in series and covariates: trained on, forecast from, and left out of losses."""

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pandas as pd
import pytest
import torch
from darts import TimeSeries
from darts.utils.likelihood_models import GaussianLikelihood, QuantileRegression
from darts.utils.likelihood_models.torch import DirichletLikelihood
from darts.utils.onnx import run_onnx_prediction

from hyperforecast.darts import BackboneModel, HNMVTSModel, HyperforecastModel
from hyperforecast.darts.inputs.gaps import GappyTrainingDataset, interpolated
from hyperforecast.darts.training.observed_loss import observed_loss
from tests.hosts.darts.every_model import H, L, each_model

NAN = np.nan


def with_gaps(series: TimeSeries, share: float = 0.2, seed: int = 0) -> TimeSeries:
    values = series.values().copy()
    values[np.random.default_rng(seed).random(values.shape) < share] = NAN
    return series.with_values(values)


def make(model_class: type[HyperforecastModel], **kwargs: Any) -> HyperforecastModel:
    epochs = {} if kwargs.get("solver") == "exact" else {"n_epochs": 2}
    return model_class(L, H, **{"random_state": 0, **epochs, **kwargs})


def _error(forecast: TimeSeries, truth: TimeSeries) -> float:
    return float(np.abs(forecast.values() - truth.values()).mean())


class TestEveryModel:
    @each_model
    def test_trains_on_gaps_and_forecasts_from_gaps(
        self, model_class: type, series: TimeSeries
    ) -> None:
        holey = with_gaps(series)
        assert np.isnan(holey[-L:].values()).any()
        model = make(model_class).fit(holey[:90], val_series=holey[78:])
        assert np.isfinite(model.trainer.callback_metrics["val_loss"])
        assert np.isfinite(model.predict(2 * H, series=holey).values()).all()
        forecasts = model.historical_forecasts(
            holey, retrain=False, forecast_horizon=H, start=60, stride=7
        )
        assert np.isfinite(forecasts.values()).all()

    @pytest.mark.parametrize("solver", ["exact", "adam", "adam+exact"])
    def test_forecasts_about_as_well_as_without(self, solver: str, series: TimeSeries) -> None:
        options = {"solver": solver} | ({} if solver == "exact" else {"n_epochs": 30})
        truth = series[100:]
        error, without = (
            _error(make(HNMVTSModel, **options).fit(one[:100]).predict(20, series=one[:100]), truth)
            for one in (with_gaps(series), series)
        )
        assert error < 1.5 * without + 0.05


class TestWithoutGaps:
    @pytest.mark.parametrize("solver", ["exact", "adam"])
    def test_gaps_elsewhere_change_nothing(self, solver: str, series: TimeSeries) -> None:
        model = make(HNMVTSModel, solver=solver).fit(series)
        values = series.values().copy()
        values[:-L] = NAN  # no forecast is made from these
        found = model.predict(H, series=series.with_values(values))
        np.testing.assert_array_equal(found.values(), model.predict(H).values())

    def test_datasets_are_darts_own(self, series: TimeSeries) -> None:
        model = make(BackboneModel)
        dataset = model._build_train_dataset([series], None, None, None, None)
        assert not isinstance(dataset, GappyTrainingDataset)


class TestLoss:
    @pytest.mark.parametrize(
        "likelihood",
        [
            None,
            QuantileRegression([0.1, 0.5, 0.9]),
            GaussianLikelihood(prior_mu=[0.0, 1.0, 2.0], prior_sigma=[1.0, 1.0, 1.0]),
        ],
        ids=["mse", "quantiles", "prior"],
    )
    @pytest.mark.parametrize("weighted", [False, True])
    def test_gradient_is_that_of_a_loop_over_what_is_there(
        self, likelihood: Any, weighted: bool
    ) -> None:
        n_outputs = 1 if likelihood is None else likelihood.num_parameters
        prediction = torch.randn(4, 5, 3, n_outputs, requires_grad=True)
        target = torch.randn(4, 5, 3)
        target[torch.rand(target.shape) < 0.4] = NAN
        weight = torch.rand(4, 5, 3) if weighted else None
        criterion = torch.nn.MSELoss()
        loss = observed_loss(prediction, target, criterion, likelihood, weight)
        (gradient,) = torch.autograd.grad(loss, prediction)

        losses = []
        for place in (~target.isnan()).nonzero().tolist():
            b, h, c = place
            one, y = prediction[b, h, c], target[b, h, c]
            if likelihood is None:
                of_one = (one[0] - y).square()
            elif isinstance(likelihood, QuantileRegression):
                missed, levels = y - one, torch.tensor(likelihood.quantiles)
                of_one = torch.maximum((levels - 1) * missed, levels * missed).sum()
            else:
                deviation = torch.nn.functional.softplus(one[1])
                of_one = torch.nn.functional.gaussian_nll_loss(
                    one[0], y, deviation.square(), full=True
                )
            losses.append(of_one if weight is None else of_one * weight[b, h, c])
        expected = torch.stack(losses).mean()
        if isinstance(likelihood, GaussianLikelihood):  # what the prior adds is that of all values
            full = torch.zeros_like(target)
            prior = likelihood.compute_loss(prediction, full, None)
            bare = GaussianLikelihood()
            expected = expected + prior - bare.compute_loss(prediction, full, None)
        torch.testing.assert_close(loss, expected, rtol=1e-5, atol=1e-6)
        (of_loop,) = torch.autograd.grad(expected, prediction)
        torch.testing.assert_close(gradient, of_loop, rtol=1e-4, atol=1e-6)

    def test_a_sum_stays_one(self) -> None:
        prediction, target = torch.randn(2, 3, 1, 1), torch.tensor([[1.0, NAN, 3.0]] * 2)[..., None]
        expected = (prediction.squeeze(-1) - target).square().nansum()
        criterion = torch.nn.MSELoss(reduction="sum")
        torch.testing.assert_close(
            observed_loss(prediction, target, criterion, None, None), expected
        )

    def test_of_nothing_is_zero(self) -> None:
        prediction = torch.randn(2, 3, 1, 1, requires_grad=True)
        target = torch.full((2, 3, 1), NAN)
        loss = observed_loss(prediction, target, torch.nn.MSELoss(), None, None)
        loss.backward()
        assert loss == 0.0
        assert not prediction.grad.any()

    def test_that_takes_channels_together_is_refused(self) -> None:
        likelihood = DirichletLikelihood()
        target = torch.tensor([[[0.5, NAN]]])
        with pytest.raises(ValueError, match="DirichletLikelihood takes all channels"):
            observed_loss(torch.randn(1, 1, 2, 1), target, torch.nn.MSELoss(), likelihood, None)

    def test_without_a_value_for_each_is_refused(self) -> None:
        class Total(torch.nn.Module):
            def forward(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
                return (a - b).square().mean()

        with pytest.raises(ValueError, match="gives no loss for each value"):
            observed_loss(
                torch.randn(1, 2, 1, 1), torch.tensor([[[1.0], [NAN]]]), Total(), None, None
            )

    def test_windows_without_targets_do_no_harm(self, series: TimeSeries) -> None:
        values = series.values().copy()
        values[40:80] = NAN
        model = make(BackboneModel, solver="adam").fit(series.with_values(values))
        assert np.isfinite(model.predict(H).values()).all()


class TestTrainingWindows:
    def test_inputs_are_filled_and_targets_are_not(self, series: TimeSeries) -> None:
        holey = with_gaps(series)
        dataset = make(BackboneModel)._build_train_dataset([holey], None, None, None, None)
        assert isinstance(dataset, GappyTrainingDataset)
        values = holey.values()
        for index in (0, 7, len(dataset) - 1):
            sample = dataset[index]
            end = len(series) - index
            np.testing.assert_array_equal(sample.future_target, values[end - H : end])
            past = values[end - H - L : end - H]
            assert np.isfinite(sample.past_target).all()
            there = ~np.isnan(past)
            np.testing.assert_array_equal(sample.past_target[there], past[there])

    def test_of_a_dataset_of_ones_own(self, series: TimeSeries) -> None:
        """Whose windows have gaps as they come."""
        from darts.utils.data import SequentialTorchTrainingDataset

        dataset = SequentialTorchTrainingDataset(
            with_gaps(series), input_chunk_length=L, output_chunk_length=H
        )
        model = make(BackboneModel, solver="adam")
        model.fit_from_dataset(dataset)
        assert np.isfinite(model.predict(H, series=with_gaps(series)).values()).all()

    def test_torch_metrics_are_those_of_rows_without_gaps(self, series: TimeSeries) -> None:
        from torchmetrics import MeanSquaredError

        model = make(BackboneModel, solver="adam", torch_metrics=MeanSquaredError())
        model.fit(with_gaps(series), val_series=with_gaps(series, seed=1))
        assert np.isfinite(model.trainer.callback_metrics["val_MeanSquaredError"])


class TestCovariates:
    @pytest.mark.parametrize("kind", ["past_covariates", "future_covariates"])
    @pytest.mark.parametrize("solver", ["exact", "adam"])
    def test_with_gaps(self, kind: str, solver: str, series: TimeSeries, make_series: Any) -> None:
        covariates = make_series(140, 2, seed=1).with_columns_renamed(["a", "b"], ["u", "v"])
        model = make(HNMVTSModel, solver=solver)
        model.fit(with_gaps(series), **{kind: with_gaps(covariates)})
        forecast = model.predict(H, **{kind: with_gaps(covariates)})
        assert np.isfinite(forecast.values()).all()

    def test_straight_lines_stand_in_gaps(self) -> None:
        series = TimeSeries.from_values(np.array([[NAN, NAN], [1, NAN], [NAN, NAN], [3, NAN]]))
        found = interpolated(series)
        np.testing.assert_array_equal(found.values()[:, 0], [1, 1, 2, 3])
        assert np.isnan(found.values()[:, 1]).all()

    @pytest.mark.parametrize("argument", ["series", "past_covariates", "future_covariates"])
    def test_a_component_without_any_value_is_named(
        self, argument: str, series: TimeSeries
    ) -> None:
        given = {"series": series, "past_covariates": series, "future_covariates": series}
        values = series.values().copy()
        values[:, 1] = NAN
        given[argument] = series.with_values(values)
        with pytest.raises(ValueError, match=f"`{argument}` has no value at all of 'b': all are"):
            make(HNMVTSModel).fit(**given)

    def test_a_channel_that_one_series_has_suffices(self, series: TimeSeries) -> None:
        values = series.values().copy()
        values[:, 1] = NAN
        absent = series.with_values(values)
        model = make(HNMVTSModel, solver="exact").fit([series, absent])
        assert np.isfinite(model.predict(H, series=absent).values()).all()


class TestSolver:
    def test_quantiles_are_those_of_residuals_that_are_there(self, make_series: Any) -> None:
        """Targets that are filled are forecast too well; they would make intervals narrow."""
        random = np.random.default_rng(0)
        series = TimeSeries.from_values(random.normal(size=(800, 1)).astype(np.float32))
        options = {"likelihood": QuantileRegression([0.1, 0.5, 0.9])}
        widths = []
        for one in (series, with_gaps(series, 0.5)):
            model = make(BackboneModel, solver="exact", **options).fit(one)
            values = model.predict(H, series=series, predict_likelihood_parameters=True).values()
            widths.append((values[:, 2::3] - values[:, ::3]).mean())
        assert widths[1] > 0.9 * widths[0]

    def test_units_leave_gaps_out(self, series: TimeSeries) -> None:
        holey = with_gaps(series, 0.3)
        model = make(BackboneModel, solver="exact").fit(holey)
        standardiser = model.network.standardiser
        values = holey.values()
        for found, expected in (
            (standardiser.target_mean, np.nanmean(values, axis=0)),
            (standardiser.target_deviation, np.nanstd(values, axis=0)),
        ):
            np.testing.assert_allclose(found.numpy(), expected, rtol=1e-5)

    def test_backtests_that_train_at_every_step(self, series: TimeSeries) -> None:
        holey = with_gaps(series)
        model = make(BackboneModel, solver="exact")
        options = {"forecast_horizon": H, "start": 100, "stride": 5, "train_length": 80}
        found = model.historical_forecasts(holey, retrain=True, **options)
        each = BackboneModel(L, H, random_state=0, solver="exact")
        last = found.end_time()
        first = series.time_index.get_loc(last) - H + 1
        alone = each.fit(holey[first - 80 : first]).predict(H)
        np.testing.assert_allclose(found.values()[-1], alone.values()[-1], rtol=0.2, atol=0.2)


class TestOtherWays:
    def test_reversible_instance_norm_of_darts(self, series: TimeSeries) -> None:
        model = make(BackboneModel, solver="adam", use_reversible_instance_norm=True)
        holey = with_gaps(series)
        assert np.isfinite(model.fit(holey).predict(H, series=holey).values()).all()

    def test_saved_models_fill_alike(self, tmp_path: Path, series: TimeSeries) -> None:
        holey = with_gaps(series)
        model = make(HNMVTSModel, solver="exact").fit(holey)
        expected = model.predict(H, series=holey)
        model.save(str(tmp_path / "model.pt"))
        found = HNMVTSModel.load(str(tmp_path / "model.pt")).predict(H, series=holey)
        np.testing.assert_allclose(found.values(), expected.values(), rtol=1e-6)

    @pytest.mark.parametrize("covariates", [False, pytest.param(True, marks=pytest.mark.slow)])
    def test_graphs_fill_where_training_had_gaps(
        self, covariates: bool, tmp_path: Path, series: TimeSeries
    ) -> None:
        holey = with_gaps(series)
        given = {"past_covariates": with_gaps(series, seed=1)} if covariates else {}
        model = make(HNMVTSModel, solver="exact").fit(holey, **given)
        path = str(tmp_path / "model.onnx")
        model.to_onnx(path)
        session = onnxruntime.InferenceSession(path)
        found = run_onnx_prediction(n=H, session=session, series=holey, **given)
        expected = model.predict(H, series=holey, **given)
        np.testing.assert_allclose(found.values(), expected.values(), rtol=1e-4, atol=1e-5)

    @pytest.mark.slow
    def test_graphs_of_models_that_saw_no_gap_hold_no_more(
        self, tmp_path: Path, series: TimeSeries
    ) -> None:
        sizes = []
        for one in (series, with_gaps(series)):
            path = tmp_path / "model.onnx"
            make(BackboneModel, solver="exact").fit(one).to_onnx(str(path))
            sizes.append(path.stat().st_size)
        assert sizes[0] < 0.5 * sizes[1]

    def test_encoders_that_make_gaps(self, series: TimeSeries) -> None:
        def encoder(index: pd.Index) -> np.ndarray:
            return np.where(np.asarray(index.dayofweek) == 3, NAN, 0.0)

        options = {"add_encoders": {"custom": {"past": [encoder]}}}
        model = make(BackboneModel, solver="adam", **options).fit(series)
        assert np.isfinite(model.predict(H).values()).all()
