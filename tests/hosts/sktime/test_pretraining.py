"""The sktime forecasters: `pretrain`, and what clones and parameters do to its result."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sktime.forecasting.compose import TransformedTargetForecaster
from sktime.forecasting.model_selection import ForecastingGridSearchCV
from sktime.split import SingleWindowSplitter
from sktime.transformations.compose import Id

from hyperforecast.sktime import BackboneForecaster, HNMVTSForecaster

L, H = 12, 4
FH = range(1, H + 1)
each_forecaster = pytest.mark.parametrize("cls", [HNMVTSForecaster, BackboneForecaster])


def make(cls: type = HNMVTSForecaster, **kwargs: Any) -> Any:
    return cls(**{"input_chunk_length": L, "n_epochs": 2, "random_state": 0, **kwargs})


def weights(trained: Any) -> np.ndarray:
    parameters = trained.model.network.parameters()
    return np.concatenate([p.detach().numpy().ravel() for p in parameters])


@pytest.fixture
def stores(make_panel: Callable[..., pd.DataFrame]) -> pd.DataFrame:
    parts = {k: make_panel(80 + 10 * i, 3, seed=i) for i, k in enumerate("xyz")}
    return pd.concat(parts, names=["store", "time"])


@each_forecaster
def test_fit_starts_from_the_pretrained_weights(
    cls: type, stores: pd.DataFrame, panel: pd.DataFrame
) -> None:
    forecaster = make(cls, n_epochs=5).pretrain(stores, fh=FH)
    pretrained = weights(forecaster.pretrained_)
    forecaster.set_params(n_epochs=1, optimizer_kwargs={"lr": 1e-5})
    forecaster.fit(panel, fh=FH)
    steps = np.abs(weights(forecaster.trained_) - pretrained)
    assert 0 < steps.max() < 1e-3
    np.testing.assert_array_equal(weights(forecaster.pretrained_), pretrained)


@each_forecaster
def test_pretrained_weights_as_they_are(
    cls: type, stores: pd.DataFrame, panel: pd.DataFrame
) -> None:
    forecaster = make(cls).pretrain(stores, fh=FH).set_params(n_epochs=0)
    forecaster.fit(panel, fh=FH)
    np.testing.assert_array_equal(weights(forecaster.trained_), weights(forecaster.pretrained_))
    assert np.isfinite(forecaster.predict().to_numpy()).all()


def test_every_fit_starts_from_the_same_weights(stores: pd.DataFrame, panel: pd.DataFrame) -> None:
    forecaster = make().pretrain(stores, fh=FH)
    one = forecaster.fit(panel, fh=FH).predict()
    other = forecaster.fit(panel, fh=FH).predict()
    pd.testing.assert_frame_equal(one, other)
    new = make().fit(panel, fh=FH).predict()
    assert (np.abs(new - one) > 1e-3).any().any()


@each_forecaster
def test_pretraining_goes_on(cls: type, stores: pd.DataFrame) -> None:
    forecaster = make(cls, n_epochs=1, optimizer_kwargs={"lr": 1e-4}).pretrain(stores, fh=FH)
    before = weights(forecaster.pretrained_)
    forecaster.pretrain(stores)
    steps = np.abs(weights(forecaster.pretrained_) - before)
    assert 0 < steps.max() < 1e-2
    assert forecaster.pretrained_.horizon == H


@each_forecaster
@pytest.mark.parametrize("fitted", [False, True])
def test_clone_keeps_the_pretrained_weights(
    cls: type, fitted: bool, stores: pd.DataFrame, panel: pd.DataFrame
) -> None:
    forecaster = make(cls).pretrain(stores, fh=FH)
    expected = forecaster.fit(panel, fh=FH).predict() if fitted else None
    clone = forecaster.clone()
    assert clone.state == "pretrained"
    np.testing.assert_array_equal(weights(clone.pretrained_), weights(forecaster.pretrained_))
    if expected is None:
        expected = forecaster.fit(panel, fh=FH).predict()
    pd.testing.assert_frame_equal(clone.fit(panel, fh=FH).predict(), expected)


@pytest.mark.parametrize(
    "params",
    [{"n_epochs": 3}, {"batch_size": 7, "random_state": 5}, {"optimizer_kwargs": {"lr": 1e-2}}],
)
def test_set_params_keeps_weights_that_fit(params: dict, stores: pd.DataFrame) -> None:
    forecaster = make().pretrain(stores, fh=FH)
    clone = forecaster.clone().set_params(**params)
    assert clone.state == "pretrained"
    np.testing.assert_array_equal(weights(clone.pretrained_), weights(forecaster.pretrained_))
    assert set(clone.get_pretrained_params()) == {"pretrained_"}


@pytest.mark.parametrize(
    "params",
    [
        {"channel_embedding_dim": 1},
        {"backbone": "nlinear"},
        {"input_chunk_length": L + 1},
        {"quantiles": (0.1, 0.5, 0.9)},
    ],
)
def test_set_params_says_that_weights_are_lost(params: dict, stores: pd.DataFrame) -> None:
    forecaster = make().pretrain(stores, fh=FH)
    with pytest.warns(UserWarning, match=f"loses its pretrained weights: {next(iter(params))}"):
        forecaster.set_params(**params)
    assert forecaster.state == "new"
    assert not hasattr(forecaster, "pretrained_")


def test_an_attribute_set_past_set_params(stores: pd.DataFrame, panel: pd.DataFrame) -> None:
    forecaster = make().pretrain(stores, fh=FH)
    forecaster.backbone = "nlinear"
    with pytest.raises(ValueError, match="trained with other values of backbone"):
        forecaster.fit(panel, fh=FH)


@pytest.mark.parametrize("in_pipeline", [False, True])
def test_grid_search_tunes_the_pretrained_forecaster(
    in_pipeline: bool, stores: pd.DataFrame, panel: pd.DataFrame
) -> None:
    forecaster = make().pretrain(stores, fh=FH)
    expected = forecaster.clone().set_params(n_epochs=0).fit(panel, fh=FH).predict()
    name = "forecaster__n_epochs" if in_pipeline else "n_epochs"
    tuned: Any = forecaster
    if in_pipeline:
        tuned = TransformedTargetForecaster([("id", Id()), ("forecaster", forecaster)])
    search = ForecastingGridSearchCV(
        tuned,
        cv=SingleWindowSplitter(fh=FH, window_length=60),
        param_grid={name: [0]},
        backend=None,
    )
    pd.testing.assert_frame_equal(search.fit(panel, fh=FH).predict(), expected)


class TestNames:
    def test_by_name_in_any_order(self, stores: pd.DataFrame, panel: pd.DataFrame) -> None:
        forecaster = make().pretrain(stores, fh=FH)
        one = forecaster.fit(panel, fh=FH).predict()
        other = forecaster.fit(panel[["c", "a", "b"]], fh=FH).predict()
        pd.testing.assert_frame_equal(other[list("abc")], one[list("abc")])

    def test_by_position_where_none_is_shared(
        self, stores: pd.DataFrame, panel: pd.DataFrame
    ) -> None:
        forecaster = make().pretrain(stores, fh=FH)
        one = forecaster.fit(panel, fh=FH).predict()
        with pytest.warns(UserWarning, match=r"share no name.*7 those of 'a', 8 those of 'b'"):
            forecaster.fit(panel.set_axis([7, 8, 9], axis=1), fh=FH)
        other = forecaster.predict()
        assert list(other.columns) == [7, 8, 9]
        # pandas 2.2 lays the columns out in memory otherwise
        np.testing.assert_allclose(other, one, rtol=1e-12)

    def test_a_single_channel_cannot_be_mistaken(self, stores: pd.DataFrame) -> None:
        forecaster = make(channel_embedding_dim=1).pretrain(stores[["a"]], fh=FH)
        forecaster.fit(stores.loc["x"][["b"]], fh=FH)  # a warning would be an error here

    def test_some_shared_and_some_not(self, stores: pd.DataFrame, panel: pd.DataFrame) -> None:
        forecaster = make().pretrain(stores, fh=FH)
        with pytest.raises(ValueError, match=r"columns of y.*missing: 'c'; new: 'd'"):
            forecaster.fit(panel.rename(columns={"c": "d"}), fh=FH)


def test_horizon_must_be_known(stores: pd.DataFrame) -> None:
    with pytest.raises(ValueError, match="Pass `fh` to `pretrain`, or give output_chunk_length"):
        make().pretrain(stores)
    assert make(output_chunk_length=3).pretrain(stores).pretrained_.horizon == 3
