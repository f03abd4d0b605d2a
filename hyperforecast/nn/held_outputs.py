"""Outputs of generators that stay where they are while the generators learn."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Self

import torch
from torch import Tensor, nn


class HeldOutput(NamedTuple):
    """What a generator made of vectors.

    Attributes
    ----------
    generator : Module
        Whose ``generate`` returns weights (N, O, I) and biases (N, O), or scales and shifts (N, D).
    vectors : Tensor, shape (N, E)
    values : sequence of Tensor or None
        What it returned.
    """

    generator: Any
    vectors: Tensor
    values: Sequence[Tensor | None]

    @classmethod
    @torch.no_grad()
    def of(cls, generator: nn.Module, vectors: Tensor) -> Self:
        """Return what a generator makes of vectors now."""
        made: Any = generator
        return cls(generator, vectors, made.generate(vectors.to(next(generator.parameters()))))

    def moved(self) -> Tensor:
        """Return the squared distance from there, in squares of what a layer gives.

        A weight counts by what an output changes for independent inputs of unit variance, on
        average over vectors and outputs.
        """
        now = self.generator.generate(self.vectors.to(next(self.generator.parameters())))
        pairs = zip(now, self.values, strict=True)
        squares = [(v - w.to(v)).square() for v, w in pairs if v is not None and w is not None]
        by_output = [one.flatten(2).sum(dim=2) if one.dim() > 2 else one for one in squares]
        return torch.stack([one.mean() for one in by_output]).sum()


class HeldOutputs:
    """What generators made of the vectors of several tasks, held by a penalty.

    Parameters
    ----------
    tasks : sequence of sequence of HeldOutput
        Those of each task.
    strength : float
        Factor of the squared distance, in units of the training loss.
    """

    def __init__(self, tasks: Sequence[Sequence[HeldOutput]], strength: float) -> None:
        self.tasks = [list(one) for one in tasks]
        self.strength = strength

    def penalty(self) -> Tensor:
        """Return the mean over tasks of how far their generated weights have moved."""
        moved = [output.moved() for task in self.tasks for output in task]
        return self.strength * torch.stack(moved).sum() / len(self.tasks)
