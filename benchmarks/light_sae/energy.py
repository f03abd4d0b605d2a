"""How many directions of its own each channel's embedding has: a picture of real data."""

from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd

from benchmarks.light_sae import ablation
from benchmarks.protocol import Dataset
from hyperforecast.darts import HyperforecastModel
from hyperforecast.diagnostics import auxiliary_energy
from hyperforecast.plotting import plot_auxiliary_energy

DRAWN = ("SAE-full", "LightSAE")
LEVELS = (0.5, 0.9, 0.99)


def trained(
    dataset: Dataset, sizes: tuple[int, int], seed: int, options: dict[str, Any]
) -> dict[str, HyperforecastModel]:
    """Train RMLP with free matrices of each channel, and with the pool."""
    return {one: ablation.trained(dataset, sizes, one, seed, options) for one in DRAWN}


def table(models: Mapping[str, HyperforecastModel]) -> pd.DataFrame:
    """Return how many singular values hold a share of the energy, medians of the channels."""
    rows = []
    for variant, model in models.items():
        energy = auxiliary_energy(model).dropna()
        kept = {f"{level:.0%}": (energy < level).sum(axis=1).add(1).median() for level in LEVELS}
        rows.append({"variant": variant, "of": energy.shape[1], **kept})
    return pd.DataFrame(rows)


def draw(models: Mapping[str, HyperforecastModel], path: str) -> None:
    """Draw the curves of all channels, a panel for each variant."""
    figure, axes = plt.subplots(1, len(models), figsize=(9, 3.4), layout="constrained", sharey=True)
    for ax, (variant, model) in zip(axes, models.items(), strict=True):
        plot_auxiliary_energy(model, ax)
        ax.set_title(variant)
    axes[-1].set_ylabel("")
    figure.savefig(path, dpi=110)
    plt.close(figure)
