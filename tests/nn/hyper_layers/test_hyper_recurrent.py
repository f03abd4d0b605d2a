"""HyperLSTM against torch's LSTM, and against the paper's equations written out."""

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from hyperforecast.nn import HyperRecurrent, HyperState, Recurrent, RowScale, Term

N, T, I, D, M, Z = 3, 6, 4, 5, 2, 4  # noqa: E741


@pytest.fixture(autouse=True)
def _double() -> Iterator[None]:
    """Make layers in double precision: their starts are exact to its digits."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def make(cell: str = "lstm", layer_norm: bool = True, start: float = 0.1) -> HyperRecurrent:
    base = Recurrent(I, D, cell=cell, layer_norm=layer_norm)
    layer = HyperRecurrent(base, 3)
    layer.add("part", Term(HyperState(I, D, M), RowScale(M, base.cell.n_gates, D, Z, start)))
    return layer.double()


def moved(layer: HyperRecurrent) -> HyperRecurrent:
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return layer


def sequences() -> Tensor:
    return torch.randn(N, T, I, dtype=torch.float64)


def plain_of(layer: HyperRecurrent, **options: object) -> Recurrent:
    plain = Recurrent(I, D, **options).double()
    state = {k: v for k, v in layer.state_dict().items() if not k.startswith("terms.")}
    plain.load_state_dict(state)
    return plain


def naive(layer: HyperRecurrent, x: Tensor) -> Tensor:
    """Equations 10 to 13 of the paper, one sequence, step and gate after the other."""
    term = layer.terms["part"]
    small, scale, cell = term.context, term.generator, layer.cell
    n_gates = cell.n_gates
    outputs = []
    for row in x:
        state = cell.start(row[None])
        h_hat = c_hat = torch.zeros(M, dtype=x.dtype)
        for step in row:
            y = (
                small.input_weight @ step
                + small.hidden_weight @ torch.cat([state.hidden[0], h_hat])
                + small.bias
            )
            i, f, o, g = y.view(4, M)
            c_hat = f.sigmoid() * c_hat + i.sigmoid() * g.tanh()
            h_hat = o.sigmoid() * c_hat.tanh()
            gates = []
            for k in range(n_gates):
                rows = slice(k * D, (k + 1) * D)
                z = [scale.projection[j * n_gates + k] @ h_hat for j in range(3)]
                d_h = (z[0] + scale.offset[k]) @ scale.expansion[k]
                d_x = (z[1] + scale.offset[n_gates + k]) @ scale.expansion[n_gates + k]
                b = z[2] @ scale.expansion[2 * n_gates + k] + layer.bias[rows]
                gates.append(
                    d_h * (layer.hidden_weight[rows] @ state.hidden[0])
                    + d_x * (layer.input_weight[rows] @ step)
                    + b
                )
            state = cell(torch.cat(gates)[None], state)
            outputs.append(state.hidden[0])
    return torch.stack(outputs).view(N, T, D)


@pytest.mark.parametrize("cell", ["lstm", "rnn"])
@pytest.mark.parametrize("layer_norm", [True, False])
def test_against_the_paper_s_equations(cell: str, layer_norm: bool) -> None:
    layer, x = moved(make(cell, layer_norm)), sequences()
    torch.testing.assert_close(layer(x)[0], naive(layer, x), rtol=0, atol=1e-12)


def test_with_unit_scales_it_is_the_plain_layer_which_is_torchs() -> None:
    layer, x = make(layer_norm=False, start=1.0), sequences()
    plain = plain_of(layer, layer_norm=False)
    torch.testing.assert_close(layer(x)[0], plain(x)[0], rtol=0, atol=1e-12)


def test_starts_as_the_normalised_layer_of_smaller_arguments() -> None:
    layer, x = make(start=0.125), sequences()
    plain = plain_of(layer)
    with torch.no_grad():
        plain.input_weight.mul_(0.125)
        plain.hidden_weight.mul_(0.125)
    torch.testing.assert_close(layer(x)[0], plain(x)[0], rtol=0, atol=1e-12)


def test_weights_change_from_step_to_step_and_row_to_row() -> None:
    layer, x = moved(make()), sequences()
    term = layer.terms["part"]
    seen = []
    generate = term.generator.generate
    term.generator.generate = lambda context: seen.append(context) or generate(context)
    layer(x)
    scales = torch.stack([generate(context)[0] for context in seen])  # (T, N, 2, G·D)
    assert scales.var(dim=0).min() > 0
    assert scales.var(dim=1).min() > 0


def test_reading_on_from_a_state_is_reading_at_once() -> None:
    layer, x = moved(make()), sequences()
    first, state = layer(x[:, :4])
    second, _ = layer(x[:, 4:], state)
    torch.testing.assert_close(torch.cat([first, second], dim=1), layer(x)[0])


def test_a_later_step_changes_nothing_before_it() -> None:
    layer, x = moved(make()), sequences()
    other = x.clone()
    other[:, 3:] += 1
    torch.testing.assert_close(layer(x)[0][:, :3], layer(other)[0][:, :3], rtol=0, atol=0)


def test_does_not_fold() -> None:
    for use in (make().fold, make().generate):
        with pytest.raises(ValueError, match="What 'part' generates depends on the window"):
            use()
