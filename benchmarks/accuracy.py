"""Accuracy of methods on backbones and data sets.

Every combination of the arguments is a cell: one model trained with one seed. A finished cell is
a row of the results file; a cell that is there already is not trained again, so a run that was
stopped goes on where it was. For example::

    python -m benchmarks.accuracy --data weather --methods plain hn-mvts --seeds 0 1 2
    python -m benchmarks.accuracy --data my.csv -L 96 -H 12 --set hn-mvts.channel_embedding_dim=16
"""

import argparse
import ast
import contextlib
import itertools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from benchmarks.markdown import markdown
from benchmarks.protocol import DATA_VARIABLE, Dataset, evaluate, load
from benchmarks.training import train
from hyperforecast.darts import BackboneModel, HNMVTSModel, HyperforecastModel, LightSAEModel
from hyperforecast.nn import BACKBONES
from hyperforecast.nn.network import count_parameters

METHODS: dict[str, tuple[type[HyperforecastModel], dict[str, Any]]] = {
    "plain": (BackboneModel, {}),
    "individual": (BackboneModel, {"individual": True}),
    "hn-mvts": (HNMVTSModel, {}),
    "light-sae": (LightSAEModel, {}),
    "sae-full": (LightSAEModel, {"variant": "full"}),
}
"""Model class of each method, and the arguments that make it that method."""

KEY = ["dataset", "lookback", "horizon", "backbone", "method", "options", "seed"]
RESULTS = Path(__file__).parent / "results" / "accuracy.csv"


def parse_option(text: str) -> tuple[str | None, str, Any]:
    """Read ``[method.]name=value``: method or ``None`` for all, name, and Python value."""
    name, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"expected [method.]name=value, got {text!r}")
    method, dot, name = name.rpartition(".")
    if dot and method not in METHODS:
        raise argparse.ArgumentTypeError(
            f"{method!r} in {text!r} is no method; there are: {', '.join(METHODS)}"
        )
    with contextlib.suppress(ValueError, SyntaxError):  # otherwise it is a string
        value = ast.literal_eval(value)
    return method or None, name, value


def options_of(method: str, given: Sequence[tuple[str | None, str, Any]]) -> dict[str, Any]:
    """Return the options given to a method: those for all, overridden by those for it alone."""
    ordered = sorted(given, key=lambda option: option[0] is not None)
    return {name: value for scope, name, value in ordered if scope in (None, method)}


def model_arguments(options: dict[str, Any]) -> dict[str, Any]:
    """Turn options into arguments of the model.

    ``lr`` is the optimiser's learning rate. ``lr_factor`` is what the learning rate is multiplied
    by after every epoch that did not lower the validation loss. ``stride`` is the number of steps
    from one window of training and of validation to the next.
    """
    arguments = dict(options)
    if "lr" in arguments:
        arguments["optimizer_kwargs"] = {"lr": arguments.pop("lr")}
    if "lr_factor" in arguments:
        arguments["lr_scheduler_cls"] = torch.optim.lr_scheduler.ReduceLROnPlateau
        arguments["lr_scheduler_kwargs"] = {"factor": arguments.pop("lr_factor"), "patience": 0}
    if "stride" in arguments:
        arguments["fit_options"] = {"stride": arguments.pop("stride")}
    return arguments


def run_cell(dataset: Dataset, cell: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """Train and evaluate one model; return the row of results."""
    lookback, horizon = cell["lookback"], cell["horizon"]
    model_class, fixed = METHODS[cell["method"]]
    model, epochs, seconds = train(
        model_class,
        dataset,
        lookback,
        horizon,
        seed=cell["seed"],
        backbone=cell["backbone"],
        **fixed,
        **model_arguments(options),
    )
    validation = evaluate(model.network, dataset, "validation", lookback, horizon)
    test = evaluate(model.network, dataset, "test", lookback, horizon)
    return {
        **cell,
        "test_mse": round(test.mse, 6),
        "test_mae": round(test.mae, 6),
        "validation_mse": round(validation.mse, 6),
        "epochs": epochs,
        "seconds": round(seconds, 2),
        "parameters": count_parameters(model.network),
        "folded_parameters": count_parameters(model.network.fold()),
    }


def read_results(path: Path) -> pd.DataFrame:
    """Read a results file; empty if there is none yet."""
    if not path.exists():
        return pd.DataFrame(columns=KEY)
    return pd.read_csv(path, keep_default_na=False, dtype={"options": str, "dataset": str})


def append_result(path: Path, row: dict[str, Any]) -> None:
    """Add one row to a results file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame([row]).to_csv(path, mode="a", header=not path.exists(), index=False)


def find(results: pd.DataFrame, cell: dict[str, Any]) -> dict[str, Any] | None:
    """Return the row of a cell, if it is finished."""
    rows = results
    for name in KEY:
        rows = rows[rows[name] == cell[name]]
    return None if rows.empty else rows.iloc[-1].to_dict()


def table(rows: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """Average over seeds, and compare with the plain backbone among the same rows."""
    frame = pd.DataFrame(rows)
    groups = frame.groupby([name for name in KEY if name != "seed"], sort=False)
    means = groups.agg(
        seeds=("seed", "count"),
        test_mse=("test_mse", "mean"),
        deviation=("test_mse", "std"),
        test_mae=("test_mae", "mean"),
        validation_mse=("validation_mse", "mean"),
        epochs=("epochs", "mean"),
        seconds=("seconds", "mean"),
        parameters=("parameters", "first"),
        folded_parameters=("folded_parameters", "first"),
    ).reset_index()
    setting = ["dataset", "lookback", "horizon", "backbone"]
    plain = means[means["method"] == "plain"].groupby(setting)["test_mse"].min()
    ratios = means.set_index(setting)["test_mse"] / plain.reindex(means.set_index(setting).index)
    means.insert(means.columns.get_loc("test_mse") + 1, "to_plain", ratios.to_numpy())
    return means


def main(arguments: Sequence[str] | None = None) -> None:
    """Run every cell that the arguments name and print their table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--data",
        nargs="+",
        default=["ETTh1"],
        help="names of files in the data folder without .csv, or paths of CSV files",
    )
    parser.add_argument(
        "--folder", help=f"data folder (default: ${DATA_VARIABLE}, or ../shared/data)"
    )
    parser.add_argument("--backbones", nargs="+", default=["dlinear"], choices=list(BACKBONES))
    parser.add_argument(
        "--methods", nargs="+", default=["plain", "individual", "hn-mvts"], choices=list(METHODS)
    )
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("-L", "--lookback", nargs="+", type=int, default=[336])
    parser.add_argument("-H", "--horizon", nargs="+", type=int, default=[96])
    parser.add_argument("--patience", type=int, default=5, help="epochs without a lower loss")
    parser.add_argument(
        "--set",
        nargs="+",
        type=parse_option,
        default=[],
        metavar="[METHOD.]NAME=VALUE",
        help="any argument of the models, for all or for one method; also lr, the learning rate, "
        "lr_factor, its factor after each epoch without a lower validation loss, and stride, steps "
        "from window to window in training",
    )
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--threads", type=int, default=1, help="of torch")
    given = parser.parse_args(arguments)
    torch.set_num_threads(given.threads)

    datasets = {name: load(name, given.folder) for name in given.data}
    rows = []
    for name, lookback, horizon, backbone, method, seed in itertools.product(
        given.data, given.lookback, given.horizon, given.backbones, given.methods, given.seeds
    ):
        options = {"patience": given.patience, **options_of(method, given.set)}
        cell = {
            "dataset": datasets[name].name,
            "lookback": lookback,
            "horizon": horizon,
            "backbone": backbone,
            "method": method,
            "options": json.dumps(options, sort_keys=True),
            "seed": seed,
        }
        row = find(read_results(given.results), cell)
        if row is None:
            row = run_cell(datasets[name], cell, options)
            append_result(given.results, row)
            print(", ".join(f"{key}={value}" for key, value in row.items()), flush=True)
        rows.append(row)
    print(markdown(table(rows)))


if __name__ == "__main__":
    main()
