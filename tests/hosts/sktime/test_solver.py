"""The exact solver through sktime."""

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
from darts import TimeSeries

from hyperforecast.darts import HNMVTSModel
from hyperforecast.sktime import BackboneForecaster, HNMVTSForecaster


def test_default_solves_exactly_what_the_darts_model_solves(y: pd.DataFrame) -> None:
    forecaster = HNMVTSForecaster(6, scaler=None).fit(y, fh=[1, 2, 3])
    assert forecaster.model_.solver_report is not None
    model = HNMVTSModel(6, 3).fit(
        TimeSeries.from_values(y.to_numpy("float32"), columns=list("abc"))
    )
    np.testing.assert_allclose(forecaster.predict(), model.predict(3).values(), rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    "gradients",
    [
        {"solver": "adam", "n_epochs": 1},
        {"n_epochs": 1},
        {"validation_size": 0.2, "patience": 1, "optimizer_kwargs": {"lr": 1e-2}},
        {"backbone": "rlinear", "backbone_kwargs": {"d_model": 4}, "n_epochs": 1},
    ],
)
def test_options_of_gradients_train_by_gradients(y: pd.DataFrame, gradients: dict) -> None:
    forecaster = BackboneForecaster(6, **gradients).fit(y, fh=[1, 2])
    assert forecaster.model_.solver_report is None


def test_patience_alone_trains_by_gradients(y: pd.DataFrame) -> None:
    forecaster = BackboneForecaster(6, validation_size=0.2, patience=1).fit(y, fh=[1, 2])
    assert forecaster.model_.solver_report is None


def test_patience_beside_exact_is_an_error(y: pd.DataFrame) -> None:
    forecaster = BackboneForecaster(6, solver="exact", validation_size=0.2, patience=1)
    with pytest.raises(ValueError, match="patience has no effect with solver='exact'"):
        forecaster.fit(y, fh=[1])


def test_exact_refuses_what_has_no_closed_form(y: pd.DataFrame) -> None:
    with pytest.raises(ValueError, match="'rmlp' is not linear"):
        BackboneForecaster(6, solver="exact", backbone="rmlp").fit(y, fh=[1])


def test_solver_options_reach_the_solver(y: pd.DataFrame) -> None:
    forecaster = HNMVTSForecaster(
        6, solver_kwargs={"ridge": 0.5}, n_factors=1, channel_embedding_dim=2, instance_norm="mean"
    ).fit(y, fh=[1, 2])
    report = forecaster.model_.solver_report
    assert set(report["ridge"]) == {0.5}
    assert set(report["instance_norm"]) == {"mean"}
    assert set(report["n_factors"]) == {0, 1}
    assert set(report["channel_embedding_dim"]) == {0, 2}


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda f: pickle.loads(pickle.dumps(f))])
def test_copies_forecast_the_same(y: pd.DataFrame, duplicate) -> None:
    forecaster = HNMVTSForecaster(6, n_factors=2).fit(y, fh=[1, 2, 3])
    pd.testing.assert_frame_equal(duplicate(forecaster).predict(), forecaster.predict())


def test_intervals_cover_as_often_as_they_say(y: pd.DataFrame) -> None:
    forecaster = HNMVTSForecaster(6, quantiles=(0.1, 0.25, 0.5, 0.75, 0.9))
    forecaster.fit(y.iloc[:100], fh=[1])
    inside = []
    for t in range(100, len(y)):
        interval = forecaster.predict_interval(coverage=0.8)
        row = y.iloc[t]
        inside.append(
            [
                interval[name, 0.8, "lower"].iloc[0] <= row[name]
                and row[name] <= interval[name, 0.8, "upper"].iloc[0]
                for name in y
            ]
        )
        forecaster.update(y.iloc[t : t + 1], update_params=False)
    assert 0.65 < np.mean(inside) < 0.95


def test_gradients_go_on_from_exact_pretraining(y: pd.DataFrame) -> None:
    panel = pd.concat({"first": y.iloc[:80], "second": y.iloc[80:]}, names=["series", "time"])
    taken_over = HNMVTSForecaster(6, 2, n_epochs=0, solver="exact", scaler=None)
    pretrained = taken_over.pretrain(panel)
    solved = HNMVTSModel(6, 2).fit(
        [
            TimeSeries.from_values(part.to_numpy("float32"), columns=list("abc"))
            for part in (y[:80], y[80:])
        ]
    )
    pretrained.fit(y, fh=[1, 2])
    series = TimeSeries.from_values(y.to_numpy("float32"), columns=list("abc"))
    np.testing.assert_allclose(
        pretrained.predict(), solved.predict(2, series=series).values(), rtol=0, atol=1e-12
    )


def test_update_with_refit_solves_again(y: pd.DataFrame) -> None:
    forecaster = HNMVTSForecaster(6).fit(y.iloc[:120], fh=[1, 2])
    forecaster.update(y.iloc[120:])
    anew = HNMVTSForecaster(6).fit(y, fh=[1, 2])
    pd.testing.assert_frame_equal(forecaster.predict(), anew.predict())
