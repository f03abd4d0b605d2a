"""What each output of a likelihood is to the series, and what of it can be computed with."""

from typing import Any

from darts.utils.likelihood_models import torch as torch_likelihoods
from darts.utils.likelihood_models.base import LikelihoodType
from darts.utils.likelihood_models.torch import TorchLikelihood
from torch import Tensor

from hyperforecast.nn.layers.instance_norm import OutputRole

_LOCATION_SCALE = (
    LikelihoodType.Gaussian,
    LikelihoodType.Laplace,
    LikelihoodType.Cauchy,
    LikelihoodType.Gumbel,
)


def output_roles(likelihood: TorchLikelihood | None) -> list[OutputRole]:
    """Say what each output of a step is to the series, for the instance norm to restore it."""
    if likelihood is None:
        return ["location"]
    if likelihood.type is LikelihoodType.Quantile:
        return ["location"] * likelihood.num_parameters
    if likelihood.type in _LOCATION_SCALE:
        return ["location", "scale"]
    if likelihood.type is LikelihoodType.Poisson:
        return ["location"]
    if likelihood.type is LikelihoodType.NegativeBinomial:
        return ["location", "free"]  # mean and dispersion
    if likelihood.type is LikelihoodType.HalfNormal:
        return ["scale"]
    return ["free"] * likelihood.num_parameters


BOUND = 15.9
"""Of pre-activations: softplus(-15.9) and sigmoid(-15.9) are 1.2e-7, the least number that float32
can tell from zero beside one."""

_SIGMOID = (-BOUND, BOUND)
_SOFTPLUS = (-BOUND, float("inf"))
_FREE = (-float("inf"), float("inf"))
_BOUNDS = {
    **dict.fromkeys(_LOCATION_SCALE, (_FREE, _SOFTPLUS)),
    LikelihoodType.LogNormal: (_FREE, _SOFTPLUS),
    LikelihoodType.Poisson: (_SOFTPLUS,),
    LikelihoodType.NegativeBinomial: (_SOFTPLUS, _SOFTPLUS),
    LikelihoodType.Exponential: (_SOFTPLUS,),
    LikelihoodType.HalfNormal: (_SOFTPLUS,),
    LikelihoodType.Gamma: (_SOFTPLUS, _SOFTPLUS),
    LikelihoodType.Weibull: (_SOFTPLUS, _SOFTPLUS),
    LikelihoodType.Beta: (_SOFTPLUS, _SOFTPLUS),
    LikelihoodType.Bernoulli: (_SIGMOID,),
    LikelihoodType.ContinuousBernoulli: (_SIGMOID,),
    LikelihoodType.Geometric: (_SIGMOID,),
}


def output_bounds(likelihood: TorchLikelihood | None) -> list[tuple[float, float]]:
    """Return between which values a likelihood can compute with each output of a step.

    Of what goes through softplus, a value below -103 becomes 0 in float32; of what goes through a
    sigmoid, both ends become 0 or 1. Empty where nothing is bounded.
    """
    return [] if likelihood is None else list(_BOUNDS.get(likelihood.type, ()))


def bounded(output: Tensor, bounds: list[tuple[float, float]]) -> Tensor:
    """Bring outputs (..., P) within their bounds, and gradients through as if they were there.

    A gradient of zero beyond a bound would keep an output there that has once come to it.
    """
    if not bounds:
        return output
    low, high = output.new_tensor(bounds).unbind(dim=1)
    return output + (output.clamp(low, high) - output).detach()


def check_likelihood(likelihood: Any) -> None:
    """Raise unless an argument is a likelihood for networks."""
    if likelihood is None or isinstance(likelihood, TorchLikelihood):
        return
    name = type(likelihood).__name__
    here = "darts.utils.likelihood_models.torch"
    advice = (
        f"Import {name} from {here}, not from {type(likelihood).__module__}."
        if hasattr(torch_likelihoods, name)
        else f"Give one of {here}, for example GaussianLikelihood()."
    )
    raise ValueError(f"likelihood must be a likelihood for networks; got {likelihood!r}. {advice}")
