"""Channels added to trained models: theirs is solved for, and nothing else moves."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from darts import TimeSeries
from darts.utils.likelihood_models.torch import GaussianLikelihood, QuantileRegression

from hyperforecast.darts import BackboneModel, HNMVTSModel, HyperModel, LightSAEModel
from hyperforecast.nn.newcomers import encoder_training

L, H = 12, 4
ADAM: dict[str, Any] = {"solver": "adam", "n_epochs": 1}
RMLP: dict[str, Any] = {"backbone": "rmlp", "backbone_kwargs": {"d_model": 8}}
FILM = {"modulation": "film", "modulation_kwargs": {"channel_embedding_dim": 2}}


def seasonal(lags: list[int], n_rows: int = 400, seed: int = 0) -> np.ndarray:
    """Columns that each repeat themselves after a number of rows, with noise."""
    generator = np.random.default_rng(seed)
    columns = []
    for lag in lags:
        values = generator.normal(size=n_rows + lag)
        for t in range(lag, n_rows + lag):
            values[t] = 0.9 * values[t - lag] + 0.4 * values[t]
        columns.append(values[lag:])
    return np.stack(columns, axis=1)


def table(lags: list[int], names: str, **options: Any) -> TimeSeries:
    values = seasonal(lags, **options).astype(np.float32)
    return TimeSeries.from_values(values, columns=list(names))


LAGS = [3, 5, 3, 5, 4, 4, 3, 5]
KNOWN = table(LAGS, "abcdefgh")
NEW = table([3, 5], "xy", seed=1)


def models() -> dict[str, Callable[[], Any]]:
    return {
        "hn-mvts, solved": lambda: HNMVTSModel(L, H, channel_embedding_dim=3, n_factors=0),
        "hn-mvts, factors": lambda: HNMVTSModel(L, H, channel_embedding_dim=3, n_factors=2),
        "hn-mvts, all chosen": lambda: HNMVTSModel(L, H),
        "hn-mvts, quantiles": lambda: HNMVTSModel(
            L, H, likelihood=QuantileRegression([0.1, 0.5, 0.9])
        ),
        "hn-mvts, gradients": lambda: HNMVTSModel(L, H, **ADAM, **RMLP),
        "hn-mvts, hidden": lambda: HNMVTSModel(L, H, hyper_hidden=[4], **ADAM, **RMLP),
        "hn-mvts, gaussian": lambda: HNMVTSModel(L, H, likelihood=GaussianLikelihood(), **ADAM),
        "individual": lambda: BackboneModel(L, H, individual=True),
        "one for all": lambda: BackboneModel(L, H),
        "affine": lambda: BackboneModel(L, H, instance_norm="revin-affine", **ADAM, **RMLP),
        "light-sae": lambda: LightSAEModel(L, H, rank=2, n_components=3, n_epochs=1, **RMLP),
        "sae-full": lambda: LightSAEModel(L, H, variant="full", n_epochs=1, **RMLP),
        "film": lambda: HyperModel(L, H, **FILM, **ADAM, **RMLP),
        "film on patches": lambda: HyperModel(
            L, H, backbone="patchtst", backbone_kwargs={"d_model": 4, "n_heads": 2}, **FILM, **ADAM
        ),
    }


@pytest.fixture(scope="module", params=models())
def model(request: pytest.FixtureRequest) -> Any:
    torch.manual_seed(0)
    return models()[request.param]().fit(KNOWN)


def copied(model: Any) -> Any:
    import copy

    return copy.deepcopy(model)


def test_the_others_are_forecast_as_before_to_the_bit(model: Any, tmp_path: Path) -> None:
    before = model.predict(H + 3, series=KNOWN[:-50]) if model.likelihood is None else None
    added = copied(model).add_channels(NEW[-40:].stack(KNOWN[-40:]))
    assert added.channel_names == [*"abcdefghxy"]
    assert added.trained_channel_names == [*"abcdefgh"] == model.channel_names
    if before is None:
        options = {"predict_likelihood_parameters": True}
        before = model.predict(H, series=KNOWN[:-50], **options)
        after = added.predict(H, series=KNOWN.stack(NEW)[:-50], **options)
        n = before.n_components
        np.testing.assert_array_equal(after.values()[:, :n], before.values())
        return
    everything = KNOWN.stack(NEW)[[*"yhgfxedcba"]][:-50]
    after = added.predict(H + 3, series=everything)
    assert list(after.components) == list(everything.components)
    names = [*"abcdefgh"]
    np.testing.assert_array_equal(after[names].values(), before.values())
    # without what was added, the model is the one that was trained
    alone = added.predict(H + 3, series=KNOWN[:-50])
    np.testing.assert_array_equal(alone.values(), before.values())
    one = added.predict(H + 3, series=KNOWN[:-50].stack(NEW["y"][:-50]))
    np.testing.assert_allclose(one["y"].values(), after["y"].values(), rtol=1e-4, atol=1e-5)
    added.save(tmp_path / "model.pt")
    loaded = type(added).load(tmp_path / "model.pt")
    assert loaded.trained_channel_names == names
    np.testing.assert_array_equal(loaded.predict(H + 3, series=everything).values(), after.values())


def test_without_rows_its_weights_serve_all_that_were_trained_on() -> None:
    model = HNMVTSModel(L, H, channel_embedding_dim=3, n_factors=0).fit(KNOWN)
    before = model.network.channel_embedding()
    mean = error_of_all(copied(model).network, before.mean(dim=0))
    empty = NEW[:5].map(lambda values: values * np.nan)
    model.add_channels(empty)
    found = model.network.channel_embedding()
    assert torch.equal(found[:8], before)
    assert torch.equal(found[8], found[9])
    one_row = copied(model).add_channels(NEW[:1])
    torch.testing.assert_close(one_row.network.channel_embedding()[8:], found[8:])
    assert np.isfinite(one_row.predict(H, series=KNOWN.stack(NEW)).values()).all()
    assert error_of_all(model.network, found[8]) <= mean


def error_of_all(network: Any, vector: torch.Tensor) -> float:
    """Error of all channels trained on, with the head that one vector generates."""
    embedding = next(one for name, one in network.named_parameters() if "context.weight" in name)
    with torch.no_grad():
        embedding.copy_(vector.expand_as(embedding))
        rows = torch.from_numpy(KNOWN.values()).float().unfold(0, L + H, 1).mT
        more = network.n_channels - 8
        past = torch.nn.functional.pad(rows[:, :L], (0, more))
        return float((network.eval()(past)[..., :8, 0] - rows[:, L:]).square().mean())


@pytest.mark.parametrize("name", ["hn-mvts, solved", "individual", "film", "light-sae"])
def test_more_rows_bring_it_to_the_channel_that_it_is_like(name: str) -> None:
    """Trained on channels of two kinds: rows of one kind find its head."""
    options: dict[str, Any] = {"random_state": 0}
    if name in ("film", "light-sae"):
        options |= {"n_epochs": 15, "optimizer_kwargs": {"lr": 1e-2}, **RMLP}
    cls: Any = {"hn-mvts, solved": HNMVTSModel, "individual": BackboneModel}.get(name, HyperModel)
    own: dict[str, Any] = {
        "hn-mvts, solved": {"channel_embedding_dim": 3, "n_factors": 0},
        "individual": {"individual": True},
        "film": FILM,
        "light-sae": {"embedding": "light-sae", "embedding_kwargs": {"rank": 4}},
    }[name]
    model = cls(L, H, **own, **options).fit(KNOWN)
    test = table([3, 5], "xy", seed=7, n_rows=300)

    def error(n_rows: int) -> float:
        added = copied(model).add_channels(NEW[:n_rows])
        network = added.network.eval()
        rows = torch.from_numpy(test.values())
        windows = rows.unfold(0, L + H, 1).mT.float()
        past = torch.zeros(len(windows), L, 10)
        past[..., 8:] = windows[:, :L]
        with torch.no_grad():
            found = network(past)[..., 8:, 0]
        return float((found - windows[:, L:]).square().mean())

    mean, few, many = error(0 + L), error(60), error(400)
    assert few < mean
    assert many < 0.9 * mean


def test_steps_along_gradients_find_heads_that_are_all_weights() -> None:
    """Of a model without a parameter beside them."""
    model = BackboneModel(L, H, individual=True, n_factors=0).fit(KNOWN)
    rows = KNOWN.stack(NEW)

    def error(given: TimeSeries, adaptation: Any) -> float:
        added = copied(model).add_channels(given, adaptation=adaptation)
        windows = {"start": -100, "forecast_horizon": H, "last_points_only": False}
        found = added.historical_forecasts(rows, retrain=False, stride=H, **windows)
        wrong = [(one[["x", "y"]] - NEW.slice_intersect(one)).values() for one in found]
        return float(np.square(wrong).mean())

    solved, stepped = (error(NEW, adaptation) for adaptation in ("solve", "fine-tune"))
    assert stepped == pytest.approx(solved, rel=0.1)
    assert stepped < 0.9 * error(NEW[:L], "solve")


def test_added_again_with_more_rows_it_is_solved_for_again() -> None:
    model = HNMVTSModel(L, H, channel_embedding_dim=3, n_factors=0).fit(KNOWN)
    at_once = copied(model).add_channels(NEW)
    model.add_channels(NEW["x"][:30]).add_channels(NEW["y"]).add_channels(NEW["x"])
    assert model.channel_names == [*"abcdefghyx"]
    rows = KNOWN.stack(NEW)
    found, expected = model.predict(H, series=rows), at_once.predict(H, series=rows)
    np.testing.assert_allclose(found.values(), expected.values(), rtol=1e-5)


def test_rows_of_any_length_and_several_series() -> None:
    """A gap before the first row, and the same rows in two series, change nothing."""
    model = HNMVTSModel(L, H, channel_embedding_dim=3, n_factors=0).fit(KNOWN)
    values = NEW.values(copy=True)
    values[:100, 1] = np.nan
    late = TimeSeries.from_values(values, columns=NEW.components)
    found = copied(model).add_channels(late).network.channel_embedding()[8:]
    one_by_one = copied(model).add_channels([NEW["x"], NEW["y"][100:]])
    torch.testing.assert_close(found, one_by_one.network.channel_embedding()[8:])
    values[300] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        model.add_channels(TimeSeries.from_values(values, columns=NEW.components))


def test_in_units_of_their_own() -> None:
    model = HNMVTSModel(L, H, n_factors=0).fit(KNOWN)
    large = NEW.map(lambda values: 1000 * values + 500)
    expected = copied(model).add_channels(NEW).predict(H, series=KNOWN.stack(NEW))
    found = model.add_channels(large).predict(H, series=KNOWN.stack(large))
    np.testing.assert_allclose(
        found.values()[:, 8:], 1000 * expected.values()[:, 8:] + 500, rtol=1e-3, atol=0.5
    )


def test_with_covariates_of_every_kind() -> None:
    static = pd.DataFrame({"size": np.arange(8, dtype=np.float32)})
    past = table([3], "p", seed=3)
    future = table([4], "f", seed=4, n_rows=420)
    options: dict[str, Any] = {"past_covariates": past, "future_covariates": future}
    model = HNMVTSModel(L, H, channel_embedding_dim=2, n_factors=0)
    model.fit(KNOWN.with_static_covariates(static), **options)
    before = model.predict(H, series=KNOWN.with_static_covariates(static), **options)
    new = NEW.with_static_covariates(static[:2])
    model.add_channels(new, **options)
    rows = KNOWN.stack(NEW).with_static_covariates(pd.concat([static, static[:2]]))
    after = model.predict(H, series=rows, **options)
    np.testing.assert_array_equal(after.values()[:, :8], before.values())


def test_backtests_folds_and_trains_on() -> None:
    model = HNMVTSModel(L, H, channel_embedding_dim=3, n_factors=0).fit(KNOWN)
    model.add_channels(NEW[-100:])
    rows = KNOWN.stack(NEW)
    errors = model.backtest(rows, start=-30, retrain=False, last_points_only=False)
    assert np.isfinite(errors)
    windows = torch.from_numpy(rows.values()[None, -L:])
    network = model.network.eval()
    torch.testing.assert_close(network.fold()(windows), network(windows), rtol=1e-4, atol=1e-5)
    model.fit(rows)
    assert model.trained_channel_names == model.channel_names == [*"abcdefghxy"]


@pytest.mark.parametrize("retrain", [False, True])
def test_backtests_take_the_channels_that_predict_takes(retrain: bool) -> None:
    """All, those trained on alone, which are forecast as before, or these and some added."""
    model = HNMVTSModel(L, H, channel_embedding_dim=3, n_factors=0).fit(KNOWN)
    start = {"start": -9, "start_format": "position"}
    options: dict[str, Any] = {**start, "stride": 3, "forecast_horizon": H, "retrain": retrain}
    before = model.historical_forecasts(KNOWN, **options)
    model.add_channels(NEW[-100:])
    after = model.historical_forecasts(KNOWN, **options)
    np.testing.assert_allclose(after.values(), before.values(), rtol=1e-5 if retrain else 0)
    assert list(model.residuals(KNOWN, **options).components) == [*"abcdefgh"]
    for rows in (KNOWN.stack(NEW), KNOWN.stack(NEW["y"])):
        found = model.historical_forecasts(rows, **options)
        assert list(found.components) == list(rows.components)


def test_what_cannot_be_added_says_why() -> None:
    with pytest.raises(ValueError, match=r"call `fit\(\)` before adding to it"):
        HNMVTSModel(L, H).add_channels(NEW)
    model = HNMVTSModel(L, H, n_factors=2, **ADAM).fit(KNOWN)
    with pytest.raises(ValueError, match="beside those of the channels trained on: 'a', 'b'"):
        model.add_channels(NEW)
    with pytest.raises(ValueError, match="has no new channel: 'a', 'b' were trained on"):
        model.add_channels(KNOWN[["a", "b"]])
    mixing = HNMVTSModel(L, H, backbone="tsmixer", **ADAM).fit(KNOWN)
    with pytest.raises(ValueError, match="TSMixer mixes channels"):
        mixing.add_channels(NEW)
    dynamic = HyperModel(L, H, head="dynamic", **ADAM, **RMLP).fit(KNOWN)
    with pytest.raises(ValueError, match="made from all channels"):
        dynamic.add_channels(NEW)
    affine = HNMVTSModel(L, H, use_reversible_instance_norm=True, **ADAM).fit(KNOWN)
    with pytest.raises(ValueError, match="weights of Darts"):
        affine.add_channels(NEW)


def test_files_know_how_channels_depend_on_their_past(tmp_path: Path) -> None:
    model = HNMVTSModel(L, H, channel_embedding_dim=3, n_factors=0).fit(KNOWN)
    model.save(tmp_path / "model.pt")
    loaded = HNMVTSModel.load(tmp_path / "model.pt")
    known = model.model.own_correlations
    torch.testing.assert_close(loaded.model.own_correlations, known)
    centred = KNOWN.values() - KNOWN.values().mean(axis=0)
    expected = (centred[3:] * centred[:-3]).sum(axis=0) / (centred**2).sum(axis=0)
    np.testing.assert_allclose(known[:, 2], expected, rtol=1e-4, atol=1e-5)
    found = loaded.add_channels(NEW[:30]).network.channel_embedding()
    torch.testing.assert_close(found, model.add_channels(NEW[:30]).network.channel_embedding())
    # a file of an earlier version says nothing of them
    loaded.model.own_correlations = None
    assert loaded.add_channels(NEW).network.channel_embedding().isfinite().all()
    plain = BackboneModel(L, H).fit(KNOWN)
    assert plain.model.own_correlations is None


@pytest.mark.parametrize("n_factors", [0, 1])
def test_an_encoder_reads_new_channels_beside_common_factors(
    n_factors: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it says depends on the channel's own rows, and others stay to the bit."""
    monkeypatch.setattr(encoder_training, "N_EPISODES", 1)  # one of each channel and length
    random = np.random.default_rng(0)
    memory = random.uniform(-0.9, 0.9, 33)
    values = random.normal(size=(120, 33)) + random.normal(size=(120, 1))
    for t in range(1, 120):
        values[t] += memory * values[t - 1]
    names = [f"c{n}" for n in range(33)]
    series = TimeSeries.from_values(values.astype(np.float32), columns=names)
    model = HNMVTSModel(
        6, 2, n_factors=n_factors, solver="exact", solver_kwargs={"neighbours": False}
    ).fit(series[names[:32]])
    before = model.predict(2, series=series[names[:32]]).values()
    model.fit_encoder(series[names[:32]])
    forecasts = []
    for rows in (series[-20:], series[-60:-40]):
        added = copy.deepcopy(model).add_channels(rows, adaptation="encoder")
        forecasts.append(added.predict(2, series=series))
        assert np.array_equal(forecasts[-1][names[:32]].values(), before)
    one, other = (found["c32"].values() for found in forecasts)
    assert np.isfinite(one).all()
    assert not np.allclose(one, other, rtol=1e-3)


def test_without_series_all_are_forecast_from_the_end_of_training() -> None:
    model = HNMVTSModel(L, H, n_factors=0, solver="exact").fit(KNOWN)
    model.add_channels(NEW["x"][-60:]).add_channels(NEW["y"][-20:])
    expected = model.predict(H, series=KNOWN.stack(NEW))
    found = model.predict(H)
    assert list(found.components) == [*"abcdefghxy"]
    assert np.array_equal(found.values(), expected.values())
    assert found.start_time() == KNOWN.end_time() + KNOWN.freq
    other = table([5], "x", seed=2)
    model.add_channels(other[-40:])
    expected = model.predict(H, series=KNOWN.stack(NEW["y"]).stack(other))
    assert np.array_equal(model.predict(H)[[*"ayx"]].values(), expected[[*"ayx"]].values())


@pytest.mark.parametrize("rows", [NEW["x"][:-1], NEW["x"][-L + 1 :]], ids=["earlier", "few"])
def test_without_series_an_error_says_what_is_not_known(rows: TimeSeries) -> None:
    model = HNMVTSModel(L, H, n_factors=0, solver="exact").fit(KNOWN).add_channels(rows)
    with pytest.raises(ValueError, match=r"Channels were added to the model, 'x'.*Give `series`"):
        model.predict(H)
    assert list(model.predict(H, series=KNOWN).components) == [*"abcdefgh"]
