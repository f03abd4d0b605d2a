"""Whole fits: by the exact solver, and by gradients."""

import numpy as np
import torch
from darts.models import DLinearModel

from benchmarks.solver.fits import DartsNetwork, chosen, fit_by_gradients, fit_exactly


def test_a_fit_by_gradients_says_when_it_was_best(dataset):
    fit = fit_by_gradients(DLinearModel, dataset, 8, 4, patience=1)
    assert 1 <= fit.epochs < 100
    assert 0 < fit.to_best.wall < fit.total.wall


def test_the_network_of_a_darts_model_forecasts_as_the_model_does(dataset):
    series = dataset.series("train")
    options = {"n_epochs": 1, "random_state": 0, "pl_trainer_kwargs": {"accelerator": "cpu"}}
    model = DLinearModel(8, 4, **options).fit(series, verbose=False)
    past = torch.as_tensor(dataset.rows("train")[-8:]).unsqueeze(0)
    with torch.no_grad():
        found = DartsNetwork(model.model.eval())(past)
    np.testing.assert_allclose(found[0, :, :, 0], model.predict(4).values(), rtol=1e-5, atol=1e-6)


def test_an_exact_fit_has_one_time(dataset):
    fit, model = fit_exactly(dataset, 8, 4, channel_embedding_dim=2)
    assert fit.to_best == fit.total
    assert fit.network is model.network
    assert chosen(model)["d"] == 2
