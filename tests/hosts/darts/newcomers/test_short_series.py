"""Series of a list that are shorter than a window, wherever they stand in it."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from darts import TimeSeries

from hyperforecast.darts import HNMVTSModel, HyperforecastModel, HyperModel

L, H = 12, 4
WIDTH = L + H
BY_GRADIENTS = {"solver": "adam", "n_epochs": 1, "random_state": 0}
OPTIONS: list[dict[str, Any]] = [
    {"solver": "exact"},
    {"solver": "exact", "weights_by": "series"},
    BY_GRADIENTS,
    {**BY_GRADIENTS, "weights_by": "series"},
]
POSITIONS = range(4)

pytestmark = pytest.mark.filterwarnings("ignore:.*shorter than a window:UserWarning")


def of_rows(n_rows: int, name: str, seed: int) -> TimeSeries:
    values = np.random.default_rng(seed).standard_normal((n_rows, 1)).cumsum(axis=0)
    times = pd.date_range("2020-01-01", periods=n_rows, freq="D")
    return TimeSeries.from_times_and_values(times, values, columns=[name])


LONG = [of_rows(50 + 7 * n, f"s{n}", n) for n in range(3)]
SHORT = of_rows(WIDTH - 1, "short", 9)


def with_short(position: int, several: list[TimeSeries], short: TimeSeries) -> list[TimeSeries]:
    return [*several[:position], short, *several[position:]]


def forecasts(model: HyperforecastModel, **covariates: Any) -> np.ndarray:
    several = model.predict(H, series=LONG, **covariates)
    return np.stack([one.values().ravel() for one in several])


@pytest.mark.parametrize("options", OPTIONS[::2])
def test_nothing_is_learned_from_one_where_weights_are_not_its_own(options: dict[str, Any]) -> None:
    expected = forecasts(HNMVTSModel(L, H, **options).fit(LONG))
    for position in POSITIONS:
        model = HNMVTSModel(L, H, **options)
        with pytest.warns(UserWarning, match="1 of 4 series are shorter than a window of 16 rows"):
            model.fit(with_short(position, LONG, SHORT))
        np.testing.assert_allclose(forecasts(model), expected, rtol=1e-6)


@pytest.mark.parametrize("options", OPTIONS[1::2])
def test_its_place_does_not_matter_where_weights_are_by_series(options: dict[str, Any]) -> None:
    found = []
    for position in POSITIONS:
        given = with_short(position, LONG, SHORT)
        model = HNMVTSModel(L, H, **options)
        with pytest.warns(UserWarning, match="'short' .1 of 4. are shorter than a window of 16"):
            model.fit(given)
        assert model.series_names == [one.components[0] for one in given]
        own = model.predict(H, series=SHORT).values().ravel()
        found.append(np.vstack([forecasts(model), own]))
    for one in found[1:]:
        np.testing.assert_allclose(one, found[0], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("options", OPTIONS)
def test_nor_its_place_among_series_to_validate_on(options: dict[str, Any]) -> None:
    training = [one[:-5] for one in LONG] + [of_rows(40, "short", 9)]

    def error(validation: list[TimeSeries]) -> float:
        model = HNMVTSModel(L, H, **options).fit(training, val_series=validation)
        if options["solver"] == "exact":
            return model.solver_report.validation_mse.iloc[-1]
        return model.trainer.callback_metrics["val_loss"].item()

    expected = error(with_short(3, LONG, SHORT))
    for position in POSITIONS[:3]:
        found = error(with_short(position, LONG, SHORT))
        assert found == pytest.approx(expected, rel=1e-6)


def test_what_belongs_to_a_series_moves_with_it() -> None:
    """Covariates, sample weights, gaps and static covariates are those of the same series."""

    def fitted(position: int) -> HyperforecastModel:
        given = with_short(position, LONG, SHORT)
        holes = [
            one.with_values(np.where(np.arange(len(one))[:, None] % 9 == n, np.nan, one.values()))
            for n, one in enumerate(LONG)
        ]
        series = [
            one.with_static_covariates(pd.DataFrame({"size": [float(len(one))]}))
            for one in with_short(position, holes, SHORT)
        ]
        covariates = [of_rows(len(one) + H, "c", len(one)) for one in given]
        weights = [one.with_values(np.full((len(one), 1), 1.0 + len(one) % 3)) for one in given]
        model = HNMVTSModel(L, H, weights_by="series", solver="exact")
        return model.fit(
            series,
            past_covariates=covariates,
            future_covariates=covariates,
            sample_weight=weights,
        )

    def said(model: HyperforecastModel) -> np.ndarray:
        several = [
            one.with_static_covariates(pd.DataFrame({"size": [float(len(one))]})) for one in LONG
        ]
        covariates = [of_rows(len(one) + H, "c", len(one)) for one in LONG]
        found = model.predict(
            H, series=several, past_covariates=covariates, future_covariates=covariates
        )
        return np.stack([one.values().ravel() for one in found])

    expected = said(fitted(3))
    for position in (0, 1):
        np.testing.assert_allclose(said(fitted(position)), expected, rtol=1e-6)


def test_trained_by_gradients_it_has_the_mean_weights_of_the_others() -> None:
    def weights(model: HyperforecastModel) -> np.ndarray:
        return model.network.head.weight.detach().numpy().copy()

    options = {**BY_GRADIENTS, "weights_by": "series", "head": "individual"}
    for position in (0, 2):
        model = HyperModel(L, H, **options).fit(with_short(position, LONG, SHORT))
        others = np.delete(weights(model), position, axis=0)
        assert np.abs(others[0] - others[1]).max() > 1e-4
        np.testing.assert_allclose(weights(model)[position], others.mean(axis=0), atol=1e-7)
    model.fit([of_rows(40, "short", 9)])  # it has its own once it is trained
    assert np.abs(weights(model)[2] - others.mean(axis=0)).max() > 1e-4
    np.testing.assert_array_equal(np.delete(weights(model), 2, axis=0), others)
