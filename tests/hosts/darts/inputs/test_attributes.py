"""Static covariates that weights of series are generated from."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from darts import TimeSeries

from hyperforecast.darts import (
    BackboneModel,
    HNMVTSModel,
    HyperforecastModel,
    HyperModel,
    MoLAModel,
)
from hyperforecast.darts.inputs.attributes import AttributeEncoder

L, H = 8, 2

BY_GRADIENTS: dict[str, Any] = {
    "solver": "adam",
    "n_epochs": 2,
    "random_state": 0,
    "pl_trainer_kwargs": {"accelerator": "cpu"},
}


def oscillation(kind: str, speed: float, name: str, n_rows: int = 60) -> TimeSeries:
    """Return a series whose next value is linear in the last two, and these weights in `speed`.

    Without noise: y_t = (b + speed) y_{t-1} - y_{t-2}, and b says the kind.
    """
    by = {"slow": 1.2, "fast": -0.4}[kind] + speed
    values = [1.0, 0.3 + speed]
    for _ in range(n_rows - 2):
        values.append(by * values[-1] - values[-2])
    static = pd.DataFrame({"kind": [kind], "speed": [speed]})
    rows = np.array(values)[:, None]
    return TimeSeries.from_values(rows, columns=[name], static_covariates=static)


def panel(n_series: int = 24, seed: int = 0) -> list[TimeSeries]:
    speeds = np.random.default_rng(seed).uniform(-0.5, 0.5, n_series)
    return [
        oscillation(("slow", "fast")[n % 2], float(speed), f"s{n}")
        for n, speed in enumerate(speeds)
    ]


NEWCOMERS = [oscillation("slow", 0.21, "new a"), oscillation("fast", -0.33, "new b")]


def error(model: HyperforecastModel, series: list[TimeSeries]) -> float:
    forecasts = model.predict(H, series=[one[:-H] for one in series])
    missed = [f.values() - one[-H:].values() for f, one in zip(forecasts, series, strict=True)]
    return float(np.square(missed).mean())


def changed(one: TimeSeries, **static: Any) -> TimeSeries:
    return one.with_static_covariates(one.static_covariates.assign(**static))


@pytest.fixture(scope="module")
def solved() -> HyperforecastModel:
    return HNMVTSModel(L, 1, weights_by="series", solver="exact").fit(panel())


@pytest.fixture(scope="module")
def trained() -> HyperforecastModel:
    model = HyperModel(
        L,
        H,
        backbone="rmlp",
        embedding="light-sae",
        embedding_kwargs={"rank": 2},
        modulation="film",
        head="hn-mvts",
        weights_by="series",
        **BY_GRADIENTS,
    )
    return model.fit(panel(8))


def test_weights_that_are_linear_in_attributes_are_found_for_series_never_seen(
    solved: HyperforecastModel,
) -> None:
    plain = HNMVTSModel(L, 1, weights_by="series", solver="exact", use_static_covariates=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        shared = error(plain.fit(panel()), NEWCOMERS)
    assert error(solved, NEWCOMERS) < 1e-4 < 1e-2 * shared
    assert solved.covariate_names == {"static_covariates": ["kind", "speed"]}
    assert solved.supports_static_covariates


def test_a_series_known_by_attributes_gives_no_warning_and_leaves_others_as_they_are(
    solved: HyperforecastModel, trained: HyperforecastModel
) -> None:
    for model in (solved, trained):
        known = panel(8)
        before = model.predict(H, series=known)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            together = model.predict(H, series=[*known, *NEWCOMERS])
        assert all(np.isfinite(one.values()).all() for one in together)
        for one, other in zip(before, together, strict=False):
            assert np.array_equal(one.values(), other.values())


def test_a_newcomer_is_forecast_by_its_attributes_alone(trained: HyperforecastModel) -> None:
    one = NEWCOMERS[0]
    same, other, unknown = (
        trained.predict(H, series=series).values()
        for series in (
            one.with_columns_renamed("new a", "another name"),
            changed(one, kind="fast"),
            changed(one, kind="never seen"),
        )
    )
    forecast = trained.predict(H, series=one).values()
    np.testing.assert_allclose(same, forecast, rtol=1e-6)
    assert not np.allclose(other, forecast, rtol=1e-4)
    assert not np.allclose(unknown, forecast, rtol=1e-4)


def test_the_attributes_trained_with_hold_for_a_series_that_is_known(
    trained: HyperforecastModel,
) -> None:
    one = panel(8)[0]
    expected = trained.predict(H, series=one)
    bare = one.with_static_covariates(None)
    assert np.array_equal(trained.predict(H, series=bare).values(), expected.values())


def test_what_is_read_of_a_trained_model_is_what_forecasts() -> None:
    options: dict[str, Any] = {"weights_by": "series", "channel_embedding_dim": 2}
    network = HNMVTSModel(L, H, solver="exact", **options).fit(panel(8)).network
    assert network.training
    vectors, head = network.channel_embedding(), network.fold().head
    network.eval()
    assert torch.equal(vectors, network.channel_embedding())
    for name, values in network.fold().head.named_parameters():
        assert torch.equal(values, head.get_parameter(name))


def test_files_and_later_training_keep_what_attributes_say(
    trained: HyperforecastModel, solved: HyperforecastModel, tmp_path: Path
) -> None:
    for model in (trained, solved):
        path = str(tmp_path / "model.pt")
        model.save(path)
        loaded = type(model).load(path)
        for one in NEWCOMERS:
            expected, found = (m.predict(H, series=one).values() for m in (model, loaded))
            assert np.array_equal(found, expected)
        fresh = model.untrained_model()
        fresh.load_weights(path)
        assert np.array_equal(
            fresh.predict(H, series=NEWCOMERS[0]).values(),
            model.predict(H, series=NEWCOMERS[0]).values(),
        )


def test_channels_of_series_are_known_by_their_component_too() -> None:
    def shop(n: int, name: str) -> TimeSeries:
        both = panel(24, seed=1)
        pair = (
            both[2 * n].with_static_covariates(None),
            both[2 * n + 1].with_static_covariates(None),
        )
        one = pair[0].with_columns_renamed(f"s{2 * n}", "a")
        one = one.stack(pair[1].with_columns_renamed(f"s{2 * n + 1}", "b"))
        size = [both[2 * n + i].static_covariates["speed"].iloc[0] for i in range(2)]
        static = pd.DataFrame({"shop": [name, name], "speed": size})
        return one.with_static_covariates(static)

    shops = [shop(n, f"shop {n}") for n in range(10)]
    model = HNMVTSModel(L, 1, weights_by="both", series_id="shop", solver="exact").fit(shops)
    assert model.covariate_names == {"static_covariates": ["speed"]}
    assert model.network.attributes().shape == (20, 2)  # speed, and which component
    assert error(model, [shop(11, "new")]) < 1e-4
    reversed_ = shop(11, "new")[["b", "a"]]
    expected = model.predict(1, series=shop(11, "new"))
    np.testing.assert_allclose(
        model.predict(1, series=reversed_)[["a", "b"]].values(), expected.values()
    )


def test_static_covariates_shift_forecasts_where_weights_are_free() -> None:
    model = BackboneModel(L, H, individual=True, weights_by="series", n_epochs=1)
    numbers = [changed(one).static_covariates[["speed"]] for one in panel(4)]
    series = [o.with_static_covariates(s) for o, s in zip(panel(4), numbers, strict=True)]
    model.fit(series)
    assert model.network.attributes() is None
    assert model.network.static_covariate_map is not None


class TestEncoder:
    table = pd.DataFrame({"x": [1.0, 2.0, 3.0, np.nan], "k": ["a", "b", "b", "a"]})

    def test_columns_are_of_mean_zero_and_independent(self) -> None:
        encoder = AttributeEncoder().fit(self.table)
        encoded = encoder.encode(self.table)
        assert encoded.shape == (4, 2)  # two levels are one number
        np.testing.assert_allclose(encoded.mean(axis=0), 0, atol=1e-12)
        # turned, and as long as before: x in deviations, levels as they are
        raw = np.array([[-1, 0.5, -0.5], [0, -0.5, 0.5], [1, -0.5, 0.5], [0, 0.5, -0.5]])
        raw[:, 0] /= self.table["x"].std(ddof=0)
        np.testing.assert_allclose(encoded @ encoded.T, raw @ raw.T, atol=1e-12)

    def test_what_is_unknown_is_the_mean(self) -> None:
        encoder = AttributeEncoder().fit(self.table)
        unknown = pd.DataFrame({"x": [2.0, np.nan], "k": ["never seen", None]})
        np.testing.assert_allclose(encoder.encode(unknown), 0, atol=1e-12)

    def test_it_is_kept_as_plain_values(self) -> None:
        encoder = AttributeEncoder().fit(self.table)
        again = AttributeEncoder.from_state(encoder.state())
        assert np.array_equal(again.encode(self.table), encoder.encode(self.table))
        assert again.state() == encoder.state()


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (
            lambda series: [*series[:-1], series[-1].with_static_covariates(None)],
            "The series 's3' has no static covariates, and others have",
        ),
        (
            lambda series: [*series[:-1], changed(series[-1], speed=np.inf)],
            "The static covariates 'speed' hold infinite values",
        ),
        (
            lambda series: [*series, changed(series[-1], kind="other")],
            "The series 's3' is given several times, with other values of 'kind'",
        ),
        (
            lambda series: [
                *series[:-1],
                series[-1].with_static_covariates(pd.DataFrame({"kind": ["slow"]})),
            ],
            "columns of the static covariates",
        ),
    ],
)
def test_static_covariates_that_do_not_go_together_are_an_error(spoil: Any, message: str) -> None:
    model = HNMVTSModel(L, H, weights_by="series")
    with pytest.raises(ValueError, match=message):
        model.fit(spoil(panel(4)))


def test_a_newcomer_lacks_what_weights_are_generated_from(solved: HyperforecastModel) -> None:
    bare = NEWCOMERS[0].with_static_covariates(None)
    with pytest.raises(ValueError, match=r"'new a' has no static covariates.*'kind', 'speed'"):
        solved.predict(1, series=bare)
    text = changed(NEWCOMERS[0], speed="quick")
    with pytest.raises(ValueError, match="'speed' was a number for the series trained on"):
        solved.predict(1, series=text)


class TestAdapters:
    """Experts that series mix by what their attributes say."""

    @staticmethod
    def model(**options: Any) -> MoLAModel:
        of_training = {
            "n_epochs": 10,
            "n_base_epochs": 5,
            "random_state": 0,
            "batch_size": 128,
            "optimizer_kwargs": {"lr": 3e-3},
            "pl_trainer_kwargs": {"accelerator": "cpu"},
        }
        sizes = {"backbone": "rlinear", "n_segments": 2, "n_experts": 2, "rank": 4}
        return MoLAModel(L, H, **sizes, **of_training, **options)

    @staticmethod
    def noisy(number: int) -> TimeSeries:
        """Return an autoregression of one of two kinds."""
        kind = ("slow", "fast")[number % 2]
        by = {"slow": (1.6, -0.9), "fast": (-0.7, 0.0)}[kind]
        values = np.random.default_rng(number).standard_normal(150)
        for t in range(2, len(values)):
            values[t] += by[0] * values[t - 1] + by[1] * values[t - 2]
        rows = (values[50:] / values[50:].std()).astype(np.float32)
        static = pd.DataFrame({"kind": [kind]})
        return TimeSeries.from_values(
            rows[:, None], columns=[f"noisy {number}"], static_covariates=static
        )

    @pytest.mark.slow
    def test_forecast_series_never_seen_better_than_those_that_all_share(self) -> None:
        series, new = [self.noisy(n) for n in range(24)], [self.noisy(100 + n) for n in range(10)]
        own = self.model(weights_by="series", channel_experts=2).fit(series)
        shared = self.model(use_static_covariates=False).fit(series)

        def missed(model: MoLAModel) -> float:
            forecasts = model.historical_forecasts(
                new,
                forecast_horizon=H,
                retrain=False,
                last_points_only=False,
                start=-40,
                start_format="position",
            )
            pairs = [
                (f, one.slice_intersect(f))
                for one, many in zip(new, forecasts, strict=True)
                for f in many
            ]
            return float(np.mean([np.square(f.values() - o.values()).mean() for f, o in pairs]))

        assert missed(own) < 0.9 * missed(shared)

    def test_attributes_that_tell_nothing_give_what_all_share(self) -> None:
        """Unknown ones are zeros, and so is the vector that mixes the experts."""
        model = self.model(weights_by="series", channel_experts=3).fit(panel()[:6], epochs=1)
        new = changed(NEWCOMERS[0], kind="unheard of", speed=np.nan)
        found = model.predict(H, series=new[:-H])
        told = model.predict(H, series=NEWCOMERS[0][:-H])
        assert not np.allclose(told.values(), found.values(), rtol=1e-4)
        for context in model.network.contexts("mola"):
            if context.axis == "channel":
                with torch.no_grad():
                    context.weight.zero_()
                    context.from_attributes.weight.zero_()
        named = new.with_columns_renamed(new.components[0], "s0")
        expected = model.predict(H, series=named[:-H])
        np.testing.assert_allclose(found.values(), expected.values(), rtol=1e-6)
