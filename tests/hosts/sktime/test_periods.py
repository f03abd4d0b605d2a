"""Cycles of known periods in sktime forecasters, whatever the index."""

import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest

from hyperforecast.sktime import HNMVTSForecaster

L, H = 6, 4
DAY, N_ROWS = 24, 400
HOURS = pd.date_range("2020-01-01 03:00", periods=N_ROWS, freq="h")


def table(index: pd.Index, hours: np.ndarray | None = None, seed: int = 0) -> pd.DataFrame:
    """Two channels with a day of their own each."""
    hours = np.arange(len(index)) if hours is None else hours
    noise = 0.3 * np.random.default_rng(seed).normal(size=(2, len(index)))
    day = np.sin(2 * np.pi * hours / DAY) + (hours % DAY == 7), np.cos(4 * np.pi * hours / DAY)
    return pd.DataFrame({"a": day[0] + noise[0], "b": day[1] + noise[1]}, index=index)


def fitted(y: pd.DataFrame, periods: Any = DAY, **options: Any) -> HNMVTSForecaster:
    return HNMVTSForecaster(L, H, periods=periods, **options).fit(y, fh=[1, 2, 3, 4])


@pytest.mark.parametrize(
    ("index", "periods"),
    [
        (HOURS.tz_localize("UTC").tz_convert("Europe/Berlin"), DAY),
        (HOURS.to_period("h"), "auto"),
        (pd.RangeIndex(N_ROWS), "auto"),
        (pd.Index(np.arange(-5, N_ROWS - 5)), DAY),
    ],
    ids=["zone", "periods", "range", "numbers"],
)
def test_any_index_has_phases(index: pd.Index, periods: Any) -> None:
    expected = fitted(table(HOURS))
    forecaster = fitted(table(index), periods)
    assert forecaster.model_.network.periods == (DAY,)
    found, dated = forecaster.predict(), expected.predict()
    np.testing.assert_allclose(found.to_numpy(), dated.to_numpy(), rtol=1e-9)
    again = pickle.loads(pickle.dumps(forecaster)).predict()
    pd.testing.assert_frame_equal(again, found)


def test_rows_in_sample_and_beyond_have_their_phases() -> None:
    y = table(HOURS)
    residuals = fitted(y).predict_residuals(y)
    assert residuals.iloc[:L].abs().mean().max() < 0.5  # from padded rows
    assert residuals.iloc[L:].std().max() < 0.45
    assert fitted(y, None).predict_residuals(y).iloc[L:].std().max() > 0.45


def test_instances_that_begin_at_unlike_hours() -> None:
    parts = {}
    for seed, (name, start) in enumerate([("p", "2020-01-01 00:00"), ("q", "2021-06-05 17:00")]):
        index = pd.date_range(start, periods=N_ROWS, freq="h")
        parts[name] = table(index, index.hour.to_numpy(), seed)
    y = pd.concat(parts, names=["instance", "time"])
    for options in ({}, {"weights_by": "both"}):
        forecasts = fitted(y, "auto", **options).predict()
        for name, part in parts.items():
            ahead = forecasts.loc[name]
            hours = ahead.index.hour.to_numpy()
            day = np.sin(2 * np.pi * hours / DAY) + (hours == 7)
            assert np.abs(ahead["a"].to_numpy() - day).mean() < 0.3, part.index[0]


def test_updates_go_on_from_the_cycle() -> None:
    y = table(HOURS)
    forecasts = []
    for remembers in (True, False):
        forecaster = HNMVTSForecaster(L, H, periods=DAY).set_config(remember_data=remembers)
        forecaster.fit(y.iloc[:350], fh=[1, 2, 3, 4]).update(y.iloc[350:], update_params=True)
        forecasts.append(forecaster.predict().to_numpy())
    # without the rows the cycle is that of the fit
    np.testing.assert_allclose(*forecasts, atol=0.1)
    np.testing.assert_allclose(forecasts[0], fitted(y).predict().to_numpy(), rtol=1e-9)
    held = fitted(y.iloc[:350]).update(y.iloc[350:], update_params=False).predict()
    np.testing.assert_allclose(held.to_numpy(), forecasts[1], atol=0.1)


def test_months_repeat_after_a_year() -> None:
    months = pd.period_range("2010-01", periods=96, freq="M")
    year = np.arange(96) % 12
    y = pd.DataFrame(
        {"a": (year == 3) * 3.0 + 0.2 * np.random.default_rng(0).normal(size=96)}, months
    )
    forecaster = HNMVTSForecaster(3, 6, periods="auto").fit(y, fh=range(1, 7))
    assert forecaster.model_.network.periods == (12,)
    assert forecaster.predict()["a"].to_numpy().round().tolist() == [0, 0, 0, 3, 0, 0]


def test_pretrained_weights_have_the_cycle() -> None:
    y = table(HOURS)
    forecaster = HNMVTSForecaster(L, H, periods="auto", n_epochs=1, random_state=0)
    forecaster.pretrain(pd.concat({"p": y}, names=["instance", "time"]))
    forecaster.set_params(n_epochs=0).fit(y.iloc[-60:], fh=[1, 2])  # too short to find a day in
    before = forecaster.pretrained_.model.network.cycle.values[0]
    after = forecaster.model_.network.cycle.values[0]
    np.testing.assert_array_equal(after.detach().numpy(), before.detach().numpy())
    with pytest.warns(UserWarning, match="loses its pretrained weights: periods"):
        forecaster.set_params(periods=None)
