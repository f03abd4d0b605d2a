"""How often intervals of panels hold what comes, with weights by series in closed form.

M4 weekly, and the made panel of three kinds: on the horizon that follows each series, of 90 and of
80 % intervals; the pinball loss is the mean of five levels, in units of each series' mean absolute
step. "One model for all" sees each series in units of its own, by Darts' ``Scaler``; "newcomers"
are the series of a fifth that was held out, each added by ``add_series`` with its last 80 rows.
Times are of the processor, of a fit with intervals beside one without, in turns::

    python -m benchmarks.panels.intervals
"""

import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from darts import TimeSeries
from darts.dataprocessing.transformers import Scaler
from darts.utils.likelihood_models.torch import QuantileRegression
from sklearn.preprocessing import StandardScaler

from benchmarks import command_line
from benchmarks.markdown import markdown
from benchmarks.panels import m4_errors, m4_weekly, three_kinds
from benchmarks.runs import RESULTS, Row, Run, complete
from benchmarks.timing import timed
from hyperforecast.darts import BackboneModel, HNMVTSModel

LEVELS = (0.05, 0.1, 0.5, 0.9, 0.95)

N_FOLDS, N_ROWS = 5, 80
"""Which part of a panel is held out for newcomers, and how many rows these have."""

Panel = tuple[list[TimeSeries], np.ndarray]
"""Series, and what follows them: (N, H)."""


def weekly(folder: str | None) -> Panel:
    """Return the series of M4 weekly."""
    data = m4_errors.read_m4_weekly(folder)
    return m4_weekly.as_series(data), data.test


def kinds(seed: int) -> Panel:
    """Return the made panel."""
    _, series = three_kinds.panel(seed)
    cut = three_kinds.N_TEST
    after = [one.values().ravel()[-cut:][: three_kinds.HORIZON] for one in series]
    return [one[:-cut] for one in series], np.stack(after)


def for_all(make: Callable[..., Any], panel: Panel) -> np.ndarray:
    """Forecast by one model for all, in units of each series: (N, H, P)."""
    scaler = Scaler(StandardScaler())
    series = scaler.fit_transform(panel[0])
    model = make(BackboneModel).fit(series)
    found = _quantiles(model, series, panel)
    units = [(one.values().mean(), one.values().std()) for one in panel[0]]
    return np.stack([q * unit + mean for q, (mean, unit) in zip(found, units, strict=True)])


def for_each(make: Callable[..., Any], panel: Panel) -> np.ndarray:
    """Forecast each series by a model of its own: (N, H, P)."""
    found = [_quantiles(make(BackboneModel).fit(one), [one], panel)[0] for one in panel[0]]
    return np.stack(found)


def by_series(make: Callable[..., Any], panel: Panel) -> np.ndarray:
    """Forecast with weights by series: (N, H, P)."""
    series = panel[0]
    return _quantiles(make(HNMVTSModel, weights_by="series").fit(series), series, panel)


def newcomers(make: Callable[..., Any], panel: Panel) -> np.ndarray:
    """Forecast series that are added with few rows: (N, H, P)."""
    series = panel[0]
    found: list[Any] = [None] * len(series)
    for fold in range(N_FOLDS):
        held_out = range(fold, len(series), N_FOLDS)
        known = [one for n, one in enumerate(series) if n % N_FOLDS != fold]
        model = make(HNMVTSModel, weights_by="series").fit(known)
        new = [series[n][-N_ROWS:] for n in held_out]
        model.add_series(new)
        for n, quantiles in zip(held_out, _quantiles(model, new, panel), strict=True):
            found[n] = quantiles
    return np.stack(found)


METHODS: dict[str, Callable[[Callable[..., Any], Panel], np.ndarray]] = {
    "one model for all": for_all,
    "one model for each series": for_each,
    "weights by series": by_series,
    "newcomers": newcomers,
}


def _quantiles(model: Any, series: Sequence[TimeSeries], panel: Panel) -> np.ndarray:
    horizon = panel[1].shape[1]
    found = model.predict(horizon, series=list(series), predict_likelihood_parameters=True)
    return np.stack([one.values() for one in found])


def measure(method: str, lookback: int, make_panel: Callable[[], Panel]) -> Row:
    """Return how intervals of a method cover what follows the series of a panel."""
    panel = make_panel()
    series, after = panel
    make = partial(_model, lookback, after.shape[1], QuantileRegression(list(LEVELS)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of series that hold few windows
        found = METHODS[method](make, panel)
    wide, narrow = (
        (after >= found[..., low]) & (after <= found[..., high]) for low, high in ((0, 4), (1, 3))
    )
    fifths = np.array_split(np.argsort([len(one) for one in series]), 5)
    by_length = [wide[some].mean() for some in fifths]
    missed = after[..., None] - found
    loss = np.maximum(np.array(LEVELS) * missed, (np.array(LEVELS) - 1) * missed).mean(axis=(1, 2))
    steps = np.array([np.abs(np.diff(one.values().ravel())).mean() for one in series])
    return {
        "90 %": round(100 * wide.mean(), 1),
        "80 %": round(100 * narrow.mean(), 1),
        "shortest fifth": round(100 * by_length[0], 1),
        "longest fifth": round(100 * by_length[-1], 1),
        "pinball": round(float((loss / steps).mean()), 4),
        "standard error": round(100 * wide.mean(axis=1).std() / len(series) ** 0.5, 1),
        "time": round(_time_ratio(lookback, panel), 2) if method == "weights by series" else "",
    }


def _time_ratio(lookback: int, panel: Panel) -> float:
    """Return how much longer a fit with intervals takes than one without."""
    taken: dict[bool, list[float]] = {False: [], True: []}
    for _ in range(3):
        for with_them, times in taken.items():
            likelihood = QuantileRegression(list(LEVELS)) if with_them else None
            model = _model(
                lookback, panel[1].shape[1], likelihood, HNMVTSModel, weights_by="series"
            )
            times.append(timed(partial(model.fit, panel[0]))[1].processor)
    return float(np.median(taken[True]) / np.median(taken[False]))


def _model(
    lookback: int,
    horizon: int,
    likelihood: QuantileRegression | None,
    model_class: Callable[..., Any],
    **options: Any,
) -> Any:
    return model_class(lookback, horizon, solver="exact", likelihood=likelihood, **options)


def runs(folder: str | None) -> Iterator[Run]:
    """Return what is measured."""
    panels = {("M4 weekly", 0): (m4_weekly.LOOKBACK, partial(weekly, folder))}
    panels |= {
        ("three kinds", seed): (three_kinds.LOOKBACK, partial(kinds, seed)) for seed in range(3)
    }
    for (panel, seed), (lookback, make_panel) in panels.items():
        for method in METHODS:
            key = {"panel": panel, "seed": seed, "method": method}
            yield Run(key, partial(measure, method, lookback, make_panel))


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = command_line.parser("benchmarks.panels.intervals", __doc__, folder=True, threads=1)
    parser.add_argument("--results", type=Path, default=RESULTS / "panels_intervals.csv")
    given = parser.parse_args(arguments)
    torch.set_num_threads(given.threads)
    complete(given.results, runs(given.folder))
    print(markdown(pd.read_csv(given.results), digits=3))


if __name__ == "__main__":
    main()
