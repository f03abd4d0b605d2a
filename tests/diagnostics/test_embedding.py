"""The learned channel embedding as a table, from both hosts."""

import re

import numpy as np
import pandas as pd
import pytest
from darts import TimeSeries

from hyperforecast.darts import BackboneModel, HNMVTSModel
from hyperforecast.diagnostics import channel_embedding
from hyperforecast.sktime import HNMVTSForecaster

OPTIONS = {"channel_embedding_dim": 2, "solver": "adam", "n_epochs": 1, "random_state": 0}


def test_rows_are_the_vectors_of_the_named_channels(panel: pd.DataFrame) -> None:
    model = HNMVTSModel(6, 2, **OPTIONS).fit(TimeSeries.from_dataframe(panel, freq="D"))
    forecaster = HNMVTSForecaster(6, 2, **OPTIONS).fit(panel, fh=[1, 2])
    for trained, network in ((model, model.network), (forecaster, forecaster.model_.network)):
        vectors = channel_embedding(trained)
        assert list(vectors.index) == ["a", "b", "c"]
        np.testing.assert_array_equal(vectors, network.channel_embedding().numpy())


def test_a_model_without_vectors(panel: pd.DataFrame) -> None:
    model = BackboneModel(6, 2).fit(TimeSeries.from_dataframe(panel, freq="D"))
    with pytest.raises(ValueError, match=re.escape("The model has no channel embedding")):
        channel_embedding(model)
