"""Vectors of which a part is said by attributes, and a part is free."""

import torch
from torch import Tensor, nn

from hyperforecast.nn.contexts.base import Context
from hyperforecast.nn.fixed_blocks import in_fixed_blocks

LEFT_OUT = 0.5
"""Part of the rows whose free part is left out in a pass of training."""

START_RIDGE = 1e-2
"""Ridge of what attributes say at the start, in units of each attribute's mean square."""


class FromAttributes(nn.Module):
    """What the attributes of the rows of a table say of their vectors.

    Parameters
    ----------
    n_rows, n_attributes, n_entries : int
        Numbers of rows N, of attributes S, and length E of a vector.

    Attributes
    ----------
    values : Tensor, shape (N, S)
        The attributes, of mean zero; a row of zeros is one of which nothing is known.
    weight : Parameter, shape (S, E)
        Zero at the start.
    """

    values: Tensor

    def __init__(self, n_rows: int, n_attributes: int, n_entries: int) -> None:
        super().__init__()
        self.register_buffer("values", torch.zeros(n_rows, n_attributes))
        self.weight = nn.Parameter(torch.zeros(n_attributes, n_entries))

    def forward(self) -> Tensor:
        """Return what is said, shape (N, E)."""
        return in_fixed_blocks(lambda values: (values @ self.weight, None), self.values)[0]

    def extra_repr(self) -> str:
        """Sizes, for ``print(network)``."""
        return "n_attributes={}, n_entries={}".format(*self.weight.shape)


class AttributedContext(Context):
    r"""A context whose vectors are what attributes say and a free part.

    .. math:: v_n = s_n A + \delta_n.

    A row that was not trained on has :math:`\delta = 0`. So that attributes learn to speak for
    themselves, half of the free parts, drawn anew in every pass of training, are left out.

    Parameters
    ----------
    n_rows, n_entries : int
        Number of rows N, and length E of a vector.
    n_attributes : int, default=0
        Number S of attributes; without any, vectors are free.

    Attributes
    ----------
    weight : Parameter, shape (N, E)
        The free part; a subclass says what it starts from.
    from_attributes : FromAttributes, optional

    References
    ----------
    Volkovs, Yu & Poutanen, "DropoutNet: Addressing Cold Start in Recommender Systems",
    NeurIPS 2017.
    """

    weight: nn.Parameter

    def __init__(self, n_rows: int, n_entries: int, n_attributes: int = 0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(n_rows, n_entries))
        self.from_attributes: FromAttributes | None = None
        if n_attributes:
            self.from_attributes = FromAttributes(n_rows, n_attributes, n_entries)

    def vectors(self) -> Tensor:
        """Return the vectors, shape (N, E), without half of the free parts in a pass that trains.

        Without gradients they are whole, whatever the mode: a trained network stays in that of
        training, and is then folded, exported and read.
        """
        if self.from_attributes is None:
            return self.weight
        free: Tensor = self.weight
        if self.training and torch.is_grad_enabled():
            kept = torch.rand(len(free), 1, device=free.device, dtype=free.dtype) >= LEFT_OUT
            free = free * kept
        return self.from_attributes() + free

    @torch.no_grad()
    def set_attributes(self, values: Tensor) -> None:
        """Set the attributes (N, S)."""
        assert self.from_attributes is not None
        self.from_attributes.values.copy_(values)

    @torch.no_grad()
    def set_vectors(self, vectors: Tensor) -> None:
        """Set the vectors (N, E): as far as they go, attributes say them."""
        if self.from_attributes is None:
            self.weight.copy_(vectors)
            return
        values = self.from_attributes.values.to(vectors)
        square = values.T @ values
        square.diagonal().mul_(1 + START_RIDGE)
        said = torch.linalg.lstsq(square, values.T @ vectors).solution
        self.from_attributes.weight.copy_(said)
        self.weight.copy_(vectors - values @ said)

    @torch.no_grad()
    def set_free(self, vectors: Tensor) -> None:
        """Set the vectors (N, E) as free ones, of which attributes say nothing."""
        self.weight.copy_(vectors)
        if self.from_attributes is not None:
            self.from_attributes.weight.zero_()

    @torch.no_grad()
    def begin_with_attributes(self) -> None:
        """Let the first S entries of the vectors be the attributes themselves."""
        assert self.from_attributes is not None
        n_attributes = len(self.from_attributes.weight)
        self.from_attributes.weight.zero_()
        self.from_attributes.weight[:, :n_attributes].fill_diagonal_(1.0)
        self.weight[:, :n_attributes] = 0.0


def with_attributes(module: nn.Module) -> list[tuple[str, AttributedContext]]:
    """Return the contexts of a network that know attributes, by every name of each."""
    return [
        (name, one)
        for name, one in module.named_modules(remove_duplicate=False)
        if isinstance(one, AttributedContext) and one.from_attributes is not None
    ]


def free_parts(network: nn.Module) -> set[str]:
    """Return the names of the parameters that hold the free parts of vectors."""
    return {
        f"{name}.weight"
        for name, one in network.named_modules(remove_duplicate=False)
        if isinstance(one, AttributedContext)
    }


def free_beside_attributes(network: nn.Module) -> set[str]:
    """Return the names of the parameters that are drawn to zero beside what attributes say.

    Where attributes say nothing, what is free is all there is, and is not among them.
    """
    return {
        f"{name}.weight"
        for name, one in with_attributes(network)
        if one.from_attributes is not None and one.from_attributes.weight.any()
    }
