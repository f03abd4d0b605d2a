"""The exact solver, the same model trained by Adam, and the linear models of both hosts."""

from collections.abc import Callable, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
import torch
from darts.models import DLinearModel, LinearRegressionModel
from sklearn.linear_model import Ridge
from sktime.forecasting.compose import make_reduction
from torch import Tensor, nn

from benchmarks.comparison.networks import Regressed
from benchmarks.markdown import markdown
from benchmarks.protocol import Dataset, evaluate, load
from benchmarks.solver.fits import (
    ONE_SETTING,
    WINDOWS,
    Fit,
    chosen,
    fit_by_gradients,
    fit_exactly,
)
from benchmarks.timing import median, timed
from hyperforecast.darts import HNMVTSModel
from hyperforecast.nn.channel_linear import channel_linear

GIVEN = MappingProxyType({"instance_norm": "last", "n_factors": 0, "solver_kwargs": ONE_SETTING})

MAX_DIM = 8
"""Length of the vectors that is given, where there are as many channels."""


def solved(n_channels: int) -> dict[str, dict[str, Any]]:
    """Return options of fits by the exact solver, by what is left to choose.

    Norm and length of vectors given, lookback and ridge chosen; one of all settings; and settings
    added up, which is the default.
    """
    return {
        "exact, one setting, no vectors": {**GIVEN, "channel_embedding_dim": 0},
        "exact, one setting, vectors": {
            **GIVEN,
            "channel_embedding_dim": min(MAX_DIM, n_channels),
        },
        "exact, one chosen": {"solver_kwargs": ONE_SETTING},
        "exact, added up": {},
    }


class PerChannel(nn.Module):
    """A regression for each channel: windows (B, L, C) -> forecasts (B, H, C, 1).

    Parameters
    ----------
    weight : Tensor, shape (C, H, L)
    bias : Tensor, shape (C, H)
    """

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        super().__init__()
        self.register_buffer("weight", weight.float())
        self.register_buffer("bias", bias.float())

    def forward(self, past: Tensor) -> Tensor:
        """Forecast windows."""
        return channel_linear(past.mT, self.weight, self.bias).mT.unsqueeze(-1)


def speed(names: Sequence[str], folder: str | None, patience: int, repetitions: int) -> None:
    """Compare the exact solver with training by gradients and with regressions, in turns."""
    rows = []
    for name in names:
        dataset = load(name, folder)
        lookback, horizon = WINDOWS.get(dataset.name, (96, 24))
        where = (dataset, lookback, horizon)
        others: dict[str, Callable[[], Fit]] = {
            "HNMVTSModel, Adam": partial(
                fit_by_gradients, partial(HNMVTSModel, solver="adam"), *where, patience
            ),
            "Darts DLinearModel": partial(
                fit_by_gradients, partial(DLinearModel, shared_weights=True), *where, patience
            ),
            "Darts LinearRegressionModel": partial(fit_regression, *where),
            "sktime Ridge reduction, one each": partial(fit_reduction, *where),
        }
        settings = solved(len(dataset.channels))
        exact: dict[str, list[Fit]] = {label: [] for label in settings}
        tried = {}
        for other in (None, *others):
            if other is not None:
                tried[other] = others[other]()
            for label, options in [*settings.items()] * repetitions:
                fit, model = fit_exactly(*where, **options)
                exact[label].append(fit)
                print(f"{dataset.name}, {label}: {chosen(model)}", flush=True)
        for label, fits in exact.items():
            usual = median([fit.total for fit in fits])
            tried[label] = Fit(fits[-1].network, usual, usual)
        for label in (*settings, *others):
            fit = tried[label]
            rows.append(
                {
                    "data": f"{dataset.name} {lookback} -> {horizon}",
                    "fitted by": label,
                    "test MSE": evaluate(fit.network, dataset, "test", lookback, horizon).mse,
                    "seconds": fit.total.wall,
                    "processor seconds": fit.total.processor,
                    "epochs": "" if fit.epochs is None else fit.epochs,
                    **{
                        f"times {other.removeprefix('exact, ')}": fit.total.processor
                        / tried[other].total.processor
                        for other in settings
                    },
                }
            )
    print(markdown(pd.DataFrame(rows), digits=4))


def fit_regression(dataset: Dataset, lookback: int, horizon: int) -> Fit:
    """Fit Darts' regression, one for all channels: all steps of the horizon on a channel's lags."""
    model = LinearRegressionModel(lookback, output_chunk_length=horizon)
    channels = dataset.series("train")
    series = [channels.univariate_component(i) for i in range(channels.n_components)]
    _, total = timed(lambda: model.fit(series))
    return Fit(Regressed.of_darts(model, horizon, by_channel=True), total, total)


def fit_reduction(dataset: Dataset, lookback: int, horizon: int) -> Fit:
    """Fit sktime's reduction to scikit-learn's ridge regression, one for each channel."""
    model = make_reduction(Ridge(), strategy="multioutput", window_length=lookback)
    rows = pd.DataFrame(dataset.rows("train"))
    _, total = timed(lambda: model.fit(rows, fh=np.arange(1, horizon + 1)))
    found = [one.estimator_ for one in model.forecasters_.loc["forecasters"]]
    weight = torch.stack([torch.as_tensor(one.coef_) for one in found])
    bias = torch.stack([torch.as_tensor(one.intercept_) for one in found])
    return Fit(PerChannel(weight, bias), total, total)
