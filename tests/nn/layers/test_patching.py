import pytest
import torch

from hyperforecast.nn.layers.patching import Patching, patch_sizes


def test_patches_by_hand():
    patching = Patching(6, 3, 2, padding=2)
    x = torch.tensor([[0.0, 1.0, 2.0, 3.0, 4.0, 5.0], [9.0, 8.0, 7.0, 6.0, 5.0, 4.0]])
    expected = torch.tensor(
        [
            [[0.0, 1.0, 2.0], [2.0, 3.0, 4.0], [4.0, 5.0, 5.0]],
            [[9.0, 8.0, 7.0], [7.0, 6.0, 5.0], [5.0, 4.0, 4.0]],
        ]
    )
    assert patching.n_patches == 3
    torch.testing.assert_close(patching(x), expected)


def test_sizes_that_are_not_given():
    assert patch_sizes(336, None, None, usual=16) == (16, 8)
    assert patch_sizes(5, None, None, usual=16) == (5, 2)
    assert patch_sizes(1, None, None, usual=16) == (1, 1)
    assert patch_sizes(336, 24, None, usual=16) == (24, 12)
    assert patch_sizes(336, 24, 2, usual=16) == (24, 2)


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ((11, None), "patch_len must lie between 1 and the lookback, 10 steps; got 11"),
        ((0, None), "patch_len must lie between 1 and the lookback, 10 steps; got 0"),
        ((4, 5), "stride must lie between 1 and patch_len, 4 steps.*got 5"),
        ((4, 0), "stride must lie between 1 and patch_len, 4 steps.*got 0"),
    ],
)
def test_wrong_sizes(sizes, message):
    with pytest.raises(ValueError, match=message):
        patch_sizes(10, *sizes, usual=16)
