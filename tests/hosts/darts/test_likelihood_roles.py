"""Likelihoods on data of any deviation, from the first step on."""

import re
from typing import Any

import numpy as np
import pytest
import torch
from darts import TimeSeries
from darts.utils.likelihood_models import sklearn as sklearn_likelihoods
from darts.utils.likelihood_models import torch as likelihoods

from hyperforecast.darts import BackboneModel, HNMVTSModel, LightSAEModel
from hyperforecast.darts.likelihood_roles import BOUND, bounded, output_bounds, output_roles
from hyperforecast.nn import ForecastingNetwork
from hyperforecast.nn.layers.instance_norm import OutputRole
from tests.hosts.darts.every_model import H, L, each_model_on_any_backbone

UNBOUNDED = ["Gaussian", "Laplace", "Cauchy", "Gumbel"]
POSITIVE = ["Exponential", "Gamma", "HalfNormal", "LogNormal", "Weibull"]
COUNTS = ["Poisson", "NegativeBinomial", "Geometric"]
UNIT = ["Bernoulli", "Beta", "ContinuousBernoulli"]


def make(name: str) -> likelihoods.TorchLikelihood:
    return getattr(likelihoods, f"{name}Likelihood")()


def data(deviation: float, name: str) -> TimeSeries:
    random = np.random.default_rng(0)
    values = np.sin(np.arange(150)[:, None] / 3 + np.arange(2)) + 0.3 * random.normal(size=(150, 2))
    values = deviation * (3 + values / values.std()).clip(0.05)
    if name in COUNTS:
        values = values.round()
    return TimeSeries.from_values(values.astype(np.float32))


class TestStart:
    @each_model_on_any_backbone
    @pytest.mark.parametrize("backbone", ["dlinear", "nlinear", "rmlp"])
    def test_of_what_is_no_location_is_zero(
        self, model_class: type, backbone: str, series: TimeSeries
    ) -> None:
        needs_one = model_class is LightSAEModel and backbone != "rmlp"
        options = {"embedding_dim": 8} if needs_one else {}
        options |= {"backbone": backbone, "n_epochs": 0, "likelihood": make("Gaussian")}
        head = model_class(L, H, **options).fit(series).network.fold().head
        assert not head.weight[..., 1::2, :].any()
        assert not head.bias[..., 1::2].any()
        assert head.weight[..., 0::2, :].any()

    def test_of_locations_is_as_it_would_be_without(self) -> None:
        heads = []
        roles: tuple[OutputRole, ...]
        for roles in (("location", "location"), ("location", "scale")):
            torch.manual_seed(0)
            network = ForecastingNetwork(
                lookback=L, horizon=H, n_channels=2, backbone="nlinear", output_roles=roles
            )
            heads.append(network.head)
        assert torch.equal(heads[0].weight[::2], heads[1].weight[::2])
        assert torch.equal(heads[0].bias[::2], heads[1].bias[::2])


@pytest.mark.parametrize("backbone", ["dlinear", "nlinear"])
@pytest.mark.parametrize("deviation", [1e-3, 100.0])
@pytest.mark.parametrize("name", [*UNBOUNDED, *POSITIVE, *COUNTS])
def test_unscaled_data(name: str, deviation: float, backbone: str) -> None:
    """Gumbel and Weibull grow exponentially in the units of the data, and say so."""
    model = BackboneModel(
        L, H, backbone=backbone, n_epochs=3, random_state=0, likelihood=make(name)
    )
    series = data(deviation, name)
    try:
        model.fit(series)
        forecast = model.predict(H, num_samples=20, random_state=0)
    except ValueError as error:
        assert name in ("Gumbel", "Weibull")
        assert deviation > 1
        assert "Scale the data" in str(error)  # noqa: PT017
    else:
        assert np.isfinite(forecast.all_values()).all()


def test_a_training_that_diverges_says_so_and_changes_nothing(series: TimeSeries) -> None:
    model = HNMVTSModel(L, H, n_epochs=2, random_state=0, likelihood=make("Gumbel")).fit(series)
    before = model.predict(H, predict_likelihood_parameters=True)
    message = (
        r"Training diverged: \d+ of \d+ parameters hold NaN or infinite values, the first is "
        r"'network\.\S+'\. Expected finite weights\. Scale the data"
    )
    with pytest.raises(ValueError, match=message):
        model.fit(series * 1e5)
    after = model.predict(H, predict_likelihood_parameters=True)
    np.testing.assert_array_equal(after.values(), before.values())


def test_a_learning_rate_that_diverges(series: TimeSeries) -> None:
    model = HNMVTSModel(
        L, H, n_epochs=20, optimizer_cls=torch.optim.SGD, optimizer_kwargs={"lr": 1e6}
    )
    with pytest.raises(ValueError, match=r"Training diverged.*or choose a smaller learning rate"):
        model.fit(series)


def test_a_forecast_that_is_not_finite(series: TimeSeries) -> None:
    model = HNMVTSModel(L, H, n_epochs=1, random_state=0).fit(series)
    with torch.no_grad():
        model.network.head.weight.fill_(1e38)
    message = r"The forecast is not finite: 12 of 12 values are NaN or infinite.*Scale the data"
    with pytest.raises(ValueError, match=message):
        model.predict(H, series=series + 1e3)


class TestBounds:
    @pytest.mark.parametrize("name", [*UNBOUNDED, *POSITIVE, *COUNTS, *UNIT])
    @pytest.mark.parametrize("extreme", [-1e4, 1e4])
    def test_parameters_stay_in_their_domain(self, name: str, extreme: float) -> None:
        """The likelihood makes a distribution of any output, and a finite loss."""
        likelihood = make(name)
        bounds = output_bounds(likelihood)
        assert len(bounds) == likelihood.num_parameters == len(output_roles(likelihood))
        output = torch.full((2, 3, 1, len(bounds)), extreme, requires_grad=True)
        parameters = likelihood._params_from_output(bounded(output, bounds))
        distribution = likelihood._distr_from_params(parameters)
        target = torch.full((2, 3, 1), 0.5 if name in ("Beta", "ContinuousBernoulli") else 1.0)
        if name not in ("LogNormal", "Weibull", "Gumbel"):  # exponentials of the output
            assert distribution.log_prob(target).isfinite().all()

    def test_within_them_nothing_changes(self) -> None:
        bounds = output_bounds(make("Gaussian"))
        output = torch.tensor([[-1e9, -BOUND], [3.0, 0.5], [1e9, 1e9]])
        assert torch.equal(bounded(output, bounds), output)
        assert bounded(output, output_bounds(None)) is output
        quantiles = likelihoods.QuantileRegression([0.1, 0.5, 0.9])
        assert bounded(output, output_bounds(quantiles)) is output

    def test_gradients_come_through(self) -> None:
        """A scale that has come to its bound grows again where the loss asks for it."""
        output = torch.tensor([[0.0, -50.0]], requires_grad=True)
        bounded(output, output_bounds(make("Cauchy")))[0, 1].backward()
        assert output.grad is not None
        assert output.grad.tolist() == [[0.0, 1.0]]


class TestArgument:
    def test_of_another_kind_of_models(self) -> None:
        other = sklearn_likelihoods.QuantileRegression(n_outputs=1, quantiles=[0.1, 0.5, 0.9])
        message = (
            "Import QuantileRegression from darts.utils.likelihood_models.torch, not from "
            "darts.utils.likelihood_models.sklearn."
        )
        with pytest.raises(ValueError, match=re.escape(message)):
            HNMVTSModel(L, H, likelihood=other)

    @pytest.mark.parametrize("given", ["gaussian", 3, likelihoods.GaussianLikelihood])
    def test_that_is_none(self, given: Any) -> None:
        message = "likelihood must be a likelihood for networks; got"
        with pytest.raises(ValueError, match=message):
            HNMVTSModel(L, H, likelihood=given)
