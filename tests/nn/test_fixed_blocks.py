"""Functions of the rows of a table, in blocks of one length."""

import pytest
import torch
from torch import Tensor

from hyperforecast.nn.fixed_blocks import BLOCK, in_fixed_blocks


@pytest.mark.parametrize("count", [1, 7, BLOCK, BLOCK + 1, 3 * BLOCK - 1])
def test_rows_are_those_of_one_product_and_of_any_number_of_rows(count: int) -> None:
    factor = torch.randn(5, 37, dtype=torch.float64)
    rows = torch.randn(3 * BLOCK, 5, dtype=torch.float64)

    def made(some: Tensor) -> tuple[Tensor, Tensor]:
        return some @ factor, factor[:1]

    with torch.no_grad():
        whole, alike = in_fixed_blocks(made, rows)
        found, same = in_fixed_blocks(made, rows[:count])
        from_another, _ = in_fixed_blocks(made, rows[2:])
    torch.testing.assert_close(found, rows[:count] @ factor)
    assert torch.equal(found, whole[:count])
    assert torch.equal(from_another, whole[2:])
    assert torch.equal(alike, factor[:1])
    assert torch.equal(same, factor[:1])


def test_gradients_are_those_of_all_rows_at_once() -> None:
    calls: list[int] = []
    rows = torch.randn(BLOCK + 1, 2, requires_grad=True)

    def made(some: Tensor) -> tuple[Tensor, None]:
        calls.append(len(some))
        return some.square(), None

    in_fixed_blocks(made, rows)[0].sum().backward()
    assert calls == [BLOCK + 1]
    torch.testing.assert_close(rows.grad, 2 * rows)
