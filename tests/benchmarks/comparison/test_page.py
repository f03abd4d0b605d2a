"""The page of the comparison shows what the results file has."""

import pytest

from benchmarks.comparison.__main__ import main
from benchmarks.comparison.page import END, PAGE, redrawn


def test_tables_of_the_page_are_those_of_the_results(capsys: pytest.CaptureFixture) -> None:
    main(["--finished"])
    blocks = capsys.readouterr().out.split("\n\n")
    tables = dict(zip(blocks[::2], blocks[1::2], strict=False))
    text = PAGE.read_text()
    assert len(tables) == text.count(END)
    assert redrawn(text, {name.removesuffix(":"): one for name, one in tables.items()}) == text


def test_a_table_takes_the_place_of_another() -> None:
    text = "a\n<!-- table: x -->\nold\n<!-- end of table -->\nb\n<!-- end of table -->"
    assert redrawn(text, {"x": "| new \\1 |"}) == text.replace("old", "| new \\1 |")


def test_a_page_without_a_place_says_so() -> None:
    with pytest.raises(ValueError, match="no place for the table 'x'"):
        redrawn("<!-- end of table --><!-- table: x -->", {"x": ""})
