"""Heads that are solved for after training by gradients, through sktime."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from darts import TimeSeries

from hyperforecast.darts import HNMVTSModel
from hyperforecast.sktime import (
    BackboneForecaster,
    BaseHyperforecastForecaster,
    HNMVTSForecaster,
    HyperForecaster,
    HyperLSTMForecaster,
    LightSAEForecaster,
    MoLAForecaster,
)

SMALL: dict[str, Any] = {"solver": "adam+exact", "n_epochs": 1, "random_state": 0}
NARROW: dict[str, Any] = {"backbone": "rmlp", "backbone_kwargs": {"d_model": 4}}


def solved(forecaster: BaseHyperforecastForecaster) -> bool:
    return forecaster.model_.solver_report is not None


def test_it_solves_for_what_the_darts_model_solves_for(y: pd.DataFrame) -> None:
    forecaster = HNMVTSForecaster(6, scaler=None, **NARROW, **SMALL).fit(y, fh=[1, 2, 3])
    model = HNMVTSModel(6, 3, **NARROW, **SMALL).fit(
        TimeSeries.from_values(y.to_numpy("float32"), columns=list("abc"))
    )
    pd.testing.assert_frame_equal(forecaster.model_.solver_report, model.solver_report)
    np.testing.assert_allclose(forecaster.predict(), model.predict(3).values(), rtol=1e-6)


@pytest.mark.parametrize(
    ("cls", "kwargs"),
    [
        (BackboneForecaster, {"validation_size": 0.2, "patience": 1}),
        (HyperForecaster, {**NARROW, "modulation": "film"}),
        (LightSAEForecaster, {"backbone_kwargs": {"d_model": 4}, "rank": 2}),
        (MoLAForecaster, {"backbone_kwargs": {"d_model": 4, "n_heads": 2}, "n_segments": 3}),
        (HyperLSTMForecaster, {"backbone_kwargs": {"d_model": 4}, "hyper_size": 3}),
    ],
)
def test_every_forecaster_has_the_option(cls, kwargs, y: pd.DataFrame) -> None:
    forecaster = cls(6, **kwargs, **SMALL).fit(y, fh=[1, 2, 3])
    report = forecaster.model_.solver_report
    assert report["validation_mse"].iloc[-1] < report["validation_mse"].iloc[0]
    assert np.isfinite(forecaster.predict()).all(axis=None)


def test_an_update_on_all_rows_solves_again(y: pd.DataFrame) -> None:
    forecaster = BackboneForecaster(6, **NARROW, **SMALL).fit(y[:120], fh=[1, 2])
    forecaster.update(y[120:], update_params=True)
    anew = BackboneForecaster(6, **NARROW, **SMALL).fit(y, fh=[1, 2])
    pd.testing.assert_frame_equal(forecaster.predict(), anew.predict())
    assert solved(forecaster)


@pytest.mark.parametrize("cls", [BackboneForecaster, LightSAEForecaster])
def test_an_update_on_the_latest_rows_is_left_to_gradients(cls, y: pd.DataFrame) -> None:
    """A few windows would be too few to solve on."""
    forecaster = cls(6, **NARROW, **SMALL, solver_kwargs={"ridge": 1e-3})
    forecaster.set_config(remember_data=False).fit(y[:120], fh=[1, 2])
    head = forecaster.model_.network.head.weight.clone()
    forecaster.update(y[120:150], update_params=True)
    assert not solved(forecaster)
    moved = (forecaster.model_.network.head.weight - head).abs().max()
    assert 0 < moved < 0.1  # a step or two


def test_pretrained_weights_are_trained_on_and_then_solved_for(y: pd.DataFrame) -> None:
    panel = pd.concat({"one": y[:80], "two": y[80:]}, names=["instance", "time"])
    forecaster = HNMVTSForecaster(6, **NARROW, **SMALL).pretrain(panel, fh=[1, 2])
    assert forecaster.pretrained_.model.solver_report is not None
    forecaster.fit(y, fh=[1, 2])
    assert solved(forecaster)


def test_forgetting_has_no_effect_and_says_so(y: pd.DataFrame) -> None:
    forecaster = BackboneForecaster(6, **NARROW, **SMALL, forgetting=0.9)
    with pytest.raises(ValueError, match=r"no effect with solver='adam\+exact'"):
        forecaster.set_config(remember_data=False).fit(y, fh=[1])


def test_quantiles_lie_around_the_forecast(y: pd.DataFrame) -> None:
    forecaster = BackboneForecaster(6, **NARROW, **SMALL, quantiles=(0.1, 0.5, 0.9))
    intervals = forecaster.fit(y, fh=[1, 2]).predict_interval(coverage=0.8)
    y_pred = forecaster.predict()
    for column in y:
        low, high = (intervals[column, 0.8, side] for side in ("lower", "upper"))
        assert (low < y_pred[column]).all()
        assert (y_pred[column] < high).all()


def test_other_likelihoods_are_refused_with_the_reason(y: pd.DataFrame) -> None:
    forecaster = BackboneForecaster(6, **NARROW, **SMALL, likelihood="gaussian")
    with pytest.raises(ValueError, match="the likelihood GaussianLikelihood has other outputs"):
        forecaster.fit(y, fh=[1])
