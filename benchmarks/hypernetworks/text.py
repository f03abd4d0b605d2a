"""Character by character through the text of Python's standard library."""

import math
import string
import sysconfig
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd
import torch
from torch import Tensor, nn

from benchmarks.hypernetworks.hyper_layer import hyper_layer
from benchmarks.hypernetworks.matching import matching
from benchmarks.runs import Row, Run
from benchmarks.timing import timed
from hyperforecast.nn import Recurrent, count_parameters

CHARACTERS = sorted(set(string.printable) - set("\r\x0b\x0c"))
OTHER = len(CHARACTERS)
"""Number of the character that stands for all others."""

STREAMS, N_STEPS = 32, 96
"""Places of the text that are read at once, and steps between two updates."""

D_MODEL, HYPER_SIZE, DIM = 64, 16, 4
CLIP = 1.0

LAYERS = ("LSTM", "layer-normalised LSTM", "HyperLSTM")

State = TypeVar("State")


class CharacterModel(nn.Module):
    """Scores of the next character, at every step: (N, T) -> (N, T, characters).

    Parameters
    ----------
    layer : nn.Module
        From sequences (N, T, I) and a state to features (N, T, D) and the next state.
    n_inputs, d_model : int
        Sizes I and D.
    """

    def __init__(self, layer: nn.Module, n_inputs: int, d_model: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(OTHER + 1, n_inputs)
        self.layer = layer
        self.scores = nn.Linear(d_model, OTHER + 1)

    def forward(self, characters: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        """Read on from a state."""
        features, state = self.layer(self.embedding(characters), state)
        return self.scores(features), state


def make_model(layer: str) -> CharacterModel:
    """Make a model with one of ``LAYERS``, as many parameters each."""

    def hyper() -> CharacterModel:
        return CharacterModel(hyper_layer(D_MODEL, D_MODEL, HYPER_SIZE, DIM), D_MODEL, D_MODEL)

    def plain(size: int) -> CharacterModel:
        recurrent = Recurrent(D_MODEL, size, layer_norm=layer == "layer-normalised LSTM")
        return CharacterModel(recurrent, D_MODEL, size)

    if layer == "HyperLSTM":
        return hyper()
    with torch.device("meta"):
        wanted = count_parameters(hyper())
        size = matching(layer, wanted, lambda size: count_parameters(plain(size)))
    return plain(size)


def text() -> Tensor:
    """Return the numbers of the characters of the standard library's modules, in order of names."""
    folder = Path(sysconfig.get_paths()["stdlib"])
    whole = "".join(path.read_text("utf-8") for path in sorted(folder.glob("*.py")))
    numbers = {character: i for i, character in enumerate(CHARACTERS)}
    return torch.tensor([numbers.get(character, OTHER) for character in whole])


def parts(characters: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the first 90 % for training, the next 5 % for validation, the last 5 % as test."""
    n = len(characters)
    train, validation, test = characters.tensor_split([int(0.9 * n), int(0.95 * n)])
    return train, validation, test


def chunks(characters: Tensor) -> Iterator[Tensor]:
    """Cut a text into streams, and these into chunks (N, T + 1) that overlap by a character."""
    streams = characters[: len(characters) // STREAMS * STREAMS].view(STREAMS, -1)
    for begin in range(0, streams.shape[1] - N_STEPS, N_STEPS):
        yield streams[:, begin : begin + N_STEPS + 1]


def detached(state: State) -> State:
    """Return a state that gradients do not flow back through."""
    if isinstance(state, Tensor):
        return state.detach()
    if isinstance(state, tuple):
        return type(state)(*map(detached, state))
    return state


def nats(model: CharacterModel, chunk: Tensor, state: Any) -> tuple[Tensor, Any]:
    """Return the mean loss over a chunk, and the state after it."""
    scores, state = model(chunk[:, :-1], state)
    return nn.functional.cross_entropy(scores.flatten(0, 1), chunk[:, 1:].flatten()), state


@torch.no_grad()
def bits(model: CharacterModel, characters: Tensor) -> float:
    """Return the mean bits of a character of a text that is read from its start."""
    model.eval()
    state, losses = None, []
    for chunk in chunks(characters):
        loss, state = nats(model, chunk, state)
        losses.append(loss.item())
    return sum(losses) / len(losses) / math.log(2)


def train(model: CharacterModel, characters: Tensor, updates: int, lr: float) -> None:
    """Train by Adam; the state is carried from chunk to chunk, and starts anew with the text."""
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    model.train()
    done = 0
    while done < updates:
        state = None
        for chunk in chunks(characters):
            loss, state = nats(model, chunk, detached(state))
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), CLIP)
            optimizer.step()
            done += 1
            if done == updates:
                break


def measure(layer: str, updates: int, lr: float, seed: int) -> Row:
    """Train and evaluate one model."""
    training, validation, test = parts(text())
    torch.manual_seed(seed)
    model = make_model(layer)
    _, taken = timed(lambda: train(model, training, updates, lr))
    return {
        "parameters": count_parameters(model),
        "characters": len(training),
        "validation_bits": round(bits(model, validation), 4),
        "test_bits": round(bits(model, test), 4),
        "processor_seconds": round(taken.processor, 1),
    }


def runs(updates: int, rates: Sequence[float], seeds: Sequence[int]) -> Iterator[Run]:
    """Return the training of every model, all of a seed before those of the next."""
    for seed in seeds:
        for lr in rates:
            for layer in LAYERS:
                key: Row = {"layer": layer, "updates": updates, "lr": lr, "seed": seed}
                task: Callable[[], Row] = partial(measure, **key)
                yield Run(key, task)


def table(rows: Sequence[Row]) -> pd.DataFrame:
    """Average over seeds."""
    groups = pd.DataFrame(rows).groupby(["updates", "lr", "layer"], sort=False)
    return groups.agg(
        seeds=("seed", "count"),
        parameters=("parameters", "first"),
        validation_bits=("validation_bits", "mean"),
        test_bits=("test_bits", "mean"),
        deviation=("test_bits", "std"),
        processor_seconds=("processor_seconds", "mean"),
    ).reset_index()
