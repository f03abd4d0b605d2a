"""Channels and covariates reach their weights by name, whatever order they are given in."""

import functools
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from darts import TimeSeries
from darts.utils.data import SequentialTorchInferenceDataset, SequentialTorchTrainingDataset

from hyperforecast.darts import BackboneModel, HNMVTSModel, HyperforecastModel, LightSAEModel
from tests.hosts.darts.every_model import H, L, each_model

TURNED = ["sun", "rain", "wind"]
each_covariate = pytest.mark.parametrize("kind", ["past_covariates", "future_covariates"])
each_way = pytest.mark.parametrize("options", [{"n_epochs": 3}, {"solver": "exact"}])


def make(model_class: type[HyperforecastModel] = HNMVTSModel, **kwargs: Any) -> HyperforecastModel:
    return model_class(L, H, **{"random_state": 0, **kwargs})


@pytest.fixture
def covariates(make_series: Callable) -> TimeSeries:
    covariates = make_series(140, 3, seed=1)
    return covariates.with_columns_renamed([*"abc"], ["wind", "sun", "rain"])


@pytest.fixture
def with_static(series: TimeSeries) -> TimeSeries:
    return series.with_static_covariates(
        pd.DataFrame({"age": [1, -2, 4], "area": [30, 5, -10]}, index=[*"abc"]).astype("float32")
    )


def equal(found: TimeSeries, expected: TimeSeries) -> None:
    np.testing.assert_allclose(found.values(), expected.values(), rtol=1e-5, atol=1e-6)


@each_covariate
@each_way
class TestCovariatesInAnotherOrder:
    def test_predict(
        self, kind: str, options: dict, series: TimeSeries, covariates: TimeSeries
    ) -> None:
        model = make(**options).fit(series, **{kind: covariates})
        assert model.covariate_names == {kind: ["wind", "sun", "rain"]}
        for n in (H, H + 2):
            expected = model.predict(n, **{kind: covariates})
            equal(model.predict(n, **{kind: covariates[TURNED]}), expected)

    def test_fit(
        self, kind: str, options: dict, series: TimeSeries, covariates: TimeSeries
    ) -> None:
        panel = [series, series * 2]
        one = make(**options).fit(panel, **{kind: [covariates] * 2})
        two = make(**options).fit(panel, **{kind: [covariates, covariates[TURNED]]})
        given = {"series": series, kind: covariates}
        equal(two.predict(H, **given), one.predict(H, **given))

    def test_validation(
        self, kind: str, options: dict, series: TimeSeries, covariates: TimeSeries
    ) -> None:
        found = []
        for given in (covariates, covariates[TURNED]):
            model = make(**options)
            model.fit(series, **{kind: covariates}, val_series=series, **{f"val_{kind}": given})
            if "solver" in options:
                found.append(model.solver_report["validation_mse"].tolist())
            else:
                found.append(model.trainer.callback_metrics["val_loss"].item())
        assert found[0] == found[1]

    def test_refit(
        self, kind: str, options: dict, series: TimeSeries, covariates: TimeSeries
    ) -> None:
        models = [make(**options).fit(series, **{kind: covariates}) for _ in range(2)]
        models[0].fit(series, **{kind: covariates})
        models[1].fit(series, **{kind: covariates[TURNED]})
        assert models[1].covariate_names == {kind: ["wind", "sun", "rain"]}
        given = {"series": series, kind: covariates}
        equal(models[1].predict(H, **given), models[0].predict(H, **given))

    def test_backtest(
        self, kind: str, options: dict, series: TimeSeries, covariates: TimeSeries
    ) -> None:
        model = make(**options).fit(series, **{kind: covariates})
        found, expected = (
            model.historical_forecasts(
                series, **{kind: given}, retrain=False, forecast_horizon=H, start=110
            )
            for given in (covariates[TURNED], covariates)
        )
        equal(found, expected)


@each_model
def test_every_model_takes_all_kinds_in_any_order(
    model_class: type, with_static: TimeSeries, covariates: TimeSeries
) -> None:
    past, future = covariates[["wind", "sun"]], covariates[["rain", "sun"]]
    model = make(model_class, n_epochs=1)
    model.fit(with_static, past_covariates=past, future_covariates=future)
    static = with_static.static_covariates[["area", "age"]]
    found = model.predict(
        H,
        series=with_static.with_static_covariates(static),
        past_covariates=past[["sun", "wind"]],
        future_covariates=future[["sun", "rain"]],
    )
    equal(found, model.predict(H))
    assert list(found.static_covariates.columns) == ["area", "age"]  # as they were given


class TestStaticCovariatesInAnotherOrder:
    @each_way
    def test_predict(self, options: dict, with_static: TimeSeries) -> None:
        model = make(**options).fit(with_static)
        turned = with_static.with_static_covariates(with_static.static_covariates[["area", "age"]])
        found = model.predict(H, series=turned[["c", "a", "b"]])
        equal(found[["a", "b", "c"]], model.predict(H))

    def test_of_several_series_in_orders_of_their_own(self, with_static: TimeSeries) -> None:
        turned = with_static.with_static_covariates(with_static.static_covariates[["area", "age"]])
        panel, mixed = [with_static * 2, with_static], [with_static * 2, turned]
        one, two = (make(n_epochs=2).fit(given) for given in (panel, mixed))
        for found, expected in zip(
            two.predict(H, series=mixed), one.predict(H, series=panel), strict=True
        ):
            equal(found, expected)

    def test_of_all_channels_at_once(self, series: TimeSeries) -> None:
        static = pd.DataFrame({"age": [3.0], "area": [-7.0]}).astype("float32")
        one = series.with_static_covariates(static)
        model = make(n_epochs=2).fit(one)
        two = series.with_static_covariates(static[["area", "age"]])
        equal(model.predict(H, series=two), model.predict(H, series=one))


class TestOtherNames:
    @pytest.mark.parametrize(
        ("names", "said"),
        [
            (["wind", "sun", "snow"], "missing: 'rain'; new: 'snow'"),
            (["wind", "snow", "hail"], "missing: 'sun', 'rain'; new: 'snow', 'hail'"),
        ],
    )
    @each_covariate
    @pytest.mark.parametrize("method", ["predict", "fit"])
    def test_some_shared_is_an_error(
        self,
        names: list[str],
        said: str,
        kind: str,
        method: str,
        series: TimeSeries,
        covariates: TimeSeries,
    ) -> None:
        model = make(n_epochs=1).fit(series, **{kind: covariates})
        other = covariates.with_columns_renamed(["wind", "sun", "rain"], names)
        message = f"The {kind.replace('_', ' ')} are not those that the model was trained on"
        call = {"fit": model.fit, "predict": functools.partial(model.predict, H)}[method]
        with pytest.raises(ValueError, match=rf"{message}.*\({said}\)"):
            call(series=series, **{kind: other})
        model.predict(H, **{kind: covariates})  # nothing has changed

    def test_of_static_covariates(self, with_static: TimeSeries) -> None:
        model = make(n_epochs=1).fit(with_static)
        static = with_static.static_covariates
        other = with_static.with_static_covariates(static.rename(columns={"age": "height"}))
        message = "The columns of the static covariates are not those that the model was trained on"
        with pytest.raises(ValueError, match=rf"{message}.*missing: 'age'; new: 'height'"):
            model.predict(H, series=other)
        unknown = static.rename(columns={"age": "height", "area": "depth"})
        with pytest.warns(UserWarning, match="The columns of the static covariates 'height', 'dep"):
            found = model.predict(H, series=with_static.with_static_covariates(unknown))
        equal(found, model.predict(H))

    @each_covariate
    def test_none_shared_goes_by_position_with_one_warning(
        self, kind: str, series: TimeSeries, covariates: TimeSeries
    ) -> None:
        model = make(n_epochs=1).fit(series, **{kind: covariates})
        expected = model.predict(H, **{kind: covariates})
        other = covariates.with_columns_renamed(["wind", "sun", "rain"], [*"xyz"])
        words = kind.replace("_", " ")
        with pytest.warns(UserWarning, match=f"The {words} 'x', 'y', 'z' are unknown") as caught:
            equal(model.predict(H, **{kind: other}), expected)
        assert len(caught) == 1
        equal(model.predict(H, **{kind: other}), expected)  # a warning would be an error here

    def test_encodings_have_names_of_their_own(self, series: TimeSeries) -> None:
        covariates = series[["a", "b"]].with_columns_renamed([*"ab"], ["wind", "sun"])
        encoders = {"datetime_attribute": {"past": ["day", "dayofweek"]}}
        model = make(n_epochs=1, add_encoders=encoders).fit(series, past_covariates=covariates)
        assert len(model.covariate_names["past_covariates"]) == 4
        expected = model.predict(H, past_covariates=covariates)
        equal(model.predict(H, past_covariates=covariates[["sun", "wind"]]), expected)
        other = covariates.with_columns_renamed(["wind", "sun"], ["x", "y"])
        with pytest.warns(UserWarning, match="The past covariates 'x', 'y'"):
            equal(model.predict(H, past_covariates=other), expected)


class TestWarningsOfChannels:
    """Where it does not matter which channel is which there is nothing to warn of."""

    def predict(self, series: TimeSeries, model_class: type, **options: Any) -> None:
        model = make(model_class, n_epochs=1, **options).fit(series)
        names = [f"x{i}" for i in range(series.width)]
        model.predict(H, series=series.with_columns_renamed(list(series.components), names))

    @pytest.mark.parametrize(
        ("model_class", "options"),
        [
            (BackboneModel, {}),
            (BackboneModel, {"backbone": "patchtst", "backbone_kwargs": {"d_model": 8}}),
            (BackboneModel, {"backbone": "itransformer", "backbone_kwargs": {"d_model": 8}}),
        ],
    )
    def test_not_where_all_channels_share_the_weights(
        self, model_class: type, options: dict, series: TimeSeries
    ) -> None:
        self.predict(series, model_class, **options)

    def test_not_of_one_channel(self, series: TimeSeries) -> None:
        self.predict(series["a"], HNMVTSModel)

    @pytest.mark.parametrize(
        ("model_class", "options"),
        [
            (HNMVTSModel, {}),
            (LightSAEModel, {}),
            (BackboneModel, {"individual": True}),
            (BackboneModel, {"n_factors": 1}),
            (BackboneModel, {"instance_norm": "revin-affine"}),
            (BackboneModel, {"use_reversible_instance_norm": True}),
            (BackboneModel, {"backbone": "tsmixer", "backbone_kwargs": {"d_ff": 8}}),
        ],
    )
    def test_where_weights_belong_to_a_channel(
        self, model_class: type, options: dict, series: TimeSeries
    ) -> None:
        with pytest.warns(UserWarning, match="they are taken by position"):
            self.predict(series, model_class, **options)

    def test_in_fit(self, series: TimeSeries) -> None:
        other = series.with_columns_renamed([*"abc"], [*"xyz"])
        with pytest.warns(UserWarning, match="The channels 'x', 'y', 'z' are unknown") as caught:
            make(n_epochs=1).fit([series, other, other])
        assert len(caught) == 1


class TestNamesTravelWithWeights:
    @each_covariate
    def test_in_files(
        self, kind: str, series: TimeSeries, covariates: TimeSeries, tmp_path: Path
    ) -> None:
        path = str(tmp_path / "m.pt")
        trained = make(n_epochs=1).fit(series, **{kind: covariates})
        expected = trained.predict(H)
        trained.save(path)
        loaded, with_weights = HNMVTSModel.load(path), make(n_epochs=1)
        with_weights.load_weights(path)
        for model in (loaded, with_weights):
            assert model.covariate_names == trained.covariate_names
            equal(model.predict(H, series=series, **{kind: covariates[TURNED]}), expected)

    def test_in_state_dicts(self, series: TimeSeries, covariates: TimeSeries) -> None:
        one = make(n_epochs=1).fit(series, past_covariates=covariates)
        two = make(n_epochs=1).fit(series, past_covariates=covariates[TURNED])
        two.model.load_state_dict(one.model.state_dict())
        assert two.covariate_names == one.covariate_names
        assert torch.equal(
            two.network.past_covariate_map.weight, one.network.past_covariate_map.weight
        )


class TestDatasets:
    """Of a user's own dataset the inputs cannot be put in order: another order is an error."""

    def options(self, covariates: TimeSeries) -> dict[str, Any]:
        return {
            "future_covariates": covariates,
            "input_chunk_length": L,
            "output_chunk_length": H,
        }

    def test_to_train_on(self, series: TimeSeries, covariates: TimeSeries) -> None:
        model = make(n_epochs=1).fit(series, future_covariates=covariates)
        dataset = SequentialTorchTrainingDataset(series, **self.options(covariates[TURNED]))
        message = (
            "The future_covariates of the dataset are those that the model was trained on, in "
            "another order: 'sun', 'rain', 'wind'. Build the dataset from series that are in the "
            "model's order, `series[model.covariate_names['future_covariates']]`."
        )
        with pytest.raises(ValueError, match=re.escape(message)):
            model.fit_from_dataset(dataset)
        model.fit_from_dataset(SequentialTorchTrainingDataset(series, **self.options(covariates)))

    def test_that_a_model_makes_itself(self, series: TimeSeries, covariates: TimeSeries) -> None:
        model = make(n_epochs=1)
        both = [covariates, covariates[TURNED]]
        dataset = model._build_train_dataset([series, series], None, both, None, None)
        np.testing.assert_array_equal(
            dataset.future_covariates[1].values(), dataset.future_covariates[0].values()
        )
        model.fit_from_dataset(dataset)

    def test_to_predict_from(self, series: TimeSeries, covariates: TimeSeries) -> None:
        model = make(n_epochs=1).fit(series, future_covariates=covariates)
        turned, straight = (
            SequentialTorchInferenceDataset(series, n=H, **self.options(given))
            for given in (covariates[TURNED], covariates)
        )
        with pytest.raises(ValueError, match=r"The future_covariates of the dataset .* in another"):
            model.predict_from_dataset(H, turned)
        equal(model.predict_from_dataset(H, straight)[0], model.predict(H))
