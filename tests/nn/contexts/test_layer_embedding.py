import torch

from hyperforecast.nn import LayerEmbedding


def test_is_a_vector_for_every_block_that_any_pass_shares() -> None:
    context = LayerEmbedding(4, 3)
    assert context().shape == (4, 3)
    assert context() is context.weight
    assert context.static


def test_vectors_start_with_length_one() -> None:
    torch.manual_seed(0)
    assert 0.95 < LayerEmbedding(2000, 16)().norm(dim=1).square().mean() < 1.05
