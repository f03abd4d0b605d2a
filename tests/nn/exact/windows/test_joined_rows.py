"""Tables put together, against each by itself."""

import torch

from hyperforecast.nn.exact.windows import joined_rows as module
from hyperforecast.nn.exact.windows.joined_rows import joined_rows, map_rows

TABLES = [torch.randn(n, 2) for n in (3, 1, 4, 0, 9, 2)]


def test_tables_are_joined_up_to_a_size(monkeypatch) -> None:
    monkeypatch.setattr(module, "MAX_JOINED", 10)
    found = list(joined_rows(TABLES))
    assert [len(rows) for rows in found] == [4, 4, 9, 2]
    assert torch.equal(torch.cat(found), torch.cat(TABLES))
    assert found[2] is TABLES[4]  # what is large is not copied


def test_what_is_made_of_rows_is_handed_back_table_by_table(monkeypatch) -> None:
    monkeypatch.setattr(module, "MAX_JOINED", 10)
    calls: list[int] = []

    def double(rows: torch.Tensor) -> torch.Tensor:
        calls.append(len(rows))
        return 2 * rows

    found = map_rows(double, TABLES)
    assert calls == [4, 4, 9, 2]
    for made, rows in zip(found, TABLES, strict=True):
        assert torch.equal(made, 2 * rows)


def test_of_no_tables_is_nothing() -> None:
    assert list(joined_rows([])) == map_rows(torch.neg, []) == []
