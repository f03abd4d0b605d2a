import pytest
import torch

from hyperforecast.nn import CausalConv

N, I, O, T = 2, 3, 4, 9  # noqa: E741


@pytest.mark.parametrize(("size", "dilation"), [(1, 1), (2, 1), (3, 2), (4, 3)])
def test_against_a_loop_over_steps(size: int, dilation: int) -> None:
    conv = CausalConv(I, O, size, dilation).double()
    x = torch.randn(N, I, T, dtype=torch.float64)
    y = conv(x)
    for t in range(T):
        expected = conv.bias.expand(N, O)
        for j in range(size):
            step = t - (size - 1 - j) * dilation
            if step >= 0:
                expected = expected + x[:, :, step] @ conv.weight[:, :, j].T
        torch.testing.assert_close(y[:, :, t], expected, rtol=0, atol=1e-12)


def test_a_later_step_changes_nothing_before_it() -> None:
    conv = CausalConv(I, O, 3, 2).double()
    x = torch.randn(N, I, T, dtype=torch.float64)
    other = x.clone()
    other[:, :, 5:] += 1
    changed = (conv(x) != conv(other)).any(dim=0).any(dim=0)
    assert changed.tolist() == [False] * 5 + [True] * 4
