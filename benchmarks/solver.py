"""The exact solver: its speed against gradients, its accuracy, and how it scales.

Times are of whole fits, the choice of every setting included: wall-clock seconds, and the processor
seconds of all threads, which other work on the machine disturbs less. Without a name all tables are
made::

    python -m benchmarks.solver
    python -m benchmarks.solver speed --data weather
    python -m benchmarks.solver horizons --data ETTh1 weather exchange_rate

The tables are ``speed`` (the exact solver, the same model trained by Adam, and Darts' own
DLinear), ``horizons`` (accuracy at 96, 192, 336 and 720 steps), ``channels`` (time against the
number of channels), ``embedding`` (learned embeddings) and ``grid`` (grid searches of both hosts).
"""

import argparse
import itertools
import logging
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytorch_lightning as pl
import torch
from darts import TimeSeries
from darts.metrics import mse
from darts.models import DLinearModel
from darts.models.forecasting.torch_forecasting_model import TorchForecastingModel
from darts.utils.data.torch_datasets.utils import PLModuleInput
from pytorch_lightning.callbacks import Callback, EarlyStopping
from sktime.forecasting.model_selection import ForecastingGridSearchCV
from sktime.performance_metrics.forecasting import MeanSquaredError
from sktime.split import ExpandingWindowSplitter
from torch import Tensor, nn

from benchmarks.markdown import markdown
from benchmarks.protocol import DATA_VARIABLE, Dataset, evaluate, load
from hyperforecast.darts import HNMVTSModel
from hyperforecast.sktime import HNMVTSForecaster

WINDOWS = {"weather": (336, 96), "ETTh1": (336, 96), "los_speed": (96, 12)}
"""Lookback and horizon of the data sets whose speed is measured."""

HORIZONS = (96, 192, 336, 720)
LOOKBACKS = {"exchange_rate": 96}
"""Lookback of the table of horizons where it is not 336."""


class Clock(NamedTuple):
    """A time, or how long something took, in seconds."""

    wall: float
    processor: float

    @classmethod
    def now(cls) -> "Clock":
        """Read the clocks."""
        return cls(time.perf_counter(), time.process_time())

    def since(self, start: "Clock") -> "Clock":
        """Return the time from a start on."""
        return Clock(self.wall - start.wall, self.processor - start.processor)


class Fit(NamedTuple):
    """A trained network and what its training took.

    ``to_best`` goes to the end of the epoch whose weights are kept, ``total`` to the end of the
    fit.
    """

    network: nn.Module
    to_best: Clock
    total: Clock
    epochs: int | None = None


class BestEpoch(Callback):
    """Notes when the validation loss was lowest."""

    def __init__(self) -> None:
        self.loss, self.time = float("inf"), Clock(float("nan"), float("nan"))

    def on_validation_epoch_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Compare the epoch's loss."""
        loss = trainer.callback_metrics.get("val_loss")
        if not trainer.sanity_checking and loss is not None and loss.item() < self.loss:
            self.loss, self.time = loss.item(), Clock.now()


class DartsNetwork(nn.Module):
    """The network of a Darts model, as the protocol calls it."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, past: Tensor) -> Tensor:
        """Forecast windows (B, L, C) -> (B, H, C, 1)."""
        return self.module(PLModuleInput(past_target=past)).prediction


def fit_exactly(
    dataset: Dataset, lookback: int, horizon: int, *, held_out: bool = False, **options: Any
) -> tuple[Fit, HNMVTSModel]:
    """Solve for a model; choose its settings on the validation part, or on training rows."""
    model = HNMVTSModel(lookback, horizon, solver="exact", **options)
    validation = None if held_out else dataset.series("validation", lookback)
    train = dataset.series("train")
    start = Clock.now()
    model.fit(train, val_series=validation)
    total = Clock.now().since(start)
    return Fit(model.network, total, total), model


def fit_by_gradients(
    make: Callable[..., TorchForecastingModel],
    dataset: Dataset,
    lookback: int,
    horizon: int,
    patience: int,
) -> Fit:
    """Train until the validation loss has not fallen for ``patience`` epochs; take the best."""
    best = BestEpoch()
    train, validation = dataset.series("train"), dataset.series("validation", lookback)
    with tempfile.TemporaryDirectory() as folder:
        model = make(
            lookback,
            horizon,
            n_epochs=100,
            random_state=0,
            save_checkpoints=True,
            work_dir=folder,
            model_name="benchmark",
            pl_trainer_kwargs={
                "accelerator": "cpu",
                "callbacks": [best, EarlyStopping("val_loss", patience=patience)],
                "enable_progress_bar": False,
                "enable_model_summary": False,
            },
        )
        start = Clock.now()
        model.fit(train, val_series=validation, load_best=True)
        total = Clock.now().since(start)
    network = DartsNetwork(model.model)
    return Fit(network, best.time.since(start), total, model.trainer.current_epoch)


def chosen(model: HNMVTSModel) -> dict[str, Any]:
    """Return the setting that was selected, as a table shows it."""
    report = model.solver_report
    selected = report[report["chosen"]].iloc[-1]
    return {
        "norm": selected["instance_norm"],
        "d": "each" if selected["individual"] else selected["channel_embedding_dim"],
        "K": selected["n_factors"],
        "ridge": f"{selected['ridge']:.0e}",
    }


def speed(names: Sequence[str], folder: str | None, patience: int, repetitions: int) -> None:
    """Compare the exact solver with training by gradients, in turns."""
    rows = []
    for name in names:
        dataset = load(name, folder)
        lookback, horizon = WINDOWS.get(dataset.name, (96, 24))
        where = (dataset, lookback, horizon)

        exact = []

        def solve(where: tuple[Dataset, int, int] = where, exact: list[Fit] = exact) -> HNMVTSModel:
            for _ in range(repetitions):
                fit, model = fit_exactly(*where)
                exact.append(fit)
            return model

        solve()
        adam = fit_by_gradients(
            lambda *lengths, **options: HNMVTSModel(*lengths, solver="adam", **options),
            *where,
            patience,
        )
        solve()
        darts = fit_by_gradients(
            lambda *lengths, **options: DLinearModel(*lengths, shared_weights=True, **options),
            *where,
            patience,
        )
        model = solve()
        usual = Clock(
            statistics.median(fit.total.wall for fit in exact),
            statistics.median(fit.total.processor for fit in exact),
        )
        tried = {
            "HNMVTSModel, exact": Fit(exact[-1].network, usual, usual),
            "HNMVTSModel, Adam": adam,
            "Darts DLinearModel": darts,
        }
        for label, fit in tried.items():
            rows.append(
                {
                    "data": f"{dataset.name} {lookback} -> {horizon}",
                    "trained by": label,
                    "test MSE": evaluate(fit.network, dataset, "test", lookback, horizon).mse,
                    "seconds to best": fit.to_best.wall,
                    "whole": fit.total.wall,
                    "processor seconds to best": fit.to_best.processor,
                    "epochs": "" if fit.epochs is None else fit.epochs,
                    "times exact": fit.to_best.wall / usual.wall,
                    "times exact, processor": fit.to_best.processor / usual.processor,
                }
            )
        print(f"{dataset.name}: {chosen(model)}", flush=True)
    print(markdown(pd.DataFrame(rows), digits=4))


def horizons(names: Sequence[str], folder: str | None, lengths: Sequence[int]) -> None:
    """Make the table of accuracy at every horizon."""
    rows = []
    for name in names:
        dataset = load(name, folder)
        lookback = LOOKBACKS.get(dataset.name, 336)
        for horizon, held_out in itertools.product(lengths, (False, True)):
            fit, model = fit_exactly(dataset, lookback, horizon, held_out=held_out)
            errors = evaluate(fit.network, dataset, "test", lookback, horizon)
            rows.append(
                {
                    "data": f"{dataset.name} {lookback} -> {horizon}",
                    "chosen on": "training rows" if held_out else "validation part",
                    "test MSE": errors.mse,
                    "test MAE": errors.mae,
                    "seconds": fit.total.wall,
                    "processor seconds": fit.total.processor,
                    **chosen(model),
                }
            )
    print(markdown(pd.DataFrame(rows), digits=4))


def made_channels(n_rows: int, n_channels: int) -> TimeSeries:
    """Make seasonal channels of three kinds under a common factor."""
    random = np.random.default_rng(0)
    steps = np.arange(n_rows)[:, None]
    periods = np.array([12, 24, 48])[np.arange(n_channels) % 3]
    phases = random.uniform(0, 2 * np.pi, n_channels)
    factor = 0.1 * random.normal(size=(n_rows, 1)).cumsum(axis=0)
    values = np.sin(2 * np.pi * steps / periods + phases) + factor
    values += 0.5 * random.normal(size=values.shape)
    return TimeSeries.from_values(values.astype(np.float32))


def channels(counts: Sequence[int], n_rows: int, repetitions: int) -> None:
    """Measure time against the number of channels: the same settings for all."""
    rows = []
    for count in counts:
        series = made_channels(n_rows, count)
        times = []
        for _ in range(repetitions):
            model = HNMVTSModel(96, 24, channel_embedding_dim=8, solver="exact")
            start = Clock.now()
            model.fit(series)
            times.append(Clock.now().since(start))
        rows.append(
            {
                "channels": count,
                "seconds": min(one.wall for one in times),
                "processor seconds": (processor := min(one.processor for one in times)),
                "processor ms a channel": 1000 * processor / count,
                **chosen(model),
            }
        )
    print(markdown(pd.DataFrame(rows), digits=3))


def embedding(folder: str | None) -> None:
    """Compare the embedding of principal components with a learned one."""
    cases: list[tuple[str, dict[str, Any]]] = [
        ("weather", {"channel_embedding_dim": 8, "n_factors": 0}),
        ("los_speed", {"channel_embedding_dim": 16, "n_factors": 0}),
        ("los_speed", {}),
    ]
    rows = []
    for (name, options), steps in itertools.product(cases, (0, 5)):
        dataset = load(name, folder)
        lookback, horizon = WINDOWS[name]
        fit, model = fit_exactly(
            dataset, lookback, horizon, solver_kwargs={"embedding_steps": steps}, **options
        )
        rows.append(
            {
                "data": f"{name} {lookback} -> {horizon}",
                "asked for": ", ".join(f"{k}={v}" for k, v in options.items()) or "nothing",
                "embedding_steps": steps,
                "test MSE": evaluate(fit.network, dataset, "test", lookback, horizon).mse,
                "processor seconds": fit.total.processor,
                **chosen(model),
            }
        )
    print(markdown(pd.DataFrame(rows), digits=4))


GRID: dict[str, list[Any]] = {
    "input_chunk_length": [96, 168, 336, 504, 720],
    "channel_embedding_dim": [0, 1, 2, 4, 7],
    "instance_norm": ["none", "last"],
}
"""Fifty settings: lookback, length of the embedding, instance norm."""


def grid(folder: str | None) -> None:
    """Search fifty settings on ETTh1 with both hosts, each fitted at three cut-offs."""
    dataset, horizon, stride = load("ETTh1", folder), 96, 960
    begin, end = dataset.bounds["validation"]
    fixed = {"solver": "exact", "n_factors": 0}
    rows = []

    def add(host: str, seconds: float, setting: dict[str, Any], network: nn.Module) -> None:
        lookback = setting["input_chunk_length"]
        error = evaluate(network, dataset, "test", lookback, horizon).mse
        rows.append({"search": host, "seconds": seconds, "test MSE": error, **setting})
        print(f"{host}: {seconds:.0f} s", flush=True)

    series = TimeSeries.from_values(dataset.values[:end], columns=dataset.channels)
    start = time.perf_counter()
    best, setting, _ = HNMVTSModel.gridsearch(
        {**GRID, **{k: [v] for k, v in fixed.items()}, "output_chunk_length": [horizon]},
        series,
        start=begin,
        forecast_horizon=horizon,
        stride=stride,
        metric=mse,
        show_warnings=False,
    )
    best.fit(series)
    seconds = time.perf_counter() - start
    add("Darts gridsearch", seconds, {name: setting[name] for name in GRID}, best.network)

    frame = pd.DataFrame(dataset.values[:end], columns=dataset.channels)
    steps = np.arange(1, horizon + 1)
    search = ForecastingGridSearchCV(
        # the data are scaled already
        HNMVTSForecaster(**fixed, scaler=None),
        cv=ExpandingWindowSplitter(steps, initial_window=begin, step_length=stride),
        param_grid=GRID,
        scoring=MeanSquaredError(),
        error_score="raise",
    )
    start = time.perf_counter()
    search.fit(frame, fh=steps)
    seconds = time.perf_counter() - start
    network = search.best_forecaster_.model_.network
    add("sktime ForecastingGridSearchCV", seconds, search.best_params_, network)
    print(markdown(pd.DataFrame(rows), digits=4))


TABLES = ("speed", "horizons", "channels", "embedding", "grid")


def main(arguments: Sequence[str] | None = None) -> None:
    """Make the tables asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("tables", nargs="*", help=f"which tables to make: {', '.join(TABLES)}")
    parser.add_argument("--data", nargs="+", help="data sets of speed and horizons")
    parser.add_argument(
        "--folder", help=f"data folder (default: ${DATA_VARIABLE}, or ../shared/data)"
    )
    parser.add_argument("--patience", type=int, default=5, help="epochs without a lower loss")
    parser.add_argument("--repetitions", type=int, default=3, help="of each exact fit")
    parser.add_argument("--horizons", nargs="+", type=int, default=HORIZONS)
    parser.add_argument("--counts", nargs="+", type=int, default=[21, 64, 200, 632, 2000])
    parser.add_argument("--rows", type=int, default=4000, help="of the made channels")
    parser.add_argument("--threads", type=int, default=2, help="of torch")
    given = parser.parse_args(arguments)
    unknown = set(given.tables) - set(TABLES)
    if unknown:
        parser.error(f"no table {', '.join(sorted(unknown))}; there are: {', '.join(TABLES)}")
    torch.set_num_threads(given.threads)
    for name in ("pytorch_lightning", "darts", "hyperforecast"):
        logging.getLogger(name).setLevel(logging.ERROR)

    for table in given.tables or TABLES:
        print(f"\n{table}, {given.threads} thread(s)\n", flush=True)
        if table == "speed":
            speed(given.data or list(WINDOWS), given.folder, given.patience, given.repetitions)
        elif table == "horizons":
            names = given.data or ["ETTh1", "weather", "exchange_rate"]
            horizons(names, given.folder, given.horizons)
        elif table == "channels":
            channels(given.counts, given.rows, given.repetitions)
        elif table == "embedding":
            embedding(given.folder)
        else:
            grid(given.folder)


if __name__ == "__main__":
    main()
