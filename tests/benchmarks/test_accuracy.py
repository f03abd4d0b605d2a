"""The command of the tables of accuracy."""

import json

import pandas as pd
import pytest

from benchmarks import accuracy
from benchmarks.markdown import markdown


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("lr=0.01", (None, "lr", 0.01)),
        ("hn-mvts.channel_embedding_dim=8", ("hn-mvts", "channel_embedding_dim", 8)),
        ("plain.instance_norm=last", ("plain", "instance_norm", "last")),
        ("backbone_kwargs={'kernel_size': 5}", (None, "backbone_kwargs", {"kernel_size": 5})),
    ],
)
def test_options_are_read_as_python_values(text, expected):
    assert accuracy.parse_option(text) == expected


def test_an_option_of_one_method_overrides_that_of_all():
    given = [("hn-mvts", "lr", 1), (None, "lr", 2), ("plain", "batch_size", 3)]
    assert accuracy.options_of("hn-mvts", given) == {"lr": 1}
    assert accuracy.options_of("plain", given) == {"lr": 2, "batch_size": 3}


def test_a_stopped_run_goes_on(dataset, tmp_path, monkeypatch, capsys):
    trained = []

    def measure(cell, dataset):
        trained.append((cell.method, cell.seed))
        if len(trained) == 3:
            raise KeyboardInterrupt
        mse = {"plain": 2.0, "individual": 3.0, "hn-mvts": 1.0}[cell.method] + cell.seed
        costs = {"epochs": 1, "seconds": 0.1, "parameters": 5, "folded_parameters": 5}
        return {"test_mse": mse, "test_mae": 0.5, "validation_mse": 1.0, **costs}

    monkeypatch.setattr(accuracy, "measure", measure)
    monkeypatch.setattr(accuracy, "load", lambda name, folder: dataset)
    results = tmp_path / "results.csv"
    arguments = ["--data", "waves", "--methods", "plain", "hn-mvts", "--seeds", "0", "2"]
    arguments += ["--results", str(results), "--set", "batch_size=8"]
    with pytest.raises(KeyboardInterrupt):
        accuracy.main(arguments)
    assert len(pd.read_csv(results)) == 2
    accuracy.main(arguments)
    assert trained == [("plain", 0), ("plain", 2), ("hn-mvts", 0), ("hn-mvts", 0), ("hn-mvts", 2)]
    accuracy.main(arguments)
    assert len(trained) == 5
    rows = pd.read_csv(results).to_dict("records")
    assert json.loads(rows[0]["options"]) == {"patience": 5, "batch_size": 8}
    means = accuracy.table(rows)
    assert means["test_mse"].tolist() == [3.0, 2.0]
    assert means["to_plain"].tolist() == [1.0, pytest.approx(2 / 3)]
    assert markdown(means) in capsys.readouterr().out
