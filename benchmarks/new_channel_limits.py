"""What few rows can tell of a new channel, beside what is made of them.

The tenths of Weather that :mod:`benchmarks.new_channels` holds out at 96 → 96 are added with their
last 500 rows of the training part. Beside what solving makes of these stand answers among which
the test part itself chose, as no rule can::

    python -m benchmarks.new_channel_limits run
    python -m benchmarks.new_channel_limits table

Errors are mean squared errors of the test part, of the held-out channels alone.
"""

from collections.abc import Iterator, Sequence
from functools import cache, partial

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from benchmarks import command_line
from benchmarks.markdown import markdown
from benchmarks.new_channels import CASES, N_FOLDS, Case, errors, fit
from benchmarks.protocol import Dataset, load
from benchmarks.runs import RESULTS, Row, Run, complete, finished
from hyperforecast.darts import HyperforecastModel
from hyperforecast.darts.newcomers.newcomer_solver import newcomer_solver
from hyperforecast.nn.exact import ObservedSeries
from hyperforecast.nn.exact.windows.units import MeanDeviation
from hyperforecast.nn.newcomers import ChannelSolver
from hyperforecast.nn.newcomers.quadratic_error import QuadraticError
from hyperforecast.nn.resizing import channel_axes, with_channels

CASE = next(case for case in CASES if (case.data, case.horizon) == ("weather", 96))

N_ROWS = 500

RIDGES = tuple(10.0**power for power in range(-4, 4))
"""Of a channel's own head, in units of what the lags of its windows vary by."""

NO_RIDGE = 1e-9
"""Part of the mean diagonal that is added where the test part itself is solved for."""


def solver_of(model: HyperforecastModel) -> ChannelSolver:
    """Return what solves for one new channel of a trained model."""
    assert model.model is not None
    arguments = model.model.network_arguments
    axes, n_known = channel_axes(arguments), len(model.trained_channel_names)
    larger = with_channels(model.network, axes, [*range(n_known), None], n_known)
    return newcomer_solver(model, larger, arguments, axes, n_known, None)


def rows_of(values: np.ndarray, dataset: Dataset, names: Sequence[str]) -> ObservedSeries:
    """Return some channels of rows."""
    columns = [dataset.channels.index(name) for name in names]
    return ObservedSeries(torch.from_numpy(values[:, columns]).double())


def best_place(error: QuadraticError) -> Tensor:
    """Return the place (K,) of least error."""
    ridge = NO_RIDGE * error.gram.diagonal().mean()
    square = error.gram + ridge * torch.eye(len(error.gram)).double()
    return torch.linalg.solve(square, error.right)


def own_heads(few: Tensor, test: Tensor, case: Case) -> list[float]:
    """Return the test errors of the last value, and of heads of a channel's own by their ridges.

    These are solved for on its few rows (T,), and forecast changes from a window's last value.
    """

    def windows(rows: Tensor) -> tuple[Tensor, Tensor]:
        seen = rows.unfold(0, case.lookback + case.horizon, 1)
        changes = seen - seen[:, [case.lookback - 1]]
        return changes[:, : case.lookback - 1], changes[:, case.lookback :]

    (past, future), (test_past, test_future) = windows(few), windows(test)
    gram, products = past.T @ past, past.T @ future
    heads = [torch.zeros_like(products)]
    for ridge in RIDGES:
        penalty = ridge * gram.diagonal().mean() * torch.eye(len(gram)).double()
        heads.append(torch.linalg.solve(gram + penalty, products))
    return [(test_past @ head - test_future).square().mean().item() for head in heads]


@cache
def models(
    case: Case, fold: int, folder: str | None
) -> tuple[HyperforecastModel, HyperforecastModel, HyperforecastModel]:
    """Return models trained on all channels, on those that a fold leaves, and one head for these.

    The last one has been given the rows of the others.
    """
    dataset = load(case.data, folder)
    held = dataset.channels[fold::N_FOLDS]
    known = [name for name in dataset.channels if name not in held]
    make, make_shared = case.makes
    on_all = fit(make, case, dataset, dataset.channels)
    model, shared = (fit(one, case, dataset, known) for one in (make, make_shared))
    return on_all, model, shared.add_channels(dataset.series("train")[-N_ROWS:])


def measure(case: Case, fold: int, name: str, folder: str | None) -> Row:
    """Return the test errors of a channel, whose weights are found in several ways."""
    dataset = load(case.data, folder)
    on_all, model, shared = models(case, fold, folder)
    solver, training = solver_of(model), dataset.rows("train")
    assert solver.pool is not None
    names = [name] if model.network.factors is None else [*model.trained_channel_names, name]
    few, many, test = (
        rows_of(rows, dataset, names)
        for rows in (training[-N_ROWS:], training, dataset.rows("test", case.lookback))
    )
    unit, unit_of_many = (MeanDeviation.of([one.target[:, -1:]]) for one in (few, many))

    def on_test(units: MeanDeviation) -> QuadraticError:
        return solver.errors([test], units).scaled(units.deviation.item() ** 2)

    error, place = on_test(unit), solver.solve([few], unit)[0]
    heads = own_heads(few.target[:, -1], test.target[:, -1], case)
    row: Row = {
        "trained": errors(on_all, dataset, [name]),
        "shared": errors(shared, dataset, [name]),
        "added": error(place).item(),
        "units_of_all_rows": on_test(unit_of_many)(place).item(),
        "all_rows": on_test(unit_of_many)(solver.solve([many], unit_of_many)[0]).item(),
        "best_known": error(solver.pool.places[:-1]).min().item(),
        "best_vector": error(best_place(error)).item(),
        "best_own_head": min(heads[1:]),
        "last_value": heads[0],
    }
    return {kind: round(value, 5) for kind, value in row.items()}


def runs(folder: str | None) -> Iterator[Run]:
    """Yield a run for each channel."""
    channels = load(CASE.data, folder).channels
    for fold in CASE.folds:
        for name in channels[fold::N_FOLDS]:
            key = {"data": CASE.data, "horizon": CASE.horizon, "fold": fold, "channel": name}
            yield Run(key, partial(measure, CASE, fold, name, folder))


def table(rows: Sequence[Row]) -> pd.DataFrame:
    """Return the errors of each channel, and the mean of all."""
    frame = pd.DataFrame(rows).drop(columns=["data", "horizon", "fold"]).set_index("channel")
    frame.loc["all"] = frame.mean()
    return frame.reset_index()


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, or print the table."""
    parser = command_line.parser("benchmarks.new_channel_limits", __doc__, folder=True, threads=1)
    parser.add_argument("command", choices=["run", "table"])
    given = parser.parse_args(arguments)
    torch.set_num_threads(given.threads)
    path = RESULTS / "new_channel_limits.csv"
    all_runs = list(runs(given.folder))
    rows = complete(path, all_runs) if given.command == "run" else finished(path, all_runs)
    print(markdown(table([row for row in rows if row is not None]), digits=3))


if __name__ == "__main__":
    main()
