"""The page that holds the tables, each between a comment with its name and one that ends it."""

import re
from collections.abc import Mapping
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "comparison.md"

END = "<!-- end of table -->"


def redrawn(text: str, tables: Mapping[str, str]) -> str:
    """Return the text of a page with other tables.

    Raises
    ------
    ValueError
        If the page has no place for a table.
    """
    for name, table in tables.items():
        begin = f"<!-- table: {name} -->"
        if begin not in text or END not in text.partition(begin)[2]:
            raise ValueError(
                f"The page has no place for the table {name!r}. Expected {begin!r}, and {END!r} "
                "below it."
            )
        place = re.compile(f"{re.escape(begin)}.*?{re.escape(END)}", re.DOTALL)
        text = place.sub(lambda _, new=f"{begin}\n{table}\n{END}": new, text)
    return text
