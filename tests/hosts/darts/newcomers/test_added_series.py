"""Series that are added to a trained model, with weights solved for on rows of their own."""

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from darts import TimeSeries
from darts.utils.likelihood_models.torch import QuantileRegression

from hyperforecast.darts import (
    BackboneModel,
    HNMVTSModel,
    HyperforecastModel,
    HyperModel,
    LightSAEModel,
)
from hyperforecast.nn.contexts.attributes import with_attributes
from hyperforecast.nn.newcomers import encoder_training
from tests.hosts.darts.inputs.test_attributes import BY_GRADIENTS, NEWCOMERS, error, panel

L, H = 8, 1

SHORT: dict[str, Any] = {**BY_GRADIENTS, "n_epochs": 1, "rank": 2}


def bare(series: list[TimeSeries]) -> list[TimeSeries]:
    return [one.with_static_covariates(None) for one in series]


@pytest.fixture
def solved() -> HyperforecastModel:
    return HNMVTSModel(L, H, weights_by="series", solver="exact").fit(bare(panel(16)))


def test_weights_are_found_on_few_rows_and_others_stay_to_the_bit(
    solved: HyperforecastModel, tmp_path: Path
) -> None:
    known, new = bare(panel(16)), bare(NEWCOMERS)
    before = [one.values() for one in solved.predict(H, series=known)]
    with pytest.warns(UserWarning, match="not trained on"):
        mean = error(solved, new)
    assert solved.add_series([one[10:50] for one in new]) is solved
    assert solved.series_names == [*(f"s{n}" for n in range(16)), "new a", "new b"]
    assert error(solved, new) < 1e-2 * mean
    after = [one.values() for one in solved.predict(H, series=[*known, *new])]
    assert all(np.array_equal(*pair) for pair in zip(before, after, strict=False))
    solved.save(str(tmp_path / "model.pt"))
    loaded = HNMVTSModel.load(str(tmp_path / "model.pt"))
    expected = solved.predict(H, series=new[0])
    assert np.array_equal(loaded.predict(H, series=new[0]).values(), expected.values())


@pytest.mark.parametrize(
    ("model_class", "options"),
    [
        (HNMVTSModel, {"solver": "exact", "channel_embedding_dim": 1}),
        (HNMVTSModel, {"solver": "adam", "hyper_hidden": [8], **BY_GRADIENTS}),
        (HNMVTSModel, {"solver": "adam", "rank": 1, **BY_GRADIENTS}),
        (LightSAEModel, BY_GRADIENTS),
        (HyperModel, {"backbone": "rmlp", "modulation": "film", **BY_GRADIENTS}),
    ],
)
def test_others_stay_to_the_bit_in_double_precision(model_class: Any, options: dict) -> None:
    precise = {"pl_trainer_kwargs": {"accelerator": "cpu", "precision": "64-true"}}
    series = panel(20)
    for n_known, n_all in ((3, 4), (7, 20)):
        known = series[:n_known]
        model = model_class(L, H, weights_by="series", **(options | precise)).fit(known)
        before = [one.values() for one in model.predict(H, series=known)]
        model.add_series(series[n_known:n_all])
        assert model.network.head.weight.dtype is torch.float64
        after = [one.values() for one in model.predict(H, series=known)]
        assert all(np.array_equal(*pair) for pair in zip(before, after, strict=True))


def test_without_a_row_of_a_horizon_attributes_say_all() -> None:
    model = HNMVTSModel(L, H, weights_by="series", solver="exact").fit(panel(16))
    model.add_series([one[:1] for one in NEWCOMERS])
    for _, context in with_attributes(model.network):
        assert not context.weight[16:].any()
        assert context.vectors()[16:].any()


def test_rows_say_what_attributes_do_not() -> None:
    def kinds(series: list[TimeSeries]) -> list[TimeSeries]:
        return [one.with_static_covariates(one.static_covariates[["kind"]]) for one in series]

    model = HNMVTSModel(L, H, weights_by="series", solver="exact").fit(kinds(panel(16)))
    new = kinds(NEWCOMERS)
    before = error(model, new)
    model.add_series([one[:50] for one in new])
    assert error(model, new) < 0.5 * before


def test_added_again_with_more_rows_it_is_replaced(solved: HyperforecastModel) -> None:
    first, second = bare(NEWCOMERS)
    solved.add_series([first[:12], second[:50]])
    solved.add_series(first[:50])
    assert solved.trained_series_names == [f"s{n}" for n in range(16)]
    assert solved.series_names == [*solved.trained_series_names, "new b", "new a"]
    found = [one.values() for one in solved.predict(H, series=[first, second])]
    alone = HNMVTSModel(L, H, weights_by="series", solver="exact").fit(bare(panel(16)))
    alone.add_series([first[:50], second[:50]])
    for one, expected in zip(found, alone.predict(H, series=[first, second]), strict=True):
        np.testing.assert_allclose(one, expected.values(), rtol=1e-6)


def test_added_at_once_they_are_as_added_one_after_the_other(solved: HyperforecastModel) -> None:
    new = bare(NEWCOMERS)
    rows = [new[0][:50], new[1][3:53]]
    at_once = copy.deepcopy(solved).add_series(rows)
    for one in rows:
        solved.add_series(one)
    for one in new:
        expected = solved.predict(H, series=one).values()
        np.testing.assert_allclose(at_once.predict(H, series=one).values(), expected, rtol=1e-6)


def test_stretches_of_one_name_are_one_series(solved: HyperforecastModel) -> None:
    one = bare(NEWCOMERS)[0]
    solved.add_series([one[:25], one[25:50]])
    assert solved.series_names[16:] == ["new a"]


def test_weights_trained_by_gradients_take_newcomers_by_steps_on_the_vector() -> None:
    options: dict[str, Any] = {**BY_GRADIENTS, "n_epochs": 1, "rank": 2}
    model = LightSAEModel(L, 2, backbone="rmlp", weights_by="series", **options).fit(panel(6))
    known = panel(6)
    before = [one.values() for one in model.predict(2, series=known)]
    plain = model.predict(2, series=NEWCOMERS[0]).values()
    model.add_series(NEWCOMERS[0][:50])
    after = [one.values() for one in model.predict(2, series=known)]
    assert all(np.array_equal(*pair) for pair in zip(before, after, strict=True))
    assert not np.allclose(model.predict(2, series=NEWCOMERS[0]).values(), plain, rtol=1e-3)


def test_a_series_that_is_not_added_has_the_head_that_all_would_share() -> None:
    options: dict[str, Any] = {"weights_by": "series", "solver": "exact"}
    options["solver_kwargs"] = {"ridge": 1e-3, "combine": False}
    known, new = bare(panel(6)), bare(NEWCOMERS)[0]
    own = HNMVTSModel(L, H, channel_embedding_dim=6, instance_norm="last", **options).fit(known)
    one = HNMVTSModel(L, H, channel_embedding_dim=0, instance_norm="last", **options).fit(known)
    assert own.model is not None
    assert own.model.shares_at_zero
    with pytest.warns(UserWarning, match="not trained on"):
        found, expected = (model.predict(H, series=new).values() for model in (own, one))
    np.testing.assert_allclose(found, expected, rtol=1e-4)


@pytest.fixture(scope="module")
def with_encoder() -> HyperforecastModel:
    known = bare(panel(40))
    model = HNMVTSModel(L, H, weights_by="series", solver="exact").fit(known)
    assert not model.has_encoder
    assert model.fit_encoder(known) is model
    assert model.has_encoder
    return model


def test_added_with_few_rows_it_is_forecast_in_units_of_those_given(
    solved: HyperforecastModel,
) -> None:
    """As a series that is not added is, where the few rows are too few for anything else."""
    new = bare(NEWCOMERS)[0]
    with pytest.warns(UserWarning, match="not trained on"):
        expected = solved.predict(H, series=new).values()
    known = bare(panel(16))[3]
    others = solved.predict(H, series=known).values()
    solved.add_series(new[:2], adaptation="fine-tune")
    np.testing.assert_array_equal(solved.predict(H, series=new).values(), expected)
    both = solved.predict(H, series=[known, new])
    np.testing.assert_array_equal(both[0].values(), others)
    np.testing.assert_allclose(both[1].values(), expected, rtol=1e-6)
    backtest = solved.historical_forecasts(
        new, start=new.end_time(), forecast_horizon=H, retrain=False, last_points_only=False
    )
    one = solved.predict(H, series=new[:-1])
    np.testing.assert_allclose(backtest[0].values(), one.values(), rtol=1e-6)
    solved.add_series(new[:L], adaptation="fine-tune")
    assert not np.allclose(solved.predict(H, series=new).values(), expected, rtol=1e-3)


class TestEncoder:
    """Histories are read by what was trained on those of known series."""

    known = bare(panel(40))
    new = bare(NEWCOMERS)

    def test_few_rows_are_read_and_others_stay_to_the_bit(
        self, with_encoder: HyperforecastModel, tmp_path: Path
    ) -> None:
        model = with_encoder
        before = [one.values() for one in model.predict(H, series=self.known)]
        with pytest.warns(UserWarning, match="not trained on"):
            plain = error(model, self.new)
        added = copy.deepcopy(model).add_series(
            [one[10:17] for one in self.new], adaptation="encoder"
        )
        assert error(added, self.new) < 0.5 * plain
        after = [one.values() for one in added.predict(H, series=self.known)]
        assert all(np.array_equal(*pair) for pair in zip(before, after, strict=True))
        model.save(str(tmp_path / "model.pt"))
        loaded = HNMVTSModel.load(str(tmp_path / "model.pt"))
        loaded.add_series([one[10:17] for one in self.new], adaptation="encoder")
        for one in self.new:
            expected = added.predict(H, series=one).values()
            np.testing.assert_allclose(loaded.predict(H, series=one).values(), expected, rtol=1e-5)

    def test_training_forgets_it(self, with_encoder: HyperforecastModel) -> None:
        again = copy.deepcopy(with_encoder).fit(self.known)
        with pytest.raises(ValueError, match=r"Call `fit_encoder\(series\)`"):
            again.add_series(self.new[0][:20], adaptation="encoder")

    def test_it_needs_several_known_series(self) -> None:
        few = HNMVTSModel(L, H, weights_by="series", solver="exact").fit(self.known[:7])
        with pytest.raises(ValueError, match="8 known channels or series at least; there are 7"):
            few.fit_encoder(self.known[:7])
        bent = LightSAEModel(L, 2, backbone="rmlp", weights_by="series", **SHORT)
        with pytest.raises(ValueError, match="32 known channels or series at least; there are 31"):
            bent.fit(self.known[:31]).fit_encoder(self.known[:31])
        with pytest.raises(ValueError, match="adaptation must be one of 'solve', 'encoder'"):
            few.add_series(self.new[0][:20], adaptation="solved")

    def test_few_known_series_teach_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(encoder_training, "N_EPISODES", 500)
        model = HNMVTSModel(L, H, weights_by="series", solver="exact").fit(self.known[:12])
        with pytest.warns(UserWarning, match="not trained on"):
            plain = error(model, self.new)
        model.fit_encoder(self.known[:12])
        model.add_series([one[10:30] for one in self.new], adaptation="encoder")
        assert error(model, self.new) < 0.5 * plain

    def test_one_that_says_nothing_of_series_left_out_moves_none(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(encoder_training, "PARTS", (0.0,))
        monkeypatch.setattr(encoder_training, "OWN_WEIGHTS", (0.0,))
        monkeypatch.setattr(encoder_training, "N_EPISODES", 1)
        monkeypatch.setattr(encoder_training, "N_STEPS", 2)
        model = HNMVTSModel(L, H, weights_by="series", solver="exact").fit(self.known[:8])
        with pytest.warns(UserWarning, match="nothing of 8 known channels or series"):
            model.fit_encoder(self.known[:8])
        with pytest.warns(UserWarning, match="not trained on"):
            expected = model.predict(H, series=self.new[0]).values()
        model.add_series(self.new[0], adaptation="encoder")
        np.testing.assert_allclose(model.predict(H, series=self.new[0]).values(), expected)

    def test_weights_trained_by_gradients_are_read_too(self) -> None:
        model = LightSAEModel(L, 2, backbone="rmlp", weights_by="series", **SHORT)
        model.fit(self.known).fit_encoder(self.known)
        assert model.model is not None
        assert model.model.encoder_state is not None
        assert model.model.encoder_state["own_weight"] == 0
        with pytest.warns(UserWarning, match="not trained on"):
            plain = model.predict(2, series=self.new[0]).values()
        model.add_series(self.new[0][:20], adaptation="encoder")
        assert not np.allclose(model.predict(2, series=self.new[0]).values(), plain, rtol=1e-4)


def test_fine_tuning_takes_steps_on_the_vector(solved: HyperforecastModel) -> None:
    new = bare(NEWCOMERS)
    with pytest.warns(UserWarning, match="not trained on"):
        plain = error(solved, new)
    solved.add_series([one[10:50] for one in new], adaptation="fine-tune")
    assert error(solved, new) < 0.1 * plain


def test_errors_say_why_series_cannot_be_added(solved: HyperforecastModel) -> None:
    with pytest.raises(ValueError, match="The model was trained on 's0'"):
        solved.add_series(bare(panel(1)))
    with pytest.raises(ValueError, match=r"call `fit\(\)` before adding"):
        HNMVTSModel(L, H, weights_by="series").add_series(NEWCOMERS[0])
    by_channel = BackboneModel(L, H).fit(bare(panel(2))[0])
    with pytest.raises(ValueError, match="weights_by='channel'"):
        by_channel.add_series(NEWCOMERS[0])
    gaps = bare(NEWCOMERS)[0]
    values = gaps.values(copy=True)
    values[20] = np.nan
    with pytest.raises(ValueError, match="`series` holds NaN"):
        solved.add_series(gaps.with_values(values))


def followers(numbers: Sequence[int]) -> list[TimeSeries]:
    """Return series whose second component is the first of the step before, or minus that.

    Of every other number minus that, and all at levels and scales of their own.
    """
    series = []
    for n in numbers:
        first = np.random.default_rng(n).standard_normal(80)
        noise = 1e-3 * np.random.default_rng(50 + n).standard_normal(80)
        values = np.stack([5 + first, noise + (-1) ** n * np.append(0, first[:-1])], axis=1)
        one = TimeSeries.from_values(10.0 ** (n % 4) * values, columns=["first", "next"])
        series.append(one.with_static_covariates(pd.DataFrame({"shop": [f"shop {n}"]})))
    return series


class TestFactors:
    """Common factors of the components of series that are added."""

    options: dict[str, Any] = {
        "weights_by": "both",
        "series_id": "shop",
        "instance_norm": "none",
        "n_factors": 2,
    }

    @pytest.fixture
    def trained(self) -> HyperforecastModel:
        return HNMVTSModel(L, H, solver="exact", **self.options).fit(followers(range(12)))

    @pytest.mark.parametrize("n_rows", [20, 80])
    def test_say_to_a_newcomer_what_they_say_to_its_like(self, trained: Any, n_rows: int) -> None:
        model, known, new = trained, followers(range(12)), followers([12, 13])
        before = [one.values() for one in model.predict(H, series=known)]
        model.add_series([one[-n_rows:] for one in new])
        for n, one in zip((12, 13), new, strict=True):
            scale = 10.0 ** (n % 4)
            expected = (-1) ** n * (one["first"].values()[-1, 0] / scale - 5)
            found = model.predict(H, series=one)["next"].values()[0, 0] / scale
            assert found == pytest.approx(expected, abs=0.2)
        after = [one.values() for one in model.predict(H, series=known)]
        assert all(np.array_equal(*pair) for pair in zip(before, after, strict=True))

    def test_are_those_of_each_newcomer_alone(self, trained: Any) -> None:
        new = followers([12, 13, 14])
        rows = [new[0], new[1][30:], new[2]]
        together = copy.deepcopy(trained).add_series(rows)
        apart = copy.deepcopy(trained)
        for one in rows:
            apart.add_series(one)
        for one in new:
            expected = together.predict(H, series=one).values()
            np.testing.assert_allclose(apart.predict(H, series=one).values(), expected, rtol=1e-5)

    def test_are_in_units_of_the_newcomer(self, trained: Any) -> None:
        (new,) = followers([13])
        scale, level = np.array([1e3, 0.1]), np.array([-7.0, 1e3])
        moved = new.with_values(new.values() * scale + level)[["next", "first"]]
        expected = copy.deepcopy(trained).add_series(new).predict(H, series=new).values()
        found = copy.deepcopy(trained).add_series(moved).predict(H, series=moved)
        found = (found[["first", "next"]].values() - level) / scale
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3)

    def test_enter_where_an_encoder_reads_newcomers(self, monkeypatch: Any) -> None:
        monkeypatch.setattr(encoder_training, "N_EPISODES", 200)
        monkeypatch.setattr(encoder_training, "N_STEPS", 100)
        known, new = followers(range(16)), followers([16, 17])
        model = HNMVTSModel(L, H, solver="exact", **self.options).fit(known).fit_encoder(known)
        model.add_series(new, adaptation="encoder")
        for n, one in zip((16, 17), new, strict=True):
            scale = 10.0 ** (n % 4)
            expected = (-1) ** n * (one["first"].values()[-1, 0] / scale - 5)
            found = model.predict(H, series=one)["next"].values()[0, 0] / scale
            assert found == pytest.approx(expected, abs=0.3)

    @pytest.mark.parametrize("adaptation", ["solve", "fine-tune"])
    def test_enter_where_weights_were_trained_by_gradients(self, adaptation: Any) -> None:
        known, new = (
            [one.with_values(one.values() / np.abs(one.values()).max()) for one in followers(some)]
            for some in (range(8), [8, 9])
        )
        model = HNMVTSModel(L, H, **self.options, **BY_GRADIENTS).fit(known)
        before = [one.values() for one in model.predict(H, series=known)]
        model.add_series(new, adaptation=adaptation)
        assert all(np.isfinite(one.values()).all() for one in model.predict(H, series=new))
        after = [one.values() for one in model.predict(H, series=known)]
        assert all(np.array_equal(*pair) for pair in zip(before, after, strict=True))


def shops(numbers: Sequence[int], n_rows: int = 80) -> list[TimeSeries]:
    """Return series whose three components turn over, or carry on, in units of their own."""
    series = []
    for n in numbers:
        noise = np.random.default_rng(n).standard_normal((n_rows, 3))
        values = np.zeros((n_rows, 3))
        for t in range(1, n_rows):
            values[t] = (0.95 if n % 2 else -0.95) * values[t - 1] + noise[t]
        levels = 10.0 ** (n % 3) * np.array([1.0, 10.0, 0.1])
        one = TimeSeries.from_values((values + 3) * levels, columns=["a", "b", "c"])
        attributes = pd.DataFrame({"shop": [f"shop {n}"], "kind": [float(n % 2)]})
        series.append(one.with_static_covariates(attributes))
    return series


def in_units(model: HyperforecastModel, series: list[TimeSeries]) -> np.ndarray:
    """Return what a model forecasts of the last step of series, in units of their rows."""
    forecasts = model.predict(H, series=[one[:-H] for one in series])
    return np.stack(
        [
            (forecast.values() - one.values().mean(axis=0)) / one.values().std(axis=0)
            for forecast, one in zip(forecasts, series, strict=True)
        ]
    )


class TestSharedByComponents:
    """Weights that the components of a series have in common."""

    options: dict[str, Any] = {"weights_by": "series", "series_id": "shop"}
    known, new = shops(range(10)), shops([10, 11])

    @staticmethod
    def without_kind(series: list[TimeSeries]) -> list[TimeSeries]:
        return [one.with_static_covariates(one.static_covariates[["shop"]]) for one in series]

    @pytest.fixture
    def trained(self) -> HyperforecastModel:
        model = HNMVTSModel(L, H, solver="exact", n_factors=0, **self.options)
        return model.fit(self.without_kind(self.known))

    def test_are_found_on_the_rows_of_all_and_others_stay_to_the_bit(
        self, trained: HyperforecastModel, tmp_path: Path
    ) -> None:
        model, new, known = trained, *map(self.without_kind, (self.new, self.known))
        before = [one.values() for one in model.predict(H, series=known)]
        with pytest.warns(UserWarning, match="not trained on"):
            shared = in_units(model, new)
        model.add_series(new)
        now = np.stack([one.values()[-H - 1] for one in new])
        scales = np.stack([[one.values().mean(axis=0), one.values().std(axis=0)] for one in new])
        turning = np.array([-0.95, 0.95])[:, None]
        expected = (turning * (now - scales[:, 0]) / scales[:, 1])[:, None]
        found = in_units(model, new)
        assert np.abs(found - expected).mean() < 0.3 * np.abs(shared - expected).mean()
        after = [one.values() for one in model.predict(H, series=known)]
        assert all(np.array_equal(*pair) for pair in zip(before, after, strict=True))
        model.save(str(tmp_path / "model.pt"))
        loaded = HNMVTSModel.load(str(tmp_path / "model.pt"))
        np.testing.assert_array_equal(in_units(loaded, new), found)

    def test_are_those_of_a_known_series_with_the_same_rows(
        self, trained: HyperforecastModel
    ) -> None:
        (known,) = self.without_kind(self.known)[3:4]
        again = known.with_static_covariates(pd.DataFrame({"shop": ["again"]}))
        with pytest.warns(UserWarning, match="not trained on"):
            shared = in_units(trained, [again])
        expected = in_units(trained, [known])
        found = in_units(copy.deepcopy(trained).add_series(again), [again])
        assert np.abs(found - expected).max() < 0.2 * np.abs(shared - expected).max()

    def test_depend_on_no_unit_or_order_of_components(self, trained: HyperforecastModel) -> None:
        (new,) = self.without_kind(self.new)[:1]
        scale, level = np.array([1e3, 0.1, 7.0]), np.array([-7.0, 1e3, 0.0])
        moved = new.with_values(new.values() * scale + level)[["c", "a", "b"]]
        expected = in_units(copy.deepcopy(trained).add_series(new[:40]), [new])
        found = in_units(copy.deepcopy(trained).add_series(moved[:40]), [moved])
        np.testing.assert_allclose(found[..., [1, 2, 0]], expected, rtol=1e-3, atol=1e-3)

    def test_have_intervals_in_the_units_of_each(self) -> None:
        known, new = self.without_kind(self.known), self.without_kind(self.new)[1]
        options = {**self.options, "likelihood": QuantileRegression([0.1, 0.5, 0.9])}
        model = HNMVTSModel(L, H, solver="exact", n_factors=0, **options).fit(known)
        model.add_series(new[:60])
        low, middle, high = (
            model.predict(H, series=new, predict_likelihood_parameters=True)
            .values()
            .reshape(3, 3)
            .T
        )
        width = (high - low) / new.values().std(axis=0)
        assert (low < middle).all()
        assert (width > 0.2).all()
        assert (width < 3).all()
        assert width.std() < 0.2 * width.mean()

    def test_are_what_attributes_say_before_a_row_is_seen(self) -> None:
        model = HNMVTSModel(L, H, solver="exact", n_factors=0, **self.options).fit(self.known)
        model.add_series([one[:1] for one in self.new])
        for _, context in with_attributes(model.network):
            assert not context.weight[10:].any()
            assert not torch.allclose(context.vectors()[10], context.vectors()[11], rtol=1e-2)
        again = model.add_series([one[:60] for one in self.new])
        for _, context in with_attributes(again.network):
            assert context.weight[10:].any()

    def test_without_a_value_of_one_of_them_an_error_says_which(
        self, trained: HyperforecastModel
    ) -> None:
        (new,) = self.without_kind(self.new)[:1]
        gaps = new.with_values(new.values() * [1.0, np.nan, 1.0])
        with (
            pytest.warns(UserWarning, match="not trained on"),
            pytest.raises(ValueError, match=r"`series` has no value of 'b'.*level and unit"),
        ):
            trained.predict(H, series=gaps)
        known = self.without_kind(self.known)[0]
        gaps = known.with_values(known.values() * [1.0, np.nan, 1.0])
        assert np.isfinite(trained.predict(H, series=gaps).values()).all()

    @pytest.mark.parametrize("adaptation", ["solve", "fine-tune"])
    def test_see_factors_of_the_components(self, adaptation: Any) -> None:
        """Of which there are more here than series."""
        known, new = self.without_kind(self.known[:2]), self.without_kind(self.new)
        model = HNMVTSModel(L, H, n_factors=3, **self.options, **BY_GRADIENTS).fit(known)
        before = [one.values() for one in model.predict(H, series=known)]
        model.add_series([new[0][:40], new[1]], adaptation=adaptation)
        after = [one.values() for one in model.predict(H, series=known)]
        assert all(np.array_equal(*pair) for pair in zip(before, after, strict=True))
        whole = in_units(model, new)
        others = [one.with_values(one.values() * [1.0, 1.0, -1.0]) for one in new]
        assert not np.allclose(in_units(model, others)[..., :2], whole[..., :2], rtol=1e-3)

    def test_are_read_by_an_encoder(
        self, trained: HyperforecastModel, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(encoder_training, "N_EPISODES", 200)
        monkeypatch.setattr(encoder_training, "N_STEPS", 100)
        model, new, known = trained, *map(self.without_kind, (self.new, self.known))
        with pytest.warns(UserWarning, match="not trained on"):
            shared = in_units(model, new)
        expected = in_units(copy.deepcopy(model).add_series(new), new)
        model.fit_encoder(known)
        found = in_units(model.add_series(new, adaptation="encoder"), new)
        assert np.abs(found - expected).mean() < 0.5 * np.abs(shared - expected).mean()
