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
from hyperforecast.darts.automatic.gradients import stride_of
from hyperforecast.darts.automatic.held_out import Lengths, Observed

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
