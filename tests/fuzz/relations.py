"""What must not change a forecast, or must change it in a known way.

A relation fits a model anew on changed tables, or forecasts from them, and compares. Units are
changed by powers of two, which floating-point numbers hold without rounding.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from tests.fuzz.cases import NAMES, Data, Host, L, Setting, Tables, tables, time_index
from tests.fuzz.hosts import fit, forecast, values
from tests.fuzz.outcomes import WrongForecastError

FACTOR = 1024.0


@dataclass(frozen=True)
class Case:
    """Data, what is fitted on them, and a relation that the forecasts are checked by."""

    host: Host
    setting: Setting
    data: Data
    relation: str


def run(case: Case) -> None:
    """Raise :class:`WrongForecastError` unless forecasts are finite, plausible and as related."""
    host, setting, data = case.host, case.setting, case.data
    given = without_what_a_host_has_not(host, tables(data))
    relation = RELATIONS[case.relation]
    if relation.base is not None:
        given = relation.base(given)
    fitted = fit(host, setting, given)
    expected = values(forecast(host, fitted, given))
    check_plausible(host, setting, data, given, expected)
    if not relation.holds(host, setting, data, given):
        return
    changed = relation.change(given.copy())
    if relation.refits:
        fitted = fit(host, setting, changed)
    found = relation.back(values(forecast(host, fitted, changed)))
    expected = expected[: len(found)]
    # what numbers of the changed size are rounded to, in the units of the first ones
    rounded = relation.back(rounding(data, changed)) - relation.back(0 * rounding(data, changed))
    tolerance = relation.tolerance * spread(given) + rounding(data, given) + rounded
    difference = np.abs(found - expected)
    if not (difference <= tolerance).all():
        where = np.unravel_index(np.argmax(difference - tolerance), difference.shape)
        raise WrongForecastError(
            f"{case.relation}: differs from what it should be, "
            f"{found[where]:.6g} in the place of {expected[where]:.6g}"
        )


def without_what_a_host_has_not(host: Host, given: Tables) -> Tables:
    """Drop static covariates, which sktime does not have."""
    return replace(given, static=None) if host == "sktime" else given


def spread(given: Tables) -> np.ndarray:
    """Return the deviation of each channel, of a constant one its size."""
    rows = pd.concat(given.y).sort_index(axis=1).to_numpy(dtype=float)
    deviation = rows.std(axis=0)
    size = np.abs(rows).max(axis=0)
    return np.where(deviation > 1e-12 * size, deviation, size)


def rounding(data: Data, given: Tables) -> np.ndarray:
    """Return what numbers of the size of each channel are rounded to, a few times over."""
    rows = pd.concat(given.y).sort_index(axis=1).to_numpy(dtype=float)
    return 256 * np.finfo(data.dtype).eps * np.abs(rows).max(axis=0) + 1e-300


def check_plausible(
    host: Host, setting: Setting, data: Data, given: Tables, found: np.ndarray
) -> None:
    """Raise unless forecasts are finite, and those of what sees units are near the data.

    Models that are trained for one epoch on values as they come may forecast anything finite. In
    Darts channels that share weights share their units; in sktime each is in its own.
    """
    if not np.isfinite(found).all():
        raise WrongForecastError("not finite")
    if host == "darts" and not setting.exact:
        return
    units = spread(given)
    far = 1e3 * (units if host == "sktime" else units.max()) + rounding(data, given)
    middle = pd.concat(given.y).sort_index(axis=1).to_numpy(dtype=float).mean(axis=0)
    if not (np.abs(found - middle) <= far).all():
        raise WrongForecastError("far from all values that were seen")
    series = given.y[0].sort_index(axis=1).to_numpy(dtype=float)
    constant = np.ptp(series, axis=0) == 0
    if data.series == 1 and (host == "sktime" or constant.all()):
        error = np.abs(found[0] - series[-1])[:, constant]
        if not (error <= (1e-3 * units)[constant] + 1e-9).all():
            raise WrongForecastError("a constant channel is not forecast as it is")


Holds = Callable[[Host, Setting, Data, Tables], bool]


@dataclass(frozen=True)
class Relation:
    """How other tables make another forecast."""

    change: Callable[[Tables], Tables]
    """To what a model is fitted on, and forecasts from."""
    holds: Holds
    back: Callable[[np.ndarray], np.ndarray] = lambda found: found
    """From forecasts of changed tables (series, rows, channels) to those of the first ones."""
    refits: bool = True
    """Whether a model is fitted on the changed tables, or forecasts from them alone."""
    tolerance: float = 1e-3
    """In deviations of a channel."""
    base: Callable[[Tables], Tables] | None = None
    """What is done to the tables first."""


def _always(host: Host, setting: Setting, data: Data, given: Tables) -> bool:
    return True


def _sees_units(host: Host, setting: Setting, data: Data, given: Tables) -> bool:
    """Gradients do in sktime alone, where values are scaled."""
    return setting.exact or host == "sktime"


def _of_a_channel_of_its_own(host: Host, setting: Setting, data: Data, given: Tables) -> bool:
    """Channels that share weights weigh by their units in Darts, where nothing is scaled."""
    return host == "sktime" or (setting.exact and setting.options.get("individual", False))


def _with_covariates(holds: Holds) -> Holds:
    def both(host: Host, setting: Setting, data: Data, given: Tables) -> bool:
        return holds(host, setting, data, given) and bool(data.past or data.future)

    return both


def _solved(host: Host, setting: Setting, data: Data, given: Tables) -> bool:
    return setting.exact


def _in_darts(host: Host, setting: Setting, data: Data, given: Tables) -> bool:
    """Ask whether a forecast may start from other series than those fitted on."""
    return host == "darts"


def _all_fixed(host: Host, setting: Setting, data: Data, given: Tables) -> bool:
    """Ask whether model selection has nothing to choose: twice the rows are twice the evidence."""
    return setting.exact and setting.fixed


def _each(kinds: str, change: Callable[[pd.DataFrame], pd.DataFrame]) -> Callable[[Tables], Tables]:
    def changed(given: Tables) -> Tables:
        tables_of = {kind: getattr(given, kind) for kind in kinds.split()}
        return replace(
            given,
            **{kind: [*map(change, t)] for kind, t in tables_of.items() if t is not None},
        )

    return changed


def _scale_first(table: pd.DataFrame) -> pd.DataFrame:
    table["a"] = table["a"] * FACTOR
    return table


def _back_first(found: np.ndarray) -> np.ndarray:
    return np.concatenate([found[..., :1] / FACTOR, found[..., 1:]], axis=-1)


def _turned(table: pd.DataFrame) -> pd.DataFrame:
    return table[table.columns[::-1]]


def _turned_channels(given: Tables) -> Tables:
    """Turn the channels round, and with them the rows of their static covariates."""
    static = None if given.static is None else [table[::-1] for table in given.static]
    return replace(given, y=[*map(_turned, given.y)], static=static)


def _renamed(table: pd.DataFrame) -> pd.DataFrame:
    names = dict(zip(NAMES, ("k", "l", "m", "n"), strict=True))
    return table.rename(columns=names, index=names)


def _on(kind: str) -> Callable[[Tables], Tables]:
    def moved(table: pd.DataFrame) -> pd.DataFrame:
        return table.set_axis(time_index(kind, len(table)), axis=0)

    return _each("y past future", moved)


def _rounded(table: pd.DataFrame) -> pd.DataFrame:
    return table.astype("float32").astype("float64")


def _twice(given: Tables) -> Tables:
    doubled = {
        kind: None if (tables_of := getattr(given, kind)) is None else tables_of * 2
        for kind in ("y", "past", "future", "static")
    }
    return Tables(**doubled)


def _first_alone(given: Tables) -> Tables:
    return Tables(
        *(None if t is None else t[:1] for t in (given.y, given.past, given.future, given.static))
    )


def _last_rows(given: Tables) -> Tables:
    y = [table[-L:] for table in given.y]
    return replace(given, y=y)


RELATIONS: dict[str, Relation] = {
    "units": Relation(_each("y", lambda t: t * FACTOR), _sees_units, lambda f: f / FACTOR),
    "small units": Relation(
        _each("y", lambda t: t / FACTOR**2), _sees_units, lambda f: f * FACTOR**2
    ),
    "units of a channel": Relation(_each("y", _scale_first), _of_a_channel_of_its_own, _back_first),
    "offset": Relation(_each("y", lambda t: t + 64), _sees_units, lambda f: f - 64),
    "units of covariates": Relation(
        _each("past future static", lambda t: t * FACTOR), _with_covariates(_sees_units)
    ),
    "small units of covariates": Relation(
        _each("past future static", lambda t: t / FACTOR**2), _with_covariates(_sees_units)
    ),
    "offset of covariates": Relation(
        _each("past future", lambda t: t + 64), _with_covariates(_sees_units)
    ),
    "order of channels": Relation(_turned_channels, _solved),
    "order of channels to forecast": Relation(_turned_channels, _in_darts, refits=False),
    "names of channels": Relation(_each("y static", _renamed), _always),
    "order of covariates": Relation(
        _each("past future static", _turned), _with_covariates(_solved)
    ),
    "order of covariates to forecast": Relation(
        _each("past future static", _turned), _with_covariates(_always), refits=False
    ),
    "index: hours": Relation(_on("hours"), _always),
    "index: months": Relation(_on("months"), _always),
    "index: range": Relation(_on("range"), _always),
    "index: range by two": Relation(_on("range by two"), _always),
    "precision": Relation(
        _each("y past future static", lambda t: t.astype("float32")),
        _always,
        base=_each("y past future static", _rounded),
        tolerance=1e-2,
    ),
    "series twice": Relation(_twice, _all_fixed),
    "one series of several": Relation(_first_alone, _in_darts, refits=False),
    "no more rows than the lookback": Relation(_last_rows, _in_darts, refits=False),
    "the same again": Relation(lambda given: given, _always, tolerance=0.0),
}
