"""Vectors of several lengths are compared with one head for all channels."""

from benchmarks.backbones import lengths, rows
from benchmarks.backbones.__main__ import main


def test_lengths_are_compared_with_one_head_for_all(dataset, monkeypatch, tmp_path, capsys):
    def measure(cell, dataset):
        mse = 2.0 - 0.1 * cell.options["channel_embedding_dim"]
        return {"test_mse": mse, "validation_mse": 2 * mse}

    monkeypatch.setattr(rows, "measure", measure)
    monkeypatch.setattr(rows, "load", lambda name, folder: dataset)
    monkeypatch.setattr(lengths, "load", lambda name, folder: dataset)
    path = tmp_path / "results.csv"
    arguments = ["lengths", "--data", "ETTh1", "--backbones", "nlinear", "--results", str(path)]
    main([*arguments, "--finished"])
    assert not path.exists()
    main(arguments)
    row = capsys.readouterr().out.splitlines()[-1]
    # three channels: no vectors longer than two are tried
    assert row.split("|")[1:-1] == [
        " ETTh1 ",
        " nlinear  ",
        " \u22125.0 % (\u22125.0 %) ",
        " \u221210.0 % (\u221210.0 %) ",
    ]
