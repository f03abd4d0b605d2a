"""Channels that come later: added with a few rows, beside training with them from the start.

A tenth of the channels is held out, every tenth one from a fold's number on, and added to a model
that was trained without them with their last rows of the training part. Test errors are those of
the held-out channels alone::

    python -m benchmarks.new_channels run
    python -m benchmarks.new_channels table

Times are processor seconds on one thread.
"""

import copy
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch

from benchmarks import command_line
from benchmarks.markdown import markdown
from benchmarks.protocol import Dataset, batches, load, windows
from benchmarks.runs import RESULTS, Row, Run, complete, finished
from benchmarks.timing import timed
from hyperforecast.darts import BackboneModel, HNMVTSModel, HyperforecastModel

ROWS = (1, 10, 100, 500, 1000)
"""Numbers of rows that a new channel is given."""

N_FOLDS = 10

SOLVED: dict[str, Any] = {"solver": "exact"}


class Case(NamedTuple):
    """A data set, its windows, the model, the one that all channels share, and the folds."""

    data: str
    lookback: int
    horizon: int
    model: str
    folds: Sequence[int]

    @property
    def makes(self) -> tuple[Callable[..., HyperforecastModel], Callable[..., HyperforecastModel]]:
        """What makes the model, and the one that all channels share."""
        return MODELS[self.model]


MODELS: dict[str, tuple[Callable[..., HyperforecastModel], Callable[..., HyperforecastModel]]] = {
    "hn-mvts": (partial(HNMVTSModel, **SOLVED), partial(BackboneModel, **SOLVED)),
}

CASES = (
    Case("weather", 96, 12, "hn-mvts", range(N_FOLDS)),
    Case("los_speed", 96, 12, "hn-mvts", (4,)),
    Case("weather", 96, 96, "hn-mvts", (0, 4, 7)),
)


@torch.no_grad()
def errors(model: HyperforecastModel, dataset: Dataset, names: Sequence[str]) -> float:
    """Return the mean squared error of some channels over every window of the test part."""
    network = model.network.eval()
    lookback, horizon = model.input_chunk_length, model.output_chunk_length
    order = [dataset.channels.index(name) for name in model.channel_names]
    chosen = [model.channel_names.index(name) for name in names]
    like = next(network.parameters())
    squares, count = 0.0, 0
    for batch in batches(windows(dataset.rows("test", lookback), lookback + horizon)):
        past, future = batch[..., order].split([lookback, horizon], dim=1)
        forecast = network(past.to(like))[..., chosen, 0]
        error = (forecast - future[..., chosen]).double()
        squares += error.square().sum().item()
        count += error.numel()
    return squares / count


def fit(
    make: Callable[..., HyperforecastModel], case: Case, dataset: Dataset, names: Sequence[str]
) -> HyperforecastModel:
    """Train a model on some channels."""
    model = make(case.lookback, case.horizon, random_state=0)
    return model.fit(
        dataset.series("train")[list(names)],
        val_series=dataset.series("validation", case.lookback)[list(names)],
    )


def measure(case: Case, fold: int, folder: str | None) -> Row:
    """Return the errors on the channels of a fold, and what training and adding took."""
    dataset = load(case.data, folder)
    held = dataset.channels[fold::N_FOLDS]
    known = [name for name in dataset.channels if name not in held]
    make, make_shared = case.makes
    on_all, taken = timed(partial(fit, make, case, dataset, dataset.channels))
    row: Row = {"trained": errors(on_all, dataset, held), "seconds": taken.processor}
    model = fit(make, case, dataset, known)
    shared = fit(make_shared, case, dataset, known)
    past = dataset.series("test", case.lookback)
    before = model.predict(case.horizon, series=past[known]).values()
    for n_rows in ROWS:
        rows = dataset.series("train")[-n_rows:]
        added, taken = timed(partial(copy.deepcopy(model).add_channels, rows))
        row[f"added_{n_rows}"] = errors(added, dataset, held)
        row[f"seconds_{n_rows}"] = taken.processor
        after = added.predict(case.horizon, series=past)[known].values()
        row["others_changed"] = row.get("others_changed", 0) + int((after != before).sum())
        other = copy.deepcopy(shared).add_channels(rows)
        row[f"shared_{n_rows}"] = errors(other, dataset, held)
    return {name: round(value, 5) for name, value in row.items()} | {"channels": len(held)}


def runs(folder: str | None) -> Iterator[Run]:
    """Yield the runs of all cases."""
    for case in CASES:
        for fold in case.folds:
            key = {**case._asdict(), "fold": fold}
            del key["folds"]
            yield Run(key, partial(measure, case, fold, folder))


def table(rows: Sequence[Row]) -> pd.DataFrame:
    """Return a row for each case: errors over all its channels, beside those of training."""
    frame = pd.DataFrame(rows)
    made = []
    for (data, lookback, horizon, model), part in frame.groupby(
        ["data", "lookback", "horizon", "model"], sort=False
    ):
        weights = part["channels"].to_numpy(float)

        def mean(name: str, part: pd.DataFrame = part, weights: np.ndarray = weights) -> float:
            return float(np.average(part[name], weights=weights))

        trained = mean("trained")
        made.append(
            {
                "data": f"{data} {lookback} → {horizon}, {model}",
                "channels held out": int(weights.sum()),
                "trained on all": trained,
                **{f"{n} rows": mean(f"added_{n}") / trained for n in ROWS},
                "shared, 500 rows": mean("shared_500") / trained,
                "folds below shared": int((part["added_500"] < part["shared_500"]).sum()),
                "folds within 5 %": int((part["added_500"] < 1.05 * part["trained"]).sum()),
                "folds": len(part),
                "time": part["seconds_500"].sum() / part["seconds"].sum(),
                "others changed": int(part["others_changed"].sum()),
            }
        )
    return pd.DataFrame(made)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, or print the table."""
    parser = command_line.parser("benchmarks.new_channels", __doc__, folder=True, threads=1)
    parser.add_argument("command", choices=["run", "table"])
    given = parser.parse_args(arguments)
    torch.set_num_threads(given.threads)
    path = RESULTS / "new_channels.csv"
    all_runs = list(runs(given.folder))
    rows = complete(path, all_runs) if given.command == "run" else finished(path, all_runs)
    print(markdown(table([row for row in rows if row is not None]), digits=3))


if __name__ == "__main__":
    main()
