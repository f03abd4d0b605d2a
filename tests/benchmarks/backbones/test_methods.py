"""Methods are compared on a backbone with all else equal."""

from benchmarks.backbones import rows
from benchmarks.backbones.__main__ import main


def test_backbones_are_compared_with_all_else_equal(dataset, monkeypatch, tmp_path, capsys):
    cells = []

    def measure(cell, dataset):
        cells.append(cell)
        mse = {"plain": 2.0, "hn-mvts": 1.5}[cell.method]
        return {"test_mse": mse, "validation_mse": 2 * mse}

    monkeypatch.setattr(rows, "measure", measure)
    monkeypatch.setattr(rows, "load", lambda name, folder: dataset)
    arguments = ["methods", "--data", "weather", "--backbones", "rmlp"]
    arguments += ["--results", str(tmp_path / "results.csv")]
    main(arguments)
    main(arguments)
    plain, generated = cells
    assert generated.options == plain.options
    assert plain.options["stride"] == 7
    assert plain.options["backbone_kwargs"] == {"d_model": 128}
    assert plain._replace(method="hn-mvts") == generated
    assert "| rmlp     | 2.0000 → 1.5000, \u221225.0 % (\u221225.0 %) |" in capsys.readouterr().out
