"""Weights of one kind, of the largest sizes: base and generated part."""

import torch
from torch import Tensor, nn

from hyperforecast.nn.generators import DenseGenerator
from hyperforecast.nn.hyper_layers.term import Term


class WeightTable(nn.Module):
    r"""The weights of one kind that layers at several places have, of the largest sizes.

    .. math:: W_p(m) = W_{0,p} + G(c_m, c_p),

    of place p in network m. The base is a place's own and all networks'; one generator serves all
    places.

    Parameters
    ----------
    base : Tensor, shape (N, *sizes)
        Start of the weight at each place.
    term : Term, optional
        An :class:`~hyperforecast.nn.contexts.ArchitectureCode` of these places, and a generator of
        weights (sizes[0], product of the others). Without it all networks have the base.
    """

    def __init__(self, base: Tensor, term: Term[DenseGenerator] | None = None) -> None:
        super().__init__()
        self.base = nn.Parameter(base)
        self.term = term

    def forward(self, number: int) -> Tensor:
        """Return the weights of one network, shape (N, *sizes)."""
        if self.term is None:
            return self.base
        vectors = self.term.context().unflatten(0, (-1, len(self.base)))  # (networks, N, E)
        generated, _ = self.term.generator.generate(vectors[number])
        return self.base + generated.reshape(self.base.shape)

    def extra_repr(self) -> str:
        """Sizes, for ``print(network)``."""
        return f"shape={tuple(self.base.shape)}"


def start_of_table(shape: tuple[int, ...], level: float, constant: bool) -> Tensor:
    """Return a start of entries of one root mean square, all the same or normally distributed."""
    return torch.full(shape, level) if constant else torch.randn(shape) * level
