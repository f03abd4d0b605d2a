"""What MoLA's segments cost and bring.

    python -m benchmarks.mola accuracy --data ETTh1 --backbones dlinear itransformer --seeds 0 1 2
    python -m benchmarks.mola expressiveness --picture docs/mola-expressiveness.svg
    python -m benchmarks.mola pass
    python -m benchmarks.mola adapt

``accuracy`` trains the plain backbone and MoLA with the same total number of epochs, and takes the
best weights on validation, of each stage. ``expressiveness`` trains both on a made task whose steps
need more directions than the last layer has inputs. ``pass`` compares the time of one pass over all
segments with a loop over them. ``adapt`` compares training the experts alone with training all
weights, and the size of a saved adapter with that of the saved model.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from darts import TimeSeries
from torch import Tensor, nn
from torch.func import functional_call

from benchmarks.accuracy import append_result, read_results
from benchmarks.markdown import markdown
from benchmarks.protocol import evaluate, load
from benchmarks.training import train
from hyperforecast.darts import BackboneModel, MoLAModel
from hyperforecast.nn import AdaptedLinear, ForecastingNetwork, count_parameters

RESULTS = Path(__file__).parent / "results" / "mola.csv"

SIZES: dict[str, dict[str, Any]] = {
    "dlinear": {},
    "itransformer": {"d_model": 128, "d_ff": 128, "e_layers": 2},
    "patchtst": {"d_model": 16, "d_ff": 64, "n_heads": 4, "e_layers": 2, "dropout": 0.2},
}
"""Backbones of the comparisons, of sizes that train in minutes on a processor."""


# accuracy


def accuracy(
    data: str,
    folder: str | None,
    backbone: str,
    seed: int,
    *,
    lookback: int,
    horizon: int,
    epochs: int,
    n_segments: int,
    learning_rate: float,
    stride: int,
) -> list[dict[str, Any]]:
    """Train plain backbone and MoLA once each, and return their errors."""
    dataset = load(data, folder)
    rate = {"lr": learning_rate}
    common: dict[str, Any] = {
        "backbone": backbone,
        "backbone_kwargs": SIZES[backbone],
        "optimizer_kwargs": rate,
        "fit_options": {"stride": stride},
    }
    plans: dict[str, tuple[type, dict[str, Any]]] = {
        "plain": (BackboneModel, {"n_epochs": epochs}),
        "mola": (
            MoLAModel,
            {
                "n_base_epochs": epochs // 2,
                "n_epochs": epochs - epochs // 2,
                "n_segments": n_segments,
            },
        ),
    }
    if backbone == "dlinear":
        plans["plain"][1]["solver"] = "adam"
    rows = []
    for method, (model_class, options) in plans.items():
        model, _, _ = train(
            model_class,
            dataset,
            lookback,
            horizon,
            seed=seed,
            patience=epochs,
            **common,
            **options,
        )
        rows.append(
            {
                "data": data,
                "backbone": backbone,
                "method": method,
                "seed": seed,
                "validation_mse": evaluate(
                    model.network, dataset, "validation", lookback, horizon
                ).mse,
                "test_mse": evaluate(model.network, dataset, "test", lookback, horizon).mse,
                "parameters": count_parameters(model.network),
            }
        )
        print(rows[-1], flush=True)
    return rows


def accuracy_table(results: pd.DataFrame) -> pd.DataFrame:
    """Average over seeds, and put MoLA beside the plain backbone."""
    means = results.groupby(["data", "backbone", "method"])["test_mse"].agg(["mean", "std"])
    table = means.unstack("method")
    seeds = results.groupby(["data", "backbone"])["seed"].nunique()
    rows = [
        {
            "data": data,
            "backbone": backbone,
            "seeds": int(seeds[data, backbone]),
            "plain": row["mean", "plain"],
            "MoLA": row["mean", "mola"],
            "change, %": 100 * (row["mean", "mola"] / row["mean", "plain"] - 1),
            "deviation, plain": row["std", "plain"],
            "deviation, MoLA": row["std", "mola"],
        }
        for (data, backbone), row in table.iterrows()
    ]
    return pd.DataFrame(rows)


# expressiveness


def made_task(lookback: int, horizon: int, n_blocks: int, seed: int) -> TimeSeries:
    """Make blocks of white noise, each followed by what an orthonormal map makes of it.

    Every forecast step is a direction of its own in the window, as long as there are no more
    steps than rows in the window; all singular values of the map are 1.
    """
    random = np.random.default_rng(seed)
    square, _ = np.linalg.qr(random.normal(size=(lookback, lookback)))
    x = random.normal(size=(n_blocks, lookback))
    return TimeSeries.from_values(
        np.concatenate([x, x @ square[:, :horizon]], axis=1).reshape(-1, 1).astype(np.float32)
    )


def least_error(singular_values: np.ndarray, width: int) -> float:
    """Return the least mean squared error of a linear decoder of ``width`` inputs and a bias.

    Theorem 3.1 of Pan et al. 2025 (arXiv 2505.17872): forecasts lie in a space of at most
    ``width + 1`` dimensions, whatever the encoder, and what the map does in others is lost.
    """
    return float((singular_values[width + 1 :] ** 2).sum() / len(singular_values))


def expressiveness(widths: Sequence[int], epochs: int) -> pd.DataFrame:
    """Train RLinear and RMLP of little width, plain and with MoLA."""
    lookback, horizon = 24, 16
    length = lookback + horizon
    series = made_task(lookback, horizon, 4000, 0)
    train_rows, test = series[: 3000 * length], series[3000 * length :]
    blocks = torch.as_tensor(np.array(test.values())).view(-1, length, 1)
    rows = []
    for backbone in ("rlinear", "rmlp"):
        for width in widths:
            options: dict[str, Any] = {
                "backbone": backbone,
                "backbone_kwargs": {"d_model": width}
                | ({"d_ff": 64} if backbone == "rmlp" else {}),
                "instance_norm": "none",
                "batch_size": 64,
                "random_state": 0,
                "optimizer_kwargs": {"lr": 3e-3},
            }
            models = {
                "plain": BackboneModel(lookback, horizon, n_epochs=epochs, **options),
                "MoLA": MoLAModel(
                    lookback,
                    horizon,
                    n_base_epochs=epochs // 4,
                    n_epochs=epochs - epochs // 4,
                    n_segments=8,
                    n_experts=8,
                    rank=4,
                    mixing="free",
                    **options,
                ),
            }
            row: dict[str, Any] = {
                "backbone": backbone,
                "D": width,
                "least error of a linear decoder": least_error(np.ones(horizon), width),
            }
            for name, model in models.items():
                model.fit(train_rows, stride=length)
                with torch.no_grad():
                    y = model.network.eval()(blocks[:, :lookback]).squeeze(-1)
                row[name] = (y - blocks[:, lookback:]).square().mean().item()
            rows.append(row)
            print(row, flush=True)
    return pd.DataFrame(rows)


def draw(table: pd.DataFrame, path: str) -> None:
    """Draw errors over width, with the bound."""
    figure, axes = plt.subplots(figsize=(6, 3.6), layout="constrained")
    linear = table[table["backbone"] == "rlinear"]
    axes.plot(
        linear["D"],
        linear["least error of a linear decoder"],
        color="black",
        linestyle="--",
        label="bound of Theorem 3.1",
    )
    for backbone, marker in (("rlinear", "o"), ("rmlp", "s")):
        part = table[table["backbone"] == backbone]
        for name, color in (("plain", "tab:gray"), ("MoLA", "tab:blue")):
            axes.plot(
                part["D"], part[name], color=color, marker=marker, label=f"{name}, {backbone}"
            )
    axes.set(xlabel="width D of the representation", ylabel="test MSE", ylim=(0, 1.05))
    axes.legend(frameon=False, fontsize=8)
    figure.savefig(path, metadata={"Date": None})


# speed


def mola_network(backbone: str, sizes: dict[str, Any], **options: Any) -> ForecastingNetwork:
    """Make a network of 7 channels, 96 steps to 96, 8 segments and experts that do something."""
    torch.manual_seed(0)
    network = ForecastingNetwork(
        lookback=96,
        horizon=96,
        n_channels=7,
        method="mola",
        method_kwargs={"n_segments": 8, **options},
        backbone=backbone,
        backbone_kwargs=sizes,
    )
    with torch.no_grad():
        for parameter in network.adapters().values():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return network


def in_a_loop(network: ForecastingNetwork, backbone: str, sizes: dict[str, Any]) -> Callable:
    """Return the same forecast, made segment by segment by a plain network of summed weights."""
    assert network.segments is not None
    plain = ForecastingNetwork(
        lookback=96,
        horizon=network.segments.length,
        n_channels=7,
        backbone=backbone,
        backbone_kwargs=sizes,
    )
    state = network.state_dict(keep_vars=True)
    shared = {name: state[name] for name in plain.state_dict()}
    layers = {n: m for n, m in network.named_modules() if isinstance(m, AdaptedLinear)}

    def forecast(x: Tensor) -> Tensor:
        plain.train(network.training)
        weights = {name: layer.generate()[0] for name, layer in layers.items()}
        parts = []
        for s in range(network.segments.count):
            own = {f"{name}.weight": weight[s] for name, weight in weights.items()}
            parts.append(functional_call(plain, {**shared, **own}, (x,)))
        return torch.cat(parts, dim=1)

    return forecast


def seconds(run: Callable[[], object], repetitions: int) -> float:
    """Return the median processor time of a call, after one that is not counted."""
    run()
    times = []
    for _ in range(repetitions):
        start = time.process_time()
        run()
        times.append(time.process_time() - start)
    return float(np.median(times))


def passes(repetitions: int) -> pd.DataFrame:
    """Time one pass over eight segments against a loop over them."""
    rows = []
    for backbone, sizes in SIZES.items():
        for batch, training in ((1, False), (32, False), (32, True)):
            network = mola_network(backbone, sizes)
            x = torch.randn(batch, 96, 7)
            loop = in_a_loop(network, backbone, sizes)
            network.eval()
            with torch.no_grad():
                assert torch.allclose(network(x), loop(x), atol=1e-4)
            network.train(training)
            adapters = list(network.adapters().values())
            for name, parameter in network.named_parameters():
                parameter.requires_grad = training and name in network.adapters()

            def step(
                forward: Callable, x: Tensor = x, training: bool = training, of: list = adapters
            ) -> None:
                with torch.set_grad_enabled(training):
                    y = forward(x)
                    if training:
                        torch.autograd.grad(y.square().mean(), of)

            together = seconds(lambda step=step, network=network: step(network), repetitions)
            apart = seconds(lambda step=step, loop=loop: step(loop), repetitions)
            rows.append(
                {
                    "backbone": backbone,
                    "": "training" if training else "forecasting",
                    "batch": batch,
                    "one pass, ms": 1000 * together,
                    "loop, ms": 1000 * apart,
                    "loop / one pass": apart / together,
                }
            )
    return pd.DataFrame(rows)


WIDE = {"d_model": 512, "d_ff": 512, "e_layers": 2, "n_heads": 8}


def train_one(what: str, steps: int) -> dict[str, float]:
    """Train the experts alone, or all weights, of one network in this process."""
    network = mola_network("itransformer", WIDE, rank=2).train()
    adapters = network.adapters()
    for name, parameter in network.named_parameters():
        parameter.requires_grad = what == "all" or name in adapters
    optimizer = torch.optim.Adam([p for p in network.parameters() if p.requires_grad])
    x, target = torch.randn(32, 96, 7), torch.randn(32, 96, 7, 1)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    def step() -> None:
        optimizer.zero_grad()
        nn.functional.mse_loss(network(x), target).backward()
        optimizer.step()

    each = seconds(step, steps)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"ms": 1000 * each, "MB": (after - before) / 1024}


def adapt(steps: int) -> pd.DataFrame:
    """Compare both in processes of their own, and the sizes of files."""
    measured = {}
    for what in ("experts", "all"):
        command = [sys.executable, "-m", "benchmarks.mola", "one", "--what", what]
        done = subprocess.run(
            [*command, "--repetitions", str(steps)], capture_output=True, text=True, check=True
        )
        measured[what] = json.loads(done.stdout)
    series = TimeSeries.from_values(
        np.random.default_rng(0).normal(size=(400, 7)).astype("float32")
    )
    model = MoLAModel(96, 96, backbone_kwargs=WIDE, n_segments=8, rank=2, n_epochs=1)
    model.fit(series)
    with tempfile.TemporaryDirectory() as folder:
        model.save(f"{folder}/model.pt", clean=True)
        model.save_adapter(f"{folder}/adapter.pt")
        size = {path.name: path.stat().st_size / 1024 for path in Path(folder).iterdir()}
    whole = size["model.pt"] + size["model.pt.ckpt"]
    rows: list[dict[str, Any]] = [
        {
            "": f"{label} of a step",
            "experts alone": measured["experts"][unit],
            "all weights": measured["all"][unit],
            "ratio": measured["experts"][unit] / measured["all"][unit],
        }
        for label, unit in (("processor ms", "ms"), ("memory, MB,", "MB"))
    ]
    rows.append(
        {
            "": "file, kB",
            "experts alone": size["adapter.pt"],
            "all weights": whole,
            "ratio": size["adapter.pt"] / whole,
        }
    )
    return pd.DataFrame(rows)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one of them and print its table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    choices = ["accuracy", "table", "expressiveness", "pass", "adapt", "one"]
    parser.add_argument("command", choices=choices)
    parser.add_argument("--data", default="ETTh1", help="see benchmarks.accuracy")
    parser.add_argument("--folder", help="data folder: see benchmarks.accuracy")
    parser.add_argument("--backbones", nargs="+", default=list(SIZES))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("-L", "--lookback", type=int, default=96)
    parser.add_argument("-H", "--horizon", type=int, default=96)
    parser.add_argument("--epochs", type=int, default=10, help="of both stages together")
    parser.add_argument("--segments", type=int, default=4)
    parser.add_argument("--lr", type=float, default=5e-4)
    parser.add_argument("--stride", type=int, default=1, help="rows between training windows")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--widths", nargs="+", type=int, default=[1, 2, 3, 4, 6, 8, 12, 16])
    parser.add_argument("--picture", help="file of the picture of expressiveness")
    parser.add_argument("--repetitions", type=int, default=20)
    parser.add_argument("--what", choices=["experts", "all"], default="experts")
    given = parser.parse_args(arguments)
    torch.set_num_threads(1)
    if given.command == "one":
        print(json.dumps(train_one(given.what, given.repetitions)))
    elif given.command == "accuracy":
        results = read_results(given.results)
        cells = results.reindex(columns=["data", "backbone", "seed"])
        done = set(cells.itertuples(index=False, name=None))
        for backbone in given.backbones:
            for seed in given.seeds:
                if (given.data, backbone, seed) in done:
                    continue
                rows = accuracy(
                    given.data,
                    given.folder,
                    backbone,
                    seed,
                    lookback=given.lookback,
                    horizon=given.horizon,
                    epochs=given.epochs,
                    n_segments=given.segments,
                    learning_rate=given.lr,
                    stride=given.stride,
                )
                for row in rows:
                    append_result(given.results, row)
        print(markdown(accuracy_table(pd.read_csv(given.results))))
    elif given.command == "table":
        print(markdown(accuracy_table(pd.read_csv(given.results))))
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
