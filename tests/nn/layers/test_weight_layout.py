import torch

from hyperforecast.nn import CausalConv
from hyperforecast.nn.layers.weight_layout import Layout


def test_entries_stand_first_in_the_centre_or_last() -> None:
    layout = Layout((2, 3, 2), ("first", "centre", "last"))
    table = torch.arange(4 * 7 * 5).view(4, 7, 5)
    assert torch.equal(table[layout.within(table.shape)], table[:2, 2:5, 3:])


def test_axes_that_are_not_said_have_the_first_entries() -> None:
    assert Layout((2, 3), ("last",)).within((4, 5)) == (slice(2, 4), slice(0, 3))


def test_the_largest_has_all() -> None:
    for where in ("first", "centre", "last"):
        assert Layout((4,), (where,)).within((4,)) == (slice(0, 4),)


def test_a_shorter_causal_kernel_sees_the_latest_steps_of_a_longer_one() -> None:
    longer, shorter = CausalConv(1, 1, 4), CausalConv(1, 1, 2)
    with torch.no_grad():
        longer.weight[..., :2] = 0.0  # the earliest two of four steps
        cut = longer.weight[shorter.layouts()["weight"].within(longer.weight.shape)]
        shorter.weight.copy_(cut)
        shorter.bias.copy_(longer.bias)
    x = torch.randn(2, 1, 9)
    torch.testing.assert_close(shorter(x), longer(x))
