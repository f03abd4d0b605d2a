"""The exact solution beside least squares, written out window by window.

The ridge is so small that both are the same. Of the solver nothing is used but what it has learned
of the channels: their means and deviations, in whose units errors are counted, their vectors and
the loadings of common factors.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from darts import TimeSeries

from hyperforecast.darts import BackboneModel, HNMVTSModel, HyperforecastModel
from tests.fuzz.cases import Data, H, L, Tables, tables
from tests.fuzz.hosts import to_series
from tests.fuzz.outcomes import WrongForecastError

RIDGE = 1e-12


@dataclass(frozen=True)
class Problem:
    """Data, and what is solved for on them."""

    data: Data
    backbone: str
    norm: str
    weights: str
    """``"shared"``, ``"individual"`` or ``"generated"``."""
    n_factors: int
    shift: int


def run(case: Problem) -> None:
    """Raise :class:`WrongForecastError` unless the forecasts are those of least squares."""
    given = tables(case.data)
    model, series = _fitted(case, given)
    found = model.predict(H, **series)
    expected = _least_squares(case, given, model)
    for one, other, table in zip(found, expected, given.y, strict=True):
        if not np.allclose(one.values(), other, atol=1e-5 * table.to_numpy().std(), rtol=1e-5):
            error = np.abs(one.values() - other).max()
            raise WrongForecastError(f"differs from least squares by {error:.2g}")


def _fitted(case: Problem, given: Tables) -> tuple[HyperforecastModel, dict[str, Any]]:
    options: dict[str, Any] = {
        "output_chunk_shift": case.shift,
        "backbone": case.backbone,
        "instance_norm": case.norm,
        "n_factors": case.n_factors,
        "solver": "exact",
        "solver_kwargs": {"ridge": RIDGE, "combine": False, "pool": False, "neighbours": False},
    }
    if case.weights == "generated":
        model: HyperforecastModel = HNMVTSModel(L, H, channel_embedding_dim=1, **options)
    else:
        model = BackboneModel(L, H, individual=case.weights == "individual", **options)
    y: list[TimeSeries] = [to_series(table) for table in given.y]
    if given.static is not None:
        pairs = zip(y, given.static, strict=True)
        y = [one.with_static_covariates(static) for one, static in pairs]
    series: dict[str, Any] = {"series": y}
    for kind in ("past", "future"):
        if (covariates := getattr(given, kind)) is not None:
            series[f"{kind}_covariates"] = [to_series(table) for table in covariates]
    return model.fit(**series), series


def _least_squares(case: Problem, given: Tables, model: HyperforecastModel) -> list[np.ndarray]:
    """Return forecasts after the last row of each series."""
    standardiser = model.network.standardiser
    assert standardiser is not None
    mean, deviation = (
        values.numpy() for values in (standardiser.target_mean, standardiser.target_deviation)
    )
    assert (deviation > 0).all()  # data vary
    given = replace(given, y=[(table - mean) / deviation for table in given.y])
    n_channels = case.data.channels
    mixing = {
        "shared": np.ones((n_channels, 1)),
        "individual": np.eye(n_channels),
    }.get(case.weights)
    if mixing is None:
        vectors = model.network.channel_embedding()
        assert vectors is not None
        mixing = np.column_stack([np.ones(n_channels), vectors.numpy()])
    loadings = None
    if case.n_factors:
        assert model.network.factors is not None
        loadings = model.network.factors.loadings.detach().double().numpy()

    rows, right = [], []
    for i, table in enumerate(given.y):
        y = table.to_numpy()
        for start in range(len(y) - L - case.shift - H + 1):
            ahead = start + L + case.shift
            for c in range(n_channels):
                x, level, scale = _regressors(case, given, loadings, i, start, c)
                for h in range(H):
                    rows.append(_row(case, given, mixing[c], x, scale, i, ahead + h, h))
                    right.append(y[ahead + h, c] - level)
    weights, *_ = np.linalg.lstsq(np.array(rows), np.array(right), rcond=1e-10)

    forecasts = []
    for i, table in enumerate(given.y):
        start = len(table) - L
        forecast = np.empty((H, n_channels))
        for c in range(n_channels):
            x, level, scale = _regressors(case, given, loadings, i, start, c)
            for h in range(H):
                time = len(table) + case.shift + h
                forecast[h, c] = level + weights @ _row(
                    case, given, mixing[c], x, scale, i, time, h
                )
        forecasts.append(forecast * deviation + mean)
    return forecasts


def _regressors(
    case: Problem, given: Tables, loadings: np.ndarray | None, i: int, start: int, c: int
) -> tuple[np.ndarray, float, float]:
    """Return the inputs of a channel's window, in its units, and what these are."""
    window = given.y[i].to_numpy()[start : start + L]  # (L, C)
    level = {"none": 0.0 * window[0], "last": window[-1]}.get(case.norm, window.mean(axis=0))
    scale = np.ones_like(level)
    if case.norm == "revin":
        scale = np.sqrt(window.var(axis=0) + 1e-5)
    normalised = (window - level) / scale
    inputs = [normalised[:, c]]
    if given.past is not None:
        inputs.append(given.past[i].to_numpy()[start : start + L].ravel())
    if given.future is not None:
        inputs.append(given.future[i].to_numpy()[start : start + L].ravel())
    if loadings is not None:
        inputs.append((normalised @ loadings).ravel())
    if given.static is not None:
        inputs.append(given.static[i].to_numpy()[c])
    inputs.append(np.ones(1))
    return np.concatenate(inputs) * scale[c], float(level[c]), float(scale[c])


def _row(
    case: Problem,
    given: Tables,
    mixing: np.ndarray,
    x: np.ndarray,
    scale: float,
    i: int,
    time: int,
    h: int,
) -> np.ndarray:
    """Return the row of step h: own weights for each step, one for all of covariates ahead."""
    own = np.zeros((H, len(mixing) * len(x)))
    own[h] = np.kron(mixing, x)
    ahead = np.zeros(0)
    if given.future is not None:
        ahead = np.kron(mixing, given.future[i].to_numpy()[time] * scale)
    return np.concatenate([own.ravel(), ahead])
