"""Shapes of MoLA are scanned as named."""

from benchmarks.mola import accuracy, scan
from benchmarks.runs import complete, read_results
from benchmarks.training import train


def test_every_shape_is_what_it_is_called(dataset, monkeypatch, tmp_path):
    trained = []

    def record(model_class, dataset, *args, **options):
        trained.append(options)
        return train(model_class, dataset, *args, **options)

    monkeypatch.setattr(accuracy, "load", lambda *args: dataset)
    monkeypatch.setattr(accuracy, "train", record)
    shapes = ["plain backbone", "a base of one step", "rank 1", "2 segments"]
    settings = {"lookback": 6, "horizon": 8, "epochs": 2, "learning_rate": 1e-3, "stride": 4}
    runs = scan.runs("waves", None, ["dlinear"], [0], shapes, **settings)
    complete(tmp_path / "scan.csv", runs)
    told = [
        {key: one.get(key) for key in ("n_segments", "segment_length", "rank")} for one in trained
    ]
    assert told == [
        {"n_segments": None, "segment_length": None, "rank": None},
        {"n_segments": None, "segment_length": 1, "rank": 4},
        {"n_segments": 8, "segment_length": None, "rank": 1},
        {"n_segments": 2, "segment_length": None, "rank": 4},
    ]
    table = scan.table(read_results(tmp_path / "scan.csv"))
    assert sorted(table["shape"]) == sorted(shapes)
    assert list(table["shape"]) == [one for one in scan.SHAPES if one in shapes]
    rows = read_results(tmp_path / "scan.csv").set_index("shape").loc[table["shape"]]
    for part in ("validation", "test"):
        assert list(table[f"waves 8, dlinear, {part}"]) == list(rows[f"{part}_mse"])
