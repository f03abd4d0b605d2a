"""The head of a trained network, solved in closed form."""

import copy
import math
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from hyperforecast.nn.exact import BasisWeights, ObservedSeries, Problem
from hyperforecast.nn.exact.choice.late import IsLate, OutOfTime, never
from hyperforecast.nn.exact.intervals.calibration import calibrate
from hyperforecast.nn.exact.solver import MIN_HELD_OUT
from hyperforecast.nn.exact.splits.hold_out import hold_out
from hyperforecast.nn.exact.windows.units import MeanDeviation
from hyperforecast.nn.network import ForecastingNetwork
from hyperforecast.nn.random_numbers import own_random_numbers
from hyperforecast.nn.solved_head.feature_moments import FeatureMoments
from hyperforecast.nn.solved_head.feature_rows import FeatureTap
from hyperforecast.nn.solved_head.forms import HeadForm, head_forms, trained_form
from hyperforecast.nn.solved_head.options import HeadOptions
from hyperforecast.nn.solved_head.output_layers import OutputLayers
from hyperforecast.nn.solved_head.race import ComparedHead, Equations, HeadRace
from hyperforecast.nn.solved_head.residuals import (
    network_residuals,
    with_quantiles,
    without_quantiles,
)
from hyperforecast.nn.windows import WindowCutter


@dataclass(frozen=True)
class SolvedHead:
    """A network whose head was solved for.

    Attributes
    ----------
    network : ForecastingNetwork
        The one given, or another where the channels' vectors have another length.
    arguments : dict
        Of that network.
    compared : list of ComparedHead
        In the order in which they were compared; empty where there were too few windows to choose
        by, or no time, and the head is as it was, and where its ridge had been selected before.
    """

    network: ForecastingNetwork
    arguments: dict[str, Any]
    compared: list[ComparedHead] = field(default_factory=list)


def solve_head(
    network: ForecastingNetwork,
    arguments: dict[str, Any],
    series: Sequence[ObservedSeries],
    validation: Sequence[ObservedSeries] | None = None,
    options: HeadOptions | None = None,
    *,
    shift: int = 0,
    requested: int | None = None,
    selected: float | None = None,
    levels: Sequence[float] = (),
    centred: bool = False,
    device: torch.device | None = None,
    is_late: IsLate = never,
) -> SolvedHead:
    r"""Solve for the last layers of a trained network, all before them held still.

    The forecast is linear in its head: with features :math:`\phi` of a window and trained weights
    :math:`W_n` of its channel, the change :math:`\Delta_n` minimises

    .. math:: \sum_{n,t} s_{nt}^2 \|y_{nt} - (W_n + \Delta_n) \phi_{nt}\|^2
              + \lambda \|\Delta\|^2,

    where s is what an instance norm multiplies the head's output by, in units of the channel's
    training deviation. An infinite ridge leaves the head as it was trained. Where the channels'
    heads are generated, :math:`\Delta_n` is too; vectors of other lengths are the principal
    components of the trained heads, and W the nearest that they can generate.

    Parameters
    ----------
    network : ForecastingNetwork
        Of point forecasts, or of quantiles with a point head. It is changed in place unless the
        length of the vectors changes.
    arguments : dict
        Of the network.
    series : sequence of ObservedSeries
        Training series, float64.
    validation : sequence of ObservedSeries, optional
        Without them the last windows of each training series are held out, and the form selected
        is solved again on all windows.
    options : HeadOptions, optional
    shift : int, default=0
        Number of steps between lookback and horizon.
    requested : int, optional
        Length of the channels' vectors that was asked for.
    selected : float, optional
        Ridge that was selected where the head was solved for on a part of the windows. Nothing is
        compared then: a head of the form that it has is solved for again on all training windows,
        drawn towards what it is, and stays if the ridge is infinite. Quantiles are of its errors
        before.
    levels : sequence of float, default=()
        Of the quantiles that the outputs of a step are, around the forecast that is solved for: of
        its errors on validation. The network has a point head then.
    centred : bool, default=False
        Whether the middle one is the forecast itself.
    device : torch.device, optional
        Where to solve, in float64; the CPU if not given.
    is_late : callable, optional
        Says whether the time to compare is over. From then on no further form or ridge is compared,
        and before the moments of all windows are made the head stays as it is.

    Notes
    -----
    On features that were not trained at all this is an extreme learning machine: Huang, Zhu & Siew,
    "Extreme learning machine: theory and applications", Neurocomputing 2006.
    """
    options = options or HeadOptions()
    without_quantiles(network)
    like = next(network.parameters())
    cutter = WindowCutter(network.lookback, network.horizon, shift, like.dtype)
    held_out = validation is None
    training = list(series)
    problem = Problem(
        network.lookback, network.horizon, shift, quantiles=tuple(levels), centred=centred
    )
    if validation is None:
        ((training, validation),) = hold_out(problem, series, options.validation_size)
        validation = [replace(one, counts=None) for one in validation]  # all of them compare
    n_held_out = sum(len(cutter.starts(one)) for one in validation)
    n_training = sum(len(cutter.starts(one)) for one in training)
    was_training = network.training
    network.eval()
    if not n_training or n_held_out < (MIN_HELD_OUT if held_out else 1):
        some = validation if n_held_out and not held_out else series
        arguments = _calibrated(network, arguments, cutter, some, problem)
        return SolvedHead(network.train(was_training), arguments)

    layers = OutputLayers(network)
    device = torch.device("cpu") if device is None else device
    deviation = MeanDeviation.of([one.known for one in series]).deviation
    tap = FeatureTap(layers, torch.where(deviation > 0, deviation, 1.0), device)
    max_bytes = options.max_memory_gb * 2**30 / 3
    if selected is not None:
        quantiles = None
        if levels:
            quantiles = calibrate(network_residuals(network, cutter, validation), problem)
        every = FeatureMoments(tap, cutter, series, max_bytes, is_late)
        if math.isfinite(selected):
            with suppress(OutOfTime):
                form = trained_form(layers, device)
                network, arguments = _written(
                    layers, arguments, form, _solution(every, form, selected)
                )
        if quantiles is not None:
            arguments = with_quantiles(network, arguments, quantiles)
        return SolvedHead(network.train(was_training), arguments)

    trained = FeatureMoments(tap, cutter, training, max_bytes, is_late)
    validated = FeatureMoments(tap, cutter, validation, max_bytes, is_late)
    forms = head_forms(layers, requested, device)
    try:
        race = HeadRace(trained, validated, forms, options.ridges, requested is not None, is_late)
        winner = race.winner()
    except OutOfTime:
        arguments = _calibrated(network, arguments, cutter, validation, problem)
        return SolvedHead(network.train(was_training), arguments)
    quantiles = None
    if levels:
        written, _ = _written(
            OutputLayers(copy.deepcopy(network)), arguments, winner.form, winner.change
        )
        quantiles = calibrate(network_residuals(written.eval(), cutter, validation), problem)
    change = winner.change
    if held_out and not math.isinf(winner.ridge):
        trained.release()
        validated.release()
        every = FeatureMoments(tap, cutter, series, max_bytes)
        change = _solution(every, winner.form, winner.ridge)
    network, arguments = _written(layers, arguments, winner.form, change)
    if quantiles is not None:
        arguments = with_quantiles(network, arguments, quantiles)
    return SolvedHead(network.train(was_training), arguments, race.compared)


def _solution(moments: FeatureMoments, form: HeadForm, ridge: float) -> BasisWeights:
    """Return the change of a head that some windows ask for."""
    return Equations(moments, [form]).regression(form).solve(ridge)


def _calibrated(
    network: ForecastingNetwork,
    arguments: dict[str, Any],
    cutter: WindowCutter,
    series: Sequence[ObservedSeries],
    problem: Problem,
) -> dict[str, Any]:
    """Write the quantiles asked for into a network, if any are, and return its arguments."""
    if not problem.quantiles or not any(len(cutter.starts(one)) for one in series):
        return arguments
    quantiles = calibrate(network_residuals(network, cutter, series), problem)
    return with_quantiles(network, arguments, quantiles)


def _written(
    layers: OutputLayers, arguments: dict[str, Any], form: HeadForm, change: BasisWeights
) -> tuple[ForecastingNetwork, dict[str, Any]]:
    """Return the network with a changed head, and its arguments."""
    network = layers.network
    if form.start is None:
        if layers.channel_weights != "generated" or form.mixing.shape[1] == 1:
            layers.change(change)
        else:
            embedding, weights = layers.generated()
            layers.write(embedding, _sum(weights, change))
        return network, arguments
    assert form.embedding is not None
    weights = _sum(form.start, change)
    if form.individual:  # nothing is shared: a first weight of zero
        weights = BasisWeights(_after_zero(weights.weight), _after_zero(weights.future))
    parts = dict(arguments["parts"])
    parts[layers.part] = {
        **(parts[layers.part] or {}),
        **layers.chosen(form.embedding.shape[1]),
    }
    arguments = {**arguments, "parts": parts}
    like = next(network.parameters())
    with own_random_numbers():
        other = ForecastingNetwork(**arguments).to(like)
    generated = f".terms.{layers.part}."
    kept = {name: v for name, v in network.state_dict().items() if generated not in name}
    other.load_state_dict(kept, strict=False)
    OutputLayers(other).write(form.embedding, weights)
    return other, arguments


def _sum(one: BasisWeights, other: BasisWeights) -> BasisWeights:
    weight = one.weight.cpu() + other.weight.cpu()
    return BasisWeights(weight, one.future.cpu() + other.future.cpu())


def _after_zero(values: Tensor) -> Tensor:
    return torch.cat([torch.zeros_like(values[:1]), values])
