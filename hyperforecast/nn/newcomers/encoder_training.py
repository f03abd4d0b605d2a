"""Training of the encoder of histories: known channels play newcomers."""

import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product

import torch
from torch import Tensor

from hyperforecast.nn.exact import ObservedSeries
from hyperforecast.nn.exact.windows.units import MeanDeviation
from hyperforecast.nn.newcomers.history_encoder import HistoryEncoder, features_of, lags_seen
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

LEAST_KNOWN = 8
"""Number of known channels below which leaving some out tells nothing of newcomers."""

LEAST_UNTRIED = 32
"""The same where what is minimised is not quadratic in the place: what is said of channels left out
cannot be tried then."""

N_FOLDS = 5
"""Parts of the known channels that are left out in turn. What encoders that are trained on the
others say of them shows how far to trust one, and how much own windows count."""

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
    it learns the channel's own, and is trusted; else as far as serves known channels that are left
    out in turn.

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
    least = LEAST_UNTRIED if solver.pool is None else LEAST_KNOWN
    if len(solver.compared) < least:
        raise ValueError(
            f"An encoder of this model is trained on {least} known channels or series at least; "
            f"there are {len(solver.compared)}. Leave adaptation='encoder' out."
        )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        episodes = list(_episodes(solver, known, attributes))
        n_channels = len({one.number for one in episodes})
        if n_channels < least:
            raise ValueError(
                "An encoder is trained on stretches of rows that are longer than a window of "
                f"{solver.cutter.width}, of {least} known channels or series at least; "
                f"{n_channels} have any. Give more rows, or leave adaptation='encoder' out."
            )
        features = _features(solver, episodes)
        encoder = _fitted(solver, episodes, features)
        if solver.pool is None:
            return encoder
        said = _said_of_left_out(solver, episodes, features)
    encoder.trust = _trust(encoder.start, episodes, said)
    if not any(encoder.trust.values()):
        warnings.warn(
            f"The encoder says nothing of {n_channels} known channels or series that it was not "
            "trained on by which they are forecast better. Newcomers added by adaptation='encoder' "
            "keep what serves all, and learn from windows of their own at most.",
            stacklevel=2,
        )
    encoder.own_weight = _best_own_weight(encoder, solver, episodes, said, attributes)
    return encoder


def _features(solver: ChannelSolver, episodes: Sequence[Episode]) -> Tensor:
    """Return what encoders see of histories."""
    histories = [solver.own_rows([one.history]) for one in episodes]
    return features_of(histories, lags_seen(solver.cutter.lookback))


@torch.no_grad()
def _said_of_left_out(
    solver: ChannelSolver, episodes: Sequence[Episode], features: Tensor
) -> Tensor:
    """Return what encoders say of histories, (n, K), whose channels they are not trained on."""
    said = solver.spread.places.new_zeros(len(episodes), solver.spread.n_directions)
    ranks = {number: i for i, number in enumerate(sorted({one.number for one in episodes}))}
    folds = torch.tensor([ranks[one.number] % N_FOLDS for one in episodes])
    for fold in range(N_FOLDS):
        of_fold = (folds == fold).nonzero().flatten().tolist()
        others = (folds != fold).nonzero().flatten().tolist()
        encoder = _fitted(solver, [episodes[i] for i in others], features[others])
        said[of_fold] = encoder(features[of_fold]).double()
    return said


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
        histories, units, behind = [], [], []
        for history, until, rows in _cuts(solver, known[number]):
            of_history = _units(solver, [until])
            if of_history.deviation.item() > 0:
                histories.append(history)
                units.append(of_history)
                behind.append(rows)
        if solver.pool is None:
            errors = [QuadraticError.about(solver.spread.places[place])] * len(histories)
        else:
            errors = [
                error.scaled((one.deviation.item() ** 2 if solver.standardises else 1.0) / variance)
                for error, one in zip(_errors(solver, behind, units), units, strict=True)
            ]
        for history, of_history, error in zip(histories, units, errors, strict=True):
            yield Episode(place, history, of_history, error)


def _errors(
    solver: ChannelSolver, several: Sequence[ObservedSeries], units: Sequence[MeanDeviation]
) -> list[QuadraticError]:
    """Return the errors of places on each of several stretches of rows of a channel.

    Those of as many rows are taken side by side, unless they have others beside them.
    """
    groups: dict[tuple[int, int], list[int]] = {}
    for number, one in enumerate(several):
        beside = (one.past, one.future, one.static)
        alone = one.n_channels > 1 or any(values is not None for values in beside)
        groups.setdefault((one.n_rows, number if alone else -1), []).append(number)
    errors: dict[int, QuadraticError] = {}
    for group in groups.values():
        table = replace(
            several[group[0]], target=torch.cat([several[i].target for i in group], dim=1)
        )
        of_group = MeanDeviation(
            *(torch.cat(values) for values in zip(*(units[i] for i in group), strict=True))
        )
        errors.update(zip(group, solver.errors([table], of_group), strict=True))
    return [errors[i] for i in range(len(several))]


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


@torch.enable_grad()
def _fitted(solver: ChannelSolver, episodes: Sequence[Episode], features: Tensor) -> HistoryEncoder:
    """Return an encoder trained on what comes behind histories, given what it sees of these.

    Errors are relative to those of place zero.
    """
    start = None if solver.pool is None else solver.pool.start
    encoder = HistoryEncoder(solver.cutter.lookback, solver.spread.places, start)
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
    return encoder.eval()


def _trust(start: Tensor, episodes: Sequence[Episode], said: Tensor) -> dict[int, float]:
    """Return how far channels are to move from the start to what is said of them, by their rows.

    Parameters
    ----------
    start : Tensor, shape (K,)
    episodes : sequence of Episode
    said : Tensor, shape (n, K)
        Of each, by an encoder that its channel did not train.
    """
    parts = torch.tensor(PARTS, dtype=torch.float64)[:, None]
    errors: dict[int, dict[int, list[Tensor]]] = {}
    for one, place in zip(episodes, said, strict=True):
        found = one.error(start + parts * (place - start))
        by_channel = errors.setdefault(one.history.n_rows, {})
        by_channel.setdefault(one.number, []).append(found)
    return {
        n_rows: PARTS[_surely_least(by_channel.values())] for n_rows, by_channel in errors.items()
    }


def _surely_least(errors: Iterable[Sequence[Tensor]]) -> int:
    """Return which of several ways has the least errors, relative to those of the first one.

    In the mean over channels and by a standard error of it: one channel that is lost weighs more
    than several that gain a little, and few channels prove little.

    Parameters
    ----------
    errors : iterable of sequences of Tensor, each of shape (m,)
        Of each channel those on some histories, by each of m ways.
    """
    each = torch.stack([torch.stack(list(some)).mean(dim=0) for some in errors])
    first = each[:, :1].clamp(min=torch.finfo(each.dtype).tiny)
    lost = each / first - 1  # (channels, m)
    if len(lost) < 2:
        return 0
    return int((lost.mean(dim=0) + lost.std(dim=0) / len(lost) ** 0.5).argmin())


def _best_own_weight(
    encoder: HistoryEncoder,
    solver: ChannelSolver,
    episodes: Sequence[Episode],
    said: Tensor,
    attributes: Tensor | None,
) -> float:
    """Return how much own windows are to count, by what comes behind histories left out."""
    errors: dict[int, list[Tensor]] = {}
    for one, place in list(zip(episodes, said, strict=True))[::N_FOLDS]:
        if attributes is not None and one.number not in errors:
            solver.set_attributes(attributes[solver.compared[one.number]])
        trusted = encoder.trusted(place, one.history.n_rows)
        places = solver.moved(trusted, [one.history], one.units, OWN_WEIGHTS)
        errors.setdefault(one.number, []).append(one.error(places))
    return OWN_WEIGHTS[_surely_least(errors.values())]
