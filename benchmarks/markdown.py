"""Tables as the documentation shows them."""

from numbers import Integral

import pandas as pd


def markdown(frame: pd.DataFrame, digits: int = 4) -> str:
    """Write a table in Markdown, numbers to ``digits`` significant places."""

    def text(value: object) -> str:
        if isinstance(value, float):
            return "" if value != value else f"{value:.{digits}g}"
        return f"{value:,}" if isinstance(value, Integral) else str(value)

    rows = [list(frame.columns), *frame.astype(object).to_numpy().tolist()]
    cells = [[text(value) for value in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in cells
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)
