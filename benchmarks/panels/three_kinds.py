"""A made panel of 300 univariate series of three kinds: how much is lost by not knowing the kinds?

Three autoregressions, lengths of 100 to 400 rows and levels of 1 to 1,000 drawn for each series.
Errors are mean squared errors, in units of each series' variance, of all windows of the 60 rows
after those trained on; the Rand index compares three clusters of the first two entries of the
vectors with the kinds::

    python -m benchmarks.panels.three_kinds
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from darts import TimeSeries
from sklearn.cluster import KMeans
from sklearn.metrics import rand_score

from benchmarks import command_line
from benchmarks.markdown import markdown
from benchmarks.timing import timed
from hyperforecast.darts import HNMVTSModel

N_SERIES, LOOKBACK, HORIZON, N_TEST, WARM_UP = 300, 24, 12, 60, 200

KINDS = (
    {1: 2 * 0.97 * np.cos(2 * np.pi / 12), 2: -(0.97**2)},
    {1: 0.5, 7: 0.45},
    {1: -0.7, 2: 0.2},
)
"""Coefficients of each kind's lags."""


def panel(seed: int) -> tuple[np.ndarray, list[TimeSeries]]:
    """Return the kinds, and the series with the rows of the test at their ends."""
    generator = np.random.default_rng(seed)
    kinds = generator.integers(0, 3, N_SERIES)
    series = []
    for number, kind in enumerate(kinds):
        n_rows = int(generator.integers(100, 401)) + N_TEST
        values = generator.standard_normal(n_rows + WARM_UP)
        for t in range(max(KINDS[kind]), len(values)):
            values[t] += sum(by * values[t - lag] for lag, by in KINDS[kind].items())
        values = values[WARM_UP:] / values[WARM_UP:].std()
        values = 10 ** generator.uniform(0, 3) * (3 + values)
        series.append(TimeSeries.from_values(values[:, None], columns=[f"series {number}"]))
    return kinds, series


def fitted(series: Sequence[TimeSeries], **options: Any) -> HNMVTSModel:
    """Fit a model on all rows but those of the test."""
    model = HNMVTSModel(LOOKBACK, HORIZON, weights_by="series", solver="exact", **options)
    return model.fit([one[:-N_TEST] for one in series])


def errors(model: HNMVTSModel, series: Sequence[TimeSeries]) -> np.ndarray:
    """Return the error of each series."""
    forecasts = model.historical_forecasts(
        series,
        forecast_horizon=HORIZON,
        retrain=False,
        last_points_only=False,
        start=-N_TEST,
        start_format="position",
    )
    found = []
    for one, many in zip(series, forecasts, strict=True):
        missed = [f.values() - one.slice_intersect(f).values() for f in many]
        found.append(np.square(missed).mean() / one.values().var())
    return np.array(found)


def measure(seed: int) -> dict[str, float]:
    """Return the errors of a panel."""
    kinds, series = panel(seed)
    model, taken = timed(lambda: fitted(series))
    own = errors(model, series).mean()
    for_all = errors(fitted(series, channel_embedding_dim=0), series).mean()
    known = []
    for kind in range(3):
        of_kind = [one for one, theirs in zip(series, kinds, strict=True) if theirs == kind]
        known.append(errors(fitted(of_kind, channel_embedding_dim=0), of_kind))
    vectors = model.network.channel_embedding()
    assert vectors is not None
    clusters = KMeans(3, n_init=10, random_state=0).fit_predict(vectors[:, :2].numpy())
    return {
        "seed": seed,
        "weights for all": for_all,
        "weights by series": own,
        "kinds known": np.concatenate(known).mean(),
        "by series / known": own / np.concatenate(known).mean(),
        "Rand index": rand_score(kinds, clusters),
        "processor s of fit": taken.processor,
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = command_line.parser("benchmarks.panels.three_kinds", __doc__, threads=1)
    parser.add_argument("--seeds", type=int, default=3)
    given = parser.parse_args(arguments)
    torch.set_num_threads(given.threads)
    table = pd.DataFrame([measure(seed) for seed in range(given.seeds)])
    print(markdown(table, digits=4))


if __name__ == "__main__":
    main()
