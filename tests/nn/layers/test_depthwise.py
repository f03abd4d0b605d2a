import pytest
import torch
from torch import nn

from hyperforecast.nn import fold
from hyperforecast.nn.layers.depthwise import ReparameterisedConv, depthwise_conv


@pytest.fixture
def conv():
    """A trained-looking convolution of 4 features."""
    conv = ReparameterisedConv(4, 7, 3).double()
    for norm in (conv.large_norm, conv.small_norm):
        nn.init.normal_(norm.weight)
        nn.init.normal_(norm.bias)
        norm.running_mean.normal_()
        norm.running_var.uniform_(0.5, 2.0)
    return conv


def convolved(x, kernel):
    """Convolve one feature (N,) with a kernel (K,) by its definition."""
    n_steps, margin = len(x), len(kernel) // 2
    return torch.stack(
        [
            sum(
                (kernel[k] * x[i + k - margin])
                for k in range(len(kernel))
                if 0 <= i + k - margin < n_steps
            )
            for i in range(n_steps)
        ]
    )


# few steps make the banded product, many the convolution; kernels may be longer than the window
@pytest.mark.parametrize(("n_steps", "size"), [(1, 1), (1, 5), (4, 9), (6, 3), (12, 3), (13, 3)])
def test_depthwise_conv_is_its_definition(n_steps, size):
    x = torch.randn(2, 3, n_steps, dtype=torch.float64, requires_grad=True)
    kernel = torch.randn(3, 1, size, dtype=torch.float64, requires_grad=True)
    expected = torch.stack(
        [
            torch.stack([convolved(f, k) for f, k in zip(row, kernel[:, 0], strict=True)])
            for row in x
        ]
    )
    y = depthwise_conv(x, kernel)
    torch.testing.assert_close(y, expected)
    weights = torch.randn_like(y)
    for ours, theirs in zip(
        torch.autograd.grad((y * weights).sum(), (x, kernel)),
        torch.autograd.grad((expected * weights).sum(), (x, kernel)),
        strict=True,
    ):
        torch.testing.assert_close(ours, theirs)


def test_merged_is_unmerged(conv):
    conv.eval()
    x = torch.randn(5, 4, 9, dtype=torch.float64)
    unmerged = conv.large_norm(depthwise_conv(x, conv.large.weight)) + conv.small_norm(
        depthwise_conv(x, conv.small.weight)
    )
    torch.testing.assert_close(conv(x), unmerged)
    with torch.no_grad():
        torch.testing.assert_close(conv(x), unmerged)
        torch.testing.assert_close(conv.fold()(x), unmerged)


def test_branches_are_normalised_apart_in_training(conv):
    x = torch.randn(5, 4, 9, dtype=torch.float64)
    expected = 0
    for kernel, norm in ((conv.large, conv.large_norm), (conv.small, conv.small_norm)):
        y = depthwise_conv(x, kernel.weight)
        variance, mean = torch.var_mean(y, dim=(0, 2), keepdim=True, correction=0)
        y = (y - mean) / (variance + 1e-5).sqrt()
        expected = expected + y * norm.weight.view(-1, 1) + norm.bias.view(-1, 1)
    torch.testing.assert_close(conv(x), expected)


def test_kept_kernel_follows_the_running_statistics(conv):
    x = torch.randn(5, 4, 9, dtype=torch.float64)
    with torch.no_grad():
        before = conv.eval()(x)
        conv.train()(x)
        after = conv.eval()(x)
    assert not torch.allclose(before, after)
    torch.testing.assert_close(after, fold(conv)(x))
    with torch.no_grad():
        conv.small_norm.running_mean.add_(1.0)
        torch.testing.assert_close(conv(x), fold(conv)(x))
    assert not torch.allclose(after, conv(x))


def test_a_single_value_takes_the_running_statistics(conv):
    x = torch.randn(1, 4, 1, dtype=torch.float64)
    torch.testing.assert_close(conv.train()(x), conv.eval()(x))


def test_fold_gives_one_plain_convolution(conv):
    folded = fold(conv)
    assert type(folded) is nn.Conv1d
    assert sum(p.numel() for p in folded.parameters()) == 4 * 7 + 4


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ((4, 3), "large_size must be an odd number of steps.*got 4"),
        ((5, 2), "small_size must be an odd number of steps.*got 2"),
        ((3, 5), "small_size must not be longer than large_size, 3; got 5"),
    ],
)
def test_wrong_sizes(sizes, message):
    with pytest.raises(ValueError, match=message):
        ReparameterisedConv(4, *sizes)
