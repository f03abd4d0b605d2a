"""Tables from files, and what is said of files that are none."""

from pathlib import Path

import pandas as pd
import pytest

from hyperforecast.datasets import IrregularDatesError, read_csv


def write(folder: Path, text: str) -> Path:
    path = folder / "table.csv"
    path.write_text(text)
    return path


def test_dates_become_the_index(tmp_path: Path) -> None:
    table = read_csv(write(tmp_path, "when,a,b\n2020-01-31,1,2\n2020-02-29,3,4\n2020-03-31,5,6\n"))
    assert list(table.index) == list(pd.to_datetime(["2020-01-31", "2020-02-29", "2020-03-31"]))
    assert table.index.freqstr == "ME"
    assert table.to_dict("list") == {"a": [1.0, 3.0, 5.0], "b": [2.0, 4.0, 6.0]}


@pytest.mark.parametrize(
    "text",
    [
        "when;a;b\n01.02.2024;1,5;2\n02.02.2024;3;4,5\n03.02.2024;5;6\n",
        "when;a;b\n01.02.2024;1.5;2\n02.02.2024;3;4.5\n03.02.2024;5;6\n",
        "when\ta\tb\n2024-02-01\t1.5\t2\n2024-02-02\t3\t4.5\n2024-02-03\t5\t6\n",
    ],
)
def test_fields_and_decimals_are_separated_as_in_any_country(tmp_path: Path, text: str) -> None:
    table = read_csv(write(tmp_path, text))
    assert list(table.index) == list(pd.date_range("2024-02-01", periods=3))
    assert table.to_dict("list") == {"a": [1.5, 3.0, 5.0], "b": [2.0, 4.5, 6.0]}


@pytest.mark.parametrize("written", ["%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d/%m/%Y %H:%M"])
@pytest.mark.parametrize("freq", ["D", "h"])
def test_days_may_come_before_months(tmp_path: Path, written: str, freq: str) -> None:
    dates = pd.date_range("2024-01-01", periods=40, freq=freq if "H" in written else "D")
    rows = "".join(f"{date},1\n" for date in dates.strftime(written))
    assert list(read_csv(write(tmp_path, f"when,a\n{rows}")).index) == list(dates)


def test_dotted_months_are_no_days(tmp_path: Path) -> None:
    rows = "".join(f"01.{month:02d}.2024,1\n" for month in range(1, 13))
    assert read_csv(write(tmp_path, f"when,a\n{rows}")).index.freqstr == "MS"


def test_offsets_may_change_in_summer(tmp_path: Path) -> None:
    hours = pd.date_range("2024-03-30", periods=40, freq="h", tz="Europe/Berlin")
    rows = "".join(f"{hour},1\n" for hour in hours)
    in_utc = hours.tz_convert("UTC").tz_localize(None)
    assert list(read_csv(write(tmp_path, f"when,a\n{rows}")).index) == list(in_utc)


def test_a_numeric_first_column_is_a_channel(tmp_path: Path) -> None:
    table = read_csv(write(tmp_path, "101,102\n1,2\n3,4\n"))
    assert list(table.columns) == ["101", "102"]
    assert list(table.index) == [0, 1]


def test_years_or_row_numbers_are_the_index(tmp_path: Path) -> None:
    table = read_csv(write(tmp_path, "year,a,b\n1990,1,2\n1991,3,4\n1992,5,6\n"))
    assert table.index.equals(pd.RangeIndex(1990, 1993))
    assert table.to_dict("list") == {"a": [1.0, 3.0, 5.0], "b": [2.0, 4.0, 6.0]}
    alone = read_csv(write(tmp_path, "a\n1\n2\n3\n"))
    assert list(alone.columns) == ["a"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not a comma-separated table: No columns"),
        ("a,b\n", "has no rows"),
        ("date\n2020-01-01\n2020-01-02\n2020-01-03\n", "has no column beside 'date'"),
        ("date,a\n2020-01-01,1\nsoon,2\n", "row 3 holds 'soon'"),
        ("date,a\n2020-01-02,1\n2020-01-01,2\n", "go back at row 3: .* Sort the rows by 'date'"),
        ("a,b\n1,2\n3,high\n", "not numeric: 'b'; row 3 of 'b' holds 'high'"),
        ("a,b\n1,\n3,\n", "without any value: 'b'. Drop them"),
        (
            "day,shop,sales\n2020-01-01,x,1\n2020-01-02,x,2\n2020-01-01,y,1\n2020-01-02,y,2\n",
            r"go back at row 4: .* turn the table first, by pandas' `pivot\(",
        ),
        (
            "shop,day,sales\nx,2020-01-01,1\nx,2020-01-02,2\ny,2020-01-01,1\n",
            r"row 2 holds 'x'\. .* The dates are in 'day'; put it first\. .*`pivot\(",
        ),
        (
            "date,a\n2020-01-01,1,5\n2020-01-02,2,5\n",
            "more fields in its rows than the 2 names in its header",
        ),
        ("a,b\n1,inf\n3,4\n", "1 infinite values, in 'b'; the first is in row 2"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_csv(write(tmp_path, text))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no file .*absent\.csv"):
        read_csv(tmp_path / "absent.csv")


def test_empty_fields_are_missing_values(tmp_path: Path) -> None:
    table = read_csv(write(tmp_path, "a,b\n1,2\n3,\n"))
    assert table["a"].tolist() == [1.0, 3.0]
    assert table["b"].isna().tolist() == [False, True]


def test_rows_that_are_left_out_are_missing_values(tmp_path: Path) -> None:
    dates = pd.date_range("2000-02-29", periods=60, freq="ME")
    kept = dates.delete([7, 30, 31, 50])
    rows = "".join(f"{date},{i}\n" for i, date in enumerate(kept))
    table = read_csv(write(tmp_path, f"when,a\n{rows}"))
    assert list(table.index) == list(dates)
    assert table.index.name == "when"
    assert table["a"].dropna().tolist() == list(range(56))
    assert list(dates[table["a"].isna()]) == list(dates[[7, 30, 31, 50]])


def test_days_may_come_before_months_where_rows_are_left_out(tmp_path: Path) -> None:
    dates = pd.date_range("2024-01-01", periods=60).delete([20, 45])
    rows = "".join(f"{date},1\n" for date in dates.strftime("%d/%m/%Y"))
    table = read_csv(write(tmp_path, f"when,a\n{rows}"))
    assert list(table.dropna().index) == list(dates)
    assert len(table) == 60


@pytest.mark.parametrize("drop", [slice(10, 18), [3]])
def test_dates_with_too_many_left_out_or_with_one_twice_are_irregular(
    tmp_path: Path, drop: object
) -> None:
    dates = pd.date_range("2000-01-01", periods=60)
    kept = dates.delete(drop) if isinstance(drop, slice) else dates.append(dates[-1:])
    path = write(tmp_path, "when,a\n" + "".join(f"{date},1\n" for date in kept))
    with pytest.raises(IrregularDatesError, match=r"of which 10% may be missing"):
        read_csv(path)


def test_irregular_dates_can_be_left_out(tmp_path: Path) -> None:
    days = ["2020-01-01", "2020-01-02", "2020-01-03", "2020-01-05"]
    path = write(tmp_path, "date,a\n" + "".join(f"{day},{i}\n" for i, day in enumerate(days)))
    message = "row 5 goes from 2020-01-03 00:00:00 to 2020-01-05 00:00:00 \\(1 such rows\\)"
    with pytest.raises(IrregularDatesError, match=message):
        read_csv(path)
    table = read_csv(path, use_dates=False)
    assert list(table.index) == [0, 1, 2, 3]
    assert list(table.columns) == ["a"]
