"""Series that are added to a trained model, solved for on rows of their own."""

from collections.abc import Hashable, Sequence
from dataclasses import replace
from typing import Any

import torch
from darts import TimeSeries

from hyperforecast.darts.inputs.finite import check_finite
from hyperforecast.darts.inputs.gaps import has_gaps
from hyperforecast.darts.inputs.names import name_order
from hyperforecast.darts.inputs.observed_series import covariate_rows
from hyperforecast.darts.inputs.phases import phase_of
from hyperforecast.darts.inputs.series_numbers import series_name
from hyperforecast.darts.newcomers.added_channels import Beside, mixing_obstacle
from hyperforecast.darts.newcomers.new_series import with_series
from hyperforecast.darts.newcomers.newcomer_solver import encoder_for, newcomer_solver
from hyperforecast.darts.ordered_inputs import reorder
from hyperforecast.darts.training.random_turns import random_turn
from hyperforecast.nn import ForecastingNetwork
from hyperforecast.nn.exact import ObservedSeries
from hyperforecast.nn.exact.windows.units import MeanDeviation
from hyperforecast.nn.layers.channel_offsets import OFFSETS
from hyperforecast.nn.layers.standardiser import Standardiser
from hyperforecast.nn.newcomers import (
    Adaptation,
    ChannelSolver,
    HistoryEncoder,
    less_cycles,
    train_encoder,
)
from hyperforecast.nn.newcomers.cycles import TABLES, without_cycles
from hyperforecast.nn.resizing import (
    FILLER,
    LOADINGS,
    UNITS,
    channel_axes,
    pinned,
    series_tables,
    with_channels,
)


def with_added_series(
    model: Any,
    series: Sequence[TimeSeries],
    past: Beside,
    future: Beside,
    adaptation: Adaptation = "solve",
) -> Any:
    """Return a model that shares all with a trained one but its network, which has more series.

    Parameters
    ----------
    model : HyperforecastModel
        Trained; it stays as it is.
    series, past, future, adaptation
        See :meth:`HyperforecastModel.add_series`.
    """
    network: ForecastingNetwork = model.network
    _check(network, model.pl_module_params)
    stretches = _by_name(model, series)
    trained = model.trained_series_names
    if known := [name for name in stretches if name in trained]:
        raise ValueError(
            f"The model was trained on {', '.join(map(repr, known[:5]))}. Add series with names of "
            "their own, or train again with more rows."
        )
    ordered = _in_order(model, series)
    added = with_series(
        model, list(stretches), [[ordered[i] for i in s] for s in stretches.values()]
    )
    n_rows = {name: sum(len(ordered[i]) for i in s) for name, s in stretches.items()}
    added.model.short_series = {
        name: n for name, n in (model.model.short_series | n_rows).items() if n < network.lookback
    }
    rows = _rows_of(model, ordered, past, future, list(stretches.values()))
    _solve_for(added, rows, len(trained), adaptation)
    return added


def encoder_of_series(
    model: Any, series: Sequence[TimeSeries], past: Beside, future: Beside
) -> HistoryEncoder:
    """Train what reads histories of new series, on those that a model was trained on.

    Parameters
    ----------
    model : HyperforecastModel
        Trained.
    series, past, future
        See :meth:`HyperforecastModel.fit_encoder`.
    """
    network: ForecastingNetwork = model.network
    _check(network, model.pl_module_params)
    stretches, trained = _by_name(model, series), model.trained_series_names
    ordered = _in_order(model, series)
    given = [stretches.get(name, []) for name in trained]
    rows = _rows_of(model, ordered, past, future, given)
    rows = [less_cycles(network, one, [row]) for row, one in enumerate(rows)]
    if network.factors is not None:
        rows = [
            _side_by_side([*_components(network, rows, row, first=0), one])
            for row, one in enumerate(rows)
        ]
    n_together = _n_together(network)
    known = [
        [one for part in rows[i : i + n_together] for one in part]
        for i in range(0, len(rows), n_together)
    ]
    solver, by_row = _solver(model, len(known), None)
    return train_encoder(solver, known, by_row.attributes())


def _by_name(model: Any, series: Sequence[TimeSeries]) -> dict[str, list[int]]:
    """Return which of the series are stretches of each one."""
    stretches: dict[str, list[int]] = {}
    for i, one in enumerate(series):
        stretches.setdefault(series_name(one, model.model.series_id), []).append(i)
    return stretches


def _in_order(model: Any, series: Sequence[TimeSeries]) -> list[TimeSeries]:
    """Return series without gaps, their components in the order of the weights."""
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
    return ordered


def _rows_of(
    model: Any,
    series: Sequence[TimeSeries],
    past: Beside,
    future: Beside,
    stretches: Sequence[Sequence[int]],
) -> list[list[ObservedSeries]]:
    """Return the stretches of rows of every channel of series, which are given by number."""
    return [
        [
            _observed(model, series[i], channel, past and past[i], future and future[i])
            for i in numbers
        ]
        for numbers in stretches
        for channel in range(model.network.n_channels)
    ]


def _check(network: ForecastingNetwork, module_params: dict[str, Any]) -> None:
    """Raise unless a series' weights can be solved for by themselves."""
    if network.weights_by == "channel":
        raise ValueError(
            "Series have no weights of their own in this model (weights_by='channel'): any series "
            "with its channels can be forecast, and `add_channels` adds channels."
        )
    obstacle = mixing_obstacle(network, module_params)
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
        phase=phase_of(series, model._repeat),
    )


def _solve_for(
    model: Any, rows: Sequence[Sequence[ObservedSeries]], n_known: int, adaptation: Adaptation
) -> None:
    """Solve for the weights of channels of series, and write them into a model's network.

    Parameters
    ----------
    model : HyperforecastModel
        With rows for them behind all others.
    rows : sequence of sequence of ObservedSeries
        Stretches of rows of each.
    n_known : int
        How many series were trained on, the first ones.
    adaptation : {"solve", "encoder", "fine-tune"}
    """
    network: ForecastingNetwork = model.network
    n_channels, n_together = network.n_channels, _n_together(network)
    per_series = n_channels // n_together
    solver, by_row = _solver(model, n_known * per_series, encoder_for(model, adaptation))
    attributes = by_row.attributes()
    first = network.n_series * n_channels - len(rows)  # of units and cycles
    n_new = len(rows) // n_together
    first_row = by_row.n_channels - n_new  # of weights
    left = [less_cycles(network, one, [first + i]) for i, one in enumerate(rows)]
    places = torch.zeros(n_new, solver.spread.n_directions, dtype=torch.float64)
    if n_together > 1:
        groups = [[*range(i, i + n_together)] for i in range(0, len(rows), n_together)]
    else:
        of_series = n_channels if network.factors is not None else 0
        groups = _together(left, attributes is not None, of_series)
    for some in groups:
        own = sorted({i // n_together for i in some})
        if attributes is not None:
            solver.set_attributes(attributes[first_row + own[0]])
        together = [left[i] for i in some]
        if network.standardiser is None:
            units = MeanDeviation.of([one.target for one in _side_by_side(together)])
        else:
            units = MeanDeviation(*network.standardiser.units_of([first + i for i in some]))
        if network.factors is not None:
            together = [*_components(network, left, some[0], first), *together]
        observed = _side_by_side(together)
        keeps_units = sum(one.n_rows for one in observed) >= network.lookback
        places[own] = solver.solve(observed, units, adaptation, keeps_units, n_together > 1)
    solver.spread.write(network, range(first_row, by_row.n_channels), places)


def _n_together(network: ForecastingNetwork) -> int:
    """Return how many components of a series have the same row of the tables of weights."""
    return network.n_channels if network.weights_by == "series" else 1


def _together(
    rows: Sequence[Sequence[ObservedSeries]], apart: bool, n_components: int
) -> list[list[int]]:
    """Return which of the channels of series have stretches of the same lengths, and nothing else.

    Parameters
    ----------
    rows : sequence of sequence of ObservedSeries
        Stretches of rows of each.
    apart : bool
        Whether there is more to each, so that none are taken together.
    n_components : int
        Number of channels of each series, where those of others are not taken with them; else zero.
    """
    alike: dict[Hashable, list[int]] = {}
    for number, stretches in enumerate(rows):
        lengths = tuple(one.n_rows for one in stretches)
        alone = apart or any(one.past is not None for one in stretches)
        of_series = number // n_components if n_components else None
        alike.setdefault((lengths, number if alone else of_series), []).append(number)
    return list(alike.values())


def _side_by_side(several: Sequence[Sequence[ObservedSeries]]) -> list[ObservedSeries]:
    """Return stretches of several channels, which have the same lengths, as those of one table."""
    return [
        replace(parts[-1], target=torch.cat([one.target for one in parts], dim=1))
        for parts in zip(*several, strict=True)
    ]


def _components(
    network: ForecastingNetwork,
    rows: Sequence[Sequence[ObservedSeries]],
    number: int,
    first: int,
) -> list[list[ObservedSeries]]:
    """Return the rows of all components of a channel's series, of which its factors are made.

    Parameters
    ----------
    network : ForecastingNetwork
    rows : sequence of sequence of ObservedSeries
        Stretches of rows of each channel of series.
    number : int
        The channel among them.
    first : int
        Which row of the network's tables the first of them is.
    """
    begin = number - number % network.n_channels
    components = range(begin, begin + network.n_channels)
    if network.standardiser is None:
        return [list(rows[i]) for i in components]
    found = []
    for i in components:
        unit = Standardiser(1).double()
        unit.set_units("target", *network.standardiser.units_of([first + i]))
        parts = rows[i]
        found.append([replace(o, target=unit.standardise(o.target.T).T) for o in parts])
    return found


def _solver(
    model: Any, n_known: int, encoder: HistoryEncoder | None
) -> tuple[ChannelSolver, ForecastingNetwork]:
    """Return what solves for rows of a model's tables, and a network whose channels they are."""
    network: ForecastingNetwork = model.network
    by_row, arguments = _by_row(network, model.model.network_arguments)
    axes = channel_axes(arguments)
    beside = _of_factors(network, by_row, axes)
    return newcomer_solver(model, by_row, arguments, axes, n_known, encoder, beside), by_row


def _of_factors(
    network: ForecastingNetwork, by_row: ForecastingNetwork, axes: dict[str, int]
) -> ForecastingNetwork | None:
    """Return what makes factors of the components of a series, given in its units.

    Parameters
    ----------
    network, by_row : ForecastingNetwork
        The latter's channels are the rows of the former's tables.
    axes : dict
        Of these channels.

    Returns
    -------
    ForecastingNetwork, optional
        ``None`` where no factors enter.
    """
    if network.factors is None:
        return None
    # factors and levels are those of the components, and no weights are asked
    one = with_channels(without_cycles(by_row), axes, [None] * network.n_channels)
    one.factors, one.gap_filler = network.factors, network.gap_filler
    one.standardiser = None
    return one


def _by_row(
    network: ForecastingNetwork, arguments: dict[str, Any]
) -> tuple[ForecastingNetwork, dict[str, Any]]:
    """Return a network whose channels are the rows of one's tables, and its arguments."""
    tables, count = series_tables(arguments), network.n_series * network.n_channels
    n_rows = count // _n_together(network)
    # factors are made of a series' components, and there are no more of them than channels
    n_made = max(n_rows, network.n_channels)
    arguments = {**pinned(arguments), "weights_by": "channel", "n_channels": n_made, "n_series": 1}
    with random_turn():  # what is drawn is written over
        by_row = ForecastingNetwork(**arguments)
    like = next(network.parameters())
    weights = by_row.state_dict()
    # what is not asked has entries for components, that share their weights, too
    others = (FILLER, LOADINGS, OFFSETS, TABLES, *UNITS)
    for name, value in network.state_dict().items():
        if not name.startswith(others):
            kept = value
            if name in tables:
                kept = weights[name].to(value)
                kept[:n_rows] = value
            weights[name] = kept
    by_row.to(like.device, like.dtype).load_state_dict(weights)
    if n_made > n_rows:
        by_row = with_channels(by_row, channel_axes(arguments), range(n_rows))
    return by_row.eval(), arguments
