"""HN-MVTS against simpler models, backtested through sktime and through Darts.

Run ``python -m hyperforecast.demo``, or with ``--csv path`` on a file of your own.
"""

import argparse
import logging
import math
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from hyperforecast.datasets import IrregularDatesError, load_fertility, read_csv

if TYPE_CHECKING:
    from darts import TimeSeries

SMALL = 100_000
"""Number of values below which one thread is faster than several."""

MAX_ORIGINS = 20
"""Most forecasts of a backtest."""

MAX_TRAINING_ROWS = 15_000
"""Rows before the test part that are kept, the last ones."""

MAX_LOOKBACK = 192
"""Longest lookback that is tried unasked."""

ADAM_STEPS = 600

HN_EXACT = "HN-MVTS, exact"
HN_ADAM = "HN-MVTS, Adam"
PLAIN = "plain, one for all"
INDIVIDUAL = "plain, one each"
LAST = "naive, last value"
DRIFT = "naive, drift"

FERTILITY_CHANNELS = ("Brazil", "China", "Iran, Islamic Rep.", "Kenya", "Korea, Rep.", "Sweden")

Say = Callable[[str], None]


@dataclass(frozen=True)
class Plan:
    """What is forecast and from where.

    Parameters
    ----------
    data : DataFrame, shape (T, C)
    first_test_row : int
        Rows before it are for training and for every choice.
    horizon, lookback : int
    stride : int
        Rows from one forecast's start to the next.
    """

    data: pd.DataFrame
    first_test_row: int
    horizon: int
    lookback: int
    stride: int

    @property
    def training(self) -> pd.DataFrame:
        """Rows to train on."""
        return self.data.iloc[: self.first_test_row]

    @property
    def origins(self) -> range:
        """First rows of the forecasts."""
        return range(self.first_test_row, len(self.data) - self.horizon + 1, self.stride)


@dataclass(frozen=True)
class Entry:
    """What came of one model through one host."""

    name: str
    host: str
    forecasts: list[pd.DataFrame]
    seconds: float
    mae: float
    mse: float
    model: Any = None


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo and return the exit status, 2 if the data or options are of no use."""
    options = _parser().parse_args(arguments)
    started = time.perf_counter()

    def say(text: str) -> None:
        print(f"[{time.perf_counter() - started:5.1f} s] {text}", flush=True)

    own = options.csv is not None
    try:
        data = _read(options.csv, say) if own else load_fertility()
        data, first_test_row, horizon, lookbacks = split(data, options.horizon, options.lookback)
        options.output.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        return 2

    title = Path(options.csv).name if own else "Fertility rates, births per woman (World Bank)"
    print(f"{title}: {len(data):,} rows x {data.shape[1]} channels", flush=True)
    say("loading Darts and sktime")
    _be_quiet()
    if data.size < SMALL:
        import torch

        torch.set_num_threads(1)  # more would wait for each other longer than they work
    lookback = choose_lookback(data.iloc[:first_test_row], horizon, lookbacks, say)
    n_windows = len(data) - first_test_row - horizon + 1
    plan = Plan(data, first_test_row, horizon, lookback, math.ceil(n_windows / MAX_ORIGINS))
    print(
        f"Trained once on the {first_test_row:,} rows before {_time(data.index[first_test_row])}; "
        f"{len(plan.origins)} forecasts of {horizon} steps from {lookback}, the first from there, "
        f"{plan.stride} rows apart.",
        flush=True,
    )
    scale = np.ones(data.shape[1])
    if own:
        scale = plan.training.std(ddof=0).to_numpy()
        scale = np.where(scale > 0, scale, 1.0)
    entries = backtest_sktime(plan, scale, say) + backtest_darts(plan, scale, say)

    unit = "standard deviations of the training rows" if own else "births per woman"
    print(f"\nErrors in {unit}; ratio: MSE to that of the plain backbone of the same host\n")
    print(table(entries))
    print(f"\n{_chosen(entries)}")
    say("drawing")
    paths = draw(plan, entries, options.output, None if own else FERTILITY_CHANNELS, title)
    for what, path in paths.items():
        print(f"{what}: {path}")
    print(f"{time.perf_counter() - started:.0f} s in all", flush=True)
    return 0


def split(
    data: pd.DataFrame, horizon: int | None = None, lookback: int | None = None
) -> tuple[pd.DataFrame, int, int, list[int]]:
    """Choose what to test on, and the lengths that were not asked for.

    Returns
    -------
    data : DataFrame
        Without the first rows, where there are more to train on than there is time for.
    first_test_row : int
        The last fifth, and of short series the last 30 %, is the test part.
    horizon : int
    lookbacks : list of int
        Those to try; all leave windows to train and to validate on.

    Raises
    ------
    ValueError
        If the lengths do not fit into the rows.
    """
    for name, length in (("horizon", horizon), ("lookback", lookback)):
        if length is not None and length < 1:
            raise ValueError(f"the {name} must be a number of rows >= 1; got {length}.")
    n = len(data)
    horizon = horizon or min(24, max(1, n // 10))
    n_test = max(int(n * (0.3 if n < 200 else 0.2)), min(2 * horizon, n // 3))
    n_training = n - n_test
    longest = n_training - n_training // 3 - 2 * horizon  # two windows, before the validation
    wanted = [lookback] if lookback else sorted({horizon * k for k in (1, 2, 4, 8)} | {10})
    limit = longest if lookback else min(longest, max(MAX_LOOKBACK, 2 * horizon))
    lookbacks = [length for length in wanted if length <= limit]
    if not lookbacks or n_test < horizon or n_training // 3 < horizon:
        shortest = min(wanted)
        needed = math.ceil(1.5 * (shortest + 2 * horizon) / 0.7) + 2
        raise ValueError(
            f"{n} rows are too few for a lookback of {shortest} and a horizon of {horizon}, which "
            f"take about {max(needed, 5 * horizon)}. Give more rows or shorter lengths."
        )
    dropped = max(0, n_training - MAX_TRAINING_ROWS)
    return data.iloc[dropped:], n_training - dropped, horizon, lookbacks


def choose_lookback(
    training: pd.DataFrame, horizon: int, lookbacks: Sequence[int], say: Say
) -> int:
    """Return the lookback with which the plain backbone forecasts the last third best."""
    if len(lookbacks) == 1:
        return lookbacks[0]
    from hyperforecast.darts import BackboneModel

    series = _to_darts(training, training)
    held_out = len(training) // 3
    first = len(training) - held_out
    validation: dict[int, float] = {}
    for lookback in lookbacks:
        model = BackboneModel(lookback, horizon, solver="exact", n_factors=0)
        model.fit(series[:first], val_series=series[first - lookback :])
        report = model.solver_report
        assert report is not None
        validation[lookback] = float(report[report["chosen"]]["validation_mse"].iloc[-1])
    best = min(validation, key=validation.__getitem__)
    tried = ", ".join(f"{length}: {error:.3f}" for length, error in validation.items())
    say(f"lookback {best}, by the MSE on the last third of the training rows ({tried})")
    return best


def settings(plan: Plan) -> dict[str, tuple[str, dict[str, Any]]]:
    """Return each model's method and options, the same for both hosts."""
    exact = {"solver_kwargs": {"validation_size": 1 / 3}}
    n_windows = plan.first_test_row - plan.lookback - plan.horizon + 1
    batch_size = 32 if n_windows >= 200 else 8
    n_channels = plan.data.shape[1]
    adam = {
        "solver": "adam",
        # shorter than the channels are many, so that the map shows which are alike
        "channel_embedding_dim": max(1, min(8, n_channels - 1)),
        "instance_norm": "last",
        "batch_size": batch_size,
        "n_epochs": math.ceil(ADAM_STEPS / math.ceil(n_windows / batch_size)),
        "random_state": 0,
        "pl_trainer_kwargs": {"max_steps": ADAM_STEPS},
    }
    return {
        HN_EXACT: ("hn-mvts", exact),
        HN_ADAM: ("hn-mvts", adam),
        PLAIN: ("plain", exact),
        INDIVIDUAL: ("plain", {**exact, "individual": True}),
    }


def backtest_sktime(plan: Plan, scale: np.ndarray, say: Say) -> list[Entry]:
    """Backtest by sktime's ``evaluate``, which hands on new rows without training again."""
    from sktime.forecasting.model_evaluation import evaluate
    from sktime.split import ExpandingWindowSplitter

    from hyperforecast.sktime import BackboneForecaster, HNMVTSForecaster

    classes = {"hn-mvts": HNMVTSForecaster, "plain": BackboneForecaster}
    windows = ExpandingWindowSplitter(
        fh=np.arange(1, plan.horizon + 1),
        initial_window=plan.first_test_row,
        step_length=plan.stride,
    )
    entries = []
    for name, (method, options) in settings(plan).items():
        forecaster = classes[method](plan.lookback, plan.horizon, **options)
        start = time.perf_counter()
        results = evaluate(
            forecaster,
            windows,
            plan.data,
            strategy="no-update_params",
            return_data=True,
            return_model=True,
            error_score="raise",
        )
        seconds = time.perf_counter() - start
        fitted = results["fitted_forecaster"].iloc[-1]
        entry = _entry(name, "sktime", list(results["y_pred"]), seconds, plan, scale, fitted)
        _progress(entry, say)
        entries.append(entry)
    return entries


def backtest_darts(plan: Plan, scale: np.ndarray, say: Say) -> list[Entry]:
    """Backtest by Darts' ``historical_forecasts``."""
    from darts.models import NaiveDrift, NaiveSeasonal

    from hyperforecast.darts import BackboneModel, HNMVTSModel

    classes = {"hn-mvts": HNMVTSModel, "plain": BackboneModel}
    series = _to_darts(plan.data, plan.training)
    models = {
        name: classes[method](plan.lookback, plan.horizon, **options)
        for name, (method, options) in settings(plan).items()
    }
    naive = {LAST: NaiveSeasonal(K=1), DRIFT: NaiveDrift()}
    entries = []
    for name, model in {**models, **naive}.items():
        start = time.perf_counter()
        if name in models:
            model.fit(series[: plan.first_test_row])
        forecasts = model.historical_forecasts(
            series,
            start=plan.first_test_row,
            start_format="position",
            forecast_horizon=plan.horizon,
            stride=plan.stride,
            retrain=name in naive,  # these have nothing to train, but need the last rows
            train_length=max(plan.lookback, 2) if name in naive else None,
            last_points_only=False,
            verbose=False,
            show_warnings=False,
        )
        seconds = time.perf_counter() - start
        frames = [_from_darts(one, plan.training) for one in forecasts]
        entry = _entry(name, "Darts", frames, seconds, plan, scale, model)
        _progress(entry, say)
        entries.append(entry)
    return entries


def table(entries: Sequence[Entry]) -> str:
    """Return the results as aligned text."""
    plain = {entry.host: entry.mse for entry in entries if entry.name == PLAIN}
    head = f"{'model':<20}  {'host':<6}  {'MAE':>8}  {'MSE':>8}  {'ratio':>6}  {'seconds':>7}"
    lines = [head, "-" * len(head)]
    for i, entry in enumerate(entries):
        if i and entry.host != entries[i - 1].host:
            lines.append("")
        ratio = entry.mse / plain[entry.host] if plain[entry.host] > 0 else math.nan
        lines.append(
            f"{entry.name:<20}  {entry.host:<6}  {entry.mae:>8.4f}  {entry.mse:>8.4f}  "
            f"{ratio:>6.2f}  {entry.seconds:>7.1f}"
        )
    return "\n".join(lines)


def draw(
    plan: Plan,
    entries: Sequence[Entry],
    folder: Path,
    channels: Sequence[Any] | None,
    title: str,
) -> dict[str, Path]:
    """Save the pictures and return their paths."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    from hyperforecast.plotting import plot_channel_map, plot_forecasts

    by_name = {entry.name: entry for entry in entries if entry.host == "Darts"}
    columns = plan.data.columns
    if channels is None:
        picked = np.linspace(0, len(columns) - 1, min(6, len(columns))).round().astype(int)
        channels = [columns[i] for i in picked]
    apart = math.ceil(plan.horizon / plan.stride)  # forecasts that do not overlap
    kept = list(range(len(plan.origins)))[::-1][::apart][:3][::-1]
    last = plan.origins[kept[-1]] + plan.horizon
    figure = plot_forecasts(
        plan.data.iloc[:last],
        {
            name: [by_name[name].forecasts[i] for i in kept]
            for name in (HN_EXACT, HN_ADAM, PLAIN, INDIVIDUAL)
        },
        channels,
        history=max(plan.lookback, 2 * plan.horizon),
    )
    paths = {"Forecasts": folder / "forecasts.png", "Channel map": folder / "channel_map.png"}
    figure.savefig(paths["Forecasts"], dpi=130)
    plt.close(figure)

    level = plan.training.mean().rename("mean of the training rows")
    level.index = level.index.map(str)
    mapped = next((by_name[n] for n in (HN_EXACT, HN_ADAM) if _has_embedding(by_name[n])), None)
    if mapped is None:  # a single channel
        del paths["Channel map"]
        return paths
    ax = plot_channel_map(mapped.model, 40, colour=level)
    ax.set_title(f"{title}\nchannels as placed by {mapped.name}", loc="left", fontsize="medium")
    figure = ax.figure.get_figure(root=True)
    assert figure is not None
    figure.set_size_inches(10, 7)
    figure.savefig(paths["Channel map"], dpi=130)
    plt.close(figure)
    return paths


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m hyperforecast.demo",
        description=(
            "Backtest HN-MVTS against the plain backbone (one model for all channels, and one for "
            "each) and naive forecasts, through sktime and through Darts: a table, and pictures "
            "of the forecasts and of the channels. Without --csv: fertility rates of 192 countries."
        ),
    )
    parser.add_argument(
        "--csv",
        metavar="PATH",
        help="a file with a header, a row for each step and a column for each channel; a first "
        "column that is not numeric is the time",
    )
    parser.add_argument(
        "--horizon",
        type=int,
        metavar="H",
        help="rows to forecast (default: a tenth of the rows, at most 24)",
    )
    parser.add_argument(
        "--lookback",
        type=int,
        metavar="L",
        help="rows to forecast from (default: the best of several on the training rows)",
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=Path("demo-output"),
        metavar="DIR",
        help="where to save the pictures (default: %(default)s)",
    )
    return parser


def _read(path: str, say: Say) -> pd.DataFrame:
    try:
        return read_csv(path)
    except IrregularDatesError as error:
        say(f"{error} Rows are counted instead.")
        return read_csv(path, use_dates=False)


def _be_quiet() -> None:
    """Keep warnings and logs of the hosts, which are theirs, out of the demo's lines."""
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)


def _to_darts(data: pd.DataFrame, training: pd.DataFrame) -> "TimeSeries":
    """Standardise channels by the training rows, as the sktime forecasters do themselves."""
    from darts import TimeSeries

    scaled = (data - training.mean()) / _deviation(training)
    return TimeSeries.from_dataframe(scaled.set_axis([str(c) for c in data.columns], axis=1))


def _from_darts(series: "TimeSeries", training: pd.DataFrame) -> pd.DataFrame:
    values = series.values() * _deviation(training).to_numpy() + training.mean().to_numpy()
    return pd.DataFrame(values, index=series.time_index, columns=training.columns)


def _deviation(training: pd.DataFrame) -> pd.Series:
    return training.std(ddof=0).where(lambda deviation: deviation > 0, 1.0)


def _entry(
    name: str,
    host: str,
    forecasts: list[pd.DataFrame],
    seconds: float,
    plan: Plan,
    scale: np.ndarray,
    model: Any,
) -> Entry:
    """Measure forecasts, which must be those of the plan's origins."""
    values = plan.data.to_numpy()
    errors = np.stack(
        [
            (forecast.to_numpy() - values[row : row + plan.horizon]) / scale
            for forecast, row in zip(forecasts, plan.origins, strict=True)
        ]
    )  # (origins, H, C)
    mae, mse = float(np.abs(errors).mean()), float(np.square(errors).mean())
    return Entry(name, host, forecasts, seconds, mae, mse, model)


def _progress(entry: Entry, say: Say) -> None:
    say(f"{entry.host:<6}  {entry.name:<20}  MAE {entry.mae:.4f}")


def _has_embedding(entry: Entry) -> bool:
    """Say whether a model learned vectors: neither one head for all nor free heads."""
    vectors = entry.model.network.channel_embedding()
    return vectors is not None and 0 < vectors.shape[1] < vectors.shape[0]


def _chosen(entries: Sequence[Entry]) -> str:
    """Say in a line what the exact solver chose for HN-MVTS."""
    entry = next(e for e in entries if e.host == "Darts" and e.name == HN_EXACT)
    report = entry.model.solver_report
    if report is None or report.empty:
        return "The exact solver had too few rows to compare settings on."
    selected = report[report["chosen"]].iloc[-1]
    length = int(selected["channel_embedding_dim"])
    if selected["individual"]:
        heads = "a head for each channel"
    elif length == 0:
        heads = "embedding length 0, that is one head for all channels, as in the plain backbone"
    else:
        heads = f"embedding length {length}"
    return (
        f"For HN-MVTS the exact solver chose, on training rows held out: {heads}; instance norm "
        f"{selected['instance_norm']!r}; {int(selected['n_factors'])} common factors; ridge "
        f"{selected['ridge']:.0e}."
    )


def _time(label: Any) -> str:
    return f"row {label}" if isinstance(label, (int, np.integer)) else str(pd.Timestamp(label))


if __name__ == "__main__":
    sys.exit(main())
