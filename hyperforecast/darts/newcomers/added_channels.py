"""Channels that are added to a trained model, solved for on rows of their own."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from darts import TimeSeries
from torch import Tensor

from hyperforecast.darts.inputs.finite import check_finite, check_static_covariates
from hyperforecast.darts.inputs.gaps import has_gaps
from hyperforecast.darts.inputs.observed_series import covariate_rows
from hyperforecast.darts.inputs.phases import phase_of
from hyperforecast.darts.newcomers.new_channels import for_other_channels
from hyperforecast.darts.newcomers.newcomer_solver import encoder_for, newcomer_solver
from hyperforecast.nn import ForecastingNetwork
from hyperforecast.nn.backbones import separates_channels
from hyperforecast.nn.exact import ObservedSeries
from hyperforecast.nn.exact.windows.units import MeanDeviation
from hyperforecast.nn.newcomers import (
    Adaptation,
    HistoryEncoder,
    NewcomerCycles,
    less_cycles,
    train_encoder,
)
from hyperforecast.nn.resizing import channel_axes, with_channels
from hyperforecast.nn.series.phase_means import PhasedRows

Beside = Sequence[TimeSeries] | None


@dataclass(frozen=True)
class ChannelRows:
    """What is known of new channels: their rows, and what stands beside them.

    Attributes
    ----------
    names : list of str
    series : list of TimeSeries
        Of the known channels whose rows enter the forecasts, and behind them the new ones, from
        their first value on.
    past, future : list of TimeSeries, optional
    """

    names: list[str]
    series: list[TimeSeries]
    past: Beside
    future: Beside


def with_added_channels(
    model: Any,
    series: Sequence[TimeSeries],
    past_covariates: Sequence[TimeSeries] | None,
    future_covariates: Sequence[TimeSeries] | None,
    adaptation: Adaptation = "solve",
) -> Any:
    """Return a model that shares all with a trained one but its network, which has more channels.

    Parameters
    ----------
    model : HyperforecastModel
        Trained; it stays as it is.
    series, past_covariates, future_covariates, adaptation
        See :meth:`HyperforecastModel.add_channels`.
    """
    network: ForecastingNetwork = model.network
    check_separate(network, model.pl_module_params)
    trained = model.trained_channel_names
    names = list(dict.fromkeys(str(c) for one in series for c in one.components))
    new = [name for name in names if name not in trained]
    if not new:
        raise ValueError(
            "`series` has no new channel: "
            f"{', '.join(map(repr, names[:5]))} were trained on. Give the new channels' rows under "
            "names of their own."
        )
    kept = [name for name in model.channel_names if name not in new]
    arguments = model.model.network_arguments
    axes = channel_axes(arguments)
    n_known = len(trained)
    where = {name: i for i, name in enumerate(model.channel_names)}
    sources: list[int | None] = [where[name] for name in kept]
    larger = with_channels(network, axes, [*sources, *[None] * len(new)], n_known)
    beside = trained if network.factors is not None else []
    encoder = encoder_for(model, adaptation)
    solver = newcomer_solver(model, larger, arguments, axes, n_known, encoder)
    cycles = None if larger.cycle is None else NewcomerCycles(model.network, n_known)
    for rows in _rows_of(new, beside, series, past_covariates, future_covariates):
        units = _units(rows)
        channels = [len(kept) + new.index(name) for name in rows.names]
        larger.gap_filler.level[channels] = units.mean.to(larger.gap_filler.level)
        larger.gap_filler.deviation[channels] = units.deviation.to(larger.gap_filler.level)
        if larger.standardiser is not None:
            larger.standardiser.set_units_of(channels, *units)
        observed = _observed(model, rows)
        if cycles is not None:
            of_rows = [_new_rows(one, len(channels)) for one in observed]
            units = cycles.write(larger, channels, of_rows, units)
            numbers = [*(where[name] for name in beside), *channels]
            observed = less_cycles(larger, observed, numbers)
        places = solver.solve(observed, units, adaptation)
        solver.spread.write(larger, channels, places)
    other = for_other_channels(model, larger, [*kept, *new], n_trained=n_known)
    other.training_series = _stacked(model, series, other.channel_names)
    return other


def _stacked(model: Any, series: Sequence[TimeSeries], names: Sequence[str]) -> TimeSeries | None:
    """Return the last rows of what a model was trained on, with those of new channels beside them.

    ``None`` where they are not known over a lookback that ends where the training series does.
    """
    trained: TimeSeries | None = model.training_series
    if trained is None or len(series) != 1 or trained.static_covariates is not None:
        return None
    (rows,) = series
    given = [name for name in names if name in rows.components]
    given = [name for name in given if name not in model.trained_channel_names]
    kept = [str(name) for name in trained.components if name not in given]
    if {*kept, *given} != {*names}:
        return None
    trained, beside = trained[kept], rows[given]
    n_rows = min(len(trained), len(beside))
    if n_rows < model.input_chunk_length or has_gaps(beside[-n_rows:]):
        return None
    trained, beside = trained[-n_rows:], beside[-n_rows:].astype(trained.dtype)
    if not trained.time_index.equals(beside.time_index):
        return None
    return trained.stack(beside.with_static_covariates(None))[list(names)]


def encoder_of_channels(
    model: Any, series: Sequence[TimeSeries], past: Beside, future: Beside
) -> HistoryEncoder:
    """Train what reads histories of new channels, on those that a model was trained on.

    Parameters
    ----------
    model : HyperforecastModel
        Trained.
    series, past, future
        See :meth:`HyperforecastModel.fit_encoder`.
    """
    network: ForecastingNetwork = model.network
    check_separate(network, model.pl_module_params)
    trained = model.trained_channel_names
    rows = ChannelRows(trained, [_beside(one, trained, []) for one in series], past, future)
    observed = less_cycles(network, _observed(model, rows), range(len(trained)))
    own: list[list[ObservedSeries]] = []
    for channel in range(len(trained)):
        with_own = [one.target[:, [channel]] for one in observed]
        if network.factors is not None:
            with_own = [
                torch.cat([one.target, last], dim=1)
                for one, last in zip(observed, with_own, strict=True)
            ]
        own.append(
            [
                replace(one, target=target, static=_of_channel(one.static, channel, target))
                for one, target in zip(observed, with_own, strict=True)
            ]
        )
    arguments = model.model.network_arguments
    axes = channel_axes(arguments)
    kept = with_channels(network, axes, range(len(trained)))
    solver = newcomer_solver(model, kept, arguments, axes, len(trained), None)
    return train_encoder(solver, own)


def _of_channel(static: Tensor | None, channel: int, target: Tensor) -> Tensor | None:
    """Return the static covariates of columns of a target, of which the last is a channel."""
    if static is None:
        return None
    return static[channel].expand(target.shape[1], -1)


def check_is_trained(model: Any) -> None:
    """Raise unless a model has weights, and knows the names of its channels."""
    if model.model is None:
        raise ValueError("The model has no weights yet; call `fit()` before adding to it.")
    if not model.channel_names:
        raise ValueError(
            "The model does not know the names of its channels, because it was trained on a "
            "dataset that keeps no series. Train it by `fit()`."
        )


def check_nothing_added(model: Any) -> None:
    """Raise if a model that is to forecast its own training series has other channels by now."""
    added = model.channel_names[len(model.trained_channel_names) :]
    if added:
        raise ValueError(
            f"Channels were added to the model, {', '.join(map(repr, added[:5]))}, and the rows "
            "given of them do not reach over the last lookback of the series that it was trained "
            "on. Give `series` to forecast: the channels trained on, with any of those added."
        )


def check_separate(network: ForecastingNetwork, module_params: dict[str, Any]) -> None:
    """Raise unless the forecasts of a network's channels do not depend on which others there are.

    Parameters
    ----------
    network : ForecastingNetwork
    module_params : dict
        Arguments of its module.
    """
    if network.weights_by != "channel":
        raise ValueError(
            f"Channels cannot be added where weights are by series (weights_by="
            f"{network.weights_by!r}): `add_series` adds series. Train with all channels, or by "
            "channel."
        )
    if obstacle := mixing_obstacle(network, module_params):
        raise ValueError(
            f"Channels cannot be added to this model, because others would be forecast otherwise "
            f"then: {obstacle}. Train with all channels, or choose a backbone that takes each by "
            "itself, for example 'dlinear' or 'rmlp'."
        )


def mixing_obstacle(network: ForecastingNetwork, module_params: dict[str, Any]) -> str | None:
    """Return by what of a network channels depend on each other, ``None`` if by nothing."""
    backbone = type(network.backbone).__name__
    contexts = [one for part in network.parts for one in network.contexts(part)]
    if not separates_channels(network.backbone):
        return f"{backbone} mixes channels, or normalises over them"
    if any(one.pools_channels for one in contexts):
        return "weights that depend on the window are made from all channels"
    if module_params.get("use_reversible_instance_norm"):
        return "use_reversible_instance_norm holds weights of Darts (use instance_norm)"
    return None


def _rows_of(
    new: Sequence[str],
    beside: Sequence[str],
    series: Sequence[TimeSeries],
    past: Sequence[TimeSeries] | None,
    future: Sequence[TimeSeries] | None,
) -> list[ChannelRows]:
    """Return the rows of new channels, those together that begin in the same rows."""
    spans: dict[tuple[tuple[int, int], ...], list[str]] = {}
    for name in new:
        first = []
        for i, one in enumerate(series):
            if name in one.components:
                known = np.flatnonzero(np.isfinite(one[name].values(copy=False)[:, 0]))
                first += [(i, int(known[0]))] if len(known) else []
        spans.setdefault(tuple(first), []).append(name)
    return [
        ChannelRows(
            names,
            [_beside(series[i], beside, names)[start:] for i, start in span],
            None if past is None else [past[i] for i, _ in span],
            None if future is None else [future[i] for i, _ in span],
        )
        for span, names in spans.items()
    ]


def _beside(series: TimeSeries, beside: Sequence[str], names: Sequence[str]) -> TimeSeries:
    """Return new channels of a series behind those whose rows their forecasts take."""
    missing = [other for other in beside if other not in series.components]
    if missing:
        raise ValueError(
            f"What the channels have in common enters the forecasts of this model, so the rows of "
            f"new ones are needed beside those of the channels trained on: "
            f"{', '.join(map(repr, missing[:5]))}{' ...' if len(missing) > 5 else ''} "
            f"{'is' if len(missing) == 1 else 'are'} missing. Stack them onto `series`, or train "
            "with n_factors=0 and solver_kwargs={'neighbours': False}."
        )
    return series[[*beside, *names]]


def _units(rows: ChannelRows) -> MeanDeviation:
    """Return means and deviations of the new channels' rows; without any, a unit of nothing."""
    n_new = len(rows.names)
    parts = [torch.from_numpy(one.values(copy=True)[:, -n_new:]).double() for one in rows.series]
    if not parts:
        return MeanDeviation(torch.zeros(n_new).double(), torch.zeros(n_new).double())
    return MeanDeviation.of(parts)


def _observed(model: Any, rows: ChannelRows) -> list[ObservedSeries]:
    """Return the rows of a channel as the solver takes them."""
    observed = []
    for i, one in enumerate(rows.series):
        check_finite(one, "series")
        if has_gaps(one):
            names = ", ".join(map(repr, rows.names[:5]))
            raise ValueError(
                f"`series` holds NaN after the first rows of {names}. Channels are added from rows "
                "without gaps: fill them first, or give the rows after the last gap."
            )
        past, future = (
            None if covariates is None else model._in_order(kind, [covariates[i]])[0]
            for kind, covariates in (
                ("past_covariates", rows.past),
                ("future_covariates", rows.future),
            )
        )
        known = [
            covariate_rows(covariates, one, name)
            for covariates, name in ((past, "past_covariates"), (future, "future_covariates"))
            if covariates is not None
        ]
        static = None
        if model.uses_static_covariates:
            check_static_covariates(one, "series")
            ordered = model._with_ordered_static_covariates(one)
            values = ordered.static_covariates_values(copy=False)
            if values is None:
                raise ValueError(
                    "The model was trained with static covariates, and `series` has none. Give "
                    "new channels theirs, under the same column names."
                )
            static = torch.as_tensor(np.asarray(values, dtype=np.float64))
            static = static.expand(one.n_components, -1)
        observed.append(
            ObservedSeries(
                target=torch.from_numpy(one.values(copy=True)).double(),
                past=torch.cat(known, dim=1) if known else None,
                future=None if future is None else known[-1],
                static=static,
                phase=phase_of(one, model._repeat),
            )
        )
    return observed


def _new_rows(series: ObservedSeries, n_new: int) -> PhasedRows:
    """Return the rows of the last columns of a series, with their phase."""
    assert series.phase is not None
    return PhasedRows(series.target[:, -n_new:], series.phase, torch.arange(n_new))
