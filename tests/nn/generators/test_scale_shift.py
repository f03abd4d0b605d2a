import torch

from hyperforecast.nn import ScaleShift


def test_by_hand() -> None:
    generator = ScaleShift(2, 3)
    with torch.no_grad():
        generator.weight.copy_(
            torch.tensor(
                [[[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]], [[2.0, 0.0], [0.0, 2.0], [0.0, 0.0]]]
            )
        )
        generator.bias.copy_(torch.tensor([[0.0, 10.0, 0.0], [0.0, 0.0, 5.0]]))
    scale, shift = generator.generate(torch.tensor([[1.0, 2.0], [3.0, 4.0]]))
    assert scale.tolist() == [[1.0, 12.0, 3.0], [3.0, 14.0, 7.0]]
    assert shift.tolist() == [[2.0, 4.0, 5.0], [6.0, 8.0, 5.0]]


def test_starts_at_zero() -> None:
    scale, shift = ScaleShift(2, 3).generate(torch.randn(5, 2))
    assert torch.equal(scale, torch.zeros(5, 3))
    assert torch.equal(shift, torch.zeros(5, 3))
    assert sum(p.numel() for p in ScaleShift(2, 3).parameters()) == 2 * 3 * (2 + 1)
