"""What recurrent layers keep from step to step."""

from typing import Literal, NamedTuple, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional

from hyperforecast.nn.errors import unknown_name
from hyperforecast.nn.layers.dropout import Dropout

Cell = Literal["lstm", "rnn"]


class State(NamedTuple):
    """The state of a recurrent layer, (N, D) each."""

    hidden: Tensor
    cell: Tensor | None
    """``None`` of an RNN, which has none."""


class GatedCell(nn.Module):
    r"""From the arguments of the gates to the next state.

    .. math:: c_t = \sigma(f) \odot c_{t-1} + \sigma(i) \odot \mathrm{dropout}(\tanh g), \qquad
              h_t = \sigma(o) \odot \tanh(\mathrm{LN}(c_t))

    with the gates i, f, o, g, each normalised alone; or, of an RNN,
    :math:`h_t = \mathrm{dropout}(\tanh y_t)`.

    Parameters
    ----------
    d_model : int
        Number D of features.
    kind : {"lstm", "rnn"}, default="lstm"
    layer_norm : bool, default=True
        Whether gates and cell are normalised over their D features.
    dropout : float, default=0.0
        Probability of dropping a value that is written.

    Attributes
    ----------
    n_gates : int
        Number G of gates.
    """

    def __init__(
        self,
        d_model: int,
        *,
        kind: Cell = "lstm",
        layer_norm: bool = True,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if kind not in get_args(Cell):
            raise ValueError(unknown_name("cell", kind, get_args(Cell)))
        self.d_model = d_model
        self.has_cell = kind == "lstm"
        self.n_gates = 4 if self.has_cell else 1
        self.gate_norm = _GateNorm(self.n_gates, d_model) if layer_norm else None
        self.cell_norm = nn.LayerNorm(d_model) if layer_norm and self.has_cell else None
        self.dropout = Dropout(dropout)

    def start(self, x: Tensor) -> State:
        """Return the state before the first step of sequences (N, T, I): zeros."""
        hidden = x.new_zeros(x.shape[0], self.d_model)
        return State(hidden, hidden if self.has_cell else None)

    def forward(self, gates: Tensor, state: State) -> State:
        """Return the state after a step whose gates (N, G·D) have the given arguments."""
        y = gates.unflatten(-1, (self.n_gates, self.d_model))
        if self.gate_norm is not None:
            y = self.gate_norm(y)
        if state.cell is None:
            return State(self.dropout(y.squeeze(1).tanh()), None)
        inlet, forget, outlet = y[:, :3].sigmoid().unbind(dim=1)
        written = self.dropout(y[:, 3].tanh())
        cell = torch.addcmul(forget * state.cell, inlet, written)
        read = cell if self.cell_norm is None else self.cell_norm(cell)
        return State(outlet * read.tanh(), cell)


class _GateNorm(nn.Module):
    """Layer normalisation of every gate alone: (N, G, D) -> (N, G, D)."""

    def __init__(self, n_gates: int, d_model: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(n_gates, d_model))
        self.bias = nn.Parameter(torch.zeros(n_gates, d_model))

    def forward(self, y: Tensor) -> Tensor:
        return torch.addcmul(self.bias, functional.layer_norm(y, y.shape[-1:]), self.weight)
