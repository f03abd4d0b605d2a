import pytest
import torch
from torch import nn
from torch.nn.functional import conv1d, gelu

from hyperforecast.nn import ForecastingNetwork, StaticLayer, count_parameters, fold
from hyperforecast.nn.backbones import ModernTCN

C, D = 3, 4


def make(lookback=16, n_channels=C, **options):
    """A ModernTCN whose every parameter and statistic is far from its start."""
    options = {
        "d_model": D,
        "patch_len": 4,
        "stride": 2,
        "large_size": 5,
        "small_size": 3,
    } | options
    backbone = ModernTCN(lookback, n_channels, **options).double()
    for parameter in backbone.parameters():
        nn.init.normal_(parameter, std=0.5)
    for name, buffer in backbone.named_buffers():
        if name.endswith("running_mean"):
            nn.init.normal_(buffer)
        if name.endswith("running_var"):
            nn.init.uniform_(buffer, 0.5, 2.0)
    return backbone


@pytest.mark.parametrize(
    ("lookback", "options", "n_patches"),
    [
        (336, {"patch_len": None, "stride": None}, 84),
        (16, {}, 8),
        (17, {}, 9),
        (9, {"patch_len": 4, "stride": 4}, 3),
        (1, {"patch_len": None, "stride": None}, 1),
    ],
)
def test_there_is_a_patch_for_each_stride(lookback, options, n_patches):
    backbone = make(lookback, **options)
    x = torch.zeros(2, C, lookback, dtype=torch.float64)
    assert backbone.embed(x).shape == (2, C, n_patches, D)
    assert backbone(x).shape == (2, C, n_patches * D)
    assert backbone.feature_dim == n_patches * D


def test_embedding_by_hand():
    backbone = make(5, patch_len=3, stride=2).eval()
    x = torch.arange(5.0, dtype=torch.float64).expand(1, C, 5)
    patches = torch.tensor([[0, 1, 2], [2, 3, 4], [4, 4, 4]], dtype=torch.float64)
    embedded = patches @ backbone.embedding.weight.T + backbone.embedding.bias
    norm = backbone.embedding_norm.norm
    scaled = (embedded - norm.running_mean) / (norm.running_var + 1e-5).sqrt()
    expected = scaled * norm.weight + norm.bias
    torch.testing.assert_close(backbone.embed(x), expected.expand(1, C, 3, D))


def grouped(x, layer):
    """Apply a grouped pointwise convolution to groups of neighbouring features (B, G·I, N)."""
    n_groups = len(layer.weight)
    weight = layer.weight.flatten(0, 1).unsqueeze(-1)
    return conv1d(x, weight, layer.bias.flatten(), groups=n_groups)


def test_blocks_are_grouped_convolutions():
    backbone = make(e_layers=2, ffn_ratio=3).eval()
    embedded = torch.randn(2, C, 8, D, dtype=torch.float64)
    x = embedded.transpose(2, 3)  # (B, C, D, N)
    for block in backbone.blocks:
        y = x.reshape(2, C * D, 8)
        conv = block.conv
        large = conv1d(y, conv.large.weight, padding=2, groups=C * D)
        small = conv1d(y, conv.small.weight, padding=1, groups=C * D)
        y = conv.large_norm(large) + conv.small_norm(small)
        norm = block.norm
        y = norm(y.view(2 * C, D, 8)).view(2, C * D, 8)
        # features of a channel are neighbours, so groups are channels
        y = grouped(gelu(grouped(y, block.feature_mixing.first)), block.feature_mixing.second)
        y = y.view(2, C, D, 8).transpose(1, 2).reshape(2, D * C, 8)
        # channels of a feature are neighbours, so groups are features
        y = grouped(gelu(grouped(y, block.channel_mixing.first)), block.channel_mixing.second)
        x = x + y.view(2, D, C, 8).transpose(1, 2)
    expected = x.transpose(2, 3).reshape(2, C, 8 * D)
    torch.testing.assert_close(backbone.encode(embedded), expected)


@pytest.mark.parametrize(("e_layers", "reach"), [(1, 1), (2, 2)])
def test_receptive_field(e_layers, reach):
    lookback, stride, patch_len = 16, 2, 4
    backbone = make(
        lookback, n_channels=1, e_layers=e_layers, large_size=3, small_size=1, dropout=0.0
    ).eval()
    x = torch.randn(1, 1, lookback, dtype=torch.float64)
    slopes = torch.autograd.functional.jacobian(backbone, x).reshape(8, D, lookback)
    for patch in range(8):
        first = max(patch - reach, 0) * stride
        last = min(patch + reach, 7) * stride + patch_len - 1
        expected = [first <= step <= last for step in range(lookback)]
        assert (slopes[patch].abs().amax(dim=0) > 0).tolist() == expected


def test_only_the_last_mixing_mixes_channels():
    backbone = make(e_layers=2).eval()
    x = torch.randn(1, C, 16, dtype=torch.float64)
    other = x.clone()
    other[:, 1] += torch.randn(16)

    def changed():
        return ((backbone(x) - backbone(other)).abs().amax(dim=(0, 2)) > 1e-12).tolist()

    assert changed() == [True, True, True]
    for block in backbone.blocks:
        for layer in (block.channel_mixing.first, block.channel_mixing.second):
            with torch.no_grad():
                layer.weight.copy_(torch.eye(C).expand(D, C, C))
    assert changed() == [False, True, False]


def test_dropout_of_everything_leaves_the_embedding():
    embedded = torch.randn(4, C, 8, D, dtype=torch.float64)
    torch.testing.assert_close(make(e_layers=2, dropout=1.0).encode(embedded), embedded.flatten(-2))


def test_leading_axes_count_as_windows():
    backbone = make().eval()
    embedded = torch.randn(2, 3, C, 8, D, dtype=torch.float64)
    expected = torch.stack([backbone.encode(windows) for windows in embedded])
    torch.testing.assert_close(backbone.encode(embedded), expected)


def test_folding_merges_the_kernels():
    backbone = make(e_layers=2)
    x = torch.randn(4, C, 16, dtype=torch.float64)
    backbone(x)
    backbone.eval()
    folded = fold(backbone)
    assert not any(isinstance(module, StaticLayer) for module in folded.modules())
    torch.testing.assert_close(folded(x), backbone(x))
    # a plain kernel and bias where there were two kernels and two norms
    assert count_parameters(backbone) - count_parameters(folded) == 2 * (C * D) * (3 + 4 - 1)


def test_parameter_count():
    network = ForecastingNetwork(
        lookback=16,
        horizon=5,
        n_channels=7,
        backbone="moderntcn",
        backbone_kwargs={
            "d_model": 6,
            "e_layers": 2,
            "ffn_ratio": 3,
            "large_size": 9,
            "small_size": 3,
            "patch_len": 4,
            "stride": 2,
        },
    )
    embedding = (4 * 6 + 6) + 2 * 6
    convolution = 7 * 6 * (9 + 3 + 4)
    feature_mixing = 7 * ((6 * 18 + 18) + (18 * 6 + 6))
    channel_mixing = 6 * ((7 * 21 + 21) + (21 * 7 + 7))
    block = convolution + 2 * 6 + feature_mixing + channel_mixing
    assert count_parameters(network) == embedding + 2 * block + (8 * 6 * 5 + 5)
