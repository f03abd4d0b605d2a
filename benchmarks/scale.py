"""Thousands of channels: memory of training and time per epoch.

Every size is trained in a process of its own, whose peak memory is that of all it did: imports,
data and training. The sizes take turns, and medians over the rounds are shown. Processor time is
shown beside wall time, because it depends less on what else the machine does::

    python -m benchmarks.scale
"""

import json
from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from darts import TimeSeries

from benchmarks import command_line
from benchmarks.epoch_times import EpochTimes
from benchmarks.markdown import markdown
from benchmarks.processes import in_own_process, peak_memory
from benchmarks.timing import median
from hyperforecast.darts import HNMVTSModel


def measure(
    n_channels: int, n_steps: int, lookback: int, horizon: int, embedding_dim: int, n_epochs: int
) -> dict[str, float]:
    """Train on noise with common waves; return times per epoch and the peak memory so far."""
    generator = np.random.default_rng(0)
    steps = np.arange(n_steps, dtype=np.float32)[:, None]
    phases = generator.uniform(0, 2 * np.pi, n_channels).astype(np.float32)
    values = np.sin(steps / 8 + phases)
    values += generator.normal(0, 0.3, values.shape).astype(np.float32)
    times = EpochTimes()
    model = HNMVTSModel(
        lookback,
        horizon,
        channel_embedding_dim=embedding_dim,
        solver="adam",
        n_epochs=n_epochs,
        random_state=0,
        pl_trainer_kwargs={"accelerator": "cpu", "callbacks": [times]},
    )
    model.fit(TimeSeries.from_values(values))
    # Darts copies the callbacks that it is given
    clocks = next(cb for cb in model.trainer.callbacks if isinstance(cb, EpochTimes))
    return {**median(clocks.times)._asdict(), "memory": peak_memory()}


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = command_line.parser("benchmarks.scale", __doc__, threads=1)
    parser.add_argument("-C", "--channels", nargs="+", type=int, default=[500, 1000, 2000, 5000])
    parser.add_argument("-T", "--steps", type=int, default=2000)
    parser.add_argument("-L", "--lookback", type=int, default=96)
    parser.add_argument("-H", "--horizon", type=int, default=24)
    parser.add_argument("-d", "--embedding-dim", type=int, default=8)
    parser.add_argument("--epochs", type=int, default=2, help="in each process")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--one", action="store_true", help="measure one size in this process")
    given = parser.parse_args(arguments)
    torch.set_num_threads(given.threads)

    options = (given.steps, given.lookback, given.horizon, given.embedding_dim, given.epochs)
    if given.one:
        print(json.dumps(measure(given.channels[0], *options)))
        return
    common: list[object] = ["--one"]
    names = ("--steps", "--lookback", "--horizon", "--embedding-dim", "--epochs")
    for name, value in zip((*names, "--threads"), (*options, given.threads), strict=True):
        common += [name, value]
    rows = [
        {"channels": n} | in_own_process("benchmarks.scale", *common, "--channels", n)
        for _ in range(given.rounds)
        for n in given.channels
    ]
    frame = pd.DataFrame(rows).groupby("channels", sort=False).median().reset_index()
    channels, wall, processor = frame["channels"], frame["wall"], frame["processor"]
    table = pd.DataFrame(
        {
            "channels": channels,
            "peak memory, GB": frame["memory"] / 1e9,
            "epoch, s": wall,
            "epoch, processor s": processor,
            "ms per channel": 1e3 * processor / channels,
            "growth to linear": processor / processor[0] * channels[0] / channels,
        }
    )
    print(markdown(table))


if __name__ == "__main__":
    main()
