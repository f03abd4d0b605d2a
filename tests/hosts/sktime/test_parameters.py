"""The sktime forecasters: what can be known before training is refused before training."""

import re
from typing import Any

import numpy as np
import pandas as pd
import pytest

import hyperforecast.sktime.base
from hyperforecast.darts import HyperforecastModel
from hyperforecast.sktime import (
    BackboneForecaster,
    HNMVTSForecaster,
    LightSAEForecaster,
    MoLAForecaster,
)
from tests.case_names import case_name

L = 12
each_forecaster = pytest.mark.parametrize(
    "cls", [BackboneForecaster, HNMVTSForecaster, LightSAEForecaster, MoLAForecaster]
)


@pytest.fixture
def _untrained(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail where a model is trained."""

    def fit(self: Any, *args: Any, **kwargs: Any) -> None:
        pytest.fail("a model was trained")

    for cls in (HyperforecastModel, MoLAForecaster.model_class):
        monkeypatch.setattr(cls, "fit", fit)


@pytest.fixture
def _unread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail where the data are looked at."""

    def checked(*args: Any) -> None:
        pytest.fail("the data were converted")

    monkeypatch.setattr(hyperforecast.sktime.base, "checked", checked)


@each_forecaster
@pytest.mark.usefixtures("_untrained")
class TestBeforeTraining:
    def test_a_horizon_beyond_reach(self, cls: type, panel: pd.DataFrame) -> None:
        forecaster = cls(L, 2, past_covariates=["c"])
        message = r"fh reaches step 4, and the model forecasts 2 steps at once.*covariates 'c'"
        with pytest.raises(ValueError, match=message):
            forecaster.fit(panel[["a", "b"]], X=panel[["c"]], fh=[1, 4])

    def test_a_series_shorter_than_the_lookback(self, cls: type, panel: pd.DataFrame) -> None:
        y = pd.concat({"x": panel, "y": panel.iloc[: L - 1]}, names=["store", "time"])
        with pytest.raises(ValueError, match=r"made from 12 rows.*series \('y',\) has 11"):
            cls(L, short_instances="raise").fit(y, fh=[1])

    def test_too_few_rows_to_validate(self, cls: type, panel: pd.DataFrame) -> None:
        with pytest.raises(ValueError, match=r"leaves too few rows: .* takes 14 rows"):
            cls(L, validation_size=0.99).fit(panel, fh=[1])


@each_forecaster
@pytest.mark.usefixtures("_untrained", "_unread")
class TestParameters:
    def test_all_that_is_wrong_is_named_at_once(self, cls: type, panel: pd.DataFrame) -> None:
        forecaster = cls(0, scaler="minmax", instance_norm="rev-in", likelihood="gausian")
        with pytest.raises(ValueError, match=r"^4 arguments are wrong:") as caught:
            forecaster.fit(panel, fh=[1])
        for message in (
            "\n- Unknown likelihood 'gausian'. Did you mean 'gaussian'",
            "\n- Unknown scaler 'minmax'. Expected one of: 'standard', 'global', or None.",
            "\n- input_chunk_length must be a whole number of steps >= 1; got 0.",
            "\n- Unknown instance_norm 'rev-in'. Did you mean 'revin'",
        ):
            assert message in str(caught.value)

    def test_a_single_one_is_the_message(self, cls: type, panel: pd.DataFrame) -> None:
        with pytest.raises(
            ValueError,
            match=r"^Unknown scaler 'minmax'. Expected one of: 'standard', 'global', or None.$",
        ):
            cls(L, scaler="minmax").fit(panel, fh=[1])

    def test_before_pretraining(self, cls: type, panel: pd.DataFrame) -> None:
        instances = pd.concat({"x": panel, "y": panel}, names=["store", "time"])
        with pytest.raises(ValueError, match=r"^2 arguments are wrong:"):
            cls(L, scaler="minmax", patience=3).pretrain(instances, fh=[1])


@pytest.mark.parametrize(
    ("cls", "params", "names"),
    [
        (MoLAForecaster, {"n_experts": 0, "scaling": -1.0}, ["n_experts", "scaling"]),
        (MoLAForecaster, {"rank": 0, "scaler": "minmax"}, ["rank", "scaler"]),
        (MoLAForecaster, {"output_chunk_length": 3, "n_segments": 4}, ["n_segments"]),
        (LightSAEForecaster, {"variant": "lite", "rank": 0}, ["variant", "rank"]),
        (HNMVTSForecaster, {"hyper_hidden": (0,), "n_factors": -1}, ["hyper_hidden", "n_factors"]),
        (
            BackboneForecaster,
            {"solver": "exact", "validation_size": 0.2, "patience": 2, "backbone": "rmlp"},
            ["patience", "rmlp"],
        ),
    ],
)
@pytest.mark.usefixtures("_untrained", "_unread")
def test_options_of_a_method(
    cls: type, params: dict[str, Any], names: list[str], panel: pd.DataFrame
) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        cls(L, **params).fit(panel, fh=[1, 2, 3])
    assert all(name in str(caught.value) for name in names)


def test_checks_leave_parameters_alone(panel: pd.DataFrame) -> None:
    trainer = {"accelerator": "cpu"}
    forecaster = HNMVTSForecaster(L, n_epochs=1, pl_trainer_kwargs=trainer)
    before = {name: id(value) for name, value in forecaster.get_params(deep=False).items()}
    forecaster.fit(panel, fh=[1])
    assert before == {name: id(v) for name, v in forecaster.get_params(deep=False).items()}
    assert trainer == {"accelerator": "cpu"}
    assert np.isfinite(forecaster.predict().to_numpy()).all()


@each_forecaster
@pytest.mark.usefixtures("_untrained", "_unread")
@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"n_epochs": -1}, "n_epochs must be a whole number >= 0; got -1."),
        ({"n_epochs": "3"}, "n_epochs must be a whole number >= 0; got '3'."),
        ({"batch_size": 1.5}, "batch_size must be a whole number >= 1; got 1.5."),
        ({"input_chunk_length": [4]}, "input_chunk_length must be a whole number of steps >= 1;"),
        ({"optimizer_kwargs": {"lr": 1e30}}, "lr in optimizer_kwargs must be a number >= 0 and <="),
        ({"optimizer_kwargs": {"lr": float("nan")}}, "lr in optimizer_kwargs must be a finite num"),
        ({"quantiles": "0.5"}, "quantiles must be a sequence of finite numbers > 0 and < 1; got"),
        ({"quantiles": (0.5, 1.5)}, "quantiles must be a sequence of finite numbers > 0 and < 1;"),
        (
            {"quantiles": 0.5},
            "quantiles must be a sequence of finite numbers > 0 and < 1; got 0.5.",
        ),
        ({"likelihood": 3}, "likelihood must be a string or a TorchLikelihood; got 3."),
        ({"past_covariates": "b"}, "past_covariates must be a sequence of values; got 'b'."),
        ({"validation_size": "0.2"}, "validation_size must be a finite number > 0 and < 1; got"),
        ({"verbose": "no"}, "verbose must be True or False; got 'no'."),
        ({"pl_trainer_kwargs": "cpu"}, "pl_trainer_kwargs must be a dict; got 'cpu'."),
        ({"random_state": 1.5}, "random_state must be a whole number >= 0"),
        ({"loss_fn": "mse"}, "loss_fn must be a function; got 'mse'."),
        ({"backbone": None}, "backbone must be a string; got None."),
        ({"n_factors": float("nan")}, "n_factors must be a whole number >= 0; got nan."),
    ],
    ids=case_name,
)
def test_wrong_types_and_ranges(cls: type, params: dict, message: str, panel: pd.DataFrame) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        cls(**{"input_chunk_length": L, **params}).fit(panel, fh=[1])


@pytest.mark.usefixtures("_untrained", "_unread")
def test_wrong_patience(panel: pd.DataFrame) -> None:
    message = r"^patience must be a whole number of epochs >= 1; got 0\.$"
    with pytest.raises(ValueError, match=message):
        MoLAForecaster(L, patience=0, validation_size=0.2).fit(panel, fh=[1])
