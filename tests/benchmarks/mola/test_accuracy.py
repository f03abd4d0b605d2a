"""MoLA and the plain backbone are compared fairly."""

import numpy as np

from benchmarks.mola import accuracy
from benchmarks.runs import complete
from benchmarks.training import train


def test_mola_and_plain_run_as_many_epochs(dataset, monkeypatch, tmp_path):
    trained = []

    def record(model_class, dataset, *args, **options):
        trained.append((model_class, options))
        return train(model_class, dataset, *args, **options)

    monkeypatch.setattr(accuracy, "load", lambda *args: dataset)
    monkeypatch.setattr(accuracy, "train", record)
    runs = accuracy.runs(
        "waves",
        None,
        ["dlinear"],
        [0],
        lookback=6,
        horizon=4,
        epochs=5,
        options={"n_segments": 2},
        learning_rate=1e-3,
        stride=2,
    )
    rows = complete(tmp_path / "mola.csv", runs)
    assert [row["method"] for row in rows] == ["plain", "mola"]
    assert all(np.isfinite(row["test_mse"]) for row in rows)
    (_, plain), (_, adapted) = trained
    assert plain["n_epochs"] == adapted["n_base_epochs"] + adapted["n_epochs"] == 5
    assert plain["fit_options"] == adapted["fit_options"] == {"stride": 2}
