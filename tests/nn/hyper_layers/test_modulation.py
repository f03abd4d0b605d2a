"""Scale and shift of activations."""

import itertools
import re
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from hyperforecast.nn import (
    Activations,
    ChannelEmbedding,
    Condition,
    FixedModulation,
    Modulation,
    ScaleShift,
    SegmentMixture,
    Term,
    fold,
)
from tests.nn.made_contexts import WindowMean

S, B, C, L, D = 2, 3, 4, 6, 5


TERMS: dict[str, Callable[[], Term]] = {
    "channel": lambda: Term(ChannelEmbedding(C, 2), ScaleShift(2, D)),
    "segment": lambda: Term(SegmentMixture(S, 3), ScaleShift(3, D)),
    "window": lambda: Term(WindowMean(), ScaleShift(2, D)),
}
COMBINATIONS = [names for n in (1, 2, 3) for names in itertools.combinations(TERMS, n)]


def make(*names: str, n_axes: int = 3, start: bool = False) -> Modulation:
    """A modulation whose every parameter matters, unless it is to be as it starts."""
    layer = Modulation(n_axes)
    for name in names:
        layer.add(name, TERMS[name]())
    if not start:
        with torch.no_grad():
            for parameter in layer.parameters():
                parameter.normal_()
    return layer.double()


def values(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64)


def condition() -> Condition:
    return Condition(values(B, C, L))


def naive(layer: Modulation, x: Tensor, given: Condition, leading: bool) -> Tensor:
    """Scale and shift one segment, window and channel after the other."""
    y = x.clone() if leading else x[None].clone()
    for s, b, c in itertools.product(range(len(y)), range(B), range(C)):
        index = {"window": b, "channel": c} | ({"segment": s} if leading else {})
        scale, shift = torch.ones(D, dtype=x.dtype), torch.zeros(D, dtype=x.dtype)
        for term in layer.terms.values():
            if term.axis in index:
                scales, shifts = term.generator.generate(term.context(given))
                scale, shift = scale + scales[index[term.axis]], shift + shifts[index[term.axis]]
        y[s, b, c] = scale * y[s, b, c] + shift
    return y if leading else y[0]


def test_by_hand() -> None:
    layer = Modulation(3)
    layer.add("film", Term(ChannelEmbedding(2, 1), ScaleShift(1, 2)))
    term = layer.terms["film"]
    with torch.no_grad():
        term.context.weight.copy_(torch.tensor([[1.0], [-1.0]]))
        term.generator.weight.copy_(torch.tensor([[[1.0], [2.0]], [[10.0], [0.0]]]))
        term.generator.bias.copy_(torch.tensor([[0.5, 0.0], [0.0, 3.0]]))
    x = torch.tensor([[[1.0, 1.0], [1.0, 2.0]]])  # (B, C, D)
    # scales 1 + 1 + 0.5 and 1 + 2; 1 - 1 + 0.5 and 1 - 2; shifts 10 and 3; -10 and 3
    assert layer(x).tolist() == [[[12.5, 6.0], [-9.5, 1.0]]]


@pytest.mark.parametrize("names", COMBINATIONS, ids="+".join)
@pytest.mark.parametrize("training", [True, False])
def test_equals_a_loop(names: tuple[str, ...], training: bool) -> None:
    layer, given = make(*names).train(training), condition()
    one = values(B, C, D)
    cases = [
        (one, False),
        (values(S, B, C, D), True),
        (one.expand(S, B, C, D), True),
        (values(1, B, C, D), True),
    ]
    for _ in range(2):  # once more, from what may be kept
        for x, leading in cases:
            expected = naive(layer, x, given, leading).detach()
            torch.testing.assert_close(layer(x, given), expected, rtol=0, atol=1e-12)
            with torch.no_grad():
                torch.testing.assert_close(layer(x, given), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("names", COMBINATIONS, ids="+".join)
def test_axes_between_channels_and_features(names: tuple[str, ...]) -> None:
    layer, given, x = make(*names, n_axes=4), condition(), values(S, B, C, 7, D)
    y = layer(x, given)
    for place in range(7):
        expected = naive(layer, x[:, :, :, place], given, True)
        torch.testing.assert_close(y[:, :, :, place], expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("names", [*COMBINATIONS, ()], ids="+".join)
def test_starts_as_nothing(names: tuple[str, ...]) -> None:
    layer, given = make(*names, start=True), condition()
    for x in (values(S, B, C, D), values(B, C, D)):
        torch.testing.assert_close(layer(x, given), x, rtol=0, atol=0)


def test_the_pass_that_segments_share_is_not_modulated_by_segment() -> None:
    x = values(B, C, D)
    assert torch.equal(make("segment")(x), x)
    layer, given = make("segment", "channel"), condition()
    alone = Modulation(3)
    alone.add("channel", layer.terms["channel"])
    torch.testing.assert_close(layer(x, given), alone(x), rtol=0, atol=0)


@pytest.mark.parametrize(
    "names", [names for names in COMBINATIONS if "window" not in names], ids="+".join
)
def test_folded_is_unfolded(names: tuple[str, ...]) -> None:
    layer = make(*names).eval()
    folded = fold(layer)
    assert type(folded) is FixedModulation
    assert not folded.training
    x = values(S, B, C, D)
    torch.testing.assert_close(folded(x), layer(x), rtol=0, atol=1e-12)
    torch.testing.assert_close(folded(x[:1]), layer(x[:1]), rtol=0, atol=1e-12)
    if "segment" not in names:
        torch.testing.assert_close(folded(x[0]), layer(x[0]), rtol=0, atol=1e-12)
    with torch.no_grad():
        before = folded(x)
        for parameter in layer.parameters():
            parameter.add_(1)
        assert torch.equal(folded(x), before)
    folded(x).sum().backward()
    assert all(parameter.grad is not None for parameter in folded.parameters())


def test_a_dynamic_term_refuses_to_fold_by_name() -> None:
    message = (
        "What 'window' generates depends on the window that is forecast from, so there are no "
        "fixed weights to fold into."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        make("channel", "window").fold()


def test_kept_while_predicting_and_new_after_a_change() -> None:
    layer, x = make("channel").eval(), values(B, C, D)
    calls = []
    hook = layer.terms["channel"].context.register_forward_hook(lambda *_: calls.append(1))
    with torch.no_grad():
        layer(x)
        layer(x)
    assert len(calls) == 1
    layer.train()(x)
    layer(x)
    assert len(calls) == 3
    hook.remove()
    layer.eval()
    with torch.no_grad():
        layer(x)
        layer.terms["channel"].generator.bias.add_(1)
        torch.testing.assert_close(layer(x), naive(layer, x, condition(), False))


def test_every_parameter_has_a_gradient() -> None:
    layer, x = make("channel", "segment", "window"), values(S, B, C, D)
    (layer(x, condition()) * torch.randn_like(x)).sum().backward()
    assert all((parameter.grad != 0).any() for parameter in layer.parameters())


def test_a_part_has_one_term_at_a_layer() -> None:
    layer = make("channel")
    with pytest.raises(ValueError, match=r"^The layer has a term of 'channel' already\.$"):
        layer.add("channel", TERMS["channel"]())


def test_a_marked_place_does_nothing() -> None:
    x = values(B, C, D)
    assert Activations()(x) is x
    assert list(Activations().parameters()) == []
