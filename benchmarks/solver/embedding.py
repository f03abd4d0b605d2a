"""What the embedding is made of, against a learned one, and channels of known kinds."""

import itertools
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.markdown import markdown
from benchmarks.protocol import Dataset, evaluate, load, scale, split
from benchmarks.solver.fits import ONE_SETTING, WINDOWS, chosen, fit_exactly

KINDS = np.array([[0.6, 0.3], [1.5, -0.9], [-0.5, 0.4]])
"""Coefficients of the last two steps, of three kinds of channels."""


def made_kinds(n_rows: int, n_channels: int = 120) -> Dataset:
    """Make autoregressive channels of three kinds that have nothing else in common."""
    random = np.random.default_rng(0)
    lags = KINDS[np.arange(n_channels) % len(KINDS)]
    values = random.normal(size=(n_rows + 100, n_channels))
    for t in range(2, len(values)):
        values[t] += lags[:, 0] * values[t - 1] + lags[:, 1] * values[t - 2]
    values, bounds = values[100:], split(n_rows)
    names = [str(number) for number in range(n_channels)]
    return Dataset("made", names, scale(values, bounds), bounds)


def kinds(n_rows: int, lookback: int = 24, horizon: int = 6) -> None:
    """Compare what is chosen by itself with one head for all and one each."""
    dataset = made_kinds(n_rows)
    cases: dict[str, dict[str, Any]] = {
        "one for all": {"channel_embedding_dim": 0, "solver_kwargs": ONE_SETTING},
        "one each": {
            "channel_embedding_dim": len(dataset.channels),
            "solver_kwargs": ONE_SETTING,
        },
        "chosen, one setting alone": {"solver_kwargs": ONE_SETTING},
        "chosen, added up": {},
        "chosen, embedding_steps=5": {"solver_kwargs": {"embedding_steps": 5}},
    }
    rows = []
    for name, options in cases.items():
        fit, model = fit_exactly(dataset, lookback, horizon, **options)
        error = evaluate(fit.network, dataset, "test", lookback, horizon).mse
        rows.append({"rows": n_rows, "weights": name, "test MSE": error, **chosen(model)})
    print(markdown(pd.DataFrame(rows), digits=4))


def embedding(folder: str | None) -> None:
    """Compare embeddings with learned ones, and what is chosen with known kinds."""
    for n_rows in (200, 400, 800):
        kinds(n_rows)
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
            dataset,
            lookback,
            horizon,
            solver_kwargs={"embedding_steps": steps, **ONE_SETTING},
            **options,
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
