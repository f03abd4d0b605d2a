"""An exact solution, written into a network."""

from typing import Any

import torch
from torch import Tensor, nn

from hyperforecast.nn.contexts.attributes import with_attributes
from hyperforecast.nn.exact.settings.residual_quantiles import ResidualQuantiles
from hyperforecast.nn.exact.settings.solution import ExactSolution
from hyperforecast.nn.exact.windows.cycles import Cycles
from hyperforecast.nn.exact.windows.regressors import Regressors
from hyperforecast.nn.exact.windows.units import MeanDeviation, Units
from hyperforecast.nn.layers.channel_offsets import ChannelOffsets
from hyperforecast.nn.network import ForecastingNetwork
from hyperforecast.nn.parts import closed_form_of_head, make_parts
from hyperforecast.nn.series.phase_means import PhaseMeans
from hyperforecast.nn.sites import LINEAR


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
        Its instance norm, embedding length, factors and cycles are those that the solver chose, and
        it standardises by the solution's units. It is in the solution's precision, float64.
    """
    network = ForecastingNetwork(**solved_arguments(arguments, solution))
    network = network.to(solution.weights.weight.dtype)
    with torch.no_grad():
        _write_solution(network, solution)
    return network


def solved_arguments(arguments: dict[str, Any], solution: ExactSolution) -> dict[str, Any]:
    """Return the arguments of the network that holds a solution."""
    setting = solution.setting
    n_channels, n_factors = solution.loadings.shape
    chosen = {"instance_norm": setting.norm, "n_factors": n_factors, "standardised": True}
    arguments = {**arguments, **chosen}
    if n_factors:
        arguments["factor_lookback"] = solution.factor_lookback
    if setting.neighbour_lags:
        arguments |= {"n_neighbours": n_channels, "neighbour_steps": setting.neighbour_lags}
    dim = solution.embedding.shape[1]
    given = arguments["parts"] or {}
    arguments["parts"] = {
        name: {**(given[name] or {}), **part.closed_form(name).chosen(dim)}
        for name, part in make_parts(given).items()
    }
    if solution.residual_quantiles is not None:
        arguments["channel_offsets"] = True
        arguments["offset_spans"] = list(solution.residual_quantiles.volatility.spans)
    if arguments.get("periods") is not None:
        arguments["periods"] = () if solution.cycles is None else solution.cycles.periods
    return arguments


def _write_solution(network: ForecastingNetwork, solution: ExactSolution) -> None:
    n_outputs = len(network.output_roles)
    weight, future = solution.weights.weight, solution.weights.future  # (M, H, p), (M, F)
    # an output of a step is the step's forecast; what tells quantiles apart are the offsets
    weight = weight.repeat_interleave(n_outputs, dim=1)  # (M, H·P, p)
    if solution.shared is not None:  # what each channel has is what it lacks of that
        shared = solution.shared
        first = shared.weight.repeat_interleave(n_outputs, dim=1)
        weight = torch.cat([first, weight - first])
        future = torch.cat([shared.future, future - shared.future])
    regressors = Regressors(
        n_own=network.lookback,
        n_past=_n_inputs(network.past_covariate_map),
        n_factors=_n_inputs(network.factor_map),
        n_static=_n_inputs(network.static_covariate_map),
    )
    groups = regressors.split(weight)
    own, bias = _head_of(network.backbone, groups.own), groups.constant.squeeze(-1)
    maps: list[tuple[nn.Module | None, Tensor, Tensor | None]] = [
        (network.head, own, bias),
        (network.past_covariate_map, groups.past, None),
        (network.factor_map, groups.factors, None),
        (network.static_covariate_map, groups.static, None),
        (network.future_covariate_map, future[:, None].expand(-1, n_outputs, -1), None),
    ]
    for _, context in with_attributes(network):
        assert solution.attributes is not None
        context.set_attributes(solution.attributes)
    closed_form = closed_form_of_head(network.parts)
    for layer, values, biases in maps:
        if layer is not None:
            closed_form.write(layer, solution.embedding, values, biases)
    if solution.setting.attributed:
        for _, context in with_attributes(network):
            context.begin_with_attributes()
    assert network.standardiser is not None
    units = solution.units
    kinds = {
        "target": units.target,
        "past": units.past,
        "future": units.future,
        "static": units.static,
    }
    for name, of_kind in kinds.items():
        if of_kind is not None:
            network.standardiser.set_units(name, *of_kind)
    if solution.cycles is not None:
        write_cycles(network, solution.cycles, units)
    if network.factors is not None:
        network.factors.set_factors(solution.loadings)
    if network.channel_offsets is not None and solution.residual_quantiles is not None:
        write_quantiles(network.channel_offsets, solution.residual_quantiles)


def write_cycles(network: ForecastingNetwork, cycles: Cycles, units: Units | None = None) -> None:
    """Write cycles into a network of the same periods, in units by which it standardises."""
    for kind, layer in (
        ("target", network.cycle),
        ("past", network.past_cycle),
        ("future", network.future_cycle),
    ):
        if layer is not None:
            means: PhaseMeans = getattr(cycles, kind)
            unit: MeanDeviation | None = None if units is None else getattr(units, kind)
            layer.start_at(means if unit is None else means.divided_by(unit.deviation))


def write_quantiles(layer: ChannelOffsets, quantiles: ResidualQuantiles) -> None:
    """Write residual quantiles into offsets of the same spans."""
    layer.offsets.copy_(quantiles.offsets)
    if layer.spans:
        layer.constant.fill_(quantiles.volatility.constant)
        layer.coefficients.copy_(quantiles.volatility.coefficients)


def _head_of(backbone: nn.Module, linear_map: Tensor) -> Tensor:
    """Return the head that makes a linear backbone the given map of the window."""
    head_of_linear_map: Any = backbone.head_of_linear_map
    return head_of_linear_map(linear_map)


def _n_inputs(layer: nn.Module | None) -> int:
    if layer is None:
        return 0
    assert isinstance(layer, LINEAR)
    return layer.weight.shape[-1]
