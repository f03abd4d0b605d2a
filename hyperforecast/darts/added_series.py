"""Series that are added to a trained model, solved for on rows of their own."""

from collections.abc import Sequence
from typing import Any

import torch
from darts import TimeSeries

from hyperforecast.darts.added_channels import loss_of, mixing_obstacle
from hyperforecast.darts.finite import check_finite
from hyperforecast.darts.gaps import has_gaps
from hyperforecast.darts.names import name_order
from hyperforecast.darts.new_series import with_series
from hyperforecast.darts.observed_series import covariate_rows
from hyperforecast.darts.ordered_inputs import reorder
from hyperforecast.darts.random_turns import random_turn
from hyperforecast.darts.series_numbers import series_name
from hyperforecast.nn import ForecastingNetwork
from hyperforecast.nn.contexts.attributes import with_attributes
from hyperforecast.nn.exact import ObservedSeries
from hyperforecast.nn.exact.units import MeanDeviation
from hyperforecast.nn.newcomers import ChannelSolver
from hyperforecast.nn.resizing import FILLER, channel_axes
from hyperforecast.nn.windows import WindowCutter

Beside = Sequence[TimeSeries] | None


def with_added_series(
    model: Any, series: Sequence[TimeSeries], past: Beside, future: Beside
) -> Any:
    """Return a model that shares all with a trained one but its network, which has more series.

    Parameters
    ----------
    model : HyperforecastModel
        Trained; it stays as it is.
    series, past, future
        See :meth:`HyperforecastModel.add_series`.
    """
    network: ForecastingNetwork = model.network
    _check(network, model.pl_module_params)
    given = [series_name(one, model.model.series_id) for one in series]
    if known := [name for name in dict.fromkeys(given) if name in model.series_names]:
        raise ValueError(
            f"The model knows {', '.join(map(repr, known[:5]))} already. Add series with names of "
            "their own, or train again with more rows."
        )
    stretches: dict[str, list[int]] = {}
    for i, name in enumerate(given):
        stretches.setdefault(name, []).append(i)
    ordered = [
        reorder(one, name_order(list(map(str, one.components)), model.channel_names))
        for one in series
    ]
    for one in ordered:
        check_finite(one, "series")
        if has_gaps(one):
            raise ValueError(
                "`series` holds NaN. Series are added from rows without gaps: fill them first, or "
                "give stretches without them."
            )
    added = with_series(
        model, list(stretches), [[ordered[i] for i in s] for s in stretches.values()]
    )
    for number, numbers in enumerate(stretches.values()):
        for channel in range(network.n_channels):
            rows = [
                _observed(model, ordered[i], channel, past and past[i], future and future[i])
                for i in numbers
            ]
            _solve_for(added, network.n_series + number, channel, rows, network.n_series)
    return added


def _check(network: ForecastingNetwork, module_params: dict[str, Any]) -> None:
    """Raise unless a series' weights can be solved for by themselves."""
    if network.weights_by == "channel":
        raise ValueError(
            "Series have no weights of their own in this model (weights_by='channel'): any series "
            "with its channels can be forecast, and `add_channels` adds channels."
        )
    obstacle = mixing_obstacle(network, module_params)
    if network.factors is not None:
        obstacle = "common factors are those of the series trained on (n_factors)"
    if network.weights_by == "series" and network.n_channels > 1:
        obstacle = "its components share their weights (weights_by='both' tells them apart)"
    if network.static_covariate_map is not None:
        obstacle = "static covariates shift its forecasts, and generate no weights"
    if network.instance_norm is not None and any(True for _ in network.instance_norm.parameters()):
        obstacle = "its instance norm has weights (choose one without)"
    if obstacle:
        raise ValueError(
            f"Series cannot be added to this model, because a series' weights cannot be solved for "
            f"by themselves: {obstacle}. Train with all series."
        )


def _observed(
    model: Any,
    series: TimeSeries,
    channel: int,
    past: TimeSeries | None,
    future: TimeSeries | None,
) -> ObservedSeries:
    """Return the rows of a component as the solver takes them."""
    known = [
        covariate_rows(model._in_order(kind, [covariates])[0], series, kind)
        for covariates, kind in ((past, "past_covariates"), (future, "future_covariates"))
        if covariates is not None
    ]
    return ObservedSeries(
        target=torch.from_numpy(series.values(copy=True)[:, [channel]]).double(),
        past=torch.cat(known, dim=1) if known else None,
        future=None if future is None else known[-1],
    )


def _solve_for(
    model: Any, number: int, channel: int, rows: Sequence[ObservedSeries], n_known: int
) -> None:
    """Solve for the weights of a channel of a series, and write them into the model's network.

    What the known series differ by, with the new one's attributes in the place of theirs, is the
    prior.
    """
    network: ForecastingNetwork = model.network
    row = number * network.n_channels + channel
    by_row, arguments = _by_row(network, model.model.network_arguments)
    about_zero = set()
    for name, context in with_attributes(by_row):
        assert context.from_attributes is not None
        values = context.from_attributes.values
        context.set_attributes(values[row].expand_as(values).clone())
        if context.from_attributes.weight.any():
            about_zero.add(f"{name}.weight")
    solver = ChannelSolver(
        by_row,
        channel_axes(arguments),
        n_known * network.n_channels,
        WindowCutter(
            network.lookback, network.horizon, model.output_chunk_shift, model.model.dtype
        ),
        loss_of(model),
        about_zero,
    )
    units = MeanDeviation(torch.zeros(1).double(), torch.ones(1).double())
    if network.standardiser is not None:
        of_row = (network.standardiser.target_mean, network.standardiser.target_deviation)
        units = MeanDeviation(*(values[[row]].double().cpu() for values in of_row))
    solver.spread.write(network, [row], solver.solve(rows, units))


def _by_row(
    network: ForecastingNetwork, arguments: dict[str, Any]
) -> tuple[ForecastingNetwork, dict[str, Any]]:
    """Return a network whose channels are the rows of one's tables, and its arguments."""
    n_rows = network.n_series * network.n_channels
    arguments = {**arguments, "weights_by": "channel", "n_channels": n_rows, "n_series": 1}
    with random_turn():  # what is drawn is written over
        by_row = ForecastingNetwork(**arguments)
    like = next(network.parameters())
    weights = by_row.state_dict()
    weights |= {n: v for n, v in network.state_dict().items() if not n.startswith(FILLER)}
    by_row.to(like.device, like.dtype).load_state_dict(weights)
    return by_row.eval(), arguments
