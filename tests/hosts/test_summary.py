"""Summaries of models in both hosts."""

import pandas as pd
import pytest
from darts import TimeSeries
from sktime.exceptions import NotFittedError

from hyperforecast.darts import BackboneModel, HNMVTSModel, HyperTransformerModel
from hyperforecast.sktime import HNMVTSForecaster


def test_a_darts_model(series: TimeSeries) -> None:
    model = HNMVTSModel(8, 3, channel_embedding_dim=2, backbone="nlinear", solver="exact")
    table = model.fit(series).summary()
    assert list(table.index) == [("head", "hn-mvts"), ("network", "")]
    assert table.loc[("head", "hn-mvts"), "generated_weights"] == 3 * (8 * 3 + 3)
    assert table.loc[("network", ""), "plain_parameters"] == 8 * 3 + 3


def test_what_does_not_fold_has_no_number(series: TimeSeries) -> None:
    small = {"d_model": 4, "n_heads": 2, "d_ff": 4, "e_layers": 1}
    model = HyperTransformerModel(8, 3, rank=1, backbone_kwargs=small, n_epochs=1).fit(series)
    assert model.summary()["folded_parameters"].isna().all()
    plain = BackboneModel(8, 3, backbone="patchtst", backbone_kwargs=small, n_epochs=1).fit(series)
    whole = ("network", "")
    assert (
        model.summary().loc[whole, "plain_parameters"]
        == plain.summary().loc[whole, "folded_parameters"]
    )


def test_a_forecaster(panel: pd.DataFrame) -> None:
    forecaster = HNMVTSForecaster(8, channel_embedding_dim=1, solver="exact")
    with pytest.raises(NotFittedError):
        forecaster.summary()
    forecaster.fit(panel, fh=[1, 2])
    pd.testing.assert_frame_equal(forecaster.summary(), forecaster.model_.summary())


def test_a_model_without_a_network_says_so() -> None:
    with pytest.raises(ValueError, match=r"no network yet; call `fit\(\)` first"):
        HNMVTSModel(8, 3).summary()
