"""What generated weights bring and cost, beside plain networks with as many parameters.

    python -m benchmarks.hypernetworks accuracy
    python -m benchmarks.hypernetworks text
    python -m benchmarks.hypernetworks digits
    python -m benchmarks.hypernetworks speed
    python -m benchmarks.hypernetworks cost
    python -m benchmarks.hypernetworks low-rank
    python -m benchmarks.hypernetworks spread --picture docs/hypernetworks-spread.png

``accuracy`` trains every hypernetwork and plain networks with as many parameters, within 2 %, on
the same windows for as many epochs. ``text`` trains recurrent layers to predict the next character
of the text of Python's standard library, ``digits`` convolutional networks to tell digits. Of these
three every trained model is a row of a results file and is not trained again. ``speed`` times
recurrent layers with as many parameters, ``cost`` the networks of ``accuracy``. ``low-rank``
counts the parameters of generated heads. ``spread`` trains a HyperLSTM and draws how what it
generates differs between steps and channels.
"""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd
import torch

from benchmarks import command_line
from benchmarks.hypernetworks import accuracy, digits, text
from benchmarks.hypernetworks.comparisons import COMPARISONS
from benchmarks.hypernetworks.cost import cost
from benchmarks.hypernetworks.low_rank import low_rank
from benchmarks.hypernetworks.one_kernel import ONE_KERNEL, OneKernelTCN
from benchmarks.hypernetworks.speed import speed
from benchmarks.hypernetworks.spread import spread
from benchmarks.markdown import markdown
from benchmarks.protocol import load
from benchmarks.runs import RESULTS, complete, finished
from hyperforecast.nn import register_backbone


def _accuracy(given: argparse.Namespace) -> pd.DataFrame:
    trained = list(accuracy.cells(given.networks, given.data, given.seeds, given.folder))
    runs = accuracy.runs(trained, given.folder)
    path = given.results or RESULTS / "hypernetworks.csv"
    return accuracy.table(trained, (finished if given.finished else complete)(path, runs))


def _text(given: argparse.Namespace) -> pd.DataFrame:
    runs = text.runs(given.updates, given.rates, given.seeds)
    return text.table(complete(given.results or RESULTS / "hypernetworks_text.csv", runs))


def _digits(given: argparse.Namespace) -> pd.DataFrame:
    path = given.results or RESULTS / "hypernetworks_digits.csv"
    return digits.table(complete(path, digits.runs(given.seeds)))


def _spread(given: argparse.Namespace) -> pd.DataFrame:
    return spread(load("ETTh1", given.folder), given.folder, given.picture)


COMMANDS: dict[str, Callable[[argparse.Namespace], pd.DataFrame]] = {
    "accuracy": _accuracy,
    "text": _text,
    "digits": _digits,
    "speed": lambda given: speed(given.widths, given.batches, given.repetitions),
    "cost": lambda given: cost(given.networks, given.repetitions),
    "low-rank": lambda given: low_rank(given.ranks),
    "spread": _spread,
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one of them and print its table."""
    parser = command_line.parser("benchmarks.hypernetworks", __doc__, folder=True)
    parser.add_argument("command", choices=COMMANDS)
    parser.add_argument("--networks", nargs="+", default=list(COMPARISONS), choices=COMPARISONS)
    parser.add_argument("--data", nargs="+", default=list(accuracy.BUDGETS), help="of accuracy")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--updates", type=int, default=1376, help="of text")
    parser.add_argument("--rates", nargs="+", type=float, default=[3e-3], help="of text")
    parser.add_argument("--widths", nargs="+", type=int, default=[32, 64, 128], help="of speed")
    parser.add_argument("--batches", nargs="+", type=int, default=[32, 256], help="of speed")
    parser.add_argument("--ranks", nargs="+", type=int, default=[16, 4, 1], help="of low-rank")
    parser.add_argument("--repetitions", type=int, default=10, help="of speed and cost")
    parser.add_argument("--picture", help="file of the picture of spread")
    parser.add_argument("--results", type=Path, help="default: a file for each command")
    parser.add_argument(
        "--finished", action="store_true", help="of accuracy: show what there is; train nothing"
    )
    given = parser.parse_args(arguments)
    torch.set_num_threads(1)
    register_backbone(ONE_KERNEL, OneKernelTCN)
    print(markdown(COMMANDS[given.command](given)))


if __name__ == "__main__":
    main()
