"""Five tasks learned one after the other: what is forgotten, and what is kept of each.

The tasks are data sets cut to their last training rows and first test rows, with one lookback and
horizon for all. ``held`` and ``free`` learn by task vectors, with what is generated for earlier
tasks held in place or not; ``fine-tuning`` trains one plain network on from task to task; ``alone``
trains one for each; ``exact`` solves for each in closed form. Errors are those of every window of
the test rows, after the task was learned and after the last one. A finished run is a row of the
results file and is not run again::

    python -m benchmarks.tasks
"""

import itertools
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import nn

from benchmarks import command_line
from benchmarks.markdown import markdown
from benchmarks.protocol import Dataset, evaluate, load
from benchmarks.runs import RESULTS, Row, Run, complete
from hyperforecast.darts import BackboneModel, HyperModel
from hyperforecast.nn.network import count_parameters
from hyperforecast.nn.resizing import channel_axes, with_channels
from hyperforecast.nn.tasks.memory import n_numbers

LOOKBACK, HORIZON = 96, 24
TASKS = ("ETTh1", "exchange_rate", "weather", "epf_np", "ETTm1")
N_TRAINING, N_TEST = 3000, 1000
EPOCHS = 5
METHODS = ("held", "free", "fine-tuning", "alone", "exact")


def task(name: str, folder: str | None) -> Dataset:
    """Return a data set cut to its last training rows and first test rows."""
    whole = load(name, folder)
    end, start = whole.bounds["train"][1], whole.bounds["test"][0]
    bounds = dict(whole.bounds)
    bounds["train"] = (max(0, end - N_TRAINING), end)
    bounds["test"] = (start, min(start + N_TEST, whole.bounds["test"][1]))
    return Dataset(name, whole.channels, whole.values, bounds)


class FineTuned(BackboneModel):
    """A plain model that starts from the weights of another one, of whatever channels."""

    start: nn.Module | None = None

    def _create_model(self, train_sample: Any) -> Any:
        module = super()._create_model(train_sample)
        if self.start is not None:
            weights = module.network.state_dict()
            before = self.start.state_dict()
            same = {k: v for k, v in before.items() if v.shape == weights[k].shape}
            module.network.load_state_dict({**weights, **same})
        return module


def options(seed: int) -> dict[str, Any]:
    """Return the arguments of the models that gradients train."""
    return {
        "input_chunk_length": LOOKBACK,
        "output_chunk_length": HORIZON,
        "backbone": "rmlp",
        "backbone_kwargs": {"d_model": 64},
        "n_epochs": EPOCHS,
        "solver": "adam",
        "random_state": seed,
    }


Networks = Callable[[int], nn.Module]
"""Returns the network of a task, by its number, as it is now."""


def learn(method: str, tasks: Sequence[Dataset], seed: int) -> list[tuple[Networks, Row]]:
    """Return after each task what gives the networks of those learned, and what is kept."""
    steps: list[tuple[Networks, Row]] = []
    if method in ("held", "free", "exact"):
        if method == "exact":
            model = HyperModel(LOOKBACK, HORIZON, head="hn-mvts", solver="exact")
        else:
            model = HyperModel(**options(seed), tasks="task-vectors", tasks_kwargs={"rank": 16})
        hold = {"hold": 0.0} if method == "free" else {}
        for one in tasks:
            model.learn_task(one.name, one.series("train"), **hold)
            memory = model.tasks
            own = [n_numbers(weights.values()) for weights in memory.own.values()]
            kept = {"shared": n_numbers(memory.shared.values()), "each": sum(own) / len(own)}
            learned = [model.for_task(name).network for name in model.task_names]
            steps.append((learned.__getitem__, kept))
        return steps
    networks: list[nn.Module] = []
    for one in tasks:
        trained = FineTuned(**options(seed))
        trained.start = networks[-1] if method == "fine-tuning" and networks else None
        networks.append(trained.fit(one.series("train")).network)
        numbers = count_parameters(networks[-1])
        if method == "alone":
            steps.append((list(networks).__getitem__, {"shared": 0, "each": numbers}))
        else:
            axes = channel_axes(trained.model.network_arguments)
            now = partial(_of_channels, networks[-1], axes, tasks)
            steps.append((now, {"shared": numbers, "each": 0}))
    return steps


def _of_channels(
    network: nn.Module, axes: dict[str, int], tasks: Sequence[Dataset], number: int
) -> nn.Module:
    """Return a plain network for the channels of a task."""
    return with_channels(network, axes, [None] * len(tasks[number].channels))


def measure(method: str, tasks: Sequence[Dataset], seed: int) -> Row:
    """Learn all tasks and return errors of each, when it was learned and at the end."""
    steps = learn(method, tasks, seed)
    row: Row = {}
    for number, one in enumerate(tasks):
        for when, (networks, _) in (("learned", steps[number]), ("end", steps[-1])):
            network = networks(number).float()
            errors = evaluate(network, one, "test", LOOKBACK, HORIZON)
            row[f"{one.name}_{when}"] = round(errors.mse, 6)
    return {**row, **{f"kept_{name}": value for name, value in steps[-1][1].items()}}


def table(rows: Sequence[Row]) -> pd.DataFrame:
    """Return errors at the end relative to when a task was learned, and to a model of its own."""
    means = pd.DataFrame(rows).drop(columns="seed").groupby("method", sort=False).mean()
    learned, end = (means[[f"{name}_{when}" for name in TASKS]] for when in ("learned", "end"))
    alone = learned.loc["alone"].to_numpy() if "alone" in learned.index else float("nan")
    kept = end.to_numpy() / learned.to_numpy()
    return pd.DataFrame(
        {
            "method": means.index,
            "first task, end / learned": kept[:, 0],
            "worst task, end / learned": kept.max(axis=1),
            "learned / alone, mean": (learned.to_numpy() / alone).mean(axis=1),
            "end / alone, mean": (end.to_numpy() / alone).mean(axis=1),
            "numbers shared": means["kept_shared"].to_numpy(),
            "numbers of each task": means["kept_each"].to_numpy(),
        }
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Run every method with every seed and print the table."""
    parser = command_line.parser("benchmarks.tasks", __doc__, folder=True, threads=1)
    parser.add_argument("--methods", nargs="+", default=list(METHODS), choices=METHODS)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--results", type=Path, default=RESULTS / "tasks.csv")
    given = parser.parse_args(arguments)
    torch.set_num_threads(given.threads)
    command_line.silence()
    tasks = [task(name, given.folder) for name in TASKS]
    runs = [
        Run({"method": method, "seed": seed}, partial(measure, method, tasks, seed))
        for seed, method in itertools.product(given.seeds, given.methods)
    ]
    print(markdown(table(complete(given.results, runs))))


if __name__ == "__main__":
    main()
