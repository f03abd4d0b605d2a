import re

import pytest
import torch

from hyperforecast.nn import ChannelEmbedding, correlation_embedding
from hyperforecast.nn.contexts import default_embedding_dim


def test_start_from_sets_the_weight() -> None:
    context = ChannelEmbedding(4, 2)
    series = torch.randn(50, 4, dtype=torch.float64) @ torch.randn(4, 4, dtype=torch.float64) + 5
    context.start_from([series])
    assert context.weight.requires_grad
    torch.testing.assert_close(context().detach(), correlation_embedding([series], 2).float())


@pytest.mark.parametrize("dim", [-1, 4])
def test_embedding_dim_out_of_range(dim: int) -> None:
    message = (
        "channel_embedding_dim must lie between 0 (one weight for all channels) and the number of "
        f"channels (of series, where weights are by series), 3; got {dim}. "
        "Choose channel_embedding_dim <= 3."
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        ChannelEmbedding(3, dim)


def test_default_length() -> None:
    assert [default_embedding_dim(n) for n in (1, 5, 7, 21, 200)] == [1, 1, 2, 7, 8]


def test_is_a_static_vector_for_each_channel() -> None:
    context = ChannelEmbedding(4, 2)
    assert context.axis == "channel"
    assert context.static
    assert context() is context.weight
    assert context.penalty() is None


def test_starts_with_vectors_of_unit_length_on_average() -> None:
    lengths = ChannelEmbedding(4000, 8)().square().sum(dim=1)
    assert lengths.mean().item() == pytest.approx(1, rel=0.02)
