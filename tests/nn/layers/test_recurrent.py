"""Recurrent layers against torch's own, and against the formulas written out."""

import pytest
import torch
from torch import Tensor, nn

from hyperforecast.nn import Recurrent
from hyperforecast.nn.layers.gated_cell import GatedCell

N, T, I, D = 3, 7, 4, 5  # noqa: E741


def moved(layer: nn.Module) -> nn.Module:
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.normal_(std=0.5)
    return layer.double()


def sequences() -> Tensor:
    return torch.randn(N, T, I, dtype=torch.float64)


def torchs(layer: Recurrent) -> nn.LSTM | nn.RNN:
    """Give torch's layer the same weights; its gates are in the order i, f, g, o."""
    cell = layer.cell
    other = (nn.LSTM if cell.has_cell else nn.RNN)(I, D, batch_first=True).double()
    order = [0, 1, 3, 2] if cell.has_cell else [0]

    def ordered(values: Tensor) -> Tensor:
        return values.unflatten(0, (cell.n_gates, D))[order].flatten(0, 1)

    with torch.no_grad():
        other.weight_ih_l0.copy_(ordered(layer.input_weight))
        other.weight_hh_l0.copy_(ordered(layer.hidden_weight))
        other.bias_ih_l0.copy_(ordered(layer.bias))
        other.bias_hh_l0.zero_()
    return other


@pytest.mark.parametrize("cell", ["lstm", "rnn"])
def test_without_layer_normalisation_is_torchs(cell: str) -> None:
    layer = moved(Recurrent(I, D, cell=cell, layer_norm=False))
    x = sequences()
    found, state = layer(x)
    expected, last = torchs(layer)(x)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)
    hidden = last[0] if cell == "lstm" else last
    torch.testing.assert_close(state.hidden, hidden[0], rtol=0, atol=1e-12)


def test_gates_that_change_places_are_noticed() -> None:
    layer, x = moved(Recurrent(I, D, layer_norm=False)), sequences()
    expected, _ = torchs(layer)(x)
    with torch.no_grad():
        weight = layer.hidden_weight.unflatten(0, (4, D))
        layer.hidden_weight.copy_(weight[[1, 0, 2, 3]].flatten(0, 1))
    assert not torch.allclose(layer(x)[0], expected, atol=1e-3)


@pytest.mark.parametrize("kind", ["lstm", "rnn"])
def test_a_normalised_step_by_hand(kind: str) -> None:
    cell = moved(GatedCell(D, kind=kind))
    gates = torch.randn(N, cell.n_gates * D, dtype=torch.float64)
    state = cell.start(torch.zeros(N, 1, 1, dtype=torch.float64))
    state = cell(torch.randn_like(gates), state)  # some state
    after = cell(gates, state)

    def normed(n: int, g: int) -> Tensor:
        y = gates[n, g * D : (g + 1) * D]
        y = (y - y.mean()) / (y.var(correction=0) + 1e-5).sqrt()
        return y * cell.gate_norm.weight[g] + cell.gate_norm.bias[g]

    for n in range(N):
        if kind == "rnn":
            expected = normed(n, 0).tanh()
        else:
            i, f, o = (normed(n, g).sigmoid() for g in range(3))
            c = f * state.cell[n] + i * normed(n, 3).tanh()
            torch.testing.assert_close(after.cell[n], c, rtol=0, atol=1e-12)
            c = (c - c.mean()) / (c.var(correction=0) + 1e-5).sqrt()
            expected = o * (c * cell.cell_norm.weight + cell.cell_norm.bias).tanh()
        torch.testing.assert_close(after.hidden[n], expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("layer_norm", [True, False])
def test_the_forget_gate_starts_open(layer_norm: bool) -> None:
    layer = Recurrent(I, D, layer_norm=layer_norm)
    biases = layer.cell.gate_norm.bias if layer_norm else layer.bias.view(4, D)
    assert biases.tolist() == [[0.0] * D, [1.0] * D, [0.0] * D, [0.0] * D]


def test_reading_on_from_a_state_is_reading_at_once() -> None:
    layer, x = moved(Recurrent(I, D)), sequences()
    first, state = layer(x[:, :4])
    second, _ = layer(x[:, 4:], state)
    torch.testing.assert_close(torch.cat([first, second], dim=1), layer(x)[0])


def test_dropout_is_of_what_is_written_alone() -> None:
    cell = GatedCell(D, layer_norm=False, dropout=1.0).train()
    gates = torch.randn(N, 4 * D)
    state = cell.start(torch.zeros(N, 1, 1))
    state = state._replace(cell=torch.ones(N, D))
    after = cell(gates, state)
    torch.testing.assert_close(after.cell, gates[:, D : 2 * D].sigmoid())


def test_an_unknown_cell() -> None:
    with pytest.raises(ValueError, match=r"Unknown cell 'gru'.*'lstm'"):
        Recurrent(I, D, cell="gru")
