"""Generated kernels on images: the digits that come with scikit-learn."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import pandas as pd
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.hypernetworks.matching import matching
from benchmarks.runs import Row, Run
from hyperforecast.nn import KernelGenerator, LayerEmbedding, count_parameters

N_BLOCKS = 4
D_MODEL = 24
EMBEDDING_DIM = 4
KERNEL = 3
N_TEST = 450
EPOCHS, BATCH, LR = 30, 64, 2e-3

NETWORKS = (
    ("own", "same width"),
    ("generated", "same width"),
    ("own", "as many parameters"),
    ("one for all", "as many parameters"),
)
"""What the kernels of the layers are: parameters of each, generated, or one that all have; and
what each network has in common with that of generated kernels."""


class DigitsNetwork(nn.Module):
    """Residual blocks of two convolutions each: (N, 1, 8, 8) -> (N, 10).

    Parameters
    ----------
    kernels : {"own", "generated", "one for all"}
    d_model : int
        Number D of features.
    """

    def __init__(self, kernels: str, d_model: int) -> None:
        super().__init__()
        self.d_model = d_model
        n_layers = 2 * N_BLOCKS
        self.stem = nn.Conv2d(1, d_model, KERNEL, padding=1)
        self.generator: KernelGenerator | None = None
        self.embeddings = nn.ModuleList()
        self.kernels = nn.ParameterList()
        if kernels == "generated":
            taps = KERNEL**2  # of an image's kernel, one row after the other
            self.generator = KernelGenerator(EMBEDDING_DIM, d_model, d_model, taps, d_model)
            self.embeddings.extend(LayerEmbedding(1, EMBEDDING_DIM) for _ in range(n_layers))
        else:
            for _ in range(n_layers if kernels == "own" else 1):
                self.kernels.append(nn.Conv2d(d_model, d_model, KERNEL).weight)
        self.norms = nn.ModuleList(nn.BatchNorm2d(d_model) for _ in range(n_layers))
        self.scores = nn.Linear(d_model, 10)

    def layer_kernels(self) -> list[Tensor]:
        """Return the kernel (D, D, 3, 3) of every layer."""
        if self.generator is None:
            own = list(self.kernels)
            return own if len(own) > 1 else own * len(self.norms)
        vectors = torch.cat([embedding() for embedding in self.embeddings])
        generated, _ = self.generator.generate(vectors)  # (layers, D, D, 9)
        return list(generated.unflatten(-1, (KERNEL, KERNEL)))

    def forward(self, x: Tensor) -> Tensor:
        """Score the digits."""
        x = functional.relu(self.stem(x))
        y = x
        for i, (kernel, norm) in enumerate(zip(self.layer_kernels(), self.norms, strict=True)):
            y = functional.relu(norm(functional.conv2d(y, kernel, padding=1)))
            if i % 2:  # the end of a block
                x = y = x + y
        return self.scores(x.mean(dim=(-2, -1)))


def make_network(kernels: str, width: str) -> DigitsNetwork:
    """Make a network that is as wide as the hypernetwork, or has as many parameters."""
    if kernels == "generated" or width == "same width":
        return DigitsNetwork(kernels, D_MODEL)
    with torch.device("meta"):
        wanted = count_parameters(DigitsNetwork("generated", D_MODEL))
        size = matching(
            kernels, wanted, lambda size: count_parameters(DigitsNetwork(kernels, size))
        )
    return DigitsNetwork(kernels, size)


def data() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return images and labels for training, and images and labels of the test part."""
    images, labels = load_digits(return_X_y=True)
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(0))
    x = torch.as_tensor(images, dtype=torch.float32).view(-1, 1, 8, 8)[order] / 16
    y = torch.as_tensor(labels)[order]
    return x[N_TEST:], y[N_TEST:], x[:N_TEST], y[:N_TEST]


def train(network: DigitsNetwork, x: Tensor, y: Tensor) -> None:
    """Train by Adam, whose learning rate falls to zero."""
    optimizer = torch.optim.Adam(network.parameters(), lr=LR)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)
    network.train()
    for _ in range(EPOCHS):
        for indices in torch.randperm(len(x)).split(BATCH):
            loss = functional.cross_entropy(network(x[indices]), y[indices])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        schedule.step()


def measure(kernels: str, width: str, seed: int) -> Row:
    """Train and evaluate one network."""
    x, y, x_test, y_test = data()
    torch.manual_seed(seed)
    network = make_network(kernels, width)
    train(network, x, y)
    network.eval()
    with torch.no_grad():
        right = network(x_test).argmax(dim=-1) == y_test
    return {
        "d_model": network.d_model,
        "parameters": count_parameters(network),
        "accuracy": round(right.float().mean().item(), 5),
    }


def runs(seeds: Sequence[int]) -> Iterator[Run]:
    """Return the training of every network."""
    for seed in seeds:
        for kernels, width in NETWORKS:
            key: dict[str, Any] = {"kernels": kernels, "width": width, "seed": seed}
            yield Run(key, partial(measure, **key))


def table(rows: Sequence[Row]) -> pd.DataFrame:
    """Average over seeds."""
    groups = pd.DataFrame(rows).groupby(["kernels", "width"], sort=False)
    return groups.agg(
        seeds=("seed", "count"),
        d_model=("d_model", "first"),
        parameters=("parameters", "first"),
        accuracy=("accuracy", "mean"),
        deviation=("accuracy", "std"),
    ).reset_index()
