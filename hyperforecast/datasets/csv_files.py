"""Tables of the user's own, from comma-separated files."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd


class IrregularDatesError(ValueError):
    """The dates of a table do not go on by one step from row to row."""


def read_csv(path: str | Path, *, use_dates: bool = True) -> pd.DataFrame:
    """Read a table of channels from a CSV file: a row for each step, a column for each channel.

    Parameters
    ----------
    path : str or Path
        A file with a header, its fields separated by commas, tabs or semicolons, these with decimal
        points or commas. The first column is taken for dates if it is not numeric, and for years or
        row numbers if it holds whole numbers, each one more than the last; all others are channels.
        Of dates such as 1.2.2024 the day comes first, of 1/2/2024 the month unless the rows are
        regular with the day first alone.
    use_dates : bool, default=True
        Whether to index by the dates. If not, rows are counted from 0 and the dates dropped.

    Returns
    -------
    DataFrame, shape (T, C), float64
        Indexed by regular dates, or by row numbers.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    IrregularDatesError
        If the dates do not go on by one step; they could be left out.
    ValueError
        If the file is no table of numbers without gaps: the message names the columns and the
        first place.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"There is no file {path}.")
    try:
        table = _read(path)
    except (pd.errors.EmptyDataError, pd.errors.ParserError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is not a comma-separated table: {error}") from None
    if table.empty:
        raise ValueError(f"{path} has no rows. Expected a header and a row for each step.")
    if not isinstance(table.index, pd.RangeIndex):  # pandas takes what is too much for an index
        raise ValueError(
            f"{path} has more fields in its rows than the {len(table.columns)} names in its "
            "header. Expected a name for each; with decimal commas, separate fields by semicolons."
        )

    dates = None
    first = table.columns[0]
    if not pd.api.types.is_numeric_dtype(table[first]):
        dates = _parse_dates(table.pop(first), path)
    elif _counts_rows(table[first]) and len(table.columns) > 1:
        table.index = pd.RangeIndex(table[first][0], table.pop(first).iloc[-1] + 1, name=first)
    if table.columns.empty:
        raise ValueError(f"{path} has no column beside {first!r}. Expected a column per channel.")
    _check_numbers(table, path)
    table = table.astype(float)
    if dates is not None and use_dates:
        table.index = _regular(dates, path)
    return table


def _read(path: Path) -> pd.DataFrame:
    """Read a table whose fields are separated by what its header has most of."""
    with path.open(encoding="utf-8") as file:
        separator = max(",;\t", key=file.readline().count)
    table = pd.read_csv(path, sep=separator)
    words = not all(map(pd.api.types.is_numeric_dtype, table.dtypes[1:]))
    return pd.read_csv(path, sep=separator, decimal=",") if words and separator == ";" else table


def _counts_rows(column: pd.Series) -> bool:
    """Say whether a column is years or row numbers: whole numbers, each one more than the last."""
    steps = np.diff(column.to_numpy())
    return pd.api.types.is_integer_dtype(column) and len(steps) > 1 and bool((steps == 1).all())


def _parse_dates(column: pd.Series, path: Path) -> pd.DatetimeIndex:
    dotted = column.astype(str).str.match(r"\d{1,2}\.\d{1,2}\.\d{4}").all()
    readings = [_read_dates(column, day_first=one) for one in ([True] if dotted else [False, True])]
    dates = next(filter(_go_on, readings), readings[0])
    wrong = np.flatnonzero(dates.isna())
    if len(wrong):
        raise ValueError(
            f"The first column of {path}, {column.name!r}, is neither numeric nor dates: "
            f"row {_row(wrong[0])} holds {column.iloc[wrong[0]]!r}. Expected a date in every row, "
            "or a number."
        )
    backwards = np.flatnonzero(dates.diff() < pd.Timedelta(0))
    if len(backwards):
        at = backwards[0]
        raise ValueError(
            f"The dates of {path} go back at row {_row(at)}: {dates.iloc[at]} comes after "
            f"{dates.iloc[at - 1]}. Sort the rows by {column.name!r}."
        )
    return pd.DatetimeIndex(dates)


def _read_dates(column: pd.Series, *, day_first: bool) -> pd.Series:
    """Read dates, of which those with several offsets are brought to UTC."""
    options: Any = {"errors": "coerce", "format": "mixed", "dayfirst": day_first}
    try:
        return pd.to_datetime(column, **options)
    except ValueError:
        return pd.to_datetime(column, utc=True, **options)


def _go_on(dates: pd.Series) -> bool:
    """Say whether dates go on by one step."""
    enough = len(dates) >= 3 and not dates.isna().any()
    return enough and pd.infer_freq(pd.DatetimeIndex(dates)) is not None


def _regular(dates: pd.DatetimeIndex, path: Path) -> pd.DatetimeIndex:
    if len(dates) < 3:
        raise ValueError(f"{path} has {len(dates)} rows; the step between dates takes 3 to know.")
    freq = pd.infer_freq(dates)
    if freq is not None:
        return pd.DatetimeIndex(dates, freq=freq)
    steps = pd.Series(dates).diff()
    usual = steps.mode().iloc[0]
    wrong = np.flatnonzero(steps[1:] != usual) + 1
    at = wrong[0]
    raise IrregularDatesError(
        f"The dates of {path} are irregular: most steps are {usual}, but row {_row(at)} goes from "
        f"{dates[at - 1]} to {dates[at]} ({len(wrong)} such rows). Expected a row for each step; "
        "fill or drop rows, or count rows instead of dates."
    )


def _check_numbers(table: pd.DataFrame, path: Path) -> None:
    words = [name for name in table.columns if not pd.api.types.is_numeric_dtype(table[name])]
    if words:
        numbers = pd.to_numeric(table[words[0]], errors="coerce")
        at = np.flatnonzero(numbers.isna() & table[words[0]].notna())[0]
        raise ValueError(
            f"{path} has columns that are not numeric: {_named(words)}; row {_row(at)} of "
            f"{words[0]!r} holds {table[words[0]].iloc[at]!r}. Expected numbers in every column "
            "but the first; drop or encode these."
        )
    gaps = ~np.isfinite(table.to_numpy(dtype=float))  # (T, C)
    if gaps.any():
        rows, columns = np.nonzero(gaps)
        names = [table.columns[c] for c in np.unique(columns)]
        raise ValueError(
            f"{path} has {gaps.sum()} missing or infinite values, in {_named(names)}; the first "
            f"is in row {_row(rows[0])}. Expected finite numbers; fill the gaps first, for example "
            "with pandas' interpolate."
        )


def _row(position: int) -> int:
    """Return the line of a row in the file, as an editor counts it under the header."""
    return int(position) + 2


def _named(names: list) -> str:
    return ", ".join(map(repr, names[:5])) + (f" and {len(names) - 5} more" * (len(names) > 5))
