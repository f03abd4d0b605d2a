"""From what a probabilistic network outputs to point forecasts and quantiles."""

from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
import torch
from darts.utils.likelihood_models import torch as likelihoods
from darts.utils.likelihood_models.base import LikelihoodType
from darts.utils.likelihood_models.torch import QuantileRegression, TorchLikelihood

from hyperforecast.darts.centred_quantiles import check_symmetric
from hyperforecast.darts.training.random_turns import random_turn
from hyperforecast.nn.errors import unknown_name

LIKELIHOODS: dict[str, type[TorchLikelihood]] = {
    "gaussian": likelihoods.GaussianLikelihood,
    "laplace": likelihoods.LaplaceLikelihood,
    "cauchy": likelihoods.CauchyLikelihood,
    "gumbel": likelihoods.GumbelLikelihood,
    "poisson": likelihoods.PoissonLikelihood,
    "negativebinomial": likelihoods.NegativeBinomialLikelihood,
    "bernoulli": likelihoods.BernoulliLikelihood,
    "geometric": likelihoods.GeometricLikelihood,
    "exponential": likelihoods.ExponentialLikelihood,
    "gamma": likelihoods.GammaLikelihood,
    "halfnormal": likelihoods.HalfNormalLikelihood,
    "lognormal": likelihoods.LogNormalLikelihood,
    "weibull": likelihoods.WeibullLikelihood,
    "beta": likelihoods.BetaLikelihood,
    "continuousbernoulli": likelihoods.ContinuousBernoulliLikelihood,
}
"""Likelihoods by name: Darts' own, with their defaults."""

_ANY_VALUE = {
    LikelihoodType.Gaussian,
    LikelihoodType.Laplace,
    LikelihoodType.Cauchy,
    LikelihoodType.Gumbel,
    LikelihoodType.Quantile,
}
# of these the mean does not exist, or is not known
_BY_MEDIAN = {LikelihoodType.Quantile, LikelihoodType.Cauchy}

N_SAMPLES = 500
"""Sample paths drawn where quantiles have no closed form."""


def make_likelihood(
    likelihood: str | TorchLikelihood | None, quantiles: Sequence[float] | None
) -> TorchLikelihood | None:
    """Return the Darts likelihood that a forecaster's parameters ask for."""
    if quantiles is not None:
        if likelihood is not None:
            raise ValueError(
                "Give a likelihood or quantiles, not both: quantiles are learned by quantile "
                "regression, which takes the likelihood's place."
            )
        check_symmetric(quantiles)
        return QuantileRegression(list(quantiles))
    if isinstance(likelihood, str):
        if likelihood not in LIKELIHOODS:
            raise ValueError(unknown_name("likelihood", likelihood, LIKELIHOODS))
        return LIKELIHOODS[likelihood]()
    if likelihood is not None and not isinstance(likelihood, TorchLikelihood):
        raise TypeError(
            f"likelihood must be a name or a torch likelihood of Darts; got {likelihood!r}."
        )
    return likelihood


def takes_any_value(likelihood: TorchLikelihood | None) -> bool:
    """Say whether a likelihood covers all real numbers, as standardised values need it."""
    return likelihood is None or likelihood.type in _ANY_VALUE


def check_levels(likelihood: TorchLikelihood, alphas: Sequence[float]) -> None:
    """Raise if quantiles are asked for beyond those that were learned."""
    if not isinstance(likelihood, QuantileRegression):
        return
    lowest, highest = likelihood.quantiles[0], likelihood.quantiles[-1]
    beyond = [a for a in alphas if not lowest - 1e-9 <= a <= highest + 1e-9]
    if beyond:
        raise ValueError(
            f"The quantiles {', '.join(f'{a:g}' for a in beyond)} lie beyond the learned ones, "
            f"{lowest:g} to {highest:g}. Fit with quantiles that reach as far."
        )


def of_parameters(
    likelihood: TorchLikelihood, parameters: np.ndarray, alphas: Sequence[float] | None, seed: int
) -> np.ndarray:
    """Return :func:`quantiles`, or :func:`point` forecasts where no levels are given."""
    if alphas is None:
        return point(likelihood, parameters)
    return quantiles(likelihood, parameters, alphas, seed)


def point(likelihood: TorchLikelihood, parameters: np.ndarray) -> np.ndarray:
    """Return the mean of the predicted distributions, the median where there is none.

    Parameters
    ----------
    parameters : array, shape (..., P)

    Returns
    -------
    array, shape (..., 1)
    """
    if likelihood.type in _BY_MEDIAN:
        return quantiles(likelihood, parameters, [0.5], seed=0)
    return _distribution(likelihood, parameters).mean.numpy()[..., None]


def quantiles(
    likelihood: TorchLikelihood, parameters: np.ndarray, alphas: Sequence[float], seed: int
) -> np.ndarray:
    """Return quantiles of the predicted distributions, monotone in ``alphas``.

    Learned quantiles that cross are sorted, and in between interpolated linearly over the
    quantiles of the normal distribution, so that they are exact of a normal one. Of distributions
    without a closed form many samples are drawn.

    Parameters
    ----------
    parameters : array, shape (..., P)
    alphas : sequence of A floats
    seed : int
        Of the samples; the global random state is not touched.

    Returns
    -------
    array, shape (..., A)
    """
    if isinstance(likelihood, QuantileRegression):
        return on_normal_scale(np.sort(parameters, axis=-1), likelihood.quantiles, alphas)
    distribution = _distribution(likelihood, parameters)
    try:
        levels = [distribution.icdf(torch.tensor(a, dtype=torch.float64)) for a in alphas]
    except NotImplementedError:
        with random_turn():
            torch.manual_seed(seed)
            samples = distribution.sample((N_SAMPLES,)).numpy()
        return np.moveaxis(np.quantile(samples, alphas, axis=0), 0, -1)
    return torch.stack(levels, dim=-1).numpy()


def sample_point(likelihood: TorchLikelihood, samples: np.ndarray) -> np.ndarray:
    """Return :func:`point` of samples: (..., S) -> (..., 1)."""
    average = np.median if likelihood.type in _BY_MEDIAN else np.mean
    return average(samples, axis=-1)[..., None]


def sample_quantiles(samples: np.ndarray, alphas: Sequence[float]) -> np.ndarray:
    """Return :func:`quantiles` of samples: (..., S) -> (..., A)."""
    return np.moveaxis(np.quantile(samples, alphas, axis=-1), 0, -1)


def _distribution(
    likelihood: TorchLikelihood, parameters: np.ndarray
) -> torch.distributions.Distribution:
    tensors = torch.from_numpy(np.asarray(parameters, dtype=np.float64)).unbind(dim=-1)
    return likelihood._distr_from_params(tensors)


def on_normal_scale(
    values: np.ndarray, levels: Sequence[float], alphas: Sequence[float]
) -> np.ndarray:
    """Interpolate quantiles linearly over the normal distribution's: exactly, of a normal one.

    Beyond the outermost the line through the outer two goes on.

    Parameters
    ----------
    values : array, shape (..., Q)
        Quantiles, ascending.
    levels : sequence of Q floats
        Their levels, ascending.
    alphas : sequence of A floats
        Levels wanted.

    Returns
    -------
    array, shape (..., A)
    """
    normal = np.vectorize(NormalDist().inv_cdf, otypes=[float])
    known, wanted = normal(levels), normal(alphas)
    if len(known) == 1:
        return values[..., np.zeros(len(wanted), dtype=int)]
    left = np.clip(np.searchsorted(known, wanted, side="right") - 1, 0, len(known) - 2)
    along = (wanted - known[left]) / (known[left + 1] - known[left])
    # weighted so that a learned quantile is itself
    return (1 - along) * values[..., left] + along * values[..., left + 1]
