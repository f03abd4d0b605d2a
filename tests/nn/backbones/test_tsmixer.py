import torch
from torch import nn
from torch.nn.functional import batch_norm, linear

from hyperforecast.nn import ForecastingNetwork, count_parameters
from hyperforecast.nn.backbones import TSMixer

L, C, F = 6, 3, 5


def make(e_layers=1, **options):
    """A TSMixer whose every parameter and statistic is far from its start."""
    backbone = TSMixer(L, C, e_layers=e_layers, d_ff=F, **options).double()
    for parameter in backbone.parameters():
        nn.init.normal_(parameter, std=0.5)
    for name, buffer in backbone.named_buffers():
        if name.endswith("running_mean"):
            nn.init.normal_(buffer)
        if name.endswith("running_var"):
            nn.init.uniform_(buffer, 0.5, 2.0)
    return backbone


def window(batch=4):
    return torch.randn(batch, C, L, dtype=torch.float64)


def normalised(x, norm, training):
    """Normalise each step of each channel (B, C, L) over the windows."""
    y = batch_norm(
        x.flatten(1), norm.running_mean.clone(), norm.running_var.clone(), norm.weight, norm.bias,
        training=training,
    )  # fmt: skip
    return y.view_as(x)


def mixed(x, block, training):
    """Mix steps, then channels, one at a time."""
    y = normalised(x, block.time_norm.norm, training)
    layer = block.time_mixing[0]
    steps = [linear(y[:, c], layer.weight, layer.bias).relu() for c in range(C)]
    x = x + torch.stack(steps, dim=1)
    y = normalised(x, block.feature_norm.norm, training)
    first, second = block.feature_mixing[0], block.feature_mixing[3]
    channels = [
        linear(linear(y[:, :, t], first.weight, first.bias).relu(), second.weight, second.bias)
        for t in range(L)
    ]
    return x + torch.stack(channels, dim=2)


def test_blocks_mix_time_then_features():
    backbone = make(e_layers=2, dropout=0.0)
    x = window()
    for training in (True, False):
        backbone.train(training)
        expected = x
        for block in backbone.blocks:
            expected = mixed(expected, block, training)
        torch.testing.assert_close(backbone(x), expected)


def changed_features(backbone, channel, step):
    x = window(1)
    other = x.clone()
    other[0, channel, step] += 1
    return (backbone(x) - backbone(other)).abs()[0] > 1e-12


def test_channels_are_independent_without_feature_mixing():
    backbone = make(e_layers=2).eval()
    assert changed_features(backbone, 1, 2).any(dim=1).tolist() == [True, True, True]
    for block in backbone.blocks:
        nn.init.zeros_(block.feature_mixing[3].weight)
    assert changed_features(backbone, 1, 2).any(dim=1).tolist() == [False, True, False]


def test_steps_are_independent_without_time_mixing():
    backbone = make(e_layers=2).eval()
    for block in backbone.blocks:
        nn.init.zeros_(block.time_mixing[0].weight)
    changed = changed_features(backbone, 1, 2).any(dim=0)
    assert changed.tolist() == [step == 2 for step in range(L)]


def test_dropout_of_everything_leaves_the_window():
    x = window()
    torch.testing.assert_close(make(e_layers=2, dropout=1.0)(x), x)


def test_parameter_count():
    network = ForecastingNetwork(
        lookback=12,
        horizon=4,
        n_channels=7,
        backbone="tsmixer",
        backbone_kwargs={"e_layers": 3, "d_ff": 10},
    )
    norms = 2 * (2 * 12 * 7)
    block = norms + (12 * 12 + 12) + (7 * 10 + 10) + (10 * 7 + 7)
    assert count_parameters(network) == 3 * block + (12 * 4 + 4)
