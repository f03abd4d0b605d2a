"""What LightSAE's parts are good for: parameter counts, synthetic channels, rank and pool size.

    python -m benchmarks.light_sae parameters
    python -m benchmarks.light_sae synthetic --seeds 0 1 2
    python -m benchmarks.light_sae scan --data los_speed -H 12 --seeds 0
    python -m benchmarks.light_sae ablation --data los_speed -H 12 --seeds 0 --width 64
    python -m benchmarks.light_sae energy --seeds 0 --width 64 --picture docs/light-sae-energy.png

``parameters`` counts those of the paper's networks. ``synthetic`` trains on channels that are all
alike, that form clusters, and that have nothing in common, and compares the clusters of the gates
with the true ones. ``scan`` trains over ranks and pool sizes on a data set.
``ablation`` trains without the shared weight, with the pool at the head, with components balanced,
and on some of the channels. ``energy`` draws the singular values of what each channel's embedding
has of its own. As in ``benchmarks.accuracy``, which also has the comparison of variants on data
sets (methods ``plain``, ``light-sae`` and ``sae-full``), every trained model but those of the
picture is a row of a results file and is not trained again.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from benchmarks import command_line
from benchmarks.light_sae import ablation, energy
from benchmarks.light_sae.parameters import parameters
from benchmarks.light_sae.scan import scan
from benchmarks.light_sae.synthetic import synthetic
from benchmarks.markdown import markdown
from benchmarks.protocol import load
from benchmarks.runs import RESULTS, complete


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one of them and print its table."""
    parser = command_line.parser("benchmarks.light_sae", __doc__, folder=True)
    parser.add_argument("what", choices=["parameters", "synthetic", "scan", "ablation", "energy"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--data", default="weather", help="see benchmarks.accuracy")
    parser.add_argument("-L", "--lookback", type=int, default=96)
    parser.add_argument("-H", "--horizon", type=int, default=96)
    parser.add_argument("--ranks", nargs="+", type=int, default=[4, 10, 25, 40])
    parser.add_argument("--pools", nargs="+", type=int, default=[2, 5, 10, 20])
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--width", type=int, default=128, help="d_model of RMLP")
    parser.add_argument("--stride", type=int, default=1, help="rows between windows of training")
    parser.add_argument("--channels", nargs="+", type=int, default=[1000], help="of `ablation`")
    parser.add_argument(
        "--variants", nargs="+", default=list(ablation.VARIANTS), choices=list(ablation.VARIANTS)
    )
    parser.add_argument("--picture", help="file of the picture of `energy`")
    parser.add_argument("--lr", type=float, default=3e-3)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--patience", type=int, default=3)
    parser.add_argument(
        "--results", type=Path, help="default: light_sae_WHAT.csv, of the command's name"
    )
    given = parser.parse_args(arguments)
    torch.set_num_threads(1)
    if given.what == "parameters":
        print(markdown(parameters(given.horizon), digits=3))
    elif given.what == "synthetic":
        path = given.results or RESULTS / "light_sae_synthetic.csv"
        print(markdown(synthetic(given.seeds, path), digits=3))
    else:
        options: dict[str, Any] = {
            "backbone_kwargs": {"d_model": given.width},
            "batch_size": given.batch,
            "lr": given.lr,
            "lr_factor": 0.5,
            "n_epochs": given.epochs,
            "patience": given.patience,
        }
        if given.what == "energy":
            dataset, sizes = load(given.data, given.folder), (given.lookback, given.horizon)
            stride = {"stride": given.stride}
            models = energy.trained(dataset, sizes, given.seeds[0], options | stride)
            print(markdown(energy.table(models)))
            if given.picture:
                energy.draw(models, given.picture)
            return
        if given.what == "ablation":
            runs = ablation.runs(
                load(given.data, given.folder),
                given.lookback,
                given.horizon,
                given.variants,
                given.channels,
                given.seeds,
                options | {"stride": given.stride},
            )
            rows = complete(given.results or RESULTS / "light_sae_ablation.csv", runs)
            print(markdown(ablation.table(rows)))
            return
        table = scan(
            load(given.data, given.folder),
            given.lookback,
            given.horizon,
            given.ranks,
            given.pools,
            given.seeds,
            options,
            given.results or RESULTS / "light_sae_scan.csv",
        )
        print(markdown(table))


if __name__ == "__main__":
    main()
