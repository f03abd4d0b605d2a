"""How what a HyperLSTM generates differs between steps, channels and windows."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from torch import Tensor

from benchmarks.cells import train_cell
from benchmarks.hypernetworks.accuracy import cells
from benchmarks.protocol import Dataset, windows
from hyperforecast.nn import ForecastingNetwork, HyperRecurrent, RowScale

N_WINDOWS = 96
"""Of the test part, evenly over it."""

GATES = ("inlet", "forget", "outlet", "written")


class RecordingRowScale(RowScale):
    """A generator that keeps the scales it generates, of the hidden and the input weight."""

    def __init__(self, of: RowScale) -> None:
        _, dim, d_model = of.expansion.shape
        super().__init__(of.projection.shape[-1], of.n_gates, d_model, dim, scale=1.0)
        self.load_state_dict(of.state_dict())
        self.generated: list[Tensor] = []

    def generate(self, context: Tensor) -> tuple[Tensor, Tensor]:
        """Generate scales and biases."""
        scales, bias = super().generate(context)
        self.generated.append(scales)
        return scales, bias


@torch.no_grad()
def generated_scales(network: ForecastingNetwork, x: Tensor) -> np.ndarray:
    """Return the scales of the first layer's hidden weight: (B, C, T, gates, D).

    Parameters
    ----------
    network : ForecastingNetwork
        With a HyperLSTM that reads every channel alone.
    x : Tensor, shape (B, T, C)
    """
    layer = next(m for m in network.modules() if isinstance(m, HyperRecurrent))
    term = layer.terms["hyper-lstm"]
    recorder = RecordingRowScale(term.generator)
    term.generator = recorder
    network.eval()
    network(x)
    scales = torch.stack([step[:, 0] for step in recorder.generated], dim=1)  # (B·C, T, gates·D)
    return scales.view(len(x), x.shape[2], -1, recorder.n_gates, layer.cell.d_model).numpy()


def variance(scales: np.ndarray) -> pd.DataFrame:
    """Say how far scales are from constant, and between what they differ; for every gate.

    Shares of the variance of a scale around its mean: between the means of steps, of channels and
    of windows, and the rest, which none of the three says alone. Averages over rows.
    """
    mean = scales.mean(axis=(0, 1, 2))  # (gates, D)
    total = scales.var(axis=(0, 1, 2))

    def share(*others: int) -> np.ndarray:
        return (scales.mean(axis=others).var(axis=0) / total).mean(axis=1)

    shares = {"steps": share(0, 1), "channels": share(0, 2), "windows": share(1, 2)}
    return pd.DataFrame(
        {
            "gate": GATES,
            "mean": mean.mean(axis=1),
            "deviation / mean": (np.sqrt(total) / np.abs(mean)).mean(axis=1),
            **{f"between {name}, %": 100 * values for name, values in shares.items()},
            "rest, %": 100 * (1 - sum(shares.values())),
        }
    )


def draw(scales: np.ndarray, channels: list[str], path: str) -> None:
    """Draw the scales of the forget gate: rows over the steps of one window, and their spread."""
    forget = scales[:, :, :, GATES.index("forget")]  # (B, C, T, D)
    relative = forget / forget.mean(axis=(0, 1, 2)) - 1
    figure, (upper, lower) = plt.subplots(2, 1, figsize=(7, 5.5), layout="constrained")
    shown = relative[len(relative) // 2, -1].T
    limit = float(np.abs(shown).max())
    image = upper.imshow(shown, aspect="auto", cmap="RdBu_r", vmin=-limit, vmax=limit)
    upper.set(title=f"one window of {channels[-1]}", ylabel="row of the forget gate")
    figure.colorbar(image, ax=upper, label="scale to its mean, less 1")
    image = lower.imshow(relative.std(axis=0).mean(axis=-1), aspect="auto", cmap="viridis", vmin=0)
    lower.set(title="deviation between windows, mean of the rows", xlabel="step of the window")
    lower.set_yticks(range(len(channels)), channels)
    figure.colorbar(image, ax=lower, label="deviation to the mean")
    figure.savefig(path, metadata={"Date": None} if path.endswith(".svg") else None, dpi=100)
    plt.close(figure)


def spread(dataset: Dataset, folder: str | None, path: str | None) -> pd.DataFrame:
    """Train the HyperLSTM of the comparison of accuracy; return and draw its spread."""
    hyper = next(cells(["HyperLSTM"], [dataset.name], [0], folder)).cell
    network = train_cell(hyper, dataset).model.network
    rows = windows(dataset.rows("test", hyper.lookback), hyper.lookback)
    x = rows[torch.linspace(0, len(rows) - 1, N_WINDOWS).long()]
    scales = generated_scales(network, x)
    if path:
        draw(scales, dataset.channels, path)
    return variance(scales)
