"""Tasks that a Darts model learns one after the other."""

import io
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from darts import TimeSeries
from darts.models.forecasting.torch_forecasting_model import TorchForecastingModel

from hyperforecast.darts import HyperModel

BY_GRADIENTS: dict[str, Any] = {
    "backbone": "rlinear",
    "backbone_kwargs": {"d_model": 16},
    "head": "hn-mvts",
    "tasks": "task-vectors",
    "n_epochs": 4,
    "random_state": 1,
}
IN_CLOSED_FORM: dict[str, Any] = {
    "head": "hn-mvts",
    "solver": "exact",
    "solver_kwargs": {"ridge": 0.1, "combine": False},
}
KINDS = {"by gradients": BY_GRADIENTS, "in closed form": IN_CLOSED_FORM}


def waves(n_channels: int, period: int) -> TimeSeries:
    random = np.random.default_rng(period)
    steps = np.arange(160)[:, None]
    values = np.sin(2 * np.pi * steps / period + np.arange(n_channels))
    values = values + 0.05 * random.normal(size=values.shape)
    names = [f"{period}-{i}" for i in range(n_channels)]
    return TimeSeries.from_values(values.astype("float32"), columns=names)


SERIES = {"fast": waves(3, 7), "slow": waves(2, 24), "middle": waves(4, 12)}


def error(model: Any, task: str) -> float:
    whole = SERIES[task]
    forecast = model.predict(6, series=whole[:-6], task=task)
    return float(((forecast - whole[-6:]).values() ** 2).mean())


def learned(kind: str, n_tasks: int = 3) -> HyperModel:
    model = HyperModel(24, 6, **KINDS[kind])
    for name in list(SERIES)[:n_tasks]:
        model.learn_task(name, SERIES[name][:-6])
    return model


@pytest.fixture(scope="module", params=KINDS)
def models(request: pytest.FixtureRequest) -> tuple[str, HyperModel, HyperModel]:
    return request.param, learned(request.param, 1), learned(request.param)


def test_all_tasks_are_forecast_and_the_first_as_before(models: Any) -> None:
    kind, first, model = models
    assert model.task_names == list(SERIES)
    for task in SERIES:
        assert error(model, task) < (0.02 if kind == "in closed form" else 0.3)
    before, after = (one.predict(6, series=SERIES["fast"], task="fast") for one in (first, model))
    if kind == "in closed form":
        np.testing.assert_array_equal(before.values(), after.values())
    else:
        np.testing.assert_allclose(before.values(), after.values(), atol=0.05)
        assert not np.array_equal(before.values(), after.values())


def test_what_is_solved_for_is_what_a_model_of_its_own_would_be() -> None:
    model = learned("in closed form", 2)
    alone = HyperModel(24, 6, **IN_CLOSED_FORM).fit(SERIES["slow"][:-6])
    np.testing.assert_array_equal(
        alone.predict(6, series=SERIES["slow"]).values(),
        model.predict(6, series=SERIES["slow"], task="slow").values(),
    )


def test_saved_and_loaded_it_forecasts_the_same(models: Any, tmp_path: Path) -> None:
    _, _, model = models
    model.save(tmp_path / "tasks.pt")
    again = HyperModel.load(tmp_path / "tasks.pt")
    assert again.task_names == model.task_names
    for task in SERIES:
        assert error(again, task) == error(model, task)


def test_loading_misses_weights_only_where_there_are_none(models: Any, tmp_path: Path) -> None:
    said = io.StringIO()
    handler = logging.StreamHandler(said)
    logger = logging.getLogger(TorchForecastingModel.__module__)
    logger.addHandler(handler)
    try:
        for name, model in (("tasks", models[2]), ("untrained", HyperModel(24, 6))):
            model.save(tmp_path / f"{name}.pt")
            HyperModel.load(tmp_path / f"{name}.pt")
    finally:
        logger.removeHandler(handler)
    (message,) = said.getvalue().splitlines()
    assert "loaded without weights" in message
    assert "untrained.pt" in message


def test_the_model_of_a_task_is_one_as_any_other(models: Any, tmp_path: Path) -> None:
    _, _, model = models
    one = model.for_task("slow")
    assert one.channel_names == ["24-0", "24-1"]
    backtest = one.historical_forecasts(
        SERIES["slow"], forecast_horizon=6, start=-12, start_format="position", retrain=False
    )
    assert backtest.n_components == 2
    one.save(tmp_path / "one.pt")
    again = HyperModel.load(tmp_path / "one.pt")
    expected = model.predict(6, series=SERIES["slow"], task="slow")
    assert again.predict(6, series=SERIES["slow"]) == expected


def test_it_learns_on_after_it_was_loaded(tmp_path: Path) -> None:
    """The order of files and tasks makes no difference."""
    model = learned("by gradients", 2)
    model.save(tmp_path / "two.pt")
    again = HyperModel.load(tmp_path / "two.pt")
    for one in (model, again):
        one.learn_task("middle", SERIES["middle"][:-6])
    assert error(again, "fast") == error(model, "fast")
    assert error(again, "middle") == error(model, "middle")


def test_no_row_is_kept(models: Any) -> None:
    _, _, model = models
    one = model.for_task("fast")
    assert one.training_series is None
    assert not one.train_sample.past_target.any()
    with pytest.raises(ValueError, match="series"):
        one.predict(6)


def test_a_task_that_fails_leaves_the_others_as_they_were() -> None:
    model = learned("by gradients", 1)
    before = error(model, "fast")
    with pytest.raises(ValueError, match=r"too short|rows"):
        model.learn_task("slow", SERIES["slow"][:20])
    assert model.task_names == ["fast"]
    assert error(model, "fast") == before


def test_a_task_forgotten_can_be_learned_again(models: Any) -> None:
    kind, _, _ = models
    model = learned(kind, 2).forget_task("fast")
    assert model.task_names == ["slow"]
    with pytest.raises(ValueError, match="Unknown task 'fast'"):
        model.for_task("fast")
    assert model.learn_task("fast", SERIES["fast"][:-6]).task_names == ["slow", "fast"]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: m.predict(6, series=SERIES["fast"], task="fas"), "Unknown task 'fas'.*'fast'"),
        (lambda m: m.predict(6, series=SERIES["fast"]), "has learned the tasks 'fast'"),
        (lambda m: m.fit(SERIES["fast"]), "has learned the tasks 'fast'"),
        (lambda m: m.fit_from_dataset(None), "has learned the tasks 'fast'"),
        (lambda m: m.learn_task("fast", SERIES["fast"]), "was learned before"),
        (lambda m: m.learn_task("b", SERIES["slow"], hold=-1.0), "hold must be a number >= 0"),
    ],
)
def test_calls_that_cannot_be(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call(learned("in closed form", 1))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"solver": "adam"}, "no part for tasks. Choose tasks='task-vectors'"),
        ({"tasks": "task-vectors", "solver": "adam+exact"}, "a head that tasks share"),
        ({"tasks": "task-vectors", "adapters": "mola"}, "adapters are trained on a base"),
        ({"tasks": "task-vectors", "weights_by": "series", "head": "hn-mvts"}, "weights_by"),
    ],
)
def test_models_that_learn_no_tasks_say_why(options: dict[str, Any], message: str) -> None:
    model = HyperModel(24, 6, **{"n_epochs": 1, **options})
    with pytest.raises(ValueError, match=message):
        model.learn_task("fast", SERIES["fast"])


def test_a_fitted_model_learns_no_task() -> None:
    model = HyperModel(24, 6, **IN_CLOSED_FORM).fit(SERIES["fast"])
    with pytest.raises(ValueError, match="trained by `fit`"):
        model.learn_task("fast", SERIES["fast"])
