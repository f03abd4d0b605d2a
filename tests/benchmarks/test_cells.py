"""Options of a cell as arguments of its model."""

from benchmarks.cells import model_arguments
from benchmarks.training import train
from hyperforecast.darts import BackboneModel


def test_the_learning_rate_is_the_optimisers():
    assert model_arguments({"lr": 1, "batch_size": 3}) == {
        "optimizer_kwargs": {"lr": 1},
        "batch_size": 3,
    }


def test_the_learning_rate_falls_when_the_validation_loss_does_not(dataset):
    options = model_arguments({"lr": 0.3, "lr_factor": 0.5, "n_epochs": 30})
    training = train(BackboneModel, dataset, 8, 4, seed=0, patience=4, solver="adam", **options)
    rate = training.model.trainer.optimizers[0].param_groups[0]["lr"]
    # training ends after patience epochs in a row without a lower loss, each of which halved it
    assert training.epochs < 30
    assert rate <= 0.3 * 0.5**4
