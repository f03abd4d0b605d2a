"""Channels and covariates go by name, and channel embeddings start from the training series."""

import copy
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from darts import TimeSeries
from darts.utils.data import SequentialTorchTrainingDataset
from darts.utils.likelihood_models.torch import GaussianLikelihood

from hyperforecast.darts import HNMVTSModel
from hyperforecast.darts.inputs.names import name_order
from hyperforecast.nn import correlation_embedding

L, H = 12, 4
ORDER = ["c", "a", "b"]


def make(**kwargs: Any) -> HNMVTSModel:
    return HNMVTSModel(L, H, **{"n_epochs": 2, "random_state": 0, **kwargs})


def same_by_name(found: TimeSeries, expected: TimeSeries, **kwargs: Any) -> None:
    assert set(found.components) == set(expected.components)
    np.testing.assert_allclose(
        found[list(expected.components)].all_values(), expected.all_values(), **kwargs
    )


@pytest.mark.parametrize(
    ("names", "trained", "expected"),
    [
        ("abc", "abc", None),
        ("cab", "abc", [1, 2, 0]),
        ("bca", "abc", [2, 0, 1]),
        ("xyz", "abc", None),
        ("xy", "abc", None),
        ("abc", "", None),
    ],
)
def test_name_order(names: str, trained: str, expected: list[int] | None) -> None:
    assert name_order(list(names), list(trained)) == expected


class TestOtherOrder:
    def test_predict(self, series: TimeSeries) -> None:
        model = make().fit(series)
        found = model.predict(H, series=series[ORDER])
        assert list(found.components) == ORDER
        same_by_name(found, model.predict(H))

    def test_several_series_in_orders_of_their_own(self, make_series: Callable) -> None:
        panel = [make_series(60, seed=i) for i in range(3)]
        model = make().fit(panel)
        mixed = [panel[0], panel[1][ORDER], panel[2][["b", "a", "c"]]]
        for found, expected in zip(
            model.predict(H, series=mixed), model.predict(H, series=panel), strict=True
        ):
            same_by_name(found, expected)

    def test_fit(self, make_series: Callable) -> None:
        panel = [make_series(60, seed=i) for i in range(2)]
        one, two = make().fit(panel), make().fit([panel[0], panel[1][ORDER]])
        same_by_name(two.predict(H, series=panel[1]), one.predict(H, series=panel[1]))

    def test_refit(self, series: TimeSeries) -> None:
        one, two = make().fit(series), make().fit(series)
        one.fit(series)
        two.fit(series[ORDER])
        assert two.channel_names == ["a", "b", "c"]
        same_by_name(two.predict(H, series=series), one.predict(H, series=series))

    def test_beyond_the_horizon(self, series: TimeSeries) -> None:
        model = make().fit(series)
        same_by_name(model.predict(10, series=series[ORDER]), model.predict(10))

    @pytest.mark.parametrize("last_points_only", [True, False])
    def test_historical_forecasts(self, series: TimeSeries, last_points_only: bool) -> None:
        model = make().fit(series)
        options = {
            "start": 110,
            "forecast_horizon": H,
            "retrain": False,
            "last_points_only": last_points_only,
        }
        found = model.historical_forecasts(series[ORDER], **options)
        expected = model.historical_forecasts(series, **options)
        if last_points_only:
            found, expected = [found], [expected]
        for one, two in zip(found, expected, strict=True):
            same_by_name(one, two)

    def test_likelihood_parameters(self, series: TimeSeries) -> None:
        model = make(likelihood=GaussianLikelihood()).fit(series)
        found = model.predict(H, series=series[ORDER], predict_likelihood_parameters=True)
        assert list(found.components)[:2] == ["c_mu", "c_sigma"]
        same_by_name(found, model.predict(H, predict_likelihood_parameters=True))

    def test_samples(self, series: TimeSeries) -> None:
        model = make(likelihood=GaussianLikelihood()).fit(series)
        found = model.predict(H, series=series[ORDER], num_samples=7, random_state=1)
        same_by_name(found, model.predict(H, num_samples=7, random_state=1))

    def test_static_covariates(self, series: TimeSeries) -> None:
        static = pd.DataFrame({"s": np.float32([1, -2, 30])}, index=list("abc"))
        series = series.with_static_covariates(static)
        model = make(n_epochs=5).fit(series)
        found = model.predict(H, series=series[ORDER])
        same_by_name(found, model.predict(H))
        np.testing.assert_array_equal(
            found.static_covariates["s"], series.static_covariates["s"].loc[ORDER]
        )

    def test_validation_series(self, make_series: Callable) -> None:
        train, validation = make_series(60), make_series(60, seed=1)
        losses = []
        for given in (validation, validation[ORDER]):
            model = make().fit(train, val_series=given)
            losses.append(model.trainer.callback_metrics["val_loss"].item())
        assert losses[0] == losses[1]

    def test_sample_weights_follow_their_series(self, make_series: Callable) -> None:
        panel = [make_series(60, seed=i) for i in range(2)]
        random = np.random.default_rng(0)
        weights = [one.with_values(random.random(one.values().shape).astype("f")) for one in panel]
        one = make().fit(panel, sample_weight=weights)
        two = make().fit([panel[0], panel[1][ORDER]], sample_weight=[weights[0], weights[1][ORDER]])
        same_by_name(two.predict(H, series=panel[1]), one.predict(H, series=panel[1]))

    def test_dataset(self, series: TimeSeries) -> None:
        model = make().fit(series)
        dataset = SequentialTorchTrainingDataset(
            series[ORDER], input_chunk_length=L, output_chunk_length=H
        )
        with pytest.raises(ValueError, match="in another order: 'c', 'a', 'b'"):
            model.fit_from_dataset(dataset)


class TestOtherNames:
    def test_none_shared_goes_by_position(self, series: TimeSeries) -> None:
        model = make().fit(series)
        renamed = series.with_columns_renamed(list("abc"), list("xyz"))
        message = (
            "The channels 'x', 'y', 'z' are unknown to this model, whose weights belong to 'a', "
            "'b', 'c': they are taken by position. If their order is another one, give them their "
            "trained names, with `with_columns_renamed` for example; then any order is right."
        )
        with pytest.warns(UserWarning, match=f"^{re.escape(message)}$"):
            found = model.predict(H, series=renamed)
        assert list(found.components) == ["x", "y", "z"]
        # once: warnings of this package are errors here
        model.predict(H, series=renamed)
        model.historical_forecasts(renamed, retrain=False, forecast_horizon=H, start=100)
        copy.deepcopy(model).predict(H, series=renamed)
        np.testing.assert_array_equal(found.values(), model.predict(H).values())

    @pytest.mark.parametrize(
        ("names", "said"),
        [
            (["a", "b"], "missing: 'c'"),
            (["a", "b", "x"], "missing: 'c'; new: 'x'"),
            (["a", "b", "c", "x"], "new: 'x'"),
            (["a", "a", "c"], "missing: 'b'; new: 'a_1'"),
            (["x", "y", "a"], "missing: 'b', 'c'; new: 'x', 'y'"),
        ],
    )
    @pytest.mark.parametrize("method", ["predict", "fit", "historical_forecasts"])
    def test_some_shared_is_an_error(self, names: list[str], said: str, method: str) -> None:
        values = np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32)
        trained = TimeSeries.from_values(values[:, :3], columns=["a", "b", "c"])
        other = TimeSeries.from_values(values[:, : len(names)], columns=names)
        model = make().fit(trained)
        message = (
            "The channels are not those that the model was trained on, whose weights go by name "
            f"({said}). Give every one of them under its own name and no other, in any order."
        )
        calls = {
            "predict": lambda: model.predict(H, series=other),
            "fit": lambda: model.fit(other),
            "historical_forecasts": lambda: model.historical_forecasts(
                other, retrain=False, forecast_horizon=H
            ),
        }
        with pytest.raises(ValueError, match=re.escape(message)):
            calls[method]()
        # nothing has changed
        assert model.training_series is trained
        assert len(model.predict(H)) == H


class TestEmbeddingStart:
    """With a learning rate of zero, what is trained is what training started from."""

    STILL = {"optimizer_kwargs": {"lr": 0.0}, "n_epochs": 1}

    def expected(self, *series: TimeSeries, dim: int = 3) -> torch.Tensor:
        values = [torch.tensor(one.values()) for one in series]
        return correlation_embedding(values, dim).float()

    def test_is_the_correlation_of_all_training_series(self, make_series: Callable) -> None:
        panel = [make_series(n, seed=n) for n in (40, 80, 20)]
        model = make(channel_embedding_dim=3, **self.STILL).fit(panel)
        torch.testing.assert_close(model.network.channel_embedding(), self.expected(*panel))
        assert not torch.allclose(model.network.channel_embedding(), self.expected(panel[0]))

    def test_ignores_the_validation_series(self, make_series: Callable) -> None:
        train, validation = make_series(60), make_series(60, seed=1)
        model = make(channel_embedding_dim=3, **self.STILL).fit(train, val_series=validation)
        torch.testing.assert_close(model.network.channel_embedding(), self.expected(train))

    def test_puts_channels_in_order_first(self, make_series: Callable) -> None:
        panel = [make_series(60, seed=i) for i in range(2)]
        model = make(channel_embedding_dim=3, **self.STILL).fit([panel[0], panel[1][ORDER]])
        torch.testing.assert_close(model.network.channel_embedding(), self.expected(*panel))

    def test_in_float64(self, series: TimeSeries) -> None:
        model = make(channel_embedding_dim=3, **self.STILL).fit(series.astype(np.float64))
        found = model.network.channel_embedding()
        torch.testing.assert_close(found.float(), self.expected(series), rtol=1e-5, atol=1e-6)

    def test_constant_channels(self, series: TimeSeries) -> None:
        flat = series.stack(TimeSeries.from_series(series["a"].to_series() * 0 + 5)).astype("f")
        model = make(channel_embedding_dim=2).fit(flat)
        assert np.isfinite(model.predict(H).values()).all()
        still = make(channel_embedding_dim=2, **self.STILL).fit(flat)
        assert (still.network.channel_embedding()[3] == 0).all()

    def test_all_constant(self) -> None:
        series = TimeSeries.from_values(np.ones((40, 3), dtype=np.float32))
        assert np.isfinite(make().fit(series).predict(H).values()).all()

    def test_more_channels_than_rows(self, make_series: Callable) -> None:
        values = np.random.default_rng(0).normal(size=(20, 50)).astype(np.float32)
        series = TimeSeries.from_values(values)
        model = make(channel_embedding_dim=30, **self.STILL).fit(series)
        found = model.network.channel_embedding()
        torch.testing.assert_close(found, self.expected(series, dim=30), rtol=1e-5, atol=1e-5)
        assert np.isfinite(model.predict(H).values()).all()

    def test_survives_the_mock_sample_of_load_weights(
        self, series: TimeSeries, tmp_path: Any
    ) -> None:
        path = str(tmp_path / "model.pt")
        trained = make().fit(series)
        trained.save(path)
        model = make()
        model.load_weights(path)
        assert torch.equal(model.network.channel_embedding(), trained.network.channel_embedding())
        model.fit(series)
        assert np.isfinite(model.predict(H).values()).all()

    def test_fit_after_a_failed_fit_takes_the_new_names(self, series: TimeSeries) -> None:
        model = make(channel_embedding_dim=3)
        with pytest.raises(ValueError, match="channel_embedding_dim"):
            model.fit(series[["a", "b"]])
        model.fit(series.with_columns_renamed(list("abc"), list("xyz")))
        assert model.channel_names == ["x", "y", "z"]
