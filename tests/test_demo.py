"""The demo: what it chooses, what it prints and saves, and what it says of bad files."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hyperforecast import demo


@pytest.fixture(autouse=True)
def loud(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave this process' warnings and logs as they are."""
    monkeypatch.setattr(demo, "_be_quiet", lambda: None)


def table(n_rows: int, n_channels: int = 3) -> pd.DataFrame:
    random = np.random.default_rng(0)
    values = random.normal(size=(n_rows, n_channels)).cumsum(axis=0)
    index = pd.date_range("2020-01-01", periods=n_rows, freq="D", name="date")
    return pd.DataFrame(values, index=index, columns=[f"c{i}" for i in range(n_channels)])


class TestSplit:
    def test_last_fifth_is_for_the_test(self) -> None:
        data, first, horizon, lookbacks = demo.split(table(1000))
        assert (len(data), first, horizon) == (1000, 800, 24)
        assert lookbacks == [10, 24, 48, 96, 192]

    def test_lengths_asked_for_are_kept(self) -> None:
        _, _, horizon, lookbacks = demo.split(table(1000), horizon=7, lookback=300)
        assert (horizon, lookbacks) == (7, [300])

    def test_first_rows_are_dropped_where_there_are_many(self) -> None:
        given = table(20_000, 1)
        data, first, *_ = demo.split(given)
        assert first == demo.MAX_TRAINING_ROWS
        pd.testing.assert_frame_equal(data, given.iloc[-len(data) :])
        assert len(data) - first == 4000

    @pytest.mark.parametrize("lengths", [(1, 20), (30, None), (20, 60)])
    def test_too_few_rows(self, lengths: tuple[int, int | None]) -> None:
        with pytest.raises(ValueError, match=r"^40 rows are too few for a lookback of"):
            demo.split(table(40), lengths[0], lengths[1] or 30)

    def test_lengths_below_one(self) -> None:
        with pytest.raises(ValueError, match=r"the horizon must be a number of rows >= 1; got -3"):
            demo.split(table(40), -3)


def test_origins_leave_room_for_whole_forecasts() -> None:
    plan = demo.Plan(table(20), first_test_row=12, horizon=3, lookback=4, stride=2)
    assert list(plan.origins) == [12, 14, 16]


def test_errors_by_hand() -> None:
    data = pd.DataFrame({"a": [0.0, 0, 0, 1, 2], "b": [0.0, 0, 0, 10, 20]})
    plan = demo.Plan(data, first_test_row=3, horizon=2, lookback=1, stride=1)
    forecast = pd.DataFrame({"a": [0.0, 0], "b": [0.0, 0]})
    entry = demo._entry("m", "Darts", [forecast], 1.0, plan, np.array([1.0, 10.0]), None)
    assert entry.mae == pytest.approx(1.5)
    assert entry.mse == pytest.approx(2.5)


def test_table_gives_ratios_within_a_host() -> None:
    entries = [
        demo.Entry(name, host, [], 1.0, mae=0.5, mse=mse)
        for name, host, mse in [
            (demo.PLAIN, "sktime", 2.0),
            (demo.HN_EXACT, "sktime", 1.0),
            (demo.PLAIN, "Darts", 4.0),
            (demo.HN_EXACT, "Darts", 1.0),
        ]
    ]
    rows = [line.split() for line in demo.table(entries).splitlines()[2:] if line]
    assert [row[-2] for row in rows] == ["1.00", "0.50", "1.00", "0.25"]
    assert len({len(line) for line in demo.table(entries).splitlines() if line}) == 1


def test_from_a_file_to_pictures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(demo, "ADAM_STEPS", 5)
    monkeypatch.setattr(demo, "MAX_ORIGINS", 3)
    monkeypatch.chdir(tmp_path)
    table(120, 10).to_csv("mine.csv")
    assert demo.main(["--csv", "mine.csv", "--horizon", "4", "--lookback", "8"]) == 0

    lines = capsys.readouterr().out.splitlines()
    results = {}
    for line in lines:
        for name in (demo.HN_EXACT, demo.HN_ADAM, demo.PLAIN, demo.INDIVIDUAL, demo.LAST):
            if line.startswith(name):
                host, *errors = line.removeprefix(name).split()
                results[name, host] = [float(error) for error in errors[:2]]
    for name in (demo.HN_EXACT, demo.HN_ADAM, demo.PLAIN, demo.INDIVIDUAL):
        # two hosts, the same windows, the same model
        assert results[name, "sktime"] == pytest.approx(results[name, "Darts"], rel=0.01)
    assert any(line.startswith("For HN-MVTS the exact solver chose") for line in lines)
    # the naive forecast, by hand: 84 rows to train on, 33 windows, every 11th
    data = pd.read_csv("mine.csv", index_col=0)
    scaled = (data / data[:84].std(ddof=0)).to_numpy()
    errors = [scaled[i : i + 4] - scaled[i - 1] for i in (84, 95, 106)]
    assert results[demo.LAST, "Darts"] == pytest.approx(
        [np.abs(errors).mean(), np.square(errors).mean()], abs=1e-3
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["demo-output", "mine.csv"]
    pictures = sorted(path.name for path in Path("demo-output").iterdir())
    assert pictures == ["channel_map.png", "forecasts.png"]
    for picture in pictures:
        assert any(line.endswith(str(Path("demo-output") / picture)) for line in lines)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("date,a\n2020-01-01,x\n2020-01-02,2\n2020-01-03,3\n", "not numeric"),
        ("a,b\n1,2\n3,\n5,6\n", "missing or infinite"),
        ("a,b\n1,2\n3,4\n", "too few"),
        ("", "not a comma-separated table"),
    ],
)
def test_bad_files_end_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, message: str
) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(text)
    assert demo.main(["--csv", str(path), "--output", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert error.startswith("error: ")
    assert message in error


def test_a_missing_file(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert demo.main(["--csv", str(tmp_path / "none.csv")]) == 2
    assert "none.csv" in capsys.readouterr().err


def test_irregular_dates_are_counted_and_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "gap.csv"
    table(50).drop(index=pd.Timestamp("2020-01-20")).to_csv(path)
    data = demo._read(str(path), print)
    assert list(data.index) == list(range(49))
    said = capsys.readouterr().out
    assert "irregular" in said
    assert "Rows are counted instead." in said
