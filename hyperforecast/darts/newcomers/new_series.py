"""Series that were not trained on, where weights are by series."""

import copy
import warnings
from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any

import torch
from darts import TimeSeries
from torch import Tensor

from hyperforecast.darts.inputs.attributes import AttributeEncoder
from hyperforecast.darts.inputs.names import name_order
from hyperforecast.darts.inputs.series_numbers import series_name
from hyperforecast.darts.newcomers.new_channels import phased_rows, sharing_all, units_of
from hyperforecast.darts.newcomers.trained_on import begin_at_zero
from hyperforecast.darts.ordered_inputs import reorder
from hyperforecast.darts.training.random_turns import random_turn
from hyperforecast.nn import ForecastingNetwork
from hyperforecast.nn.contexts.attributes import with_attributes
from hyperforecast.nn.exact.windows.units import MeanDeviation
from hyperforecast.nn.layers.channel_offsets import OFFSETS, usual_offsets
from hyperforecast.nn.newcomers import NewcomerCycles
from hyperforecast.nn.resizing import UNITS, pinned, series_tables


def new_series(model: Any, series: Sequence[TimeSeries]) -> dict[str, TimeSeries]:
    """Return the series that a trained model does not know, by name; none without weights of any.

    Parameters
    ----------
    model : HyperforecastModel
        Trained.
    series : sequence of TimeSeries
    """
    if model.network.weights_by == "channel":
        return {}
    names = [series_name(one, model.model.series_id) for one in series]
    known = set(model.series_names)
    return {name: one for name, one in zip(names, series, strict=True) if name not in known}


def in_turns(model: Any, series: Sequence[TimeSeries]) -> list[list[int]]:
    """Return the numbers of series that are forecast together: one after the other, if need be.

    A series that was not trained on is forecast in units of the rows given, and a name has one unit
    at a time. So where several such series have the same name, as those that nobody named, each
    has its own turn.

    Parameters
    ----------
    model : HyperforecastModel
        Trained.
    series : sequence of TimeSeries
        What is to be forecast.

    Returns
    -------
    list of list of int
    """
    if model.network.weights_by == "channel":
        return [[*range(len(series))]]
    with_units = set(model.series_names) - set(model.model.short_series)
    turns: dict[int, list[int]] = {}
    passed = Counter[str]()
    for number, one in enumerate(series):
        name = series_name(one, model.model.series_id)
        turns.setdefault(passed[name], []).append(number)
        passed[name] += name not in with_units
    return [*turns.values()]


def for_new_series(model: Any, series: Sequence[TimeSeries]) -> Any | None:
    """Return a model that knows series, too, that it was not trained on.

    A new series with static covariates that weights are generated from has those that they say. Any
    other has the head that all would share, where the model was solved with weights of each one's
    own; else the mean of the trained ones' rows in every table of weights and vectors, which with
    generated weights is the mean of the weights. Its units are those of the rows given, and its
    intervals the usual ones in these.

    Parameters
    ----------
    model : HyperforecastModel
        Trained; it stays as it is.
    series : sequence of TimeSeries
        What is to be forecast.

    Returns
    -------
    HyperforecastModel or None
        ``None`` where all are known, or weights are not by series.
    """
    new = new_series(model, series)
    if not new:
        return None
    trained = model.channel_names
    new = {
        name: reorder(one, name_order(list(map(str, one.components)), trained))
        for name, one in new.items()
    }
    added = list(new)
    if model.model.attributes is None:
        warnings.warn(
            f"Series that were not trained on, {', '.join(map(repr, added[:5]))}"
            f"{' ...' if len(added) > 5 else ''}, are forecast with what is common to "
            "the weights of those that were, in units of the rows given. Add them by `add_series`, "
            "or train with them, for weights of their own.",
            stacklevel=3,
        )
    return with_series(model, added, [[one] for one in new.values()])


def rows_for_units(model: Any, series: Sequence[TimeSeries]) -> dict[str, list[TimeSeries]]:
    """Return the rows, by name, of series that are forecast in units of these.

    Of a series that was added with fewer rows than a lookback these say little of its mean and
    deviation, and there are as many wherever it is forecast.

    Parameters
    ----------
    model : HyperforecastModel
        Trained.
    series : sequence of TimeSeries
        What is to be forecast.

    Returns
    -------
    dict of list of TimeSeries
        Components in the order of the weights; empty where the model does not standardise.
    """
    module = model.model
    if not module.short_series or module.single_network.standardiser is None:
        return {}
    given: dict[str, list[TimeSeries]] = {}
    for one in series:
        name = series_name(one, module.series_id)
        if module.short_series.get(name, len(one)) < len(one):
            order = name_order(list(map(str, one.components)), model.channel_names)
            given.setdefault(name, []).append(reorder(one, order))
    return given


def in_units_given(model: Any, series: Sequence[TimeSeries]) -> Any | None:
    """Return a model in which series that were added with few rows have units of those given.

    Parameters
    ----------
    model : HyperforecastModel
        Trained; it stays as it is.
    series : sequence of TimeSeries
        What is to be forecast.

    Returns
    -------
    HyperforecastModel or None
        ``None`` where there are none, see :func:`rows_for_units`.
    """
    given = rows_for_units(model, series)
    if not given:
        return None
    module = model.model
    network = copy.copy(model.network)
    of_rows = copy.deepcopy([network.standardiser, network.cycle])
    of_names = dict(zip(("standardiser", "cycle"), of_rows, strict=True))
    network._modules = {**network._modules, **of_names}
    held = dict(of_rows[0].named_buffers(prefix="standardiser"))
    for name, rows in given.items():
        units = units_of(rows, rows[0].components)
        number = module.series_names.index(name)
        for buffer in UNITS.keys() & held.keys():
            table = held[buffer].unflatten(0, (network.n_series, -1))
            table[number] = units[UNITS[buffer]].to(table)
        _take_cycles(model, network, number, rows)
    return with_network(model, network)


def _take_cycles(
    model: Any, network: ForecastingNetwork, number: int, series: Sequence[TimeSeries]
) -> None:
    """Write the cycles of a new series into a network that has units of its rows, if it has any."""
    if network.cycle is None:
        return
    n_channels = network.n_channels
    numbers = range(number * n_channels, (number + 1) * n_channels)
    units = MeanDeviation(torch.zeros(n_channels).double(), torch.ones(n_channels).double())
    if network.standardiser is not None:
        units = MeanDeviation(*network.standardiser.units_of(numbers))
    rows = phased_rows(series, list(map(str, series[0].components)), model._repeat)
    cycles = NewcomerCycles(model.network, model.model.n_trained_series * n_channels)
    cycles.write(network, numbers, rows, units)


def with_network(model: Any, network: ForecastingNetwork) -> Any:
    """Return a model that shares all with a trained one but its network."""
    other = sharing_all(model)
    other.model = copy.copy(model.model)
    other.model._modules = {**model.model._modules, "network": network}
    other.model.short_series = {}
    return other


def with_series(model: Any, names: Sequence[str], series: Sequence[Sequence[TimeSeries]]) -> Any:
    """Return a model with rows for more series in every table, as :func:`for_new_series` says.

    Parameters
    ----------
    model : HyperforecastModel
        Trained; it stays as it is.
    names : sequence of str
        Series of these names that were added before are replaced.
    series : sequence of sequence of TimeSeries
        Stretches of rows of each, components in the order of the weights.
    """
    attributes = None
    if model.model.attributes is not None:
        encoder = AttributeEncoder.from_state(model.model.attributes)
        table = encoder.table([one for one, *_ in series], model.model.series_id)
        attributes = torch.from_numpy(encoder.encode(table))
    other = sharing_all(model)
    module = copy.copy(model.model)
    arguments = pinned(module.network_arguments)
    kept = [i for i, name in enumerate(module.series_names) if name not in names]
    network = _with_rows(
        model.network,
        arguments,
        kept,
        module.n_trained_series,
        series,
        attributes,
        begin_at_zero(module, model.network),
    )
    for number, one in enumerate(series, start=len(kept)):
        _take_cycles(model, network, number, one)
    names = [*(module.series_names[i] for i in kept), *names]
    module._modules = {**module._modules, "network": network}
    module.series_names = names
    module.network_arguments = {**arguments, "n_series": len(names)}
    module._hparams = copy.copy(module.hparams)  # what a file makes the module from
    module._hparams.update(network=module.network_arguments, series_names=names)
    other.model = module
    return other


def _with_rows(
    network: ForecastingNetwork,
    arguments: dict[str, Any],
    kept: Sequence[int],
    n_trained: int,
    series: Sequence[Sequence[TimeSeries]],
    attributes: Tensor | None,
    at_zero: Collection[str],
) -> ForecastingNetwork:
    """Return a network with rows for more series in every table.

    Parameters
    ----------
    network : ForecastingNetwork
    arguments : dict
        Its own.
    kept : sequence of int
        Numbers of its series that stay.
    n_trained : int
        How many of them, from the first on, were trained on.
    series : sequence of sequence of TimeSeries
        Stretches of rows of each new one.
    attributes : Tensor, shape (n, S), optional
        Of the new rows.
    at_zero : collection of str
        Names of tables in which new rows are zero; in others they are the mean of the trained ones,
        and intervals the usual ones.
    """
    count, by_series = network.n_series, series_tables(arguments)
    weights_of_own = tables_of_weights(network, arguments)
    with random_turn():  # what is drawn is written over
        larger = ForecastingNetwork(**{**arguments, "n_series": len(kept) + len(series)})
    like = next(network.parameters())
    larger = larger.to(like.device, like.dtype)
    weights = larger.state_dict()
    units = [units_of(one, one[0].components) for one in series]
    for name, value in network.state_dict().items():
        if name not in by_series:
            weights[name] = value
            continue
        rows = value.unflatten(0, (count, -1))  # (series, channels or 1, ...)
        if name in UNITS:
            added = torch.stack([one[UNITS[name]] for one in units])
        elif name not in weights_of_own:
            assert attributes is not None
            added = attributes.unflatten(0, (len(series), -1))
        else:
            one = row_before_any(name, rows[:n_trained], at_zero)
            added = one.expand(len(series), *rows.shape[1:])
        weights[name] = torch.cat([rows[kept], added.to(rows)]).flatten(0, 1)
    larger.load_state_dict(weights)
    return larger.train(network.training)


def tables_of_weights(network: ForecastingNetwork, arguments: dict[str, Any]) -> set[str]:
    """Return the names of what has rows for each series, and is neither known of it nor its units.

    Parameters
    ----------
    network : ForecastingNetwork
        With weights by series.
    arguments : dict
        Its own.
    """
    known = {f"{name}.from_attributes.values" for name, _ in with_attributes(network)}
    return {name for name in series_tables(arguments) if name not in known | set(UNITS)}


def row_before_any(name: str, trained: Tensor, at_zero: Collection[str]) -> Tensor:
    """Return the row of a table of weights that serves a series of which no row was seen.

    Parameters
    ----------
    name : str
        Of the table.
    trained : Tensor, shape (n, ...)
        Rows of the series that were trained on.
    at_zero : collection of str
        Names of tables in which it is zero; in others it is the mean, and intervals the usual ones.

    Returns
    -------
    Tensor, shape (1, ...)
    """
    if name in at_zero:
        return torch.zeros_like(trained[:1])
    if name.startswith(OFFSETS):
        return usual_offsets(trained)
    return trained.mean(dim=0, keepdim=True)
