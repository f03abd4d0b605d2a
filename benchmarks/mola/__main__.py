"""What MoLA's segments cost and bring.

    python -m benchmarks.mola accuracy --data ETTh1 --backbones dlinear itransformer --seeds 0 1 2
    python -m benchmarks.mola expressiveness --picture docs/mola-expressiveness.svg
    python -m benchmarks.mola pass
    python -m benchmarks.mola adapt
    python -m benchmarks.mola scan --data ETTh1 --backbones dlinear
    python -m benchmarks.mola longer --data ETTh1 --backbones dlinear --horizons 192 336 720

``accuracy`` trains the plain backbone and MoLA with the same total number of epochs, and takes the
best weights on validation, of each stage. ``scan`` varies the number of segments and experts and
their rank. ``expressiveness`` trains both on a made task whose steps
need more directions than the last layer has inputs. ``pass`` compares the time of one pass over all
segments with a loop over them. ``adapt`` compares training the experts alone with training all
weights, and the size of a saved adapter with that of the saved model. ``longer`` takes a base to
longer horizons by its experts alone, beside MoLA and the plain backbone trained there.
"""

import json
from collections.abc import Sequence
from pathlib import Path

import torch

from benchmarks import command_line
from benchmarks.markdown import markdown
from benchmarks.mola import accuracy, longer, scan
from benchmarks.mola.adapters import adapt, train_one
from benchmarks.mola.expressiveness import draw, expressiveness
from benchmarks.mola.networks import SIZES
from benchmarks.mola.passes import passes
from benchmarks.runs import RESULTS, complete, read_results


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one of them and print its table."""
    parser = command_line.parser("benchmarks.mola", __doc__, folder=True)
    choices = ["accuracy", "table", "scan", "expressiveness", "pass", "adapt", "longer", "one"]
    parser.add_argument("command", choices=choices)
    parser.add_argument("--data", default="ETTh1", help="see benchmarks.accuracy")
    parser.add_argument("--backbones", nargs="+", default=list(SIZES))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("-L", "--lookback", type=int, default=96)
    parser.add_argument("-H", "--horizon", type=int, default=96)
    parser.add_argument("--epochs", type=int, default=10, help="of both stages together")
    parser.add_argument("--segments", type=int, default=4)
    parser.add_argument("--segment-length", type=int, default=24, help="of `longer`")
    parser.add_argument("--horizons", nargs="+", type=int, default=[192, 336], help="of `longer`")
    parser.add_argument(
        "--shapes",
        nargs="+",
        choices=list(scan.SHAPES),
        default=list(scan.SHAPES),
        help="of `scan`",
    )
    parser.add_argument("--lr", type=float, default=5e-4)
    parser.add_argument("--stride", type=int, default=1, help="rows between training windows")
    parser.add_argument("--results", type=Path, help="file of results; one for each command")
    parser.add_argument("--widths", nargs="+", type=int, default=[1, 2, 3, 4, 6, 8, 12, 16])
    parser.add_argument("--picture", help="file of the picture of expressiveness")
    parser.add_argument("--repetitions", type=int, default=20)
    parser.add_argument("--what", choices=["experts", "all"], default="experts")
    given = parser.parse_args(arguments)
    torch.set_num_threads(1)
    of_command = {"longer": "mola_longer.csv", "scan": "mola_scan.csv"}
    results = given.results or RESULTS / of_command.get(given.command, "mola.csv")
    networks = given.data, given.folder, given.backbones, given.seeds
    training = {
        "lookback": given.lookback,
        "epochs": given.epochs,
        "learning_rate": given.lr,
        "stride": given.stride,
    }
    to_horizon = {**training, "horizon": given.horizon}
    if given.command == "one":
        print(json.dumps(train_one(given.what, given.repetitions)))
    elif given.command in ("accuracy", "table"):
        if given.command == "accuracy":
            segments = {"n_segments": given.segments}
            complete(results, accuracy.runs(*networks, options=segments, **to_horizon))
        print(markdown(accuracy.table(read_results(results))))
    elif given.command == "scan":
        complete(results, scan.runs(*networks, given.shapes, **to_horizon))
        print(markdown(scan.table(read_results(results))))
    elif given.command == "longer":
        runs = longer.runs(
            *networks,
            given.horizons,
            base_horizon=given.horizon,
            segment_length=given.segment_length,
            **training,
        )
        complete(results, runs)
        print(markdown(longer.table(read_results(results))))
    elif given.command == "expressiveness":
        table = expressiveness(given.widths, given.epochs)
        print(markdown(table))
        if given.picture:
            draw(table, given.picture)
    elif given.command == "pass":
        print(markdown(passes(given.repetitions)))
    else:
        print(markdown(adapt(given.repetitions)))


if __name__ == "__main__":
    main()
