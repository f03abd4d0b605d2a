"""HN-MVTS stands beside one head each and a wider backbone."""

import pytest

from benchmarks.backbones import rivals, rows
from benchmarks.backbones.__main__ import main
from benchmarks.backbones.settings import Window
from hyperforecast.nn import ForecastingNetwork
from hyperforecast.nn.network import count_parameters


@pytest.mark.parametrize("backbone", ["rlinear", "tsmixer"])
def test_a_wider_backbone_has_about_as_many_parameters(backbone):
    def count(options, **parts):
        sizes = {"lookback": 24, "horizon": 12, "n_channels": 6}
        return count_parameters(
            ForecastingNetwork(**sizes, backbone=backbone, backbone_kwargs=options, parts=parts)
        )

    options = rivals.WIDTHS.get(backbone, {})
    wider = rivals.widened(backbone, Window(24, 12, 1), 6)
    wanted = count(options, **{"hn-mvts": {}})
    name, step = rivals.WIDENED[backbone]
    a_step = count({**wider, name: wider[name] + step}) - count(wider)
    assert abs(count(wider) - wanted) <= a_step / 2
    assert count(wider) > count(options)


def test_all_else_is_equal(dataset, monkeypatch, tmp_path, capsys):
    cells = []

    def measure(cell, dataset):
        cells.append(cell)
        mse = {"plain": 2.0, "hn-mvts": 1.5, "individual": 1.0}[cell.method]
        return {"test_mse": mse, "validation_mse": mse, "parameters": 7}

    monkeypatch.setattr(rows, "measure", measure)
    for module in (rows, rivals):
        monkeypatch.setattr(module, "load", lambda name, folder: dataset)
    arguments = ["rivals", "--data", "weather", "--backbones", "dlinear", "rmlp"]
    main([*arguments, "--results", str(tmp_path / "results.csv")])
    assert [cell.method for cell in cells[:3]] == ["plain", "hn-mvts", "individual"]
    plain, _, individual, wider = cells[3:]
    assert individual == plain._replace(method="individual")
    assert wider.method == "plain"
    width = wider.options["backbone_kwargs"]["d_model"]
    assert width > plain.options["backbone_kwargs"]["d_model"]
    assert "\u221250.0 %" in capsys.readouterr().out
