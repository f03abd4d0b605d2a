"""A head is solved for on the very network that the row's other error is of."""

import pytest

from benchmarks import solved_heads
from benchmarks.protocol import evaluate
from benchmarks.solved_heads import WINDOWS, Window, alike, cell, changes, main, measure, table


@pytest.fixture
def _small(monkeypatch) -> None:
    monkeypatch.setattr(solved_heads, "EPOCHS", 1)
    monkeypatch.setitem(solved_heads.WINDOWS, "alike", Window(24, 6, 2))
    monkeypatch.setattr(solved_heads, "alike", lambda: alike(150, 6))


@pytest.mark.usefixtures("_small")
def test_both_errors_are_of_one_training() -> None:
    one = cell("alike", "nlinear", "hn-mvts", 0)
    row = measure(one, alike(150, 6))
    trained = solved_heads.train_cell(one, alike(150, 6)).model.network
    assert row["test_mse"] == round(evaluate(trained, alike(150, 6), "test", 24, 6).mse, 6)
    assert row["solved_validation_mse"] < row["validation_mse"]
    assert row["solved_test_mse"] < row["test_mse"]


@pytest.mark.usefixtures("_small")
def test_a_run_is_shown_and_not_run_again(tmp_path, capsys, monkeypatch) -> None:
    arguments = ["--data", "alike", "--backbones", "nlinear", "--results", str(tmp_path / "r.csv")]
    main(arguments)
    shown = capsys.readouterr().out

    def not_again(cell, dataset):
        raise AssertionError("A run that is finished was run again.")

    monkeypatch.setattr(solved_heads, "measure", not_again)
    main([*arguments, "--finished"])
    assert capsys.readouterr().out in shown


def test_ratios_are_of_the_errors_that_they_name() -> None:
    errors = {("a", "plain"): (2.0, 1.0), ("a", "hn-mvts"): (4.0, 3.0)}
    rows = [
        {
            "dataset": "x",
            "backbone": backbone,
            "method": method,
            "seed": 0,
            "test_mse": before,
            "solved_test_mse": after,
            "seconds": 1.0,
            "solving_seconds": 0.5,
        }
        for (backbone, method), (before, after) in errors.items()
    ]
    assert [text.split()[0] for text in changes(rows)["x"]] == [
        "0.500",
        "0.750",
        "2.000",
        "1.500",
        "3.000",
    ]
    assert table(rows).iloc[0].tolist() == [
        "x", "a", "2.0000", "1.0000", "1.0 + 0.5", "4.0000", "3.0000", "1.0 + 0.5",
    ]  # fmt: skip


def test_slow_backbones_see_fewer_windows_where_channels_are_many() -> None:
    assert cell("weather", "lstm", "plain", 0).options["stride"] == 3 * WINDOWS["weather"].stride
    assert cell("weather", "rmlp", "plain", 0).options["stride"] == WINDOWS["weather"].stride
    assert cell("ETTh1", "lstm", "plain", 0).options["stride"] == WINDOWS["ETTh1"].stride
