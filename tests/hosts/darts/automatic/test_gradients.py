"""What gradients train of the automatic model."""

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from darts import TimeSeries

from hyperforecast.darts import AutoHyperModel
from hyperforecast.darts.automatic import candidates as candidates
from hyperforecast.darts.automatic import gradients as gradients
from hyperforecast.darts.automatic.candidates import Preset
from hyperforecast.darts.automatic.gradients import GradientTraining, Pace, stride_of
from hyperforecast.darts.automatic.held_out import HeldOutWindows, Lengths, Observed
from hyperforecast.darts.automatic.time_limit import TimeLimit
from hyperforecast.darts.module import ForecastingModule
from hyperforecast.darts.solving import solved_model as solved_model
from hyperforecast.nn.solved_head import feature_moments as feature_moments
from hyperforecast.nn.solved_head.feature_rows import FeatureTap

L, H = 6, 2


@pytest.fixture(autouse=True)
def few_epochs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gradients, "MAX_EPOCHS", 4)


def make(**arguments: Any) -> AutoHyperModel:
    trainer = {"accelerator": "cpu"}
    given = {"random_state": 0, "pl_trainer_kwargs": trainer, "quantiles": None, **arguments}
    return AutoHyperModel(L, H, **given)


def threshold(n_rows: int = 300) -> np.ndarray:
    """A channel that turns back beyond a threshold: nothing that a linear forecast knows of."""
    random = np.random.default_rng(0)
    values = np.zeros((n_rows, 2))
    for t in range(1, n_rows):
        before = values[t - 1]
        values[t] = 3.0 - 2.0 * np.abs(before) + 0.1 * random.normal(size=2)
        values[t] = np.clip(values[t], -3, 3)
    return values


def made(values: np.ndarray) -> TimeSeries:
    index = pd.date_range("2001-01-01", periods=len(values), freq="s")
    return TimeSeries.from_times_and_values(index, values.astype(np.float32))


def test_a_nonlinear_backbone_is_chosen_where_it_gains() -> None:
    model = make(candidates=("last value", "one for all", "rmlp")).fit(made(threshold(500)))
    assert model.best_params_["backbone"] == "rmlp"
    assert model.verdict.startswith("RMLP: ")


def test_scale_and_level_of_channels_are_of_no_account() -> None:
    values, scale, level = threshold(), np.array([1.0, 1e4]), np.array([0.0, -3e4])
    model = make(candidates=("rmlp",)).fit(made(values))
    other = make(candidates=("rmlp",)).fit(made(values * scale + level))
    found = (other.predict(H).values() - level) / scale
    np.testing.assert_allclose(found, model.predict(H).values(), atol=2e-2)


def test_the_code_says_what_was_trained() -> None:
    model = make(candidates=("rmlp, generated",)).fit(made(threshold(300)))
    n_epochs = model.best_params_["n_epochs"]
    assert 1 <= n_epochs <= 4
    assert model.as_code() == (
        "HNMVTSModel(input_chunk_length=6, output_chunk_length=2, backbone='rmlp', "
        "solver='adam+exact', solver_kwargs={'validation_size': 0.2}, "
        f"n_epochs={n_epochs}, random_state=0)"
    )


def test_the_best_backbones_of_one_epoch_are_trained_in_full(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setitem(candidates.PRESETS, "medium", Preset(("rmlp", "itransformer"), 1))
    model = make(presets="medium").fit(made(threshold(200)), verbose=True)
    lines = capsys.readouterr().out.splitlines()
    brief = {
        line.partition(", one epoch")[0]: float(line.split("MSE ")[1].split(",")[0])
        for line in lines
        if ", one epoch" in line
    }
    best = min(brief, key=brief.__getitem__)
    assert len(brief) == 2
    backbones = set(model.leaderboard()["candidate"]) & {"rmlp", "itransformer"}
    assert backbones == {best}
    assert f"{best}, generated" in set(model.leaderboard()["candidate"])


def test_quantiles_lie_around_what_was_trained() -> None:
    series = made(threshold())
    point = make(candidates=("rmlp",)).fit(series)
    model = make(candidates=("rmlp",), quantiles=(0.1, 0.5, 0.9)).fit(series)
    np.testing.assert_array_equal(model.predict(H).values(), point.predict(H).values())
    found = model.predict(H, predict_likelihood_parameters=True).values().reshape(H, 2, 3)
    assert (np.diff(found, axis=2) > 0).all()


def test_with_no_time_left_nothing_is_trained_by_gradients() -> None:
    model = make(presets="best", time_limit=1e-9).fit(made(threshold(200)))
    assert set(model.leaderboard()["candidate"]) == {"last value", "drift"}


def test_with_few_rows_held_out_they_are_compared_only_where_asked_for() -> None:
    series = made(threshold(100))  # nine horizons of rows held out
    model = make(presets="medium").fit(series)
    assert not any("rmlp" in name for name in model.leaderboard()["candidate"])
    asked = make(presets="medium", candidates=("last value", "rmlp")).fit(series)
    assert "rmlp" in set(asked.leaderboard()["candidate"])


def test_covariates_gaps_and_static_covariates() -> None:
    values = threshold()
    values[50:60, 0] = np.nan
    past, future = made(1e6 + 1e5 * threshold()[:, :1]), made(threshold(310)[:, 1:])
    series = made(values).with_static_covariates(pd.DataFrame({"size": [1e3, 2e3]}))
    model = make(candidates=("rmlp",))
    model.fit(series, past_covariates=past, future_covariates=future)
    assert np.isfinite(model.predict(H).values()).all()


@pytest.mark.parametrize("season", [None, 2, 24, 30])
def test_windows_begin_everywhere_in_a_season(season: int | None) -> None:
    data = Observed([made(np.zeros((1000, 1)))])
    stride = stride_of(data, Lengths(L, H, 0), 100, season)
    assert 10 <= stride <= 13
    assert season is None or math.gcd(stride, season) == 1


class Ticks:
    """A clock that goes on by a second with every batch, and every chunk of windows of a head."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.time = 0.0
        monkeypatch.setattr(feature_moments, "MAX_VALUES", 1)  # 32 windows in a chunk
        for kind, name in (
            (ForecastingModule, "training_step"),
            (ForecastingModule, "validation_step"),
            (FeatureTap, "rows"),
            (HeldOutWindows, "residuals_of"),
        ):
            self._count(monkeypatch, kind, name)
        monkeypatch.setattr(
            "hyperforecast.darts.automatic.model.TimeLimit",
            lambda seconds, last_fit: TimeLimit(seconds, last_fit, lambda: self.time),
        )

    def _count(self, monkeypatch: pytest.MonkeyPatch, kind: type, name: str) -> None:
        whole = getattr(kind, name)

        def counted(*args: Any, **kwargs: Any) -> Any:
            self.time += 1.0
            return whole(*args, **kwargs)

        monkeypatch.setattr(kind, name, counted)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Ticks:
    return Ticks(monkeypatch)


TRAINED = ("last value", "rmlp", "rmlp, generated")


def test_the_last_fit_solves_for_the_head_by_the_ridge_that_was_selected(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given: list[tuple[float | None, float | None]] = []
    solve = solved_model.solve_trained_head

    def noted(*args: Any) -> Any:
        report = solve(*args)
        given.append((args[6], report[-1]["ridge"] if report else None))
        return report

    monkeypatch.setattr(solved_model, "solve_trained_head", noted)
    series = made(threshold())
    model = make(candidates=("rmlp",)).fit(series)
    (of_first, selected), (told, nothing_compared) = given
    assert of_first is nothing_compared is None
    assert told == selected == model.solver_report["ridge"].iloc[-1] < math.inf
    given.clear()
    make(candidates=("rmlp",)).fit(series[:240], val_series=series[234:])
    assert given[1] == (math.inf, None)  # there are no further rows


def test_with_time_enough_nothing_changes(clock: Ticks, monkeypatch: pytest.MonkeyPatch) -> None:
    series = made(threshold())
    whole = make(candidates=TRAINED).fit(series)
    kept: list[float] = []
    monkeypatch.setattr(TimeLimit, "keep", lambda _, seconds: kept.append(seconds))
    timed = make(candidates=TRAINED, time_limit=1e6).fit(series)
    assert len(kept) == 2
    assert min(kept) > 5  # chunks of windows of a head, and forecasts
    np.testing.assert_array_equal(timed.predict(H).values(), whole.predict(H).values())
    assert timed.verdict == whole.verdict


@pytest.mark.parametrize("seconds", [15, 40, 60, 80])
def test_training_solving_and_the_last_fit_take_no_longer_than_there_is_time(
    clock: Ticks, seconds: int
) -> None:
    model = make(candidates=TRAINED, time_limit=seconds).fit(made(threshold()))
    assert seconds / 2 < clock.time <= seconds
    assert "time_limit" in model.verdict
    assert np.isfinite(model.predict(H).values()).all()


@pytest.mark.parametrize(("seconds", "is_begun"), [(40, False), (60, True)])
def test_a_candidate_is_begun_only_if_there_is_time_for_an_epoch_and_its_head(
    clock: Ticks, seconds: int, is_begun: bool
) -> None:
    model = make(candidates=TRAINED, time_limit=seconds).fit(made(threshold()))
    begun = {"rmlp, generated"} if is_begun else set()
    assert set(model.leaderboard()["candidate"]) == {"last value", "rmlp"} | begun
    assert "time_limit" in model.verdict


def test_a_backbone_for_whose_head_there_was_no_time_is_not_chosen_in_brief(
    clock: Ticks, capsys: pytest.CaptureFixture
) -> None:
    model = make(presets="medium", time_limit=60).fit(made(threshold()), verbose=True)
    assert clock.time <= 60
    assert "one epoch" not in capsys.readouterr().out
    assert not any("rmlp" in name for name in model.leaderboard()["candidate"])


def test_what_is_tried_in_brief_ends_within_its_validation(
    clock: Ticks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(candidates.PRESETS, "medium", Preset(("rmlp", "itransformer"), 1))
    step, ended = ForecastingModule.validation_step, []

    def slow(*args: Any, **kwargs: Any) -> Any:
        clock.time += 10.0
        ended.append(clock.time)
        return step(*args, **kwargs)

    monkeypatch.setattr(ForecastingModule, "validation_step", slow)
    model = make(presets="medium", time_limit=40).fit(made(threshold()))
    assert len(ended) == 2  # the first of two batches, of each backbone
    assert clock.time <= 40
    assert not any("rmlp" in name for name in model.leaderboard()["candidate"])
    assert "time_limit" in model.verdict


def test_a_pace_is_that_of_the_windows() -> None:
    pace = Pace(100, 8.0, 6.0).of(300, 50)
    assert (pace.n_windows, pace.epoch_seconds, pace.head_seconds) == (300, 24.0, 14.0)


@pytest.mark.parametrize(
    ("share", "last_fit", "kept", "expected"),
    [
        (1.0, 1.0, 0.0, 72.0),  # 14 for the head, and again for the last fit
        (1.0, 0.0, 0.0, 86.0),  # which what is tried in brief has not
        (0.5, 1.0, 0.0, 29.0),
        (0.4, 1.0, 0.0, None),  # less than an epoch
        (1.0, 1.0, 40.0, 46.0),  # for the last fit of one before
    ],
)
def test_seconds_to_train_leave_those_of_the_head_and_of_the_last_fit(
    share: float, last_fit: float, kept: float, expected: float | None
) -> None:
    training = of_clock(TimeLimit(100.0, now=lambda: 0.0))
    training.limit.keep(kept)
    training._paces["rmlp"] = Pace(100, 8.0, 6.0)
    assert training._seconds_to_train("rmlp", 300, share, last_fit) == expected


@pytest.mark.parametrize(("last_fit", "expected"), [(1.0, 100 / 3), (0.0, 50.0)])
def test_what_is_not_known_yet_has_equal_parts_for_training_its_head_and_its_last_fit(
    last_fit: float, expected: float
) -> None:
    training = of_clock(TimeLimit(100.0, now=lambda: 0.0))
    assert training._seconds_to_train("rmlp", 300, 1.0, last_fit) == pytest.approx(expected)


def of_clock(limit: TimeLimit) -> GradientTraining:
    """Return what trains, with fifty windows held out."""
    data, lengths = Observed([made(threshold(57))]), Lengths(L, H, 0)
    windows = HeldOutWindows(data, lengths, np.ones(2))
    return GradientTraining(data, data, windows, None, arguments={}, fit_arguments={}, limit=limit)


def test_a_head_for_which_there_was_no_time_stays_as_gradients_trained_it(
    clock: Ticks,
) -> None:
    model = make(candidates=("rmlp",), time_limit=2).fit(made(threshold()))
    assert model.solver_report.empty
    assert clock.time <= 6
    assert np.isfinite(model.predict(H).values()).all()


def test_the_last_fit_leaves_the_head_where_there_is_no_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    series = made(threshold())

    def forecast() -> np.ndarray:
        return make(candidates=("rmlp",)).fit(series).predict(H).values()

    solved = forecast()
    with monkeypatch.context() as patch:
        patch.setattr(gradients.Trained, "ridge", math.inf)
        left = forecast()
    monkeypatch.setattr(TimeLimit, "of_last_fit", lambda _: lambda: True)
    np.testing.assert_array_equal(forecast(), left)
    assert np.abs(left - solved).max() > 1e-5


def test_a_sum_is_left_out_if_there_is_no_time_to_fit_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(candidates.PRESETS, "best", Preset(("rmlp",), 1, combines=True))
    series, asked = made(threshold(200)), []

    def suffices(limit: TimeLimit, seconds: float) -> bool:
        asked.append(seconds)
        return False

    assert "combined" in set(make(presets="best").fit(series).leaderboard()["candidate"])
    monkeypatch.setattr(TimeLimit, "suffices_for", suffices)
    board = make(presets="best").fit(series).leaderboard()
    assert "combined" not in set(board["candidate"])
    assert asked[0] > 0
