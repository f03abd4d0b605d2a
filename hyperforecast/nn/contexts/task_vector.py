"""The vector of the task that a network forecasts."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from hyperforecast.nn.contexts.base import Context
from hyperforecast.nn.held_outputs import HeldOutputs
from hyperforecast.nn.layers.conditioning import Condition


class TaskVector(Context):
    """The learned vector of the one task that a network forecasts.

    Weights that are generated from it are the same for all segments, windows and channels. The
    vectors of other tasks are kept apart from the network, in a
    :class:`~hyperforecast.nn.tasks.TaskMemory`.

    Parameters
    ----------
    dim : int
        Length E of the vector.

    Attributes
    ----------
    weight : Parameter, shape (1, E)
    held : HeldOutputs, optional
        What was generated for tasks learned before, while another one is learned.

    References
    ----------
    von Oswald, Henning, Grewe & Sacramento, "Continual learning with hypernetworks", ICLR 2020,
    arXiv 1906.00695.
    """

    axis = "task"
    kind = "task"

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(1, dim))
        nn.init.normal_(self.weight, std=dim**-0.5)
        self.held: HeldOutputs | None = None

    def forward(self, condition: Condition | None = None) -> Tensor:
        """Return the vector, shape (1, E)."""
        return self.weight

    @torch.no_grad()
    def start_apart_from(self, others: Sequence[Tensor]) -> None:
        """Start with length one in the direction that vectors (1, E) of other tasks use least.

        What is generated for them then depends least on what is learned for this one.
        """
        known = torch.cat(list(others)).double()
        directions = torch.linalg.eigh(known.T @ known).eigenvectors  # least used first
        self.weight.copy_(directions[:, :1].T)

    def penalty(self) -> Tensor | None:
        """Return how far what is generated for other tasks has moved, if that is held."""
        return None if self.held is None else self.held.penalty()

    def extra_repr(self) -> str:
        """Sizes, for ``print(network)``."""
        return f"dim={self.weight.shape[1]}"
