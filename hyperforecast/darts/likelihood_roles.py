"""What each output of a likelihood is to the series."""

from darts.utils.likelihood_models.base import LikelihoodType
from darts.utils.likelihood_models.torch import TorchLikelihood

from hyperforecast.nn.instance_norm import OutputRole

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
