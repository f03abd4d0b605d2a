"""What a narrow representation can express: the plain head against MoLA's."""

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from darts import TimeSeries

from hyperforecast.darts import BackboneModel, MoLAModel


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
