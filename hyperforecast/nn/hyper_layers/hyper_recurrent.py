"""A recurrent layer whose weights change from step to step."""

from typing import NamedTuple, NoReturn, cast

import torch
from torch import Tensor
from torch.nn import functional

from hyperforecast.nn.contexts import HyperState
from hyperforecast.nn.contexts.hyper_state import ReadState
from hyperforecast.nn.generators import RowScale
from hyperforecast.nn.hyper_layers.hyper_layer import HyperLayer
from hyperforecast.nn.hyper_layers.term import Term
from hyperforecast.nn.layers.gated_cell import State
from hyperforecast.nn.layers.recurrent import Recurrent


class HyperRecurrentState(NamedTuple):
    """The state of a layer and of the small network that reads along."""

    main: State
    read: ReadState


class HyperRecurrent(HyperLayer[RowScale]):
    r"""A recurrent layer whose rows are scaled by what a small LSTM generates.

    .. math:: y_t = d_h \odot W_h h_{t-1} + d_x \odot W_x x_t + b_0 + b, \qquad
              (h_t, c_t) = \mathrm{cell}(y_t,\; h_{t-1}, c_{t-1})

    with :math:`d_h`, :math:`d_x` and :math:`b` made anew at every step.

    Parameters
    ----------
    base : Recurrent
        The plain layer; its parameters become this layer's, under the same names.
    n_axes : int
        See :class:`HyperLayer`.

    References
    ----------
    Ha, Dai & Le, "HyperNetworks", 2016, arXiv 1609.09106, section 3.2 and appendix A.2.2.
    """

    def __init__(self, base: Recurrent, n_axes: int) -> None:
        super().__init__(n_axes)
        self.cell = base.cell
        self.input_weight = base.input_weight
        self.hidden_weight = base.hidden_weight
        self.bias = base.bias

    def generate(self, shared: bool = False) -> NoReturn:
        """Raise: a step's weights are made of what was read before it."""
        raise self.not_static()

    def fold(self) -> NoReturn:
        """Raise, see :meth:`generate`."""
        raise self.not_static()

    def forward(
        self, x: Tensor, state: HyperRecurrentState | None = None
    ) -> tuple[Tensor, HyperRecurrentState]:
        """Read sequences on from a state, zeros if not given: features and the last state."""
        [term] = (cast("Term[RowScale]", term) for term in self.terms.values())
        context = cast("HyperState", term.context)
        state = (
            HyperRecurrentState(self.cell.start(x), context.start(x)) if state is None else state
        )
        main, read = state
        outputs = []
        # of all steps in one product
        inputs = functional.linear(x, self.input_weight).unbind(dim=1)
        read_inputs = context.project(x).unbind(dim=1)
        for own, seen in zip(inputs, read_inputs, strict=True):
            read = context.advance(seen, main.hidden, read)
            scales, bias = term.generator.generate(read.hidden)
            gates = torch.addcmul(self.bias + bias, scales[:, 1], own)
            gates = torch.addcmul(gates, scales[:, 0], main.hidden @ self.hidden_weight.T)
            main = self.cell(gates, main)
            outputs.append(main.hidden)
        return torch.stack(outputs, dim=1), HyperRecurrentState(main, read)
