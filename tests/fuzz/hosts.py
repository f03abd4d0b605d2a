"""A case in either host: from tables to forecasts, as an array for each series."""

from typing import Any

import numpy as np
import pandas as pd
from darts import TimeSeries

import hyperforecast.darts
import hyperforecast.sktime
from tests.fuzz.cases import H, Host, L, Setting, Tables


def fit(host: Host, setting: Setting, tables: Tables) -> Any:
    """Fit a model, or a forecaster, on tables."""
    return (_fit_darts if host == "darts" else _fit_sktime)(setting, tables)


def forecast(host: Host, fitted: Any, tables: Tables, n: int = H) -> list[pd.DataFrame]:
    """Forecast ``n`` rows after the last of tables; for sktime those that it was fitted on."""
    return (_forecast_darts if host == "darts" else _forecast_sktime)(fitted, tables, n)


def _fit_darts(setting: Setting, tables: Tables) -> Any:
    model_class = getattr(hyperforecast.darts, f"{setting.model}Model")
    lengths = {"input_chunk_length": L, "output_chunk_length": H}
    return model_class(**{**lengths, **setting.options}).fit(**_series(tables))


def _forecast_darts(model: Any, tables: Tables, n: int) -> list[pd.DataFrame]:
    found = model.predict(n, **_series(tables), show_warnings=False)
    return [one.to_dataframe() for one in found]


def _series(tables: Tables) -> dict[str, list[TimeSeries]]:
    y = [to_series(table) for table in tables.y]
    if tables.static is not None:
        y = [
            one.with_static_covariates(static) for one, static in zip(y, tables.static, strict=True)
        ]
    given = {"series": y}
    for kind, covariates in (("past", tables.past), ("future", tables.future)):
        if covariates is not None:
            given[f"{kind}_covariates"] = [to_series(table) for table in covariates]
    return given


def to_series(table: pd.DataFrame) -> TimeSeries:
    """Make a Darts series of a table."""
    return TimeSeries.from_dataframe(table)


def _fit_sktime(setting: Setting, tables: Tables) -> Any:
    forecaster_class = getattr(hyperforecast.sktime, f"{setting.model}Forecaster")
    past = None if tables.past is None else list(tables.past[0].columns)
    own = {"input_chunk_length": L, "past_covariates": past}
    forecaster = forecaster_class(**{**own, **setting.options})
    y, X = _panel(tables.y), _panel(_covariates(tables, ahead=False))
    return forecaster.fit(y, X=X, fh=list(range(1, H + 1)))


def _forecast_sktime(forecaster: Any, tables: Tables, n: int) -> list[pd.DataFrame]:
    X = _panel(_covariates(tables, ahead=True))
    found = forecaster.predict(fh=list(range(1, n + 1)), X=X)
    if not isinstance(found.index, pd.MultiIndex):
        return [found]
    return [found.xs(f"i{i}") for i in range(len(tables.y))]


def _covariates(tables: Tables, ahead: bool) -> list[pd.DataFrame] | None:
    """Return the columns of X: those of rows seen, or of the rows to be forecast."""
    kinds = [kind for kind in (tables.past, tables.future) if kind is not None]
    if not kinds:
        return None
    joined = [pd.concat(tables_of, axis=1) for tables_of in zip(*kinds, strict=True)]
    ends = [len(table) for table in tables.y]
    return [x[end:] if ahead else x[:end] for x, end in zip(joined, ends, strict=True)]


def _panel(tables: list[pd.DataFrame] | None) -> pd.DataFrame | None:
    if tables is None:
        return None
    if len(tables) == 1:
        return tables[0]
    return pd.concat({f"i{i}": table for i, table in enumerate(tables)}, names=["store", "time"])


def values(forecasts: list[pd.DataFrame]) -> np.ndarray:
    """Return forecasts as one array (series, rows, channels), channels by name."""
    return np.stack([one[sorted(one.columns)].to_numpy(dtype=float) for one in forecasts])
