"""M4 weekly by the methods of StatsForecast, a model for each series.

In the environment that ``make comparison-environment`` makes::

    .venv-comparison/bin/python -m benchmarks.panels.m4_weekly_statsforecast
"""

import time
from pathlib import Path

import numpy as np
import pandas as pd
from statsforecast.models import AutoETS, AutoTheta

from benchmarks.panels.m4_errors import HORIZON, read_m4_weekly

RESULTS = Path(__file__).parents[1] / "results" / "panels_m4_weekly.csv"


def main() -> None:
    """Add the rows to the results."""
    data = read_m4_weekly()
    for make in (AutoTheta, AutoETS):
        make(season_length=1).forecast(data.training[0], HORIZON)  # compiles
        begin = time.process_time()
        forecasts = [
            make(season_length=1).forecast(rows, HORIZON)["mean"] for rows in data.training
        ]
        row = {
            "method": f"{make.__name__} of StatsForecast",
            **data.errors(np.stack(forecasts)),
            "processor_s": round(time.process_time() - begin, 1),
        }
        print(row, flush=True)
        pd.DataFrame([row]).to_csv(RESULTS, mode="a", header=not RESULTS.exists(), index=False)


if __name__ == "__main__":
    main()
