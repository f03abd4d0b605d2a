"""Training for the benchmarks."""

from benchmarks.protocol import evaluate
from benchmarks.training import train
from hyperforecast.darts import BackboneModel


def test_training_takes_the_best_epoch_and_leaves_no_files(dataset, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    options = {"optimizer_kwargs": {"lr": 0.3}, "n_epochs": 30, "batch_size": 8}
    model, epochs, _, taken = train(BackboneModel, dataset, 8, 4, seed=0, patience=2, **options)
    assert epochs < 30
    assert taken.wall > 0
    assert list(tmp_path.iterdir()) == []
    best = evaluate(model.network, dataset, "validation", 8, 4).mse
    # the last epoch was no improvement: stopped there without going back, the error is higher
    last = BackboneModel(8, 4, random_state=0, **{**options, "n_epochs": epochs})
    last.fit(dataset.series("train"), val_series=dataset.series("validation", 8))
    assert best < evaluate(last.network, dataset, "validation", 8, 4).mse
