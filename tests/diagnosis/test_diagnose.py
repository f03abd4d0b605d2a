"""What is said of made tables whose best kind of model is known."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from darts import TimeSeries

from hyperforecast.diagnosis import diagnose
from hyperforecast.diagnosis.diagnose import simplest

N, L, H = 600, 6, 2


def table(values: np.ndarray) -> pd.DataFrame:
    index = pd.date_range("2020-01-01", periods=len(values), freq="h")
    return pd.DataFrame(values, index, [f"c{i}" for i in range(values.shape[1])])


def autoregressions(weights: list[float]) -> np.ndarray:
    noise = np.random.default_rng(0).normal(size=(N, len(weights)))
    values = np.zeros_like(noise)
    for row in range(1, N):
        values[row] = weights * values[row - 1] + noise[row]
    return values


def alike() -> np.ndarray:
    return autoregressions([0.7] * 6)


def opposite() -> np.ndarray:
    return autoregressions([0.9, 0.9, 0.9, -0.9, -0.9, -0.9])


def walks() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(N, 4)).cumsum(axis=0)


def days() -> np.ndarray:
    random = np.random.default_rng(0)
    return np.tile(random.normal(size=(24, 4)), (N // 24, 1)) + 1e-3 * random.normal(size=(N, 4))


@pytest.mark.parametrize(
    ("make", "kinds"),
    [
        (alike, {"one for all"}),
        (opposite, {"generated", "one each"}),
        (walks, {"last value"}),
        (days, {"seasonal naive"}),
    ],
)
def test_known_kinds(make: Callable[[], np.ndarray], kinds: set[str]) -> None:
    found = diagnose(table(make()), L, H)
    assert found.best in kinds
    assert found.sentence.startswith(found.best.capitalize())
    assert list(found.errors.index) == list(found.gains.index) == list(table(make()).columns)


def test_gains_of_channels_and_of_all() -> None:
    found = diagnose(table(opposite()), L, H)
    of_all, own = found.errors["one for all"], found.errors[found.own]
    pd.testing.assert_series_equal(found.gains["gain"], 1 - own / of_all, check_names=False)
    assert found.gain.gain == pytest.approx(1 - own.mean() / of_all.mean())
    assert (found.gains["gain"] > found.gains["standard_error"]).all()
    assert "on 6 of 6 channels" in str(found)


def test_the_code_makes_a_model() -> None:
    from hyperforecast.darts import BackboneModel, HNMVTSModel

    found = diagnose(table(opposite()), L, H)
    model = eval(found.code, {"BackboneModel": BackboneModel, "HNMVTSModel": HNMVTSModel})
    assert (model.input_chunk_length, model.output_chunk_length) == (L, H)


def test_gaps_leave_the_kind_as_it_is() -> None:
    data = table(opposite())
    whole = diagnose(data, L, H)
    gappy = diagnose(data.mask(np.random.default_rng(0).random(data.shape) < 0.1), L, H)
    assert gappy.best in ("generated", "one each")
    assert gappy.gain.gain == pytest.approx(whole.gain.gain, rel=0.3)
    assert np.isfinite(gappy.errors).all(axis=None)


def test_both_hosts_tables_are_the_same() -> None:
    data = table(opposite())
    pd.testing.assert_frame_equal(
        diagnose(data, L, H).errors,
        diagnose(TimeSeries.from_dataframe(data), L, H).errors,
        check_names=False,
    )


@pytest.mark.parametrize(
    ("start", "freq", "zone"),
    [
        ("2024-10-20", "h", "Europe/Berlin"),
        ("2024-03-20", "D", "Europe/London"),
        ("2024", "h", None),
    ],
)
def test_periods_and_zones_of_time_are_read(start: str, freq: str, zone: str | None) -> None:
    data = table(opposite())
    expected = diagnose(data.set_axis(pd.date_range(start, periods=len(data), freq=freq)), L, H)
    times = pd.date_range(start, periods=len(data), freq=freq, tz=zone)
    found = diagnose(data.set_axis(times if zone else times.to_period()), L, H)
    pd.testing.assert_frame_equal(found.errors, expected.errors)


def test_a_richer_kind_has_to_gain_clearly() -> None:
    random = np.random.default_rng(0)
    one = np.ones((80, 2))
    assert simplest({"a": one, "b": 0.995 * one}, 5) == "a"  # half a per cent
    assert simplest({"a": one, "b": 0.95 * one}, 5) == "b"
    uncertain = one + random.normal(scale=4.0, size=(80, 1)) - 0.05
    assert simplest({"a": one, "b": uncertain}, 5) == "a"


@pytest.mark.parametrize(
    ("data", "arguments", "error", "message"),
    [
        (np.zeros((9, 2)), {}, TypeError, "got ndarray"),
        (table(walks())[["c0"]], {}, ValueError, "one channel"),
        (table(walks())[:9], {}, ValueError, "9 rows are too few"),
        (table(walks()), {"test_size": 2.0}, ValueError, "test_size must be"),
        (pd.concat({"a": table(walks())}), {}, TypeError, "several instances"),
        (table(walks()).assign(shop="north"), {}, TypeError, "columns of numbers, beside 'shop'"),
        (
            table(walks()).assign(c1=lambda data: data["c1"][-100:]),
            {},
            ValueError,
            "The first 480 rows have no value of c1",
        ),
    ],
)
def test_what_is_no_table(
    data: object, arguments: dict, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        diagnose(data, L, H, **arguments)  # type: ignore[arg-type]
