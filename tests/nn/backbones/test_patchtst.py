import pytest
import torch
from torch import nn

from hyperforecast.nn import ForecastingNetwork, count_parameters
from hyperforecast.nn.backbones import PatchTST

C = 3


def make(lookback=20, **options):
    options = {"d_model": 8, "n_heads": 2, "d_ff": 12, "patch_len": 6, "stride": 4, **options}
    return PatchTST(lookback, C, **options).double()


# the last two are the paper's: 42 and 64 "words"
@pytest.mark.parametrize(
    ("lookback", "options", "n_patches"),
    [
        (20, {"patch_len": 6, "stride": 4}, 5),
        (21, {"patch_len": 6, "stride": 4}, 5),
        (22, {"patch_len": 6, "stride": 4}, 6),
        (1, {"patch_len": None, "stride": None}, 2),
        (336, {"patch_len": None, "stride": None}, 42),
        (512, {"patch_len": 16, "stride": 8}, 64),
    ],
)
def test_patch_count(lookback, options, n_patches):
    backbone = make(lookback, **options)
    assert backbone.embed(torch.zeros(2, C, lookback).double()).shape == (2, C, n_patches, 8)
    assert backbone.feature_dim == n_patches * 8
    assert backbone(torch.zeros(2, C, lookback).double()).shape == (2, C, n_patches * 8)


def test_embedding_by_hand():
    backbone = make(7, patch_len=3, stride=2, dropout=0.0)
    nn.init.normal_(backbone.position)
    x = torch.arange(7.0, dtype=torch.float64).expand(1, C, 7)
    # the last value, 6, is repeated for one stride of 2
    patches = torch.tensor([[0, 1, 2], [2, 3, 4], [4, 5, 6], [6, 6, 6]], dtype=torch.float64)
    expected = patches @ backbone.embedding.weight.T + backbone.embedding.bias + backbone.position
    torch.testing.assert_close(backbone.embed(x), expected.expand(1, C, 4, 8))


@pytest.mark.parametrize("training", [True, False])
def test_encoder_is_torchs_attention_normalised_over_the_batch(training):
    backbone = make(e_layers=2, dropout=0.0).train(training)
    for parameter in backbone.parameters():
        nn.init.normal_(parameter, std=0.5)
    embedded = torch.randn(4, C, 5, 8, dtype=torch.float64)
    x = embedded.flatten(0, 1)  # channels are windows
    for layer in backbone.layers:
        ours = layer.attention
        projections = (ours.query, ours.key, ours.value)
        attended, _ = nn.functional.multi_head_attention_forward(
            *[x.transpose(0, 1)] * 3,
            embed_dim_to_check=8,
            num_heads=2,
            in_proj_weight=torch.cat([p.weight for p in projections]),
            in_proj_bias=torch.cat([p.bias for p in projections]),
            bias_k=None,
            bias_v=None,
            add_zero_attn=False,
            dropout_p=0.0,
            out_proj_weight=ours.output.weight,
            out_proj_bias=ours.output.bias,
        )
        x = normalised(x + attended.transpose(0, 1), layer.attention_norm.norm, training)
        hidden = nn.functional.gelu(layer.mlp[0](x))
        x = normalised(x + layer.mlp[3](hidden), layer.mlp_norm.norm, training)
    expected = x.reshape(4, C, 5 * 8)
    torch.testing.assert_close(backbone.encode(embedded), expected)


def normalised(x, norm, training):
    """Normalise features (..., D) over windows, channels and patches alike."""
    if training:
        variance, mean = torch.var_mean(x, dim=(0, 1), correction=0)
    else:
        mean, variance = norm.running_mean, norm.running_var
    return (x - mean) / (variance + 1e-5).sqrt() * norm.weight + norm.bias


@pytest.mark.parametrize("parts", [{}, {"hn-mvts": {}}])
def test_channels_are_independent(parts):
    network = ForecastingNetwork(
        lookback=20, horizon=4, n_channels=C, backbone="patchtst", parts=parts
    ).double()
    x = torch.randn(8, 20, C, dtype=torch.float64)
    network(x)  # running statistics that are not their start
    network.eval()
    other = x.clone()
    other[..., 1] += torch.randn(8, 20)
    changed = (network(x) - network(other)).abs().amax(dim=(0, 1, 3))
    assert (changed > 0).tolist() == [False, True, False]


def test_the_order_of_patches_counts():
    backbone = make(e_layers=1).eval()
    nn.init.zeros_(backbone.position)
    x = torch.randn(1, C, 20, dtype=torch.float64)
    plain = backbone.encode(backbone.embed(x)).unflatten(-1, (5, 8))
    swapped = backbone.encode(backbone.embed(x)[:, :, [1, 0, 2, 3, 4]]).unflatten(-1, (5, 8))
    torch.testing.assert_close(swapped[:, :, [1, 0, 2, 3, 4]], plain)
    nn.init.normal_(backbone.position)
    moved = backbone.embed(x) - backbone.embed(torch.zeros_like(x))
    assert not torch.allclose(backbone.encode(moved), backbone.encode(backbone.embed(x)))


def test_parameter_count():
    network = ForecastingNetwork(
        lookback=20,
        horizon=4,
        n_channels=7,
        backbone="patchtst",
        backbone_kwargs={
            "d_model": 8,
            "n_heads": 2,
            "e_layers": 3,
            "d_ff": 12,
            "patch_len": 6,
            "stride": 4,
        },
    )
    embedding = 6 * 8 + 8 + 5 * 8
    layer = 4 * (8 * 8 + 8) + (8 * 12 + 12) + (12 * 8 + 8) + 2 * (2 * 8)
    assert count_parameters(network) == embedding + 3 * layer + (5 * 8 * 4 + 4)


def test_errors():
    with pytest.raises(ValueError, match="patch_len must lie between 1 and the lookback, 20 steps"):
        make(patch_len=21)
    with pytest.raises(ValueError, match="stride must lie between 1 and patch_len, 6 steps"):
        make(stride=7)
    with pytest.raises(ValueError, match="n_heads must divide d_model"):
        make(n_heads=3)
    with pytest.raises(ValueError, match="e_layers must be a whole number >= 1; got 0"):
        make(e_layers=0)
