"""M4 weekly by networks of NeuralForecast, as they are by default, scaled by series.

In the environment that ``make comparison-environment`` makes::

    .venv-comparison/bin/python -m benchmarks.panels.m4_weekly_neuralforecast
"""

import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from neuralforecast import NeuralForecast, models

from benchmarks.panels.m4_errors import HORIZON, read_m4_weekly
from benchmarks.runs import append_result, find, read_results

RESULTS = Path(__file__).parents[1] / "results" / "panels_m4_weekly.csv"

LOOKBACK = 52


def main() -> None:
    """Add the rows to the results."""
    torch.set_num_threads(1)
    data = read_m4_weekly()
    table = pd.DataFrame(
        {
            "unique_id": np.repeat(np.arange(len(data.names)), list(map(len, data.training))),
            "ds": np.concatenate([np.arange(len(rows)) for rows in data.training]),
            "y": np.concatenate(data.training),
        }
    )
    for make in (models.DLinear, models.NHITS):
        method = f"{make.__name__} of NeuralForecast"
        if find(read_results(RESULTS), {"method": method}) is not None:
            continue
        begin = time.process_time()
        network = make(
            HORIZON, LOOKBACK, accelerator="cpu", logger=False, start_padding_enabled=True
        )
        forecaster = NeuralForecast([network], freq=1, local_scaler_type="standard")
        forecaster.fit(table)
        forecasts = forecaster.predict().sort_values(["unique_id", "ds"])
        row = {
            "method": method,
            **data.errors(forecasts[make.__name__].to_numpy(float).reshape(-1, HORIZON)),
            "processor_s": round(time.process_time() - begin, 1),
        }
        print(row, flush=True)
        append_result(RESULTS, row)


if __name__ == "__main__":
    main()
