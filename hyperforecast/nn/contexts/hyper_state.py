"""The state of a small network that reads along."""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from hyperforecast.nn.contexts.base import Context
from hyperforecast.nn.layers.conditioning import Condition
from hyperforecast.nn.layers.initialisers import uniform_fan_in


class ReadState(NamedTuple):
    """State and cell of the small network, (N, M) each."""

    hidden: Tensor
    cell: Tensor


class HyperState(Context):
    r"""The state of a small LSTM at each step of a sequence: the context of HyperLSTM.

    .. math:: \hat h_t = \mathrm{LSTM}([h_{t-1}; x_t],\, \hat h_{t-1}).

    It reads what the layer reads that it generates for, and the layer's own state.

    Parameters
    ----------
    n_inputs, d_model : int
        Numbers I of inputs and D of features of the layer.
    size : int
        Number M of features of the small LSTM.

    References
    ----------
    Ha, Dai & Le, "HyperNetworks", 2016, arXiv 1609.09106, equation 10.
    """

    axis = "step"
    kind = "state"

    def __init__(self, n_inputs: int, d_model: int, size: int) -> None:
        super().__init__()
        self.size = size
        self.input_weight = nn.Parameter(torch.empty(4 * size, n_inputs))
        self.hidden_weight = nn.Parameter(torch.empty(4 * size, d_model + size))
        self.bias = nn.Parameter(torch.zeros(4 * size))
        with torch.no_grad():
            uniform_fan_in(d_model + size)(self.input_weight)
            uniform_fan_in(d_model + size)(self.hidden_weight)
            self.bias[size : 2 * size].fill_(1.0)  # the forget gate starts open

    def forward(self, condition: Condition | None = None) -> Tensor:
        """Return the state before anything is read: zeros, (1, M)."""
        return self.bias.new_zeros(1, self.size)

    def start(self, x: Tensor) -> ReadState:
        """Return the state before the first step of sequences (N, T, I)."""
        hidden = x.new_zeros(x.shape[0], self.size)
        return ReadState(hidden, hidden)

    def project(self, x: Tensor) -> Tensor:
        """Return what all steps of sequences (N, T, I) give to the gates, in one product."""
        return functional.linear(x, self.input_weight, self.bias)

    def advance(self, projected: Tensor, main: Tensor, state: ReadState) -> ReadState:
        """Return the state after a step, by its projected input and the layer's state (N, D)."""
        seen = torch.cat([main, state.hidden], dim=1)
        y = torch.addmm(projected, seen, self.hidden_weight.T)  # gates i, f, o, g
        inlet, forget, outlet = y[:, : 3 * self.size].sigmoid().chunk(3, dim=1)
        cell = torch.addcmul(forget * state.cell, inlet, y[:, 3 * self.size :].tanh())
        return ReadState(outlet * cell.tanh(), cell)

    def extra_repr(self) -> str:
        """Sizes, for ``print(network)``."""
        return f"size={self.size}"
