"""Training of the encoder of histories: known channels play newcomers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import torch
from torch import Tensor

from hyperforecast.nn.exact import ObservedSeries
from hyperforecast.nn.exact.windows.units import MeanDeviation
from hyperforecast.nn.newcomers.history_encoder import HistoryEncoder
from hyperforecast.nn.newcomers.quadratic_error import QuadraticError
from hyperforecast.nn.newcomers.solver import ChannelSolver

LENGTHS = (1 / 8, 1 / 4, 1 / 2, 1, 2, 4, 8)
"""Lengths of the histories that known channels are cut to, in lookbacks."""

N_EPISODES = 3000
"""Number of histories, about; no fewer than one of each channel and length."""

MOST_CUTS = 32
"""Histories of one channel and length."""

N_HORIZONS = 5
"""Number of horizons, anywhere behind a history, on which what is said of it is judged."""

LEAST_KNOWN = 32
"""Number of known channels below which there is too little to learn from: with 19 of them, errors
of some newcomers were five times those of the shared head."""

HELD_OUT = 5
"""One of so many channels chooses how much own windows count; the others train the encoder."""

TYPICAL = 0.01
"""How much steps count by what they add to windows of all known channels: what a smooth channel's
own windows never try must not go wild on others."""

PARTS = tuple(step / 10 for step in range(11))
"""Parts of the way to what the encoder says of which one is trusted, by the length of a history."""

OWN_WEIGHTS = (0.0, 1e-3, 1e-2, 1e-1, 1.0)

N_STEPS, BATCH, RATE, DECAY = 400, 256, 3e-3, 1e-2
"""Of AdamW, with a rate that rises and falls."""


@dataclass(frozen=True)
class Episode:
    """A history that was cut out of a known channel's rows, and what comes behind it.

    Attributes
    ----------
    number : int
        Of the channel.
    history : ObservedSeries
    units : MeanDeviation
        Of the history, and of a lookback of rows where it is shorter.
    error : QuadraticError
        Of places on what comes behind, in units of the channel's variance.
    """

    number: int
    history: ObservedSeries
    units: MeanDeviation
    error: QuadraticError


def train_encoder(
    solver: ChannelSolver,
    known: Sequence[Sequence[ObservedSeries]],
    attributes: Tensor | None = None,
) -> HistoryEncoder:
    """Train an encoder that reads histories of newcomers.

    Stretches of rows of any length are cut out of those of the known channels, and the encoder is
    trained so that the weights at the places that it says forecast the rows behind them. So it
    learns how little a short history says. Where what is minimised is not quadratic in the place,
    it learns the channel's own.

    Parameters
    ----------
    solver : ChannelSolver
    known : sequence of sequence of ObservedSeries
        Stretches of rows of each known channel, as :meth:`ChannelSolver.solve` takes them.
    attributes : Tensor, shape (N, S), optional
        Of the known channels, where they are known by any.

    Returns
    -------
    HistoryEncoder

    Raises
    ------
    ValueError
        If there are too few known channels, or none has rows enough.
    """
    if len(solver.compared) < LEAST_KNOWN:
        raise ValueError(
            f"An encoder is trained on {LEAST_KNOWN} known channels or series at least; there are "
            f"{len(solver.compared)}. Leave adaptation='encoder' out."
        )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        episodes = list(_episodes(solver, known, attributes))
        n_channels = len({one.number for one in episodes})
        if n_channels < LEAST_KNOWN:
            raise ValueError(
                "An encoder is trained on stretches of rows that are longer than a window of "
                f"{solver.cutter.width}, of {LEAST_KNOWN} known channels or series at least; "
                f"{n_channels} have any. Give more rows."
            )
        held_out = [one for one in episodes if one.number % HELD_OUT == HELD_OUT - 1]
        training = [one for one in episodes if one.number % HELD_OUT != HELD_OUT - 1]
        start = None if solver.pool is None else solver.pool.start
        encoder = HistoryEncoder(solver.cutter.lookback, solver.spread.places, start)
        _fit(encoder, solver, training)
        if solver.pool is not None:  # else distances of places stand for errors of forecasts
            encoder.trust = _trust(encoder, solver, held_out)
        encoder.own_weight = _best_own_weight(encoder, solver, held_out, attributes)
    return encoder.eval()


def _episodes(
    solver: ChannelSolver, known: Sequence[Sequence[ObservedSeries]], attributes: Tensor | None
) -> Iterator[Episode]:
    """Yield histories of all lengths, cut out of the rows of known channels."""
    for place, number in enumerate(solver.compared):
        if attributes is not None:
            solver.set_attributes(attributes[number])
        variance = _units(solver, known[number]).deviation.item() ** 2 if known[number] else 0.0
        if not variance > 0:
            continue
        for history, until, behind in _cuts(solver, known[number]):
            units = _units(solver, [until])
            if not units.deviation.item() > 0:
                continue
            if solver.pool is None:
                error = QuadraticError.about(solver.spread.places[place])
            else:
                unit = units.deviation.item() ** 2 if solver.standardises else 1.0
                error = solver.errors([behind], units).scaled(unit / variance)
            yield Episode(place, history, units, error)


def _cuts(
    solver: ChannelSolver, series: Sequence[ObservedSeries]
) -> Iterator[tuple[ObservedSeries, ObservedSeries, ObservedSeries]]:
    """Yield histories of all lengths out of stretches of rows, and rows behind each.

    Between them a lookback of rows, or the history where that is longer: what there is wherever it
    is forecast, and says its units.
    """
    cutter = solver.cutter
    lengths = sorted({max(2, round(part * cutter.lookback)) for part in LENGTHS})
    n_cuts = N_EPISODES // (len(solver.compared) * len(lengths))
    n_ahead = cutter.width - cutter.lookback
    n_judged = cutter.width + (N_HORIZONS - 1) * cutter.horizon
    for one, length in product(series, lengths):
        # a lookback ends where the history does, and a horizon fits behind it
        first, last = max(0, cutter.lookback - length), one.n_rows - length - n_ahead
        if last < first:
            continue
        for start in torch.randint(first, last + 1, (max(1, min(MOST_CUTS, n_cuts)),)).tolist():
            end = start + length
            latest = max(end, one.n_rows - n_judged + cutter.lookback)
            begin = int(torch.randint(end, latest + 1, ())) - cutter.lookback
            until = one.rows(min(start, end - cutter.lookback), end)
            yield one.rows(start, end), until, one.rows(begin, begin + n_judged)


def _units(solver: ChannelSolver, series: Sequence[ObservedSeries]) -> MeanDeviation:
    """Return mean and deviation of a channel's own rows."""
    return MeanDeviation.of([rows[:, None] for rows in solver.own_rows(series)])


def _fit(encoder: HistoryEncoder, solver: ChannelSolver, episodes: Sequence[Episode]) -> None:
    """Train the layers on what comes behind histories, each relative to forecasts of place zero."""
    features = encoder.features([solver.own_rows([one.history]) for one in episodes])
    encoder.mean.copy_(features.mean(dim=0))
    deviation = features.std(dim=0)
    encoder.deviation.copy_(torch.where(deviation > 0, deviation, 1.0))
    gram = torch.stack([one.error.gram.float() for one in episodes])
    if solver.pool is not None:
        gram = gram + TYPICAL * solver.pool.mean_loss.float()
    right = torch.stack([one.error.right.float() for one in episodes])
    total = torch.stack([one.error.total.float() for one in episodes])
    # series that nothing forecasts well count no more than others
    weight = 1 / total.clamp(min=total.median().clamp(min=torch.finfo(total.dtype).tiny))
    optimizer = torch.optim.AdamW(encoder.parameters(), RATE, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=N_STEPS)
    for _ in range(N_STEPS):
        some = torch.randint(len(episodes), (BATCH,))
        place = encoder(features[some])
        of_place = (place[:, None] @ gram[some])[:, 0] - 2 * right[some]
        loss = (weight[some] * (of_place * place).sum(dim=1)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()


def _trust(
    encoder: HistoryEncoder, solver: ChannelSolver, episodes: Sequence[Episode]
) -> dict[int, float]:
    """Return how far channels left out are to move to what is said of them, by their rows.

    The part of the way whose errors, relative to those at the start, are least in the mean over
    channels and by a standard error of it: one channel that is lost weighs more than several that
    gain a little, and few channels prove little.
    """
    said = encoder.said([solver.own_rows([one.history]) for one in episodes])
    errors: dict[int, dict[int, list[Tensor]]] = {}
    for one, place in zip(episodes, said, strict=True):
        parts = torch.tensor(PARTS, dtype=torch.float64)[:, None]
        found = one.error(encoder.start + parts * (place - encoder.start))
        by_channel = errors.setdefault(one.history.n_rows, {})
        by_channel.setdefault(one.number, []).append(found)
    trust = {}
    for n_rows, by_channel in errors.items():
        each = torch.stack([torch.stack(some).mean(dim=0) for some in by_channel.values()])
        start = each[:, :1].clamp(min=torch.finfo(each.dtype).tiny)
        lost = each / start - 1  # (channels, parts)
        trust[n_rows] = 0.0
        if len(lost) > 1:
            unsure = lost.std(dim=0) / len(lost) ** 0.5
            trust[n_rows] = PARTS[int((lost.mean(dim=0) + unsure).argmin())]
    return trust


def _best_own_weight(
    encoder: HistoryEncoder,
    solver: ChannelSolver,
    episodes: Sequence[Episode],
    attributes: Tensor | None,
) -> float:
    """Return how much own windows are to count, by what comes behind histories held out."""
    lost = torch.zeros(len(OWN_WEIGHTS), dtype=torch.float64)
    floor = torch.stack([one.error.total for one in episodes]).median() if episodes else 0.0
    for one in episodes:
        if attributes is not None:
            solver.set_attributes(attributes[solver.compared[one.number]])
        place = encoder.place(solver.own_rows([one.history]))
        places = solver.moved(place, [one.history], one.units, OWN_WEIGHTS)
        lost += one.error(places) / one.error.total.clamp(min=floor)
    return OWN_WEIGHTS[int(lost.argmin())]
