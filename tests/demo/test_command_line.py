"""The demo's command: what it prints and saves, and what it says of bad files."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hyperforecast.automatic.names import LAST_VALUE, ONE_EACH, ONE_FOR_ALL, SEASONAL_NAIVE
from hyperforecast.demo import command_line, main, plan
from hyperforecast.demo.command_line import read
from hyperforecast.demo.models import AUTO, HN

MakeTable = Callable[..., pd.DataFrame]


@pytest.fixture(autouse=True)
def loud(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave this process' warnings and logs as they are."""
    monkeypatch.setattr(command_line, "quieten_hosts", lambda: None)


def test_from_a_file_to_pictures(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    make_table: MakeTable,
) -> None:
    monkeypatch.setattr(plan, "MAX_ORIGINS", 3)
    monkeypatch.chdir(tmp_path)
    table = make_table(120, 10)
    table.iloc[1::2, 5:] *= -1.0  # two kinds of channels: walks, and walks that change sides
    table.to_csv("mine.csv")
    assert main(["--csv", "mine.csv", "--horizon", "4", "--lookback", "8"]) == 0

    lines = capsys.readouterr().out.splitlines()
    results = {}
    for line in lines:
        for name in (HN, ONE_FOR_ALL, ONE_EACH, LAST_VALUE, SEASONAL_NAIVE, AUTO):
            if line.startswith(name):
                host, *errors = line.removeprefix(name).split()
                results[name, host] = [float(error) for error in errors[:2]]
    for name in (ONE_FOR_ALL, AUTO):
        # two hosts, the same windows, the same model
        assert results[name, "sktime"] == pytest.approx(results[name, "Darts"], rel=0.01)
    assert {name for name, host in results if host == "Darts"} >= {HN, ONE_EACH}
    assert ["heads" in line for line in lines if line.startswith(ONE_EACH)] == [True]
    # the naive forecasts, by hand: 84 rows to train on, 33 windows, every 11th
    data = pd.read_csv("mine.csv", index_col=0)
    scaled = (data / data[:84].std(ddof=0)).to_numpy()
    for name, first in (
        (LAST_VALUE, 1),
        (SEASONAL_NAIVE, 7),
    ):  # days, of which a week is the season
        repeated = [np.resize(scaled[i - first : i], (4, 10)) for i in (84, 95, 106)]
        errors = [scaled[i : i + 4] - one for i, one in zip((84, 95, 106), repeated, strict=True)]
        assert results[name, "Darts"] == pytest.approx(
            [np.abs(errors).mean(), np.square(errors).mean()], abs=1e-3
        )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["demo-output", "mine.csv"]
    pictures = sorted(path.name for path in Path("demo-output").iterdir())
    assert pictures == ["channel_map.png", "forecasts.png", "gains.png"]
    for picture in pictures:
        assert any(line.endswith(str(Path("demo-output") / picture)) for line in lines)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("date,a\n2020-01-01,x\n2020-01-02,2\n2020-01-03,3\n", "not numeric"),
        ("a,b\n1,2\n3,inf\n5,6\n", "1 infinite values"),
        ("a,b\n1,2\n3,4\n", "too few"),
        ("", "not a comma-separated table"),
    ],
)
def test_bad_files_end_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, message: str
) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(text)
    assert main(["--csv", str(path), "--output", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert error.startswith("error: ")
    assert message in error


def test_a_missing_file(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["--csv", str(tmp_path / "none.csv")]) == 2
    assert "none.csv" in capsys.readouterr().err


def test_a_file_with_gaps(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    make_table: MakeTable,
) -> None:
    monkeypatch.setattr(plan, "MAX_ORIGINS", 2)
    table = make_table(80)
    some = np.random.default_rng(0).random(table.shape) < 0.1
    path, out = tmp_path / "gappy.csv", str(tmp_path / "out")
    table.mask(some).drop(index=table.index[[30, 31]]).to_csv(path)
    arguments = ["--csv", str(path), "--horizon", "4", "--lookback", "8", "--output", out]
    assert main(arguments) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    table_lines = [line for line in lines if {"Darts", "sktime"} & {*line} and line[0] != "["]
    assert len(table_lines) == 8
    assert not any("nan" in line for line in table_lines)


def test_a_channel_that_begins_late_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], make_table: MakeTable
) -> None:
    path = tmp_path / "late.csv"
    make_table(80).assign(c1=lambda data: data["c1"][-30:]).to_csv(path)
    assert main(["--csv", str(path), "--output", str(tmp_path)]) == 2
    assert "have no value of c1" in capsys.readouterr().err


def test_irregular_dates_are_counted_and_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], make_table: MakeTable
) -> None:
    path = tmp_path / "gap.csv"
    make_table(50).iloc[[*range(20), *range(30, 50)]].to_csv(path)
    data = read(str(path), print)
    assert list(data.index) == list(range(40))
    said = capsys.readouterr().out
    assert "irregular" in said
    assert "Rows are counted instead." in said
