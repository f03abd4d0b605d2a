"""Whole fits: by the exact solver, and by gradients."""

import numpy as np
import pytest
import torch
from darts.models import DLinearModel

from benchmarks.solver.fits import DartsNetwork, chosen, fit_by_gradients, fit_exactly


def test_a_fit_by_gradients_says_when_it_was_best(dataset):
    fit = fit_by_gradients(DLinearModel, dataset, 8, 4, patience=1)
    assert 1 <= fit.epochs < 100
    assert 0 < fit.to_best.wall < fit.total.wall


@pytest.mark.parametrize("knows", [True, False])
def test_the_network_of_a_darts_model_forecasts_as_the_model_does(dataset, knows):
    series, known = dataset.series("train")[["a", "b"]], dataset.series("validation", 200)["c"]
    options = {"n_epochs": 1, "random_state": 0, "pl_trainer_kwargs": {"accelerator": "cpu"}}
    covariates = known if knows else None
    model = DLinearModel(8, 4, **options).fit(series, future_covariates=covariates, verbose=False)
    end = dataset.bounds["train"][1]
    rows = torch.as_tensor(dataset.values[None, end - 8 : end + 4])
    ahead = rows[:, :, 2:].split([8, 4], dim=1) if knows else ()
    with torch.no_grad():
        found = DartsNetwork(model.model.eval())(rows[:, :8, :2], *ahead)
    expected = model.predict(4, future_covariates=covariates).values()
    np.testing.assert_allclose(found[0, :, :, 0], expected, rtol=1e-5, atol=1e-6)


def test_an_exact_fit_has_one_time(dataset):
    fit, model = fit_exactly(dataset, 8, 4, channel_embedding_dim=2)
    assert fit.to_best == fit.total
    assert fit.network is model.network
    assert chosen(model)["d"] == 2
