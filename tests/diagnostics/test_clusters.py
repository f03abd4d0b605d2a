"""Clusters of channels, on gates set by hand."""

import re
from typing import Any

import pandas as pd
import pytest

from hyperforecast.diagnostics import channel_clusters


def test_clusters(clustered: Any) -> None:
    expected = pd.Series([0, 1, 1, 1, 2, 0], index=pd.Index(list("abcdef"), name="channel"))
    for found in (channel_clusters(clustered, 3), channel_clusters(clustered)):
        pd.testing.assert_series_equal(found, expected, check_names=False)
    assert channel_clusters(clustered, 1).tolist() == [0] * 6
    assert sorted(channel_clusters(clustered, 6)) == [0, 1, 2, 3, 4, 5]


def test_clusters_of_two_channels(train_light_sae: Any, make_panel: Any) -> None:
    assert channel_clusters(train_light_sae(make_panel(n_channels=2))).tolist() == [0, 1]


def test_more_clusters_than_channels(train_light_sae: Any, panel: pd.DataFrame) -> None:
    with pytest.raises(ValueError, match=re.escape("between 1 and the number of channels, 3")):
        channel_clusters(train_light_sae(panel), 4)


def test_one_channel(train_light_sae: Any, make_panel: Any) -> None:
    with pytest.raises(ValueError, match="at least two channels"):
        channel_clusters(train_light_sae(make_panel(n_channels=1)))
