"""Darts models of several sites that share weights."""

import numpy as np
import pytest
import torch
from darts import TimeSeries

from hyperforecast.darts import HyperModel
from hyperforecast.nn import averaged

OPTIONS = {"backbone": "rlinear", "backbone_kwargs": {"d_model": 4}, "n_epochs": 1}


def rows(n_channels: int) -> TimeSeries:
    values = np.random.default_rng(n_channels).normal(size=(60, n_channels))
    return TimeSeries.from_values(values.astype("float32"))


def site(number: int, **options: object) -> HyperModel:
    model = HyperModel(8, 2, **OPTIONS, tasks="task-vectors", random_state=number, **options)
    return model.fit(rows(2 + number))


def test_sites_go_on_from_the_mean_and_keep_what_is_their_own() -> None:
    sites = [site(0), site(1)]
    own = [one.network.contexts("task-vectors")[0].weight.detach().clone() for one in sites]
    mean = averaged([one.shared_weights() for one in sites])
    for one, vector in zip(sites, own, strict=True):
        one.take_shared_weights(mean)
        assert one.network.contexts("task-vectors")[0].weight.equal(vector)
        torch.testing.assert_close(one.shared_weights(), mean, rtol=0, atol=0)
    sites[1].fit(rows(3), epochs=1)
    changed = sites[1].shared_weights()
    assert any(not changed[name].equal(value) for name, value in mean.items())
    assert sites[1].predict(2).n_components == 3


def test_weights_of_another_network_are_refused() -> None:
    other = HyperModel(8, 3, **OPTIONS, tasks="task-vectors").fit(rows(2))
    with pytest.raises(ValueError, match="The shared weights given are not those of this model"):
        site(0).take_shared_weights(other.shared_weights())


def test_there_are_none_before_a_fit() -> None:
    with pytest.raises(ValueError, match=r"call `fit\(\)` first"):
        HyperModel(8, 2).shared_weights()


def test_weights_by_series_are_refused() -> None:
    model = HyperModel(8, 2, **OPTIONS, head="hn-mvts", weights_by="series").fit(rows(1))
    with pytest.raises(ValueError, match="weights_by='series'"):
        model.shared_weights()
