"""Cycles of known periods in Darts models."""

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from darts import TimeSeries
from darts.utils.likelihood_models.torch import GaussianLikelihood, QuantileRegression
from darts.utils.onnx import run_onnx_prediction

from hyperforecast.darts import BackboneModel, HNMVTSModel, HyperModel, MoLAModel
from hyperforecast.darts.inputs.phases import PHASE
from hyperforecast.nn import BACKBONES

L, H = 6, 4
DAY = 24
N_ROWS = 20 * DAY


def made(start: str | int = "2020-01-01 03:00", n_rows: int = N_ROWS, seed: int = 0) -> TimeSeries:
    """Two channels with a day of their own each; numbers count hours of the day."""
    index: Any = (
        pd.RangeIndex(start, start + n_rows)
        if isinstance(start, int)
        else pd.date_range(start, periods=n_rows, freq="h")
    )
    hours = np.asarray(index if isinstance(start, int) else index.hour)
    day = np.stack([np.sin(2 * np.pi * hours / DAY) + (hours % DAY == 7), np.cos(hours)], axis=1)
    day[:, 1] = np.cos(4 * np.pi * hours / DAY)
    noise = 0.3 * np.random.default_rng(seed).normal(size=(n_rows, 2))
    return TimeSeries.from_times_and_values(index, day + noise, columns=["a", "b"])


SERIES = made()
EXACT: dict[str, Any] = {"solver": "exact"}
ADAM: dict[str, Any] = {"n_epochs": 1, "random_state": 0, "batch_size": 256}


def error(model: Any, series: TimeSeries, channel: str | None = None) -> float:
    forecasts = model.historical_forecasts(
        series, start=-100, start_format="position", forecast_horizon=H, retrain=False
    )
    missed = series.slice_intersect(forecasts) - forecasts
    return float(np.square((missed if channel is None else missed[channel]).values()).mean())


@pytest.fixture(scope="module")
def solved() -> HNMVTSModel:
    return HNMVTSModel(L, H, periods=[DAY, 7 * DAY]).fit(SERIES[:-100])


def test_the_day_is_kept_and_the_week_is_not(solved: HNMVTSModel) -> None:
    assert solved.network.periods == (DAY,)
    report = solved.solver_report
    assert report["periods"].tolist()[:3] == [(), (DAY,), (DAY, 7 * DAY)]
    assert report["chosen"].tolist()[:3] == [True, True, False]
    plain = HNMVTSModel(L, H).fit(SERIES[:-100])
    assert "periods" not in plain.solver_report
    assert error(solved, SERIES) < 0.7 * error(plain, SERIES)


def test_auto_is_the_day_and_week_of_hours(solved: HNMVTSModel) -> None:
    found = HNMVTSModel(L, H, periods="auto").fit(SERIES[:-100])
    assert found.predict(H) == solved.predict(H)
    counted = TimeSeries.from_values(SERIES.values())
    assert HNMVTSModel(L, H, periods="auto").fit(counted).network.periods == (DAY,)


@pytest.mark.parametrize("options", [EXACT, ADAM])
def test_hours_counted_by_numbers_are_the_same(options: dict[str, Any]) -> None:
    dated = HNMVTSModel(L, H, periods=DAY, **options).fit(SERIES)
    first = 5 * DAY + 3
    index = pd.RangeIndex(first, first + N_ROWS)
    counted = TimeSeries.from_times_and_values(index, SERIES.values(), columns=["a", "b"])
    model = HNMVTSModel(L, H, periods=DAY, **options).fit(counted)
    np.testing.assert_array_equal(model.predict(H).values(), dated.predict(H).values())


def test_series_that_begin_at_any_hour_share_their_phases() -> None:
    several = [made("2020-01-01 00:00"), made("2021-05-05 17:00", seed=1)]
    model = HNMVTSModel(L, H, periods=DAY).fit(several)
    other = made("2022-07-07 11:00", seed=2)
    together = error(model, other)
    assert model.network.periods == (DAY,)
    assert together < 0.2  # noise alone has 0.09
    shifted = TimeSeries.from_times_and_values(
        other.time_index + pd.Timedelta(hours=6), other.values(), columns=["a", "b"]
    )
    assert error(model, shifted) > 2 * together


@pytest.mark.parametrize("options", [EXACT, ADAM])
def test_a_forecast_is_the_same_by_all_ways(options: dict[str, Any], tmp_path: Path) -> None:
    model = HNMVTSModel(L, H, periods="auto", **options).fit(SERIES[:-50])
    slowly, fast = (
        model.historical_forecasts(
            SERIES,
            start=-12,
            start_format="position",
            forecast_horizon=H,
            retrain=False,
            enable_optimization=optimized,
        )
        for optimized in (False, True)
    )
    np.testing.assert_allclose(slowly.values(), fast.values(), rtol=1e-12)
    expected = model.predict(H, series=SERIES)
    model.save(str(tmp_path / "model.pt"))
    assert HNMVTSModel.load(str(tmp_path / "model.pt")).predict(H, series=SERIES) == expected
    fresh = HNMVTSModel(L, H, periods="auto", **options)
    fresh.load_weights(str(tmp_path / "model.pt"))
    assert fresh.predict(H, series=SERIES) == expected
    short = model.predict(2, series=SERIES)
    np.testing.assert_allclose(short.values(), expected.values()[:2], rtol=1e-12)


def test_forecasts_go_on_beyond_the_horizon(solved: HNMVTSModel) -> None:
    forecast = solved.predict(2 * DAY, series=SERIES)
    day, next_day = forecast.values()[:DAY], forecast.values()[DAY:]
    assert np.abs(day - next_day).max() < 0.1
    expected = made("2020-01-21 03:00", DAY).values()
    assert np.square(day - expected).mean() < 0.2


@pytest.mark.parametrize("backbone", BACKBONES)
def test_every_backbone_starts_at_the_means_and_learns_on(backbone: str) -> None:
    cycles = []
    for n_epochs in (0, 1):
        model = BackboneModel(
            L, H, backbone=backbone, periods=DAY, **{**ADAM, "n_epochs": n_epochs}
        )
        model.fit(SERIES)
        cycles.append(model.network.cycle.values[0].detach().numpy())
    hours = np.arange(DAY)
    truth = np.stack(
        [np.sin(2 * np.pi * hours / DAY) + (hours == 7), np.cos(4 * np.pi * hours / 24)]
    )
    # hours since 1970 begin the day
    np.testing.assert_allclose(cycles[0], truth - truth.mean(axis=1, keepdims=True), atol=0.45)
    assert 0 < np.abs(cycles[1] - cycles[0]).max() < 0.1


@pytest.mark.parametrize(
    "options",
    [
        {"likelihood": QuantileRegression([0.1, 0.5, 0.9]), **EXACT},
        {"likelihood": GaussianLikelihood(), **ADAM},
        {"backbone": "rmlp", "solver": "adam+exact", **ADAM},
        {"output_chunk_shift": 3, **EXACT},
    ],
)
def test_it_goes_with_other_options(options: dict[str, Any]) -> None:
    shift = options.get("output_chunk_shift", 0)
    n_samples = 1 if options.get("likelihood") is None else 200
    errors = []
    for periods in (None, DAY):
        model = HNMVTSModel(L, H, periods=periods, **options).fit(SERIES[: -H - shift])
        forecast = model.predict(H, num_samples=n_samples, random_state=0).mean()
        errors.append(np.abs((forecast - SERIES[-H:]).values()).mean())
    assert errors[1] < min(0.5, errors[0])


def test_two_stages_of_segments() -> None:
    model = MoLAModel(L, H, periods=DAY, n_segments=2, n_base_epochs=1, **ADAM).fit(SERIES)
    assert model.predict(H).values().shape == (H, 2)


@pytest.mark.parametrize("options", [EXACT, ADAM])
def test_covariates_of_every_kind_stay_beside_it(options: dict[str, Any]) -> None:
    known = made(n_rows=N_ROWS + 40, seed=3).with_columns_renamed(["a", "b"], ["u", "v"])
    past = made(seed=4).with_columns_renamed(["a", "b"], ["x", "z"])
    given = {"past_covariates": past, "future_covariates": known}
    model = HNMVTSModel(L, H, periods=DAY, **options).fit(SERIES, **given)
    assert model.covariate_names == {
        "past_covariates": ["x", "z"],
        "future_covariates": ["u", "v"],
    }
    assert model.uses_future_covariates
    assert len(model.network.past_cycle.values[0]) == 4
    torch.testing.assert_close(
        model.network.future_cycle.values[0].float(),
        model.network.past_cycle.values[0][2:].float(),
        atol=5e-3,
        rtol=5e-2,
    )
    forecast = model.predict(H, series=SERIES, **given)
    turned = model.predict(H, series=SERIES, **{**given, "future_covariates": known[["v", "u"]]})
    assert forecast == turned


def test_without_covariates_none_are_asked_for(solved: HNMVTSModel) -> None:
    assert not solved.uses_future_covariates
    assert "future_covariates" not in solved.covariate_names
    assert solved.predict(H, series=SERIES).n_components == 2


def test_missing_values() -> None:
    values = SERIES.values(copy=True)
    values[np.random.default_rng(0).random(values.shape) < 0.1] = np.nan
    model = HNMVTSModel(L, H, periods=DAY).fit(SERIES.with_values(values)[:-100])
    assert model.network.periods == (DAY,)
    assert error(model, SERIES) < 0.2


@pytest.mark.parametrize("options", [EXACT, ADAM])
def test_series_have_cycles_of_their_own(options: dict[str, Any]) -> None:
    one, other = (made(seed=seed)["a"] for seed in (0, 1))
    turned = other.with_values(-other.values()).with_columns_renamed("a", "turned")
    model = HNMVTSModel(L, H, periods=DAY, weights_by="series", **options).fit([one, turned])
    first, second = model.network.cycle.values[0].detach()
    assert np.corrcoef(first, second)[0, 1] < -0.9
    forecasts = model.predict(H, series=[one, turned])
    assert forecasts[0].values()[0, 0] * forecasts[1].values()[0, 0] < 0


def test_a_backtest_that_trains_again_keeps_the_cycle() -> None:
    model = HNMVTSModel(L, H, periods=DAY)
    forecasts = model.historical_forecasts(
        SERIES, start=-6, start_format="position", forecast_horizon=H, retrain=True
    )
    first = HNMVTSModel(L, H, periods=DAY).fit(SERIES[: N_ROWS - 6])
    # a few rows more change little where nothing is chosen again
    for number, (found, allowed) in enumerate(
        zip(forecasts.values(), (1e-6, 0.02, 0.02), strict=True)
    ):
        expected = first.predict(H, series=SERIES[: N_ROWS - 6 + number]).values()[-1]
        np.testing.assert_allclose(found, expected, rtol=0, atol=allowed)


def test_onnx(tmp_path: Path) -> None:
    path = str(tmp_path / "model.onnx")
    session = pytest.importorskip("onnxruntime").InferenceSession
    series = SERIES.astype(np.float32)
    model = HNMVTSModel(L, H, periods=DAY).fit(series)
    model.to_onnx(path)
    phased = model.with_phases(series)
    assert list(phased.components) == [PHASE]
    assert phased.values()[:3, 0].tolist() == [3.0, 4.0, 5.0]
    found = run_onnx_prediction(H, session(path), series, future_covariates=phased)
    np.testing.assert_allclose(found.values(), model.predict(H).values(), atol=1e-5)


def test_further_windows_are_counted_without_their_cycle() -> None:
    model = HNMVTSModel(L, H, periods=DAY).fit(SERIES[:-100])
    running = model.counting(model.running_fit(), [SERIES[:-100]])
    again = model.solve_for(running).predict(H, series=SERIES)
    expected = HNMVTSModel(L, H, periods=DAY).fit(SERIES[:-100]).predict(H, series=SERIES)
    np.testing.assert_allclose(again.values(), expected.values(), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize(
    ("periods", "message"),
    [
        (1, "periods must be 'auto' or a whole number of steps >= 2"),
        ([DAY, DAY], "different numbers of steps"),
        ([], "at least one"),
        ([9999991, 24], "begin anew together after"),
    ],
)
def test_what_cannot_be(periods: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        HNMVTSModel(L, H, periods=periods)


def test_what_has_no_cycle() -> None:
    with pytest.raises(ValueError, match="do not fit twice into the longest training series"):
        HNMVTSModel(L, H, periods=N_ROWS).fit(SERIES)
    with pytest.raises(ValueError, match="has no periods"):
        HNMVTSModel(L, H).fit(SERIES).with_phases(SERIES)
    plain = HNMVTSModel(L, H)
    dataset = plain._build_train_dataset([SERIES], None, [made(seed=3)], None, None)
    with pytest.raises(ValueError, match="makes datasets itself"):
        HNMVTSModel(L, H, periods=DAY).fit_from_dataset(dataset)


def alike(n_channels: int, n_rows: int = N_ROWS, **made_by: Any) -> TimeSeries:
    """Channels of one day, each of its own size and about a level of its own."""
    column = made(n_rows=n_rows, **made_by)["a"]
    random = np.random.default_rng(7)
    noise = 0.3 * random.normal(size=(n_rows, n_channels))
    values = (column.values() + noise) * np.arange(1, n_channels + 1) + 10.0
    names = [f"c{i}" for i in range(n_channels)]
    return TimeSeries.from_times_and_values(column.time_index, values, columns=names)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"adaptation": "fine-tune"},
        {"model": {**ADAM, "instance_norm": "last"}},
        {"model": {"n_factors": 1, "channel_embedding_dim": 2}},
    ],
)
def test_an_added_channel_has_the_day_of_its_rows(options: dict[str, Any]) -> None:
    given = {"channel_embedding_dim": 2, **options.get("model", {})}
    whole = alike(4)
    before = whole[:-100]
    model = HNMVTSModel(L, H, periods=DAY, **given).fit(before[["c0", "c1", "c2"]])
    assert model.network.periods == (DAY,)
    few, enough = before[-10:], before[-10 * DAY :]
    adaptation = {k: v for k, v in options.items() if k == "adaptation"}
    known = ["c0", "c1", "c2"] if "n_factors" in given else []
    added = {
        name: copy.deepcopy(model).add_channels(rows[[*known, "c3"]], **adaptation)
        for name, rows in (("few", few), ("enough", enough))
    }
    trained = HNMVTSModel(L, H, periods=DAY, **given).fit(before)
    best = error(trained, whole, "c3")
    for name, one in added.items():
        assert one.channel_names == ["c0", "c1", "c2", "c3"]
        assert error(one, whole, "c3") < {"few": 2.3, "enough": 1.1}[name] * best


def test_a_channel_forecast_by_the_head_of_all_has_a_day() -> None:
    whole = alike(3)
    model = BackboneModel(L, H, periods=DAY).fit(whole[["c0", "c1"]][:-100])
    named = whole.with_columns_renamed(["c0", "c1", "c2"], ["x", "y", "z"])
    with pytest.warns(UserWarning, match="were not trained on"):
        forecast = model.predict(H, series=named[:-100])
    assert np.abs((forecast - named.slice_intersect(forecast)).values()).max() < 4.0
    known = model.predict(H, series=whole[["c0", "c1"]][:-100])
    # cycles are drawn towards the mean of the two, and that is nearly their own
    np.testing.assert_allclose(forecast.values()[:, :2], known.values(), atol=0.6)


def test_an_added_series_has_the_day_of_its_rows() -> None:
    whole = alike(4)
    several = [whole[f"c{i}"].with_columns_renamed(f"c{i}", "value") for i in range(4)]
    several = [
        one.with_static_covariates(pd.DataFrame({"name": [f"s{i}"]}))
        for i, one in enumerate(several)
    ]
    given: dict[str, Any] = {"periods": DAY, "weights_by": "series", "series_id": "name"}
    before = [one[:-100] for one in several]
    model = HNMVTSModel(L, H, **given).fit(before[:3])
    assert model.network.periods == (DAY,)
    model.add_series(before[3][-10 * DAY :])
    trained = HNMVTSModel(L, H, **given).fit(before)
    assert error(model, several[3]) < 1.1 * error(trained, several[3])
    # one that is not added, but forecast from some days of its own
    unknown = several[3].with_static_covariates(pd.DataFrame({"name": ["s4"]}))
    with pytest.warns(UserWarning, match="were not trained on"):
        forecast = model.predict(H, series=unknown[:-100])
    missed = (unknown.slice_intersect(forecast) - forecast).values()
    assert np.square(missed).mean() < 2.0 * error(trained, several[3])


@pytest.mark.parametrize("solver", ["adam", "exact"])
def test_tasks_have_cycles_of_their_own(solver: str) -> None:
    options = {"solver": "exact"} if solver == "exact" else {"tasks": "task-vectors", **ADAM}
    model = HyperModel(L, H, head="hn-mvts", periods="auto", **options)
    daily = alike(2, seed=3)
    index = pd.date_range("2020-01-01", periods=len(daily), freq="D")
    weeks = np.sin(2 * np.pi * np.arange(len(daily)) / 7)[:, None] + 0.1 * daily.values()
    weekly = TimeSeries.from_times_and_values(index, weeks)
    model.learn_task("hours", daily[:-H])
    first = model.predict(H, series=daily[:-H], task="hours")
    table = model.for_task("hours").network.cycle.values[0].clone()
    model.learn_task("days", weekly[:-H], hold=1e6)
    assert model.for_task("days").network.periods[0] == 7
    again = model.for_task("hours").network
    assert again.periods[0] == DAY
    torch.testing.assert_close(again.cycle.values[0], table, rtol=0, atol=0)
    found = model.predict(H, series=daily[:-H], task="hours")
    np.testing.assert_allclose(found.values(), first.values(), atol=0.1)
    model.predict(H, series=weekly[:-H], task="days")


def test_phases_that_a_precision_cannot_tell_apart(
    solved: HNMVTSModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    phases = torch.full((1, L, 1), 5.0, dtype=torch.bfloat16)
    assert solved.model._phase(phases, phases).tolist() == [[5, 5]]
    monkeypatch.setattr(solved.network, "periods", (168,))
    with pytest.raises(ValueError, match="bfloat16 does not tell all apart"):
        solved.model._phase(phases, phases)
