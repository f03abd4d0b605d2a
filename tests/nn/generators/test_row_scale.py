"""Scales of rows: where they start, and that rows can go their own ways."""

import torch

from hyperforecast.nn import RowScale

M, G, D, Z = 3, 4, 5, 4


def test_starts_at_one_scale_and_no_bias_whatever_the_context() -> None:
    scales, bias = RowScale(M, G, D, Z, 0.1).generate(torch.randn(7, M))
    torch.testing.assert_close(scales, torch.full((7, 2, G * D), 0.1))
    torch.testing.assert_close(bias, torch.zeros(7, G * D))


def test_rows_of_a_gate_learn_scales_of_their_own() -> None:
    generator = RowScale(M, G, D, Z, 0.1)
    context, target = torch.randn(50, M), torch.randn(50, 2, G * D)
    optimizer = torch.optim.Adam(generator.parameters(), lr=0.05)
    for _ in range(20):
        loss = (generator.generate(context)[0] - target).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        scales = generator.generate(context)[0].unflatten(-1, (G, D))
    moved = (scales - scales.mean(dim=0)).permute(1, 2, 0, 3)  # (2, G, contexts, D)
    values = torch.linalg.svdvals(moved)
    assert (values[..., 1] > 0.1 * values[..., 0]).all()  # not all rows alike
