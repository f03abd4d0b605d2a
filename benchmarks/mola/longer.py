"""A trained base taken to longer horizons by its experts alone, beside what it replaces."""

from collections.abc import Iterator, Sequence
from functools import lru_cache, partial
from typing import Any

import pandas as pd
import torch
from torch import Tensor, nn

from benchmarks.mola.networks import SIZES
from benchmarks.protocol import evaluate, load
from benchmarks.runs import Row, Run
from benchmarks.training import Training, train
from hyperforecast.darts import BackboneModel, HyperforecastModel, MoLAModel

METHODS = ("rolled", "extended", "whole", "plain")
"""The base, its forecasts appended to the window; the base with experts of the longer horizon; MoLA
trained at that horizon from the start; the backbone trained at that horizon."""


class Rolled(nn.Module):
    """A network that goes on from its own forecasts.

    Parameters
    ----------
    network : nn.Module
        From windows (B, L, C) to point forecasts (B, H', C, 1).
    horizon : int
        Number of steps H.
    """

    def __init__(self, network: nn.Module, horizon: int) -> None:
        super().__init__()
        self.network = network
        self.horizon = horizon

    def forward(self, window: Tensor) -> Tensor:
        """Forecast windows: (B, L, C) -> (B, H, C, 1)."""
        lookback = window.shape[1]
        rows = window
        while rows.shape[1] < lookback + self.horizon:
            rows = torch.cat([rows, self.network(rows[:, -lookback:]).squeeze(-1)], dim=1)
        return rows[:, lookback : lookback + self.horizon].unsqueeze(-1)


def runs(
    data: str,
    folder: str | None,
    backbones: Sequence[str],
    seeds: Sequence[int],
    horizons: Sequence[int],
    **settings: Any,
) -> Iterator[Run]:
    """Return every horizon by every method; see :func:`measure`."""
    for backbone in backbones:
        for seed in seeds:
            base = lru_cache(maxsize=1)(
                partial(_base, data, folder, backbone, seed, tuple(settings.items()))
            )
            for horizon in horizons:
                for method in METHODS:
                    key: Row = {"data": data, "backbone": backbone, "horizon": horizon}
                    key |= {"method": method, "seed": seed}
                    yield Run(key, partial(measure, folder=folder, base_of=base, **key, **settings))


def _base(
    data: str, folder: str | None, backbone: str, seed: int, settings: tuple[tuple[str, Any], ...]
) -> HyperforecastModel:
    """Train MoLA at the shorter horizon."""
    given = dict(settings)
    options = _of_mola(given["epochs"], given["segment_length"])
    horizon = given.pop("base_horizon")
    return _trained(MoLAModel, data, folder, backbone, seed, horizon, options, given).model


def measure(
    data: str,
    folder: str | None,
    backbone: str,
    horizon: int,
    method: str,
    seed: int,
    *,
    base_of: Any,
    lookback: int,
    base_horizon: int,
    segment_length: int,
    epochs: int,
    learning_rate: float,
    stride: int,
) -> Row:
    """Return test errors at a horizon, and the processor seconds that this horizon took to train.

    MoLA has half of the epochs for each stage; an extended base has the second half alone.
    """
    settings = {"lookback": lookback, "learning_rate": learning_rate, "stride": stride}
    of_mola = _of_mola(epochs, segment_length)
    seconds = 0.0
    if method == "rolled":
        network: nn.Module = Rolled(base_of().network, horizon)
    else:
        model_class, options, fit_options = {
            "extended": lambda: (MoLAModel, of_mola, {"base": base_of()}),
            "whole": lambda: (MoLAModel, of_mola, {}),
            "plain": lambda: (BackboneModel, {"n_epochs": epochs, **_plain(backbone)}, {}),
        }[method]()
        training = _trained(
            model_class, data, folder, backbone, seed, horizon, options, settings, fit_options
        )
        network, seconds = training.model.network, training.taken.processor
    dataset = load(data, folder)
    return {
        "segment_length": segment_length,
        "base_horizon": base_horizon,
        "validation_mse": evaluate(network, dataset, "validation", lookback, horizon).mse,
        "test_mse": evaluate(network, dataset, "test", lookback, horizon).mse,
        "processor_seconds": round(seconds, 1),
    }


def _of_mola(epochs: int, segment_length: int) -> dict[str, Any]:
    stages = {"n_base_epochs": epochs // 2, "n_epochs": epochs - epochs // 2}
    return {**stages, "segment_length": segment_length}


def _plain(backbone: str) -> dict[str, Any]:
    return {"solver": "adam"} if backbone == "dlinear" else {}


def _trained(
    model_class: type[HyperforecastModel],
    data: str,
    folder: str | None,
    backbone: str,
    seed: int,
    horizon: int,
    options: dict[str, Any],
    settings: dict[str, Any],
    fit_options: dict[str, Any] | None = None,
) -> Training:
    return train(
        model_class,
        load(data, folder),
        settings["lookback"],
        horizon,
        seed=seed,
        patience=options["n_epochs"],
        backbone=backbone,
        backbone_kwargs=SIZES[backbone],
        optimizer_kwargs={"lr": settings["learning_rate"]},
        fit_options={"stride": settings["stride"], **(fit_options or {})},
        **options,
    )


def table(results: pd.DataFrame) -> pd.DataFrame:
    """Average over seeds, a column of errors and one of seconds for each method."""
    cells = results.groupby(["data", "backbone", "horizon", "method"], sort=False)
    means = cells[["test_mse", "processor_seconds"]].mean().unstack("method")
    errors = means["test_mse"].reindex(columns=METHODS)
    seconds = means["processor_seconds"].reindex(columns=["extended", "whole"])
    return errors.join(seconds.add_suffix(", processor s")).reset_index()
