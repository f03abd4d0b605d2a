"""Solved settings added up: one map from what any of them sees."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

import torch
from torch import Tensor
from torch.nn.functional import pad

from hyperforecast.nn.exact.regressions.weights import BasisWeights
from hyperforecast.nn.exact.regressions.widened_weights import widened
from hyperforecast.nn.exact.settings.candidate import Solved
from hyperforecast.nn.exact.settings.combination import Combination
from hyperforecast.nn.exact.settings.setting import Setting, View
from hyperforecast.nn.exact.windows.layout import WindowLayout
from hyperforecast.nn.exact.windows.observed_series import ObservedSeries

LayoutOf = Callable[[View], WindowLayout]
"""Says where things lie in a window as a regression sees it."""


def written_setting(combination: Combination, layout_of: LayoutOf, n_channels: int) -> Setting:
    """Return the setting of the one regression that has the weights of a combination.

    It sees all of the lookback. Where the levels that are subtracted differ it subtracts none: a
    level is linear in the window. Factors enter at all steps of which a level was the mean.
    Weights are each channel's own where any setting's are. It has no ridge but that of a single
    setting.
    """
    settings = combination.settings
    first = settings[0]
    levels = {(one.norm, _lookback_of_level(one)) for one in settings}
    norm = first.norm if levels == {(first.norm, None)} else "none"
    longest = max(settings, key=lambda one: (one.individual, one.embedding_dim))
    with_factors = [one for one in settings if one.n_factors]
    given = {one.factor_lookback for one in with_factors}
    layouts = [layout_of(one.view) for one in with_factors]
    n_steps = max((one.factor_lookback for one in layouts), default=0)
    n_level = max((one.level_steps for one in layouts if one.norm != norm), default=0)
    kept = n_level <= n_steps and len(given) <= 1
    attributed = any(one.attributed for one in settings)
    return Setting(
        norm=norm,
        embedding_dim=n_channels if longest.individual else longest.embedding_dim,
        individual=longest.individual,
        n_factors=max(one.n_factors for one in settings),
        ridge=first.ridge if len(settings) == 1 and first.shared is None else 0.0,
        factor_lookback=next(iter(given), None) if kept else max(n_steps, n_level),
        embedding_start=longest.embedding_start,
        n_rounds=longest.n_rounds,
        attributed=attributed,
    )


def each_solved(combination: Combination, solve: Callable[[Setting], Solved]) -> Iterator[Solved]:
    """Yield the settings of a combination with their weights, one after the other.

    Parameters
    ----------
    combination : Combination
    solve : callable
        Solves a setting with a drift. One that goes without is that one, its constants left out:
        where both follow each other they are solved once.
    """
    last: Solved | None = None
    for setting in combination.settings:
        drifting = replace(setting, drift=True)
        if last is None or last.setting != drifting:
            last = solve(drifting)
        if setting.drift:
            yield last
        else:
            yield Solved(setting, last.weights.without_constants(), last.mixing)


def added_up(
    combination: Combination,
    solved: Iterable[Solved],
    layout_of: LayoutOf,
    like: ObservedSeries,
    n_attributes: int = 0,
    said: Sequence[BasisWeights | None] | None = None,
) -> Solved:
    """Return the weights that forecast what the settings of a combination do together.

    Parameters
    ----------
    combination : Combination
    solved : iterable of Solved
        Its settings, in their order.
    layout_of : callable
    like : ObservedSeries
        A series with the covariates.
    n_attributes : int, default=0
        Number S of attributes that vectors begin with, of settings that have them.
    said : sequence of BasisWeights, optional
        What attributes generate alone, of each setting, where that is something else than they do
        in it.
    """
    written = written_setting(combination, layout_of, like.n_channels)
    whole = layout_of(written.view)
    total: Solved | None = None
    alone = said or [None] * len(combination.settings)
    apart = written.attributed and (written.individual or any(one is not None for one in alone))
    for one, share, own in zip(solved, combination.shares, alone, strict=True):
        seen = layout_of(one.setting.view)
        wide = widened(one.weights, seen, whole, like, _mixture_of_one(one))
        mixing, weight, future = one.mixing, wide.weight, wide.future
        if apart:
            if own is not None:
                own = own if one.setting.drift else own.without_constants()
                own = widened(own, seen, whole, like, _first(own))
            parts, mixing = _with_said(wide, mixing, own, n_attributes, written.individual)
            weight, future = parts.weight, parts.future
        elif written.individual and not one.setting.individual:
            weight, future = wide.of_channels(mixing)
            mixing = torch.eye(len(mixing)).to(mixing)
        weights = BasisWeights(weight, future, wide.damping)
        if share != 1.0:
            weights = BasisWeights(share * weight, share * future, wide.damping)
        total = Solved(written, weights, mixing) if total is None else _sum(total, weights, mixing)
    assert total is not None
    return total


def _lookback_of_level(setting: Setting) -> int | None:
    """Return the lookback of which the level that is subtracted is the mean, if it is shorter."""
    return setting.lookback if setting.norm in ("mean", "revin") else None


def _mixture_of_one(solved: Solved) -> Tensor:
    """Return the mixture of basis weights, (M,), that is one for every channel."""
    one = solved.mixing.new_zeros(solved.mixing.shape[1])
    one[: len(one) if solved.setting.one_each else 1] = 1.0
    return one


def _first(weights: BasisWeights) -> Tensor:
    """Return the mixture of basis weights that is the first one."""
    one = weights.weight.new_zeros(len(weights.weight))
    one[0] = 1.0
    return one


def _with_said(
    weights: BasisWeights,
    mixing: Tensor,
    said: BasisWeights | None,
    n_attributes: int,
    individual: bool,
) -> tuple[BasisWeights, Tensor]:
    """Return weights as those that attributes generate alone, and what known channels have beside.

    A channel of which the attributes are all that is known has the first ``1 + S`` basis weights.
    All others are of vectors that are zero for it: what the attributes generate otherwise beside a
    rest, and the rest.

    Parameters
    ----------
    weights : BasisWeights
    mixing : Tensor, shape (C, M)
        One, and the attributes if it has them, before anything else.
    said : BasisWeights, optional
        ``1 + S`` of them; the first ones of ``weights`` if not given.
    n_attributes : int
        S.
    individual : bool
        Whether the rest is brought to weights of each channel's own.

    Returns
    -------
    BasisWeights
        ``2 (1 + S)`` and those of the rest.
    Tensor, shape (C, number of these)
    """
    n_said = min(1 + n_attributes, len(weights.weight))
    n_missing = 1 + n_attributes - n_said  # of one weight for all
    own = BasisWeights(weights.weight[:n_said], weights.future[:n_said], weights.damping)
    own = own.followed_by_zeros(n_missing)
    said = own if said is None else said
    beside = BasisWeights(own.weight - said.weight, own.future - said.future)
    rest = BasisWeights(weights.weight[n_said:], weights.future[n_said:])
    of_rest = mixing[:, n_said:]
    if individual:
        rest = BasisWeights(*rest.of_channels(of_rest))
        of_rest = torch.eye(len(mixing)).to(mixing)
    known = pad(mixing[:, :n_said], (0, n_missing))
    return said.beside(beside).beside(rest), torch.cat([known, known, of_rest], dim=1)


def _sum(total: Solved, weights: BasisWeights, mixing: Tensor) -> Solved:
    """Add basis weights: the vectors of a short embedding are the first of a longer one."""
    short, long = sorted((total.weights, weights), key=lambda one: len(one.weight))
    lengthened = short.followed_by_zeros(len(long.weight) - len(short.weight))
    summed = BasisWeights(
        long.weight + lengthened.weight,
        long.future + lengthened.future,
        max(long.damping, short.damping),
    )
    longer = mixing if mixing.shape[1] > total.mixing.shape[1] else total.mixing
    return Solved(total.setting, summed, longer)
