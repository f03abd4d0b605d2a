import pytest
import torch
from torch import nn

from hyperforecast.nn.backbones import TCN
from hyperforecast.nn.backbones.tcn import blocks_to_see

C, L = 3, 20


def make(**options):
    return TCN(L, C, **{"d_model": 4, "dropout": 0.0, **options}).double().eval()


def windows():
    return torch.randn(2, C, L, dtype=torch.float64)


def test_against_torchs_convolutions_block_by_block():
    backbone, x = make(e_layers=3), windows()
    with torch.no_grad():
        found = backbone(x)
        for n in range(C):
            y = backbone.embedding(x[:, n, :, None]).mT  # (B, D, L)
            for i, block in enumerate(backbone.blocks):
                before = y
                for conv in (block.first, block.second):
                    padded = nn.functional.pad(y, (2 * 2**i, 0))
                    y = nn.functional.conv1d(padded, conv.weight, conv.bias, dilation=2**i).relu()
                y = (before + y).relu()
            torch.testing.assert_close(found[:, n], y[..., -1], rtol=0, atol=1e-12)


def test_a_later_step_changes_no_earlier_feature():
    backbone, x = make(), windows()
    other = x.clone()
    other[..., 12:] += 1
    with torch.no_grad():
        one, two = (backbone.encode_steps(backbone.embed(v)) for v in (x, other))
    torch.testing.assert_close(one[..., :12, :], two[..., :12, :], rtol=0, atol=0)
    assert (one[..., 12:, :] != two[..., 12:, :]).any(-1).all()


@pytest.mark.parametrize("kernel_size", [2, 3, 5])
@pytest.mark.parametrize("lookback", [1, 5, 29, 96])
def test_the_last_step_sees_all_of_the_window_and_needs_all_blocks(kernel_size, lookback):
    def sees_all(e_layers):
        seen = 1 + 2 * (kernel_size - 1) * (2**e_layers - 1)
        return seen >= lookback

    count = blocks_to_see(lookback, kernel_size)
    assert sees_all(count)
    assert count == 1 or not sees_all(count - 1)
    assert len(TCN(lookback, C, kernel_size=kernel_size).blocks) == count


def test_channels_are_independent():
    backbone, x = make(), windows()
    other = x.clone()
    other[:, 1] += 1
    changed = (backbone(x) != backbone(other)).any(-1).any(0)
    assert changed.tolist() == [False, True, False]


def test_wrong_sizes():
    with pytest.raises(ValueError, match="kernel_size must be a whole number >= 1"):
        make(kernel_size=0)
