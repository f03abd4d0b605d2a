"""The embedding of principal components, against a learned one."""

import itertools
from typing import Any

import pandas as pd

from benchmarks.markdown import markdown
from benchmarks.protocol import evaluate, load
from benchmarks.solver.fits import ONE_SETTING, WINDOWS, chosen, fit_exactly


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
