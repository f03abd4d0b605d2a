"""Tasks that an sktime forecaster learns one after the other."""

import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest

from hyperforecast.sktime import HyperForecaster

BY_GRADIENTS: dict[str, Any] = {
    "backbone": "rlinear",
    "backbone_kwargs": {"d_model": 16},
    "tasks": "task-vectors",
    "n_epochs": 3,
    "random_state": 1,
}
IN_CLOSED_FORM: dict[str, Any] = {
    "head": "hn-mvts",
    "solver": "exact",
    "solver_kwargs": {"ridge": 0.1, "combine": False},
}
KINDS = {"by gradients": BY_GRADIENTS, "in closed form": IN_CLOSED_FORM}


def waves(n_channels: int, period: int) -> pd.DataFrame:
    random = np.random.default_rng(period)
    steps = np.arange(160)[:, None]
    values = np.sin(2 * np.pi * steps / period + np.arange(n_channels))
    values = 10 * period + values + 0.05 * random.normal(size=values.shape)
    return pd.DataFrame(values, columns=[f"{period}-{i}" for i in range(n_channels)])


TABLES = {"fast": waves(3, 7), "slow": waves(2, 24)}


@pytest.fixture(scope="module", params=KINDS)
def forecaster(request: pytest.FixtureRequest) -> HyperForecaster:
    made = HyperForecaster(24, **KINDS[request.param])
    for name, y in TABLES.items():
        made.learn_task(name, y[:-6], fh=range(1, 7))
    return made


def test_every_task_is_forecast_in_its_own_units(forecaster: HyperForecaster) -> None:
    assert forecaster.task_names == ["fast", "slow"]
    for name, y in TABLES.items():
        y_pred = forecaster.predict(fh=range(1, 7), task=name)
        assert list(y_pred.index) == list(y.index[-6:])
        assert list(y_pred.columns) == list(y.columns)
        assert ((y_pred - y[-6:]) ** 2).to_numpy().mean() < 0.4


def test_pickled_it_forecasts_the_same(forecaster: HyperForecaster) -> None:
    again = pickle.loads(pickle.dumps(forecaster))
    for name in TABLES:
        pd.testing.assert_frame_equal(
            again.predict(fh=[1, 2], task=name), forecaster.predict(fh=[1, 2], task=name)
        )


def test_a_clone_has_the_parameters_and_no_task(forecaster: HyperForecaster) -> None:
    clone = forecaster.clone()
    assert clone.get_params() == forecaster.get_params()
    assert clone.task_names == []


def test_the_forecaster_of_a_task_moves_on_by_itself(forecaster: HyperForecaster) -> None:
    one = forecaster.for_task("slow")
    one.update(TABLES["slow"][-6:], update_params=False)
    assert one.predict(fh=[1]).index[0] == TABLES["slow"].index[-1] + 1
    kept = forecaster.predict(fh=[1], task="slow")
    assert kept.index[0] == TABLES["slow"].index[-6]


def test_in_closed_form_moments_are_kept_in_the_place_of_rows() -> None:
    """New rows are added to them: the weights are those of a fit on all rows."""
    forecaster = HyperForecaster(24, **IN_CLOSED_FORM)
    y = TABLES["slow"]
    forecaster.learn_task("slow", y[:-6], fh=range(1, 7)).learn_task("fast", TABLES["fast"])
    one = forecaster.for_task("slow")
    assert getattr(one, "_y", None) is None

    other = HyperForecaster(24, 6, **IN_CLOSED_FORM).set_config(remember_data=False)
    other.fit(y[:-6])
    for each in (one, other):
        each.update(y[-6:])
    pd.testing.assert_frame_equal(one.predict(fh=[1, 2]), other.predict(fh=[1, 2]))
    first = forecaster.for_task("slow")
    first.update(y[-6:], update_params=False)
    assert not first.predict(fh=[1]).equals(one.predict(fh=[1]))


def test_a_fit_drops_all_tasks() -> None:
    forecaster = HyperForecaster(24, **IN_CLOSED_FORM)
    forecaster.learn_task("fast", TABLES["fast"], fh=[1, 2])
    assert forecaster.fit(TABLES["slow"], fh=[1]).task_names == []
    with pytest.raises(ValueError, match="was trained by `fit`"):
        forecaster.learn_task("fast", TABLES["fast"])


def test_a_task_forgotten_is_unknown() -> None:
    forecaster = HyperForecaster(24, **IN_CLOSED_FORM)
    forecaster.learn_task("fast", TABLES["fast"], fh=[1, 2]).forget_task("fast")
    assert forecaster.task_names == []
    with pytest.raises(ValueError, match="none was learned"):
        forecaster.predict(fh=[1], task="fast")


def test_messages_name_the_tasks(forecaster: HyperForecaster) -> None:
    with pytest.raises(ValueError, match=r"Unknown task 'fat'.*'fast'"):
        forecaster.predict(fh=[1], task="fat")
    with pytest.raises(ValueError, match="has learned the tasks 'fast', 'slow'"):
        forecaster.predict(fh=[1])
    with pytest.raises(ValueError, match="was learned before"):
        forecaster.learn_task("fast", TABLES["fast"])
