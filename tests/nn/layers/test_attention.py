import pytest
import torch
from torch import nn

from hyperforecast.nn.layers.attention import SelfAttention
from hyperforecast.nn.transformer import TransformerLayer


def copy_attention(ours: SelfAttention, theirs: nn.MultiheadAttention) -> None:
    """Give torch's attention the weights of ours."""
    projections = (ours.query, ours.key, ours.value)
    with torch.no_grad():
        theirs.in_proj_weight.copy_(torch.cat([p.weight for p in projections]))
        theirs.in_proj_bias.copy_(torch.cat([p.bias for p in projections]))
        theirs.out_proj.weight.copy_(ours.output.weight)
        theirs.out_proj.bias.copy_(ours.output.bias)


def copy_layer(ours: TransformerLayer, theirs: nn.TransformerEncoderLayer) -> None:
    """Give torch's layer the weights of ours."""
    copy_attention(ours.attention, theirs.self_attn)
    theirs.linear1.load_state_dict(ours.mlp[0].state_dict())
    theirs.linear2.load_state_dict(ours.mlp[3].state_dict())
    theirs.norm1.load_state_dict(ours.attention_norm.state_dict())
    theirs.norm2.load_state_dict(ours.mlp_norm.state_dict())


@pytest.mark.parametrize("n_heads", [1, 2, 6])
def test_attention_is_torchs(n_heads):
    ours = SelfAttention(12, n_heads).double()
    theirs = nn.MultiheadAttention(12, n_heads, batch_first=True).double()
    copy_attention(ours, theirs)
    x = torch.randn(4, 5, 12, dtype=torch.float64)
    expected, _ = theirs(x, x, x, need_weights=False)
    torch.testing.assert_close(ours(x), expected)


def test_leading_axes_are_independent():
    attention = SelfAttention(8, 2).double()
    x = torch.randn(2, 3, 5, 8, dtype=torch.float64)
    expected = torch.stack([torch.stack([attention(tokens) for tokens in row]) for row in x])
    torch.testing.assert_close(attention(x), expected)


def test_dropout_is_of_attention_weights():
    attention = SelfAttention(8, 2, dropout=1.0)
    x = torch.randn(2, 5, 8)
    # no weight is left, so only the last bias is
    torch.testing.assert_close(attention(x), attention.output.bias.expand(2, 5, 8))
    kept = SelfAttention(8, 2)
    kept.load_state_dict(attention.state_dict())
    torch.testing.assert_close(attention.eval()(x), kept(x))


def test_transformer_layer_is_torchs():
    ours = TransformerLayer(12, 3, 20, norm=nn.LayerNorm).double()
    theirs = nn.TransformerEncoderLayer(
        12, 3, 20, dropout=0.0, activation="gelu", batch_first=True, dtype=torch.float64
    )
    for parameter in ours.parameters():
        nn.init.normal_(parameter, std=0.5)
    copy_layer(ours, theirs)
    x = torch.randn(4, 5, 12, dtype=torch.float64)
    torch.testing.assert_close(ours(x), theirs(x))


@pytest.mark.parametrize("part", ["attention", "mlp"])
def test_dropout_of_everything_leaves_the_residual(part):
    layer = TransformerLayer(8, 2, 16, norm=lambda width: nn.Identity(), dropout=1.0)
    x = torch.randn(2, 5, 8)
    torch.testing.assert_close(layer(x), x)
    layer.eval()
    assert not torch.allclose(layer(x), x)


def test_heads_must_divide_the_width():
    with pytest.raises(ValueError, match=r"n_heads must divide d_model.*n_heads=3 and d_model=8"):
        SelfAttention(8, 3)
