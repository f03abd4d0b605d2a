"""What a training step of HN-MVTS takes beside one of the plain network.

Processor time of forecasting a batch of random windows, its gradients and a step of Adam, with one
head for all, one each, and generated heads of the default length d of channel vectors: multiplied
in pieces, as they are by default, and with all of them held at once. The four take turns; medians::

    python -m benchmarks.training_steps
    python -m benchmarks.training_steps --batch-size 256 --backbones dlinear
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple
from unittest.mock import patch

import pandas as pd
import torch

from benchmarks import command_line
from benchmarks.markdown import markdown
from benchmarks.timing import in_turns, median
from hyperforecast.nn import BACKBONES, ForecastingNetwork, HyperLinear
from hyperforecast.nn.contexts import default_embedding_dim


class Sizes(NamedTuple):
    """Of windows."""

    n_channels: int
    lookback: int
    horizon: int


SIZES = {
    "ETTh1 96→96": Sizes(7, 96, 96),
    "ETTh1 336→96": Sizes(7, 336, 96),
    "Weather 96→96": Sizes(21, 96, 96),
    "Weather 336→96": Sizes(21, 336, 96),
    "Weather 336→720": Sizes(21, 336, 720),
    "los_speed 96→12": Sizes(207, 96, 12),
}


def step_of(
    backbone: str, sizes: Sizes, batch_size: int, part: str | None, *, in_pieces: bool = True
) -> Callable[[], None]:
    """Return what takes a training step of a new network."""
    torch.manual_seed(0)
    n_channels, lookback, horizon = sizes
    network = ForecastingNetwork(
        lookback=lookback,
        horizon=horizon,
        n_channels=n_channels,
        backbone=backbone,
        parts={} if part is None else {part: {}},
    )
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-4, fused=True)
    past = torch.randn(batch_size, lookback, n_channels)
    future = torch.randn(batch_size, horizon, n_channels, 1)

    def step() -> None:
        optimizer.zero_grad()
        (network.train()(past) - future).square().mean().backward()
        optimizer.step()

    def step_with_whole_weights() -> None:
        with patch.object(HyperLinear, "multiplies_in_pieces", return_value=False):
            step()

    return step if in_pieces else step_with_whole_weights


def compare(name: str, backbone: str, batch_size: int, repetitions: int) -> dict[str, object]:
    """Return a row of the table."""
    sizes = SIZES[name]
    times = in_turns(
        {
            "plain": step_of(backbone, sizes, batch_size, None),
            "each": step_of(backbone, sizes, batch_size, "individual"),
            "pieces": step_of(backbone, sizes, batch_size, "hn-mvts"),
            "whole": step_of(backbone, sizes, batch_size, "hn-mvts", in_pieces=False),
        },
        repetitions,
    )
    taken = {way: 1000 * median(some).processor for way, some in times.items()}
    return {
        "windows": name,
        "backbone": backbone,
        "d": default_embedding_dim(sizes.n_channels),
        "plain, ms": taken["plain"],
        "HN-MVTS, ms": taken["pieces"],
        "ratio": taken["pieces"] / taken["plain"],
        "ratio, one each": taken["each"] / taken["plain"],
        "ratio, weights held whole": taken["whole"] / taken["plain"],
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = command_line.parser("benchmarks.training_steps", __doc__, threads=1)
    backbones = ["dlinear", "rmlp", "itransformer"]
    parser.add_argument("--windows", nargs="+", default=list(SIZES), choices=list(SIZES))
    parser.add_argument("--backbones", nargs="+", default=backbones, choices=list(BACKBONES))
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--repetitions", type=int, default=20)
    given = parser.parse_args(arguments)
    torch.set_num_threads(given.threads)
    rows = [
        compare(name, backbone, given.batch_size, given.repetitions)
        for backbone in given.backbones
        for name in given.windows
    ]
    print(markdown(pd.DataFrame(rows), digits=3))


if __name__ == "__main__":
    main()
