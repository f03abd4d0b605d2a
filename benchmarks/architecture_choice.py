"""One-shot choice of an architecture beside training every architecture by itself.

Twelve architectures of each family are trained with three seeds each, until the validation error
has not fallen for three epochs; then one hypernetwork ranks them, with three seeds, too::

    python -m benchmarks.architecture_choice trained
    python -m benchmarks.architecture_choice one-shot
    python -m benchmarks.architecture_choice table

Times are processor seconds on one thread.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch

from benchmarks import command_line
from benchmarks.markdown import markdown
from benchmarks.protocol import evaluate, load
from benchmarks.runs import RESULTS, Row, Run, complete, finished
from benchmarks.timing import timed
from benchmarks.training import train
from hyperforecast.darts import (
    BackboneModel,
    HyperforecastModel,
    HyperTCNModel,
    choose_architecture,
)
from hyperforecast.nn.network import count_parameters
from hyperforecast.nn.one_shot import SearchSpace

SEEDS = (0, 1, 2)

PATIENCE = 3
"""Of the architectures trained by themselves."""

HIDDEN: dict[str, Sequence[int] | None] = {"linear": (), "8 hidden": (8,), "none": None}
"""Widths of the hypernetwork's hidden layers, by the name of the variant."""

MIXERS = {"e_layers": [1, 2, 4], "d_ff": [2, 8, 32, 128]}
CONVOLUTIONS = {"d_model": [2, 8, 32], "e_layers": [1, 2], "large_size": [5, 21]}
KERNELS = {"d_model": [4, 8], "kernel_size": [2, 4], "e_layers": [1, 2, 3]}


class Case(NamedTuple):
    """A family, a data set, its windows, and how both trainings go.

    Attributes
    ----------
    n_epochs, one_shot_epochs : int
        Most epochs of an architecture trained by itself, and epochs of the hypernetwork.
    """

    family: str
    data: str
    lookback: int
    horizon: int
    stride: int
    batch_size: int
    lr: float
    n_epochs: int = 12
    one_shot_epochs: int = 16

    @property
    def space(self) -> SearchSpace:
        """The architectures."""
        backbone, values, _ = FAMILIES[self.family]
        return SearchSpace(backbone, values)

    def arguments(self, seed: int) -> dict[str, Any]:
        """Return arguments of a model."""
        return {
            "batch_size": self.batch_size,
            "optimizer_kwargs": {"lr": self.lr},
            "random_state": seed,
        }


FAMILIES: dict[str, tuple[str, Mapping[str, Sequence[Any]], Callable[..., HyperforecastModel]]] = {
    "TSMixer": ("tsmixer", MIXERS, partial(BackboneModel, backbone="tsmixer")),
    "ModernTCN": ("moderntcn", CONVOLUTIONS, partial(BackboneModel, backbone="moderntcn")),
    "HyperTCN": ("tcn", KERNELS, partial(HyperTCNModel, kernel_width=4)),
}
"""Backbone, search space and model of each."""

CASES = (
    Case("TSMixer", "los_speed", 48, 12, 2, 32, 1e-3),
    Case("TSMixer", "weather", 96, 24, 24, 32, 1e-3),
    Case("ModernTCN", "ETTh1", 96, 24, 6, 32, 1e-3),
    Case("ModernTCN", "exchange_rate", 96, 24, 6, 32, 1e-3),
    Case("HyperTCN", "ETTh1", 48, 24, 12, 32, 3e-3, 30, 36),
    Case("TSMixer", "exchange_rate", 96, 24, 4, 32, 1e-3),
)


def train_member(case: Case, options: Mapping[str, Any], seed: int, folder: str | None) -> Row:
    """Train an architecture by itself."""
    dataset = load(case.data, folder)
    arguments = case.arguments(seed)
    training = train(
        FAMILIES[case.family][2],
        dataset,
        case.lookback,
        case.horizon,
        seed=arguments.pop("random_state"),
        patience=PATIENCE,
        n_epochs=case.n_epochs,
        backbone_kwargs=dict(options),
        fit_options={"stride": case.stride},
        **arguments,
    )
    network, sizes = training.model.network, (case.lookback, case.horizon)
    return {
        "validation_mse": round(evaluate(network, dataset, "validation", *sizes).mse, 6),
        "test_mse": round(evaluate(network, dataset, "test", *sizes).mse, 6),
        "parameters": count_parameters(network),
        "epochs": training.epochs,
        "seconds": round(training.taken.processor, 2),
    }


def rank(case: Case, seed: int, hidden: Sequence[int] | None, folder: str | None) -> Row:
    """Rank all architectures by one hypernetwork."""
    dataset = load(case.data, folder)
    _, values, make = FAMILIES[case.family]
    choice, taken = timed(
        partial(
            choose_architecture,
            make(case.lookback, case.horizon, **case.arguments(seed)),
            values,
            dataset.series("train"),
            dataset.series("validation", case.lookback),
            n_epochs=case.one_shot_epochs,
            hyper_hidden=hidden,
            stride=case.stride,
        )
    )
    losses = choice.ranking["val_loss"].sort_index()
    return {"seconds": round(taken.processor, 2), "losses": json.dumps(losses.round(6).tolist())}


def trained_runs(folder: str | None) -> Iterator[Run]:
    """Yield the runs of all architectures by themselves."""
    for seed in SEEDS:
        for case in CASES:
            for options in case.space.members:
                key = {**case._asdict(), "options": json.dumps(options), "seed": seed}
                yield Run(key, partial(train_member, case, options, seed, folder))


def one_shot_runs(hidden: str, folder: str | None) -> Iterator[Run]:
    """Yield the runs of hypernetworks."""
    for seed in SEEDS:
        for case in CASES:
            key = {**case._asdict(), "seed": seed, "hidden": hidden}
            widths = HIDDEN[hidden]
            yield Run(key, partial(rank, case, seed, widths, folder))


def spearman(one: Sequence[float], other: Sequence[float]) -> float:
    """Return the rank correlation."""
    return float(pd.Series(list(one)).corr(pd.Series(list(other)), method="spearman"))


def table(trained: Sequence[Row], one_shot: Sequence[Row]) -> pd.DataFrame:
    """Return a row for each case and variant of the hypernetwork."""
    made = []
    keys = ["family", "data"]
    members, shots = pd.DataFrame(trained), pd.DataFrame(one_shot)
    for (family, data, hidden), part in shots.groupby([*keys, "hidden"], sort=False):
        own = members[(members["family"] == family) & (members["data"] == data)]
        errors = own.pivot_table(
            index="options", columns="seed", values="validation_mse", sort=False
        )
        errors = errors.dropna(axis="columns")  # of seeds with all architectures
        if errors.empty:
            continue
        pairs = list(combinations(errors, 2))
        own = own[own["seed"].isin(errors.columns)]
        mean = errors.mean(axis=1)
        rankings = [json.loads(losses) for losses in part["losses"]]
        best = [mean.iloc[int(np.argmin(one))] for one in rankings]
        made.append(
            {
                "family": family,
                "data": data,
                "hypernetwork": hidden,
                "seeds of trained": len(errors.columns),
                "one-shot with trained": " ".join(f"{spearman(one, mean):.2f}" for one in rankings),
                "mean": np.mean([spearman(one, mean) for one in rankings]),
                "two seeds of trained": sum(spearman(errors[a], errors[b]) for a, b in pairs)
                / len(pairs)
                if pairs
                else np.nan,
                "with parameters": spearman(
                    own.groupby("options", sort=False)["parameters"].first(), -mean
                ),
                "chosen above best": np.mean(best) / mean.min() - 1,
                "random above best": mean.mean() / mean.min() - 1,
                "time": part["seconds"].mean() / (own["seconds"].sum() / len(errors.columns)),
            }
        )
    return pd.DataFrame(made)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, or print the table."""
    parser = command_line.parser("benchmarks.architecture_choice", __doc__, folder=True, threads=1)
    parser.add_argument("command", choices=["trained", "one-shot", "table"])
    parser.add_argument("--hidden", choices=HIDDEN, nargs="+", default=["linear"])
    given = parser.parse_args(arguments)
    torch.set_num_threads(given.threads)
    command_line.silence()
    trained_path = RESULTS / "architecture_choice_trained.csv"
    one_shot_path = RESULTS / "architecture_choice.csv"
    trained = list(trained_runs(given.folder))
    one_shot = [run for one in given.hidden for run in one_shot_runs(one, given.folder)]
    if given.command == "trained":
        complete(trained_path, trained)
    elif given.command == "one-shot":
        complete(one_shot_path, one_shot)
    else:
        rows = [row for row in finished(trained_path, trained) if row is not None]
        shots = [row for row in finished(one_shot_path, one_shot) if row is not None]
        print(markdown(table(rows, shots)))


if __name__ == "__main__":
    main()
