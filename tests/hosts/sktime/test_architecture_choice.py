"""One-shot choice of an architecture with the sktime forecasters."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from darts import TimeSeries
from sktime.forecasting.naive import NaiveForecaster

from hyperforecast import darts
from hyperforecast.sktime import BackboneForecaster, HyperTCNForecaster, choose_architecture

SPACE = {"e_layers": [1, 2], "d_ff": [2, 4]}


def mixer(**arguments: Any) -> BackboneForecaster:
    return BackboneForecaster(12, backbone="tsmixer", random_state=0, **arguments)


def test_is_that_of_the_darts_model_on_scaled_rows(panel: pd.DataFrame) -> None:
    found = choose_architecture(mixer(validation_size=0.25), SPACE, panel, fh=[1, 2, 3], n_epochs=2)
    rows = panel.iloc[:90]
    scaled = ((panel - rows.mean()) / rows.std(ddof=0)).astype(np.float32)
    series = TimeSeries.from_dataframe(scaled.reset_index(drop=True))
    model = darts.BackboneModel(12, 3, backbone="tsmixer", random_state=0)
    expected = darts.choose_architecture(model, SPACE, series[:90], series[78:], n_epochs=2)
    pd.testing.assert_frame_equal(found.ranking, expected.ranking, rtol=1e-4)
    assert found.best == expected.best


def test_a_fifth_of_the_rows_is_held_out_if_nothing_is_said(panel: pd.DataFrame) -> None:
    forecaster = mixer()
    before = forecaster.get_params()
    found = choose_architecture(forecaster, SPACE, panel, fh=[1, 2], n_epochs=1)
    said = choose_architecture(mixer(validation_size=0.2), SPACE, panel, fh=[1, 2], n_epochs=1)
    pd.testing.assert_frame_equal(found.ranking, said.ranking)
    assert forecaster.get_params() == before
    assert not forecaster.is_fitted
    forecaster.set_params(backbone_kwargs=found.best, n_epochs=1)
    assert len(forecaster.fit(panel, fh=[1, 2]).predict()) == 2


def test_panels_with_covariates_and_generated_kernels(panel: pd.DataFrame) -> None:
    y = pd.concat({"first": panel, "second": panel.iloc[:80]}, names=["instance"])
    X = y[["a"]].rename(columns={"a": "x"})
    forecaster = HyperTCNForecaster(12, past_covariates=["x"], random_state=0)
    found = choose_architecture(forecaster, {"d_model": [2, 4]}, y, X, fh=[1, 2], n_epochs=1)
    assert len(found.ranking) == 2
    assert np.isfinite(found.ranking["val_loss"]).all()


def test_what_is_wrong_is_said(panel: pd.DataFrame) -> None:
    with pytest.raises(ValueError, match="at least two architectures"):
        choose_architecture(mixer(), {"d_ff": [2]}, panel, fh=[1])
    with pytest.raises(ValueError, match="n_epochs must be a whole number"):
        choose_architecture(mixer(), SPACE, panel, fh=[1], n_epochs=0)
    with pytest.raises(TypeError, match=r"a forecaster of this package.*got NaiveForecaster"):
        choose_architecture(NaiveForecaster(), SPACE, panel, fh=[1])
