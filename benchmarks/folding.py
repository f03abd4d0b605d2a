"""Folding: the same forecasts, at the cost of one plain head for each channel.

Latencies are medians of repetitions in which the compared networks take turns, so what else the
machine does falls on all alike::

    python -m benchmarks.folding
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import torch
from darts import TimeSeries
from torch import Tensor, nn

from benchmarks import command_line
from benchmarks.markdown import markdown
from benchmarks.timing import Clock, in_turns, median
from hyperforecast.darts import BackboneModel, HNMVTSModel
from hyperforecast.nn import BACKBONES, ForecastingNetwork


def disturb(network: nn.Module) -> None:
    """Move every parameter, so that no generated weight is at a special starting value."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.02 * torch.randn(parameter.shape, generator=generator))


def largest_difference(network: nn.Module, windows: Tensor) -> float:
    """Return the largest absolute difference of the forecasts before and after folding."""
    network.eval()
    with torch.enable_grad():  # weights are generated, not kept
        before = network(windows).detach()
    with torch.no_grad():
        return (network.fold()(windows) - before).abs().max().item()


def differences(lookback: int, horizon: int, n_channels: int) -> pd.DataFrame:
    """Compare forecasts before and after folding on every backbone."""
    rows = []
    for backbone in BACKBONES:
        row: dict[str, object] = {"backbone": backbone}
        for dtype in (torch.float32, torch.float64):
            network = ForecastingNetwork(
                lookback=lookback,
                horizon=horizon,
                n_channels=n_channels,
                parts={"hn-mvts": {}},
                backbone=backbone,
            ).to(dtype)
            disturb(network)
            windows = torch.randn(16, lookback, n_channels, dtype=dtype)
            row[str(dtype).removeprefix("torch.")] = largest_difference(network, windows)
        rows.append(row)
    return pd.DataFrame(rows)


def latencies(
    lookback: int, horizon: int, n_channels: int, batch_sizes: Sequence[int], repetitions: int
) -> pd.DataFrame:
    """Time the networks on batches of windows."""
    sizes = {"lookback": lookback, "horizon": horizon, "n_channels": n_channels}
    individual = ForecastingNetwork(**sizes, parts={"individual": {}}).eval()
    generated = ForecastingNetwork(**sizes, parts={"hn-mvts": {}}).eval()
    disturb(generated)
    folded = generated.fold()
    unfolded = ForecastingNetwork(**sizes, parts={"hn-mvts": {}}).train()
    rows = []
    for batch_size in batch_sizes:
        windows = torch.randn(batch_size, lookback, n_channels)
        with torch.no_grad():
            times = in_turns(
                {
                    "plain, one head per channel": lambda: individual(windows),  # noqa: B023
                    "HN-MVTS folded": lambda: folded(windows),  # noqa: B023
                    "HN-MVTS in eval mode": lambda: generated(windows),  # noqa: B023
                    "HN-MVTS, weights generated anew": lambda: unfolded(windows),  # noqa: B023
                },
                repetitions,
            )
        rows += with_ratios(times, {"batch": batch_size})
    return pd.DataFrame(rows)


def predictions(lookback: int, horizon: int, n_channels: int, repetitions: int) -> pd.DataFrame:
    """Time ``predict`` of the Darts models for one series and for 256."""
    values = np.random.default_rng(0).normal(size=(3 * lookback, n_channels)).astype(np.float32)
    series = TimeSeries.from_values(values)
    options = {"solver": "adam", "n_epochs": 1, "random_state": 0}
    individual = BackboneModel(lookback, horizon, individual=True, **options).fit(series)
    generated = HNMVTSModel(lookback, horizon, **options).fit(series)
    rows = []
    for n_series, rounds in ((1, repetitions), (256, max(3, repetitions // 10))):
        several = [series] * n_series
        times = in_turns(
            {
                "plain, one head per channel": lambda: predict(individual, several),  # noqa: B023
                "HN-MVTS": lambda: predict(generated, several),  # noqa: B023
            },
            rounds,
        )
        rows += with_ratios(times, {"series": n_series})
    return pd.DataFrame(rows)


def predict(model: BackboneModel | HNMVTSModel, series: list[TimeSeries]) -> None:
    """Forecast one horizon of every series in one batch."""
    model.predict(model.output_chunk_length, series, batch_size=256, verbose=False)


def with_ratios(
    times: Mapping[str, Sequence[Clock]], setting: dict[str, int]
) -> list[dict[str, object]]:
    """Return a row for each task: the setting, milliseconds, and the ratio to the first task."""
    medians = {name: median(taken).wall for name, taken in times.items()}
    first = next(iter(medians.values()))
    return [
        {**setting, "network": name, "median ms": 1e3 * seconds, "ratio": seconds / first}
        for name, seconds in medians.items()
    ]


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the tables."""
    parser = command_line.parser("benchmarks.folding", __doc__, threads=1)
    parser.add_argument("-L", "--lookback", type=int, default=336)
    parser.add_argument("-H", "--horizon", type=int, default=96)
    parser.add_argument("-C", "--channels", type=int, default=21)
    parser.add_argument("--batch-sizes", nargs="+", type=int, default=[1, 256])
    parser.add_argument("--repetitions", type=int, default=200)
    given = parser.parse_args(arguments)
    torch.set_num_threads(given.threads)
    torch.manual_seed(0)
    sizes = (given.lookback, given.horizon, given.channels)

    print("Largest absolute difference of forecasts before and after folding\n")
    print(markdown(differences(*sizes), digits=2))
    print("\nLatency of the network (DLinear)\n")
    print(markdown(latencies(*sizes, given.batch_sizes, given.repetitions)))
    print("\nLatency of the Darts model's predict (DLinear)\n")
    print(markdown(predictions(*sizes, given.repetitions)))


if __name__ == "__main__":
    main()
