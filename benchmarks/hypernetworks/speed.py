"""The time of HyperLSTM beside that of plain recurrent layers with as many parameters."""

import itertools
from collections.abc import Callable, Sequence

import pandas as pd
import torch
from torch import Tensor, nn

from benchmarks.hypernetworks.hyper_layer import hyper_layer
from benchmarks.hypernetworks.matching import matching
from benchmarks.timing import in_turns, median
from hyperforecast.nn import Recurrent, count_parameters

N_STEPS = 96
HYPER_SIZE = 16
DIM = 4
PASSES = ("forward", "forward and backward")


def layers(d_model: int) -> dict[str, nn.Module]:
    """Make HyperLSTM, and a layer-normalised LSTM and torch's of as many parameters."""
    hyper = hyper_layer(d_model, d_model, HYPER_SIZE, DIM)

    def normalised(size: int) -> nn.Module:
        return Recurrent(d_model, size)

    def torchs(size: int) -> nn.Module:
        return nn.LSTM(d_model, size, batch_first=True)

    wanted = count_parameters(hyper)
    made: dict[str, nn.Module] = {"HyperLSTM": hyper}
    for name, make in (("layer-normalised", normalised), ("torch", torchs)):
        made[name] = make(matching(name, wanted, lambda n, make=make: count_parameters(make(n))))
    return made


def a_pass(layer: nn.Module, x: Tensor, backward: bool) -> Callable[[], None]:
    """Return what reads sequences, and by choice computes all gradients."""

    def read() -> None:
        with torch.set_grad_enabled(backward):
            features = layer(x)[0]
        if backward:
            torch.autograd.grad(features.square().mean(), list(layer.parameters()))

    return read


def speed(widths: Sequence[int], batches: Sequence[int], repetitions: int) -> pd.DataFrame:
    """Time the layers in turns, over sequences of 96 steps; processor time."""
    rows = []
    for d_model, batch, backward in itertools.product(widths, batches, (False, True)):
        made = layers(d_model)
        x = torch.randn(batch, N_STEPS, d_model)
        tasks = {name: a_pass(layer, x, backward) for name, layer in made.items()}
        times = in_turns(tasks, repetitions, warm_up=1)
        ms = {name: 1000 * median(times[name]).processor for name in tasks}
        rows.append(
            {
                "D": d_model,
                "parameters": count_parameters(made["HyperLSTM"]),
                "batch": batch,
                "pass": PASSES[backward],
                **{f"{name}, ms": each for name, each in ms.items()},
                "to layer-normalised": ms["HyperLSTM"] / ms["layer-normalised"],
                "to torch": ms["HyperLSTM"] / ms["torch"],
            }
        )
    return pd.DataFrame(rows)
