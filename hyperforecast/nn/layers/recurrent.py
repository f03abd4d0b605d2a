"""Layers that read a sequence step by step."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from hyperforecast.nn.layers.gated_cell import Cell, GatedCell, State
from hyperforecast.nn.layers.initialisers import uniform_fan_in


class Recurrent(nn.Module):
    r"""A recurrent layer: (N, T, I) -> (N, T, D).

    .. math:: (h_t, c_t) = \mathrm{cell}(W_h h_{t-1} + W_x x_t + b,\; h_{t-1}, c_{t-1}).

    Parameters
    ----------
    n_inputs, d_model : int
        Number I of inputs and number D of features of a step.
    cell, layer_norm, dropout
        See :class:`GatedCell`.

    Attributes
    ----------
    input_weight : Parameter, shape (G·D, I)
    hidden_weight : Parameter, shape (G·D, D)
    bias : Parameter, shape (G·D,)
        Of the G gates, of an LSTM in the order i, f, o, g. Gate f starts open, at one.

    References
    ----------
    Hochreiter & Schmidhuber, "Long Short-Term Memory", 1997; Ba, Kiros & Hinton, "Layer
    Normalization", 2016, arXiv 1607.06450; Semeniuta, Severyn & Barth, "Recurrent Dropout without
    Memory Loss", 2016, arXiv 1603.05118.
    """

    def __init__(
        self,
        n_inputs: int,
        d_model: int,
        *,
        cell: Cell = "lstm",
        layer_norm: bool = True,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.cell = GatedCell(d_model, kind=cell, layer_norm=layer_norm, dropout=dropout)
        n_outputs = self.cell.n_gates * d_model
        self.input_weight = nn.Parameter(torch.empty(n_outputs, n_inputs))
        self.hidden_weight = nn.Parameter(torch.empty(n_outputs, d_model))
        self.bias = nn.Parameter(torch.zeros(n_outputs))
        with torch.no_grad():
            uniform_fan_in(d_model)(self.input_weight)
            uniform_fan_in(d_model)(self.hidden_weight)
            if self.cell.has_cell:  # the forget gate
                norm = self.cell.gate_norm
                opened = self.bias.view(4, -1) if norm is None else norm.bias
                opened[1].fill_(1.0)

    def forward(self, x: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Read sequences on from a state, zeros if not given: features and the last state."""
        state = self.cell.start(x) if state is None else state
        outputs = []
        # of all steps in one product
        for step in functional.linear(x, self.input_weight, self.bias).unbind(dim=1):
            state = self.cell(torch.addmm(step, state.hidden, self.hidden_weight.T), state)
            outputs.append(state.hidden)
        return torch.stack(outputs, dim=1), state

    @property
    def n_inputs(self) -> int:
        """Number I of inputs."""
        return self.input_weight.shape[1]

    def extra_repr(self) -> str:
        """Sizes, for ``print(network)``."""
        return f"n_inputs={self.n_inputs}, d_model={self.cell.d_model}"
