import torch

from hyperforecast.nn.contexts import ArchitectureCode


def test_vectors_are_codes_of_network_and_place_of_length_one() -> None:
    context = ArchitectureCode(
        torch.tensor([[1.0, -1.0], [1.0, 1.0]]), torch.tensor([[-1.0, 1.0], [1.0, 1.0]])
    )
    expected = [
        [0.5, -0.5, -0.5, 0.5],
        [0.5, -0.5, 0.5, 0.5],
        [0.5, 0.5, -0.5, 0.5],
        [0.5, 0.5, 0.5, 0.5],
    ]
    assert torch.equal(context(), torch.tensor(expected))


def test_nothing_is_learned_and_any_pass_shares_it() -> None:
    context = ArchitectureCode(torch.ones(2, 3), torch.ones(1, 0))
    assert context.static
    assert list(context.parameters()) == []
    assert context().shape == (2, 3)
