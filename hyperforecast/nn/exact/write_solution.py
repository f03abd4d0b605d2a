"""An exact solution, written into a network."""

from typing import Any

import torch
from torch import Tensor, nn

from hyperforecast.nn.exact.regressors import Regressors
from hyperforecast.nn.exact.solution import ExactSolution
from hyperforecast.nn.layers import ChannelLinear, GeneratedLinear
from hyperforecast.nn.network import ForecastingNetwork


def solved_network(arguments: dict[str, Any], solution: ExactSolution) -> ForecastingNetwork:
    """Build the network that holds a solution: the same one that gradients would train.

    Parameters
    ----------
    arguments : dict
        Of :class:`ForecastingNetwork`, as they would be for training by gradients.
    solution : ExactSolution

    Returns
    -------
    ForecastingNetwork
        Its instance norm, embedding length and factors are those that the solver chose. It is
        in the solution's precision, float64.
    """
    network = ForecastingNetwork(**solved_arguments(arguments, solution))
    network = network.to(solution.weights.weight.dtype)
    with torch.no_grad():
        _write_solution(network, solution)
    return network


def solved_arguments(arguments: dict[str, Any], solution: ExactSolution) -> dict[str, Any]:
    """Return the arguments of the network that holds a solution."""
    setting = solution.setting
    arguments = dict(arguments, instance_norm=setting.norm, n_factors=setting.n_factors)
    if setting.n_factors:
        arguments["factor_lookback"] = solution.factor_lookback
    if arguments["method"] == "hn-mvts":
        dim = solution.embedding.shape[1]
        arguments["method_kwargs"] = dict(arguments["method_kwargs"], channel_embedding_dim=dim)
    if solution.residual_quantiles is not None:
        arguments["channel_offsets"] = True
    return arguments


def _write_solution(network: ForecastingNetwork, solution: ExactSolution) -> None:
    n_outputs = len(network.output_roles)
    weight, future = solution.weights.weight, solution.weights.future  # (M, H, p), (M, F)
    # an output of a step is the step's forecast; what tells quantiles apart are the offsets
    weight = weight.repeat_interleave(n_outputs, dim=1)  # (M, H·P, p)
    regressors = Regressors(
        n_own=network.lookback,
        n_past=_in_features(network.past_covariate_map),
        n_factors=_in_features(network.factor_map),
        n_static=_in_features(network.static_covariate_map),
    )
    groups = regressors.split(weight)
    own, bias = network.backbone.head_of_linear_map(groups.own), groups.constant.squeeze(-1)
    maps: list[tuple[nn.Module | None, Tensor, Tensor | None]] = [
        (network.head, own, bias),
        (network.past_covariate_map, groups.past, None),
        (network.factor_map, groups.factors, None),
        (network.static_covariate_map, groups.static, None),
        (network.future_covariate_map, future[:, None].expand(-1, n_outputs, -1), None),
    ]
    for layer, values, biases in maps:
        if layer is not None:
            _write_layer(layer, values, biases, solution)
    if network.factors is not None:
        network.factors.loadings.copy_(solution.loadings)
    if network.channel_offsets is not None and solution.residual_quantiles is not None:
        network.channel_offsets.copy_(solution.residual_quantiles)


def _write_layer(
    layer: nn.Module, weight: Tensor, bias: Tensor | None, solution: ExactSolution
) -> None:
    """Write basis weights (M, O, I) and biases (M, O) into a layer of any method."""
    if isinstance(layer, GeneratedLinear):
        generator = layer.generator
        layer.context.weight.copy_(solution.embedding)
        shared = 0 if solution.setting.individual else 1
        for target, bases, values in (
            (generator.weight, generator.weight_bases, weight),
            (generator.bias, generator.bias_bases, bias),
        ):
            if target is not None and bases is not None and values is not None:
                target.copy_(values[0] if shared else torch.zeros_like(values[0]))
                bases.copy_(values[shared:])
    elif isinstance(layer, ChannelLinear):
        layer.weight.copy_(weight)
        if layer.bias is not None and bias is not None:
            layer.bias.copy_(bias)
    elif isinstance(layer, nn.Linear):
        layer.weight.copy_(weight[0])
        if layer.bias is not None and bias is not None:
            layer.bias.copy_(bias[0])
    else:
        raise TypeError(f"An exact solution cannot be written into {type(layer).__name__}.")


def _in_features(layer: nn.Module | None) -> int:
    if layer is None:
        return 0
    if isinstance(layer, GeneratedLinear):
        return layer.generator.in_features
    assert isinstance(layer, (ChannelLinear, nn.Linear))
    return layer.weight.shape[-1]
