"""Scales of panels in sktime: each instance by its own rows, or one scale for all.

A made panel of monthly series at levels from 1 to 1,000: waves of twelve steps, random walks and
noise, of one shape at every level. Forecasts of eight steps, rolled over twelve origins::

    python -m benchmarks.panel_scales
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd
import torch

from benchmarks import command_line
from benchmarks.markdown import markdown
from hyperforecast.sktime import BackboneForecaster, BaseHyperforecastForecaster, MoLAForecaster

N_SERIES, N_ROWS, HORIZON, N_ORIGINS = 60, 140, 8, 12


def panel(seed: int = 0) -> pd.DataFrame:
    """Make the panel."""
    random = np.random.default_rng(seed)
    time = pd.period_range("2010-01", periods=N_ROWS, freq="M")
    waves = np.sin(2 * np.pi * np.arange(N_ROWS) / 12 + random.uniform(0, 6, (N_SERIES, 1)))
    walks = 0.1 * random.normal(size=(N_SERIES, N_ROWS)).cumsum(axis=1)
    values = 10 + waves + walks + 0.4 * random.normal(size=(N_SERIES, N_ROWS))
    values *= np.geomspace(1, 1000, N_SERIES)[:, None]
    parts = {i: pd.DataFrame({"y": one}, index=time) for i, one in enumerate(values)}
    return pd.concat(parts, names=["series", "time"])


def forecasters() -> Iterator[tuple[str, BaseHyperforecastForecaster]]:
    """Name the forecasters compared, for every scale."""
    quantiles = (0.05, 0.5, 0.95)
    gradients = {"n_epochs": 10, "random_state": 0, "quantiles": quantiles}
    for scaler in ("standard", "global"):
        yield "DLinear, exact", BackboneForecaster(scaler=scaler, quantiles=quantiles)
        yield "DLinear, Adam", BackboneForecaster(scaler=scaler, solver="adam", **gradients)
        mola = MoLAForecaster(scaler=scaler, backbone="dlinear", n_segments=2, **gradients)
        yield "MoLA on DLinear", mola


def evaluate(forecaster: BaseHyperforecastForecaster, y: pd.DataFrame) -> dict[str, float]:
    """Return the mean scaled error, and the share of values within intervals of 90 %."""
    groups = y.groupby(level=0)
    first = N_ROWS - HORIZON - N_ORIGINS + 1
    train = groups.head(first)
    steps = train.groupby(level=0)["y"].diff().abs().groupby(level=0).mean()
    forecaster.fit(train, fh=np.arange(1, HORIZON + 1))
    errors, inside = [], []
    for origin in range(first, first + N_ORIGINS):
        forecast = forecaster.predict()["y"]
        interval = forecaster.predict_interval(coverage=0.9)["y"][0.9]
        test = y.loc[forecast.index, "y"]
        errors.append((test - forecast).abs().groupby(level=0).mean() / steps)
        inside.append((interval["lower"] <= test) & (test <= interval["upper"]))
        forecaster.update(groups.nth(origin), update_params=False)
    mase, covered = pd.concat(errors, axis=1).mean(axis=1), pd.concat(inside)
    by_series = covered.groupby(level=0).mean()
    fifth = N_SERIES // 5
    return {
        "MASE": mase.mean(),
        "MASE, lowest fifth": mase.iloc[:fifth].mean(),
        "covered by 90 %": by_series.mean(),
        "highest fifth": by_series.iloc[-fifth:].mean(),
    }


def main() -> None:
    """Print the table."""
    given = command_line.parser("benchmarks.panel_scales", __doc__, threads=1).parse_args()
    torch.set_num_threads(given.threads)
    y = panel()
    rows = [
        {"forecaster": name, "scaler": forecaster.scaler, **evaluate(forecaster, y)}
        for name, forecaster in forecasters()
    ]
    print(markdown(pd.DataFrame(rows), digits=3))


if __name__ == "__main__":
    main()
