"""Tables of the user's own, from comma-separated files."""

from pathlib import Path

import numpy as np
import pandas as pd

from hyperforecast.automatic.missing_rows import MOST_MISSING_ROWS, completed


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
        regular with the day first alone. Those with an offset are brought to UTC. Empty fields are
        missing values, and so are rows that are left out between regular dates, up to a tenth.
    use_dates : bool, default=True
        Whether to index by the dates. If not, rows are counted from 0 and the dates dropped.

    Returns
    -------
    DataFrame, shape (T, C), float64
        Indexed by regular dates, or by row numbers. Missing values are NaN.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    IrregularDatesError
        If the dates do not go on by one step; they could be left out.
    ValueError
        If the file is no table of finite numbers with a value in every column: the message names
        the columns and the first place.
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
        dates = _parse_dates(table, path)
    elif _counts_rows(table[first]) and len(table.columns) > 1:
        table.index = pd.RangeIndex(table[first][0], table.pop(first).iloc[-1] + 1, name=first)
    if table.columns.empty:
        raise ValueError(f"{path} has no column beside {first!r}. Expected a column per channel.")
    _check_numbers(table, path)
    table = table.astype(float)
    if dates is not None and use_dates:
        table.index = dates
        table = table.reindex(_regular(dates, path))
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


def _parse_dates(table: pd.DataFrame, path: Path) -> pd.DatetimeIndex:
    """Take the first column out of a table and read it."""
    column = table.pop(table.columns[0])
    dotted = column.astype(str).str.match(r"\d{1,2}\.\d{1,2}\.\d{4}").all()
    readings = [_read_dates(column, day_first=one) for one in ([True] if dotted else [False, True])]
    dates = next(filter(_go_on, readings), readings[0])
    wrong = np.flatnonzero(dates.isna())
    if len(wrong):
        raise ValueError(
            f"The first column of {path}, {column.name!r}, is neither numeric nor dates: "
            f"row {_row(wrong[0])} holds {column.iloc[wrong[0]]!r}. Expected a date in every row, "
            f"or a number.{_dates_elsewhere(table)}"
        )
    backwards = np.flatnonzero(dates.diff() < pd.Timedelta(0))
    if len(backwards):
        at = backwards[0]
        again = dates.duplicated().any()  # from channel to channel
        raise ValueError(
            f"The dates of {path} go back at row {_row(at)}: {dates.iloc[at]} comes after "
            f"{dates.iloc[at - 1]}. {_TURN if again else f'Sort the rows by {column.name!r}.'}"
        )
    return pd.DatetimeIndex(dates, name=column.name)


_TURN = (
    "If there is a row for each channel and date, turn the table first, by pandas' "
    "`pivot(index=..., columns=..., values=...)`, into a row for each date and a column for each "
    "channel."
)


def _dates_elsewhere(table: pd.DataFrame) -> str:
    """Say which other column holds dates, if one does, and what to do then."""
    for name, column in table.items():
        words = not pd.api.types.is_numeric_dtype(column)
        if words and _read_dates(column, day_first=False).notna().all():
            return f" The dates are in {name!r}; put it first. {_TURN}"
    return ""


def _read_dates(column: pd.Series, *, day_first: bool) -> pd.Series:
    """Read dates; those with offsets are brought to UTC, since offsets change in summer."""
    dates = pd.to_datetime(column, errors="coerce", format="mixed", dayfirst=day_first, utc=True)
    return dates.dt.tz_localize(None)


def _go_on(dates: pd.Series) -> bool:
    """Say whether dates go on by one step, but for a few that are left out."""
    enough = len(dates) >= 3 and not dates.isna().any()
    return enough and completed(pd.DatetimeIndex(dates)) is not None


def _regular(dates: pd.DatetimeIndex, path: Path) -> pd.DatetimeIndex:
    if len(dates) < 3:
        raise ValueError(f"{path} has {len(dates)} rows; the step between dates takes 3 to know.")
    regular = completed(dates)
    if regular is not None:
        return regular
    steps = pd.Series(dates).diff()
    usual = steps.mode().iloc[0]
    wrong = np.flatnonzero(steps[1:] != usual) + 1
    at = wrong[0]
    raise IrregularDatesError(
        f"The dates of {path} are irregular: most steps are {usual}, but row {_row(at)} goes from "
        f"{dates[at - 1]} to {dates[at]} ({len(wrong)} such rows). Expected a row for each step, "
        f"of which {MOST_MISSING_ROWS:.0%} may be missing; fill or drop rows, or count rows "
        "instead of dates."
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
    infinite = np.isinf(table.to_numpy(dtype=float))  # (T, C)
    if infinite.any():
        rows, columns = np.nonzero(infinite)
        names = [table.columns[c] for c in np.unique(columns)]
        raise ValueError(
            f"{path} has {infinite.sum()} infinite values, in {_named(names)}; the first is in "
            f"row {_row(rows[0])}. Expected numbers, or empty fields where values are missing."
        )
    empty = list(table.columns[table.isna().all()])
    if empty:
        raise ValueError(f"{path} has columns without any value: {_named(empty)}. Drop them.")


def _row(position: int) -> int:
    """Return the line of a row in the file, as an editor counts it under the header."""
    return int(position) + 2


def _named(names: list) -> str:
    return ", ".join(map(repr, names[:5])) + (f" and {len(names) - 5} more" * (len(names) > 5))
