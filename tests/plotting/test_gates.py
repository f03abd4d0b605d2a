"""Gates as a heat map: what is drawn, read back from the artists."""

from typing import Any

import numpy as np

from hyperforecast.diagnostics import channel_gates
from hyperforecast.plotting import plot_gates


def test_heat_map_goes_by_cluster(clustered: Any) -> None:
    ax = plot_gates(clustered, 3)
    order = ["a", "f", "b", "c", "d", "e"]
    assert [label.get_text() for label in ax.get_yticklabels()] == order
    np.testing.assert_allclose(ax.images[0].get_array(), channel_gates(clustered).loc[order])


def test_one_channel(train_light_sae: Any, make_panel: Any) -> None:
    model = train_light_sae(make_panel(n_channels=1))
    assert plot_gates(model).images[0].get_array().shape == (1, 10)


def test_rows_of_many_channels_are_not_named(train_light_sae: Any, make_panel: Any) -> None:
    model = train_light_sae(make_panel(n_channels=41), n_components=2)
    assert plot_gates(model).get_ylabel() == "41 channels, by cluster"
