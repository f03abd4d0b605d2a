"""Where a new channel lies among the known ones, found from rows of its own."""

import copy
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property, partial, reduce
from operator import add

import torch
from torch import Tensor
from torch.nn.functional import pad

from hyperforecast.nn.contexts.attributes import with_attributes
from hyperforecast.nn.exact import ObservedSeries
from hyperforecast.nn.exact.windows.units import MeanDeviation
from hyperforecast.nn.hyper_layers.hyper_linear import HyperLinear
from hyperforecast.nn.layers.channel_offsets import OFFSETS
from hyperforecast.nn.layers.standardiser import Standardiser
from hyperforecast.nn.network import ForecastingNetwork
from hyperforecast.nn.newcomers.adaptation import Adaptation
from hyperforecast.nn.newcomers.affine_map import AffineMap
from hyperforecast.nn.newcomers.channel_spread import ChannelSpread
from hyperforecast.nn.newcomers.effective_share import effective_share
from hyperforecast.nn.newcomers.given_factors import GivenFactors, Remembering
from hyperforecast.nn.newcomers.history_encoder import HistoryEncoder
from hyperforecast.nn.newcomers.pool import Pool
from hyperforecast.nn.newcomers.quadratic_error import QuadraticError
from hyperforecast.nn.newcomers.step_errors import StepErrors
from hyperforecast.nn.newcomers.typical_windows import TypicalWindows
from hyperforecast.nn.newcomers.unknown_level import UnknownLevel, unseen_part
from hyperforecast.nn.resizing import LOADINGS, with_channels
from hyperforecast.nn.windows import WindowCutter, Windows

NegativeLogLikelihood = Callable[[Tensor, Tensor, Tensor], Tensor]
"""Of outputs (B, H, 1, P), targets (B, H, 1) and their weights (B, H, 1): the mean over what has a
weight, up to a constant."""

MAX_VALUES = 2**22
"""Number of values in the windows that go through the network at a time."""

LINEAR = 1e-3
"""Part of what directions add to forecasts by which what they add together may differ."""

MAX_KNOWN = 512
"""Known channels with which new ones are compared, evenly spread where there are more."""

MAX_TOGETHER = 2**21
"""Number of values of what directions add to forecasts that are made at a time: 16 MB."""

TYPICAL_WINDOWS = 2048
"""Windows of all known channels together on which their forecasts are compared, about."""

FEWEST, MOST = 8, 96
"""Windows of one of them."""

ONE = torch.tensor([0])
"""The first of the new channels, where it is the only one."""

MAX_STEPS = 20
"""Steps of L-BFGS where forecasts are not linear."""


def squared_error(output: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Return the negative log-likelihood of normal errors, whose variance is what they have."""
    squares = weight * (output[..., 0] - target).square()
    mean = squares.sum() / weight.sum()
    return 0.5 * mean.clamp(min=torch.finfo(mean.dtype).tiny).log()


class ChannelSolver:
    r"""Finds where new channels lie in the spread of known ones, from rows of their own.

    All but its own parameters held still, a new channel is taken to be like some of the known ones,
    the more the better their weights forecast its rows, and lies where these are best served
    together: see :class:`~hyperforecast.nn.newcomers.pool.Pool`. Windows that begin before its
    first row are filled up by that row. Nothing is left to tune. That needs forecasts that are
    linear in the place, as those of generated, individual and pooled heads are. Other networks, and
    other losses, take a few steps of L-BFGS about the mean of the known channels, with the places
    of these as a normal prior.

    Parameters
    ----------
    network : ForecastingNetwork
        Its first channels are known, the others are new. It is not changed.
    axes : mapping of str to int
        Its :func:`~hyperforecast.nn.resizing.channel_axes`.
    n_known : int
    cutter : WindowCutter
        In the precision of the network.
    covariates : (int, int, int)
        Numbers of past, future and static covariates.
    correlations : Tensor, shape (n_known, L - 1), optional
        Of the known channels with their own past, see
        :func:`~hyperforecast.nn.newcomers.typical_windows.own_correlations`; none if not given.
    loss : callable, optional
        What is minimised in the place of the squared error: a :data:`NegativeLogLikelihood`.
    about_zero : collection of str, default=()
        Names of parameters that are expected to be zero: what is free beside attributes, or beside
        a head that all channels share.
    encoder : HistoryEncoder, optional
        What reads the rows of new channels.
    beside : ForecastingNetwork, optional
        With common factors: a network that normalises the rows that stand before those of the new
        channels, and makes the factors of them; one of the known channels if not given. What is
        known then are rows of tables, those of as many channels as it has for each of several.

    Attributes
    ----------
    spread : ChannelSpread
    compared : list of int
        Numbers of the known channels whose places it holds.
    """

    def __init__(
        self,
        network: ForecastingNetwork,
        axes: Mapping[str, int],
        n_known: int,
        cutter: WindowCutter,
        covariates: tuple[int, int, int] = (0, 0, 0),
        correlations: Tensor | None = None,
        loss: NegativeLogLikelihood | None = None,
        about_zero: Collection[str] = (),
        encoder: HistoryEncoder | None = None,
        beside: ForecastingNetwork | None = None,
    ) -> None:
        known = torch.linspace(0, n_known - 1, min(n_known, MAX_KNOWN)).round().long()
        places = None if encoder is None else encoder.places
        self.spread = ChannelSpread.of(network, axes, known.tolist(), about_zero, places)
        self.encoder = encoder
        self.cutter = cutter
        self.loss = loss
        self._from_zero = bool(about_zero)
        self._covariates = covariates
        if correlations is None:
            correlations = torch.zeros(n_known, cutter.lookback - 1)
        self.compared = known.tolist()
        self._correlations = correlations[:n_known]
        self._unseen: dict[int, Tensor] = {}
        self._level, self._deviation = (one[:n_known] for one in _units_in(network))
        bare = copy.copy(network)  # attributes of a module may be any module
        bare._modules = dict(network._modules)
        if loss is None:
            bare._modules["channel_offsets"] = None  # what tells quantiles apart
            axes = {n: axis for n, axis in axes.items() if not n.startswith(OFFSETS)}
        # factors are those of the known channels: new ones count in none
        self._known = self._units_of_known = None
        if network.factors is not None:
            self._known = beside or with_channels(network, axes, range(n_known))
            self._units_of_known = self._known.standardiser
            self._known.standardiser = None  # rows are standardised before windows are cut
            assert network.factor_map is not None
            bare._modules["factors"] = GivenFactors()
            bare._modules["factor_map"] = Remembering(network.factor_map)
            axes = {_behind(name): axis for name, axis in axes.items() if name != LOADINGS}
        self._of_new = partial(_of_new_channels, bare, axes, n_known)
        # where channels begin, one step along each direction, and along all at once
        k = self.spread.n_directions
        self._probe = self._of_new(k + 2)
        steps = torch.cat([torch.zeros(1, k), torch.eye(k), torch.ones(1, k)]).double()
        self.spread.write(self._probe, range(k + 2), steps)
        self._attributes: Tensor | None = None

    def set_attributes(self, values: Tensor) -> None:
        """Set the attributes (S,) of the channels that are solved for from now on."""
        for found in ("_map", "_of_level"):
            self.__dict__.pop(found, None)
        self._attributes = values
        _set_attributes(self._probe, values)

    def solve(
        self,
        series: Sequence[ObservedSeries],
        units: MeanDeviation,
        adaptation: Adaptation = "solve",
        keeps_units: bool = True,
        shares_place: bool = False,
    ) -> Tensor:
        """Return the places of new channels.

        Parameters
        ----------
        series : sequence of ObservedSeries
            Their rows, float64, where common factors enter those that these are made of before
            them.
            Windows whose horizon reaches beyond the last row count by the steps that are known.
        units : MeanDeviation, shape (A,) each
            Of the new channels, used where the network standardises.
        adaptation : {"solve", "encoder", "fine-tune"}, default="solve"
        keeps_units : bool, default=True
            Whether the channels will be forecast in units of these rows, whose mean may be far from
            their level; else in those of the rows that are then given.
        shares_place : bool, default=False
            Whether the new channels have one place in common, as components of a series that share
            its weights: their windows are all windows of it.

        Returns
        -------
        Tensor, shape (A, K), or (1, K) of channels that share their place
            Where no row of a horizon is known, or all are the same, the place that serves all known
            channels, or zero where that is what attributes say, or the head that all share. Zero,
            too, if forecasts are not linear in the place.
        """
        every, k = torch.arange(len(units.mean)), self.spread.n_directions
        groups = [every] if shares_place else list(every.split(1))
        nowhere = torch.zeros(len(groups), k, dtype=torch.float64)
        if not k:
            return nowhere
        seen = [one for one in series if len(one.target) > 1 + self.cutter.shift]
        pool = self.pool
        if not seen:
            return nowhere if pool is None else pool.start.expand(len(groups), -1)
        if adaptation == "encoder":
            return torch.stack([self._read(seen, units, channels) for channels in groups])
        if adaptation == "solve" and pool is not None:
            level = self._level_of(seen, units, keeps_units)
            varying = level.variance.nonzero().flatten()
            rows = [self._filled_up(self._open_ended(one)) for one in seen]
            places = pool.start.repeat(len(groups), 1)
            found = self._step_errors(rows, units, varying, self.cutter.lookback - 1)
            if shares_place and len(varying):
                of_all = replace(level, variance=level.variance[varying].mean())
                own, filled = (
                    reduce(add, [one.of_all() for one in some if one is not None])
                    for some in list(zip(*found, strict=True))[1:]
                )
                return pool.place(own, of_all, filled)[None]
            for channels, own, filled in found:
                of_some = replace(level, variance=level.variance[channels])
                places[channels] = pool.place(own, of_some, filled)
            return places
        rows = self._with_windows(seen)
        if not rows:
            return nowhere
        return torch.stack([self._by_steps(rows, units, channels) for channels in groups])

    def own_rows(self, series: Sequence[ObservedSeries], channel: int = 0) -> list[Tensor]:
        """Return the rows (T,) of a new channel."""
        return [one.target[:, self._first_new + channel] for one in series]

    def errors(
        self, series: Sequence[ObservedSeries], units: MeanDeviation
    ) -> list[QuadraticError]:
        """Return the errors of places on all windows of each new channel, which have some."""
        alike = torch.ones(self.cutter.horizon, dtype=torch.float64)
        found = self._step_errors(series, units, torch.arange(len(units.mean)))
        return [error for _, own, _ in found for error in own.weighed(alike).of_each()]

    def moved(
        self,
        place: Tensor,
        series: Sequence[ObservedSeries],
        units: MeanDeviation,
        own_weights: Sequence[float],
        channels: Tensor = ONE,
    ) -> Tensor:
        """Return where new channels move to from a place on windows of their own, if they have any.

        Parameters
        ----------
        place : Tensor, shape (K,)
        series, units
            See :meth:`solve`.
        own_weights : sequence of float
            How much a horizon of their rows counts; all are tried.
        channels : Tensor, shape (a,), int64
            Which of the new channels: the first one if not given, or those that share the place.

        Returns
        -------
        Tensor, shape (number of weights, K)
        """
        rows = self._with_windows(series)
        if self.pool is None or not rows or not any(own_weights):
            return place.expand(len(own_weights), -1)
        found = self._step_errors(rows, units, channels)
        own = reduce(add, [of_some.of_all() for _, of_some, _ in found])
        alike = torch.ones(self.cutter.horizon, dtype=torch.float64)
        error, loss = own.weighed(alike), self.pool.mean_loss
        n_seen = max(1.0, own.n_windows / self.cutter.horizon)
        return torch.stack([error.drawn(place, loss, weight * n_seen) for weight in own_weights])

    def _level_of(
        self,
        series: Sequence[ObservedSeries],
        units: MeanDeviation,
        keeps_units: bool,
    ) -> UnknownLevel:
        """Return how well the levels of new channels are known by their rows."""
        rows = torch.cat([one.target[:, self._first_new :] for one in series])
        variance = rows.var(dim=0, correction=0)
        if self.standardises:
            deviation = units.deviation.to(variance)
            variance = torch.where(deviation > 0, variance / deviation.square(), 0.0)
        missed, slopes = self._of_level
        if keeps_units:
            part = self._unseen_part(len(rows))
        else:
            part = torch.zeros(len(self.compared), dtype=torch.float64)
        return UnknownLevel(missed, slopes, torch.cat([part, part.mean()[None]]), variance)

    def _unseen_part(self, n_rows: int) -> Tensor:
        """Return :func:`unseen_part` of the known channels, kept: newcomers often come together."""
        if n_rows not in self._unseen:
            self._unseen[n_rows] = unseen_part(self._correlations[self.compared], n_rows)
        return self._unseen[n_rows]

    @cached_property
    def _of_level(self) -> tuple[Tensor, Tensor]:
        """What place zero misses of a level higher by one, and what directions add, (H, K)."""
        windows = torch.arange(2.0)[:, None].expand(-1, self.cutter.lookback)
        factors = None
        if self._known is not None:
            assert self._known.factors is not None
            factors = windows.new_zeros(2, 1, self._known.factors.n_features)
        at_zero, at_one = self._of_typical(windows, factors)  # (H, K + 2) each
        gained = at_one - at_zero
        return 1 - gained[:, 0], gained[:, 1:-1] - gained[:, :1]

    def _read(
        self, series: Sequence[ObservedSeries], units: MeanDeviation, channels: Tensor
    ) -> Tensor:
        """Return the place (K,) that the encoder says, and the windows of channels that share it.

        Rows of several are stretches of one history, each channel's in its own units.
        """
        assert self.encoder is not None
        unit = torch.where(units.deviation > 0, units.deviation, 1.0)
        history = [
            (rows - units.mean[channel]) / unit[channel]
            for channel in channels.tolist()
            for rows in self.own_rows(series, channel)
        ]
        place = self.encoder.place(history)
        return self.moved(place, series, units, [self.encoder.own_weight], channels)[0]

    @property
    def _first_new(self) -> int:
        """Column of series from which on they are those of new channels."""
        return 0 if self._known is None else self._known.n_channels

    @property
    def standardises(self) -> bool:
        """Whether places are judged in units of the new channels."""
        return self._probe.standardiser is not None

    def _with_windows(self, series: Sequence[ObservedSeries]) -> list[ObservedSeries]:
        """Return series that have a window of which a step is known, open ended."""
        least = self.cutter.lookback + self.cutter.shift
        return [self._open_ended(one) for one in series if len(one.target) > least]

    @property
    def pool(self) -> Pool | None:
        """The known channels, ``None`` where what is minimised is not quadratic in the place."""
        return self._pool if self.loss is None else None

    @cached_property
    @torch.no_grad()
    def _pool(self) -> Pool | None:
        """The known channels, ``None`` where forecasts are not linear in the place."""
        n_known, like = len(self.compared), next(self._probe.parameters())
        each = max(FEWEST, min(MOST, TYPICAL_WINDOWS // n_known))
        loadings = None if self._known is None else self._known.gap_filler.loadings.cpu()
        typical = TypicalWindows(self._correlations, min(each, self.cutter.lookback), loadings)
        features = None
        if self._known is not None:
            assert self._known.factors is not None
            assert typical.together is not None
            together = typical.together.to(like)
            if not self.standardises:
                level, deviation = _units_in(self._known)
                together = level + deviation * together
            features = self._factors(together)
            if self._map is not None:  # what they add, once for all that they stand beside
                features = self._map.added_by(features[:, 0].cpu())
        k = self.spread.n_directions
        losses = torch.zeros(n_known, k, k, dtype=torch.float64)
        departure = total = 0.0
        n_values = typical.n_windows * max(self.cutter.lookback, self.cutter.horizon) * (k + 2)
        for numbers in torch.arange(n_known).split(max(1, MAX_TOGETHER // n_values)):
            channels = torch.tensor(self.compared)[numbers]
            windows = typical.of(channels)
            if self._probe.standardiser is None:
                level, deviation = (
                    one[channels, None, None].cpu() for one in (self._level, self._deviation)
                )
                unit = torch.where(deviation > 0, deviation, 1.0).double()
                windows = level + unit * windows
            else:
                unit = windows.new_ones(len(windows), 1, 1)
            beside = None
            if features is not None:
                beside = features[typical.beside(channels).flatten()]
            if self._map is None:
                forecast = self._of_typical(windows.flatten(0, 1), beside)  # (B, H, K + 2)
                added = forecast[..., 1:] - forecast[..., :1]
            else:
                added = self._map(windows.flatten(0, 1), beside)[..., 1:]
            added = added.unflatten(0, (len(channels), -1)).flatten(1, 2) / unit
            slopes, together = added[..., :-1], added[..., -1]  # (n, B/n·H, K) and (n, B/n·H)
            departure += (together - slopes.sum(dim=-1)).square().sum().item()
            total += slopes.square().sum().item()
            losses[numbers] = slopes.mT @ slopes / slopes.shape[1]
        if not departure <= LINEAR**2 * total:
            return None
        return Pool.of(self.spread.places, losses, self._from_zero)

    @cached_property
    def _map(self) -> AffineMap | None:
        """What the probe's first channel forecasts of window and factors, and others beside it.

        ``None`` where that is not affine, or not all that they see.
        """
        if any(self._covariates):
            return None
        weights = None
        if self._known is not None:
            weights = self._factor_weights()
            if weights is None:
                return None

        def forecast(windows: Tensor, factors: Tensor | None) -> Tensor:
            return self._of_typical(windows, None if factors is None else factors[:, None])

        found = AffineMap.of(forecast, self.cutter.lookback, weights)
        return None if found is None else found.beside_first()

    def _factor_weights(self) -> Tensor | None:
        """Return the weights (K + 2, H, F) of common factors in the probe, if each has its own."""
        remembering = self._probe.factor_map
        assert isinstance(remembering, Remembering)
        layer = remembering.layer
        if not isinstance(layer, HyperLinear) or layer.axes != ("channel",):
            return None
        weights = layer.weights(shared=True)[0].cpu()  # as kept for forecasts
        return weights if weights.shape[1] == self.cutter.horizon else None

    @torch.no_grad()
    def _of_typical(self, windows: Tensor, factors: Tensor | None = None) -> Tensor:
        """Return what is forecast of windows (B, L) with all covariates at their means.

        Common factors are (B, 1, K·lookback), where they enter.
        """
        network, n_rows = self._probe, len(windows)
        like = next(network.parameters())
        past, future, static = (
            like.new_zeros(n_rows, length, n) if n else None
            for length, n in zip(
                (self.cutter.lookback, self.cutter.horizon, network.n_channels),
                self._covariates,
                strict=True,
            )
        )
        if network.standardiser is not None:
            for values, kind in ((past, "past"), (future, "future"), (static, "static")):
                if values is not None:
                    values.copy_(getattr(network.standardiser, f"{kind}_mean"))
        if factors is not None:
            assert isinstance(network.factors, GivenFactors)
            network.factors.values = factors.to(like)
        target = windows.to(like)[..., None].expand(-1, -1, network.n_channels)
        return network(target, past, future, static)[..., 0].double().cpu()

    def _filled_up(self, series: ObservedSeries) -> ObservedSeries:
        """Repeat the first row, so that the first window has one row that is known."""
        n_more = self.cutter.lookback - 1

        def repeated(values: Tensor | None) -> Tensor | None:
            return None if values is None else torch.cat([values[:1].expand(n_more, -1), values])

        target = torch.cat([series.target[:1].expand(n_more, -1), series.target])
        past, future = repeated(series.past), repeated(series.future)
        return replace(series, target=target, past=past, future=future)

    def _open_ended(self, series: ObservedSeries) -> ObservedSeries:
        """Add rows that are not known, so that the last window has one step that is."""
        n_more = self.cutter.horizon - 1

        def repeated(values: Tensor | None) -> Tensor | None:
            return None if values is None else torch.cat([values, values[-1:].expand(n_more, -1)])

        target = pad(series.target, (0, 0, 0, n_more), value=torch.nan)
        past, future = repeated(series.past), repeated(series.future)
        return replace(series, target=target, past=past, future=future)

    def _in_units(self, series: ObservedSeries, units: MeanDeviation) -> ObservedSeries:
        """Return the rows of a series as networks are given them, in units of what they are of."""
        target = series.target.to(self.cutter.dtype)
        if not self.standardises:
            return replace(series, target=target)
        before, own = target.tensor_split([self._first_new], dim=1)
        of_new = Standardiser(len(units.mean)).to(target)
        of_new.set_units("target", *units)
        if self._units_of_known is not None:
            before = self._units_of_known.standardise(before.T).T
        return replace(series, target=torch.cat([before, of_new.standardise(own.T).T], dim=1))

    def _factors(self, windows: Tensor) -> Tensor:
        """Return the common factors of windows (B, L, C) of known channels, in their units."""
        assert self._known is not None
        assert self._known.factors is not None
        x, _ = self._known.normalise(windows)
        return self._known.factors(x)

    def _blocks(
        self, series: ObservedSeries, units: MeanDeviation, network: ForecastingNetwork
    ) -> Iterator[tuple[Windows, Tensor | None]]:
        """Yield windows of new channels in their units, and common factors, which it is given."""
        rows = self._in_units(series, units)
        before, own = rows.target.tensor_split([self._first_new], dim=1)
        rows = replace(rows, target=own)
        size = max(
            1, MAX_VALUES // ((network.n_channels + series.target.shape[1]) * self.cutter.width)
        )
        for starts in torch.arange(len(own) - self.cutter.width + 1).split(size):
            factors = None
            if self._known is not None:
                assert isinstance(network.factors, GivenFactors)
                # cut as a view: there may be many known channels
                beside = before[starts[0] : starts[-1] + self.cutter.lookback]
                factors = self._factors(beside.unfold(0, self.cutter.lookback, 1).mT)
                network.factors.values = factors
            yield self.cutter.cut(rows, starts), factors

    def _inputs(
        self, windows: Windows, network: ForecastingNetwork, past: Tensor, channel: int
    ) -> tuple[Tensor | None, ...]:
        """Return what a network is given of a new channel with windows (B, L) in its units.

        Every channel of the network is given the same.
        """
        static = windows.static_covariates
        return (
            past[..., None].expand(-1, -1, network.n_channels),
            windows.past_covariates,
            windows.future_covariates,
            None if static is None else static[:, [self._first_new + channel]],
        )

    @torch.no_grad()
    def _step_errors(
        self,
        series: Sequence[ObservedSeries],
        units: MeanDeviation,
        channels: Tensor,
        n_filled: int = 0,
    ) -> list[tuple[Tensor, StepErrors, StepErrors | None]]:
        """Return the errors of places on windows of new channels, of some channels at a time.

        Parameters
        ----------
        series : sequence of ObservedSeries
        units : MeanDeviation
        channels : Tensor, shape (a,), int64
        n_filled : int, default=0
            Number of first windows of each series that are taken apart from the others.

        Returns
        -------
        list of (Tensor, StepErrors, StepErrors or None)
            Numbers of channels, errors on the other windows, and on those taken apart, if any are.
        """
        n_windows = max(len(one.target) for one in series) - self.cutter.width + 1
        n_values = n_windows * self.cutter.horizon * self.spread.n_directions
        chunks = torch.arange(len(channels)).split(max(1, MAX_TOGETHER // n_values))
        parts: list[list[list[StepErrors]]] = [[[], []] for _ in chunks]
        squares = torch.zeros(len(channels), dtype=torch.float64)
        for one in series:
            left = n_filled
            for block, factors in self._blocks(one, units, self._probe):
                added = None
                if self._map is not None and factors is not None:
                    added = self._map.added_by(factors[:, 0].cpu())
                first = min(left, len(block.past_target))
                left -= first
                past, future = (
                    values.movedim(2, 0)[channels]  # (a, B, L) and (a, B, H)
                    for values in (block.past_target, block.future_target)
                )
                target = future.double().cpu()
                squares += target.nan_to_num().square().sum(dim=(1, 2))
                for some, (whole, filled) in zip(chunks, parts, strict=True):
                    forecast = self._along_directions(block, past[some], channels[some], added)
                    missed, slopes = target[some] - forecast[..., 0], forecast[..., 1:]
                    whole.append(StepErrors.of(missed[:, first:], slopes[:, first:]))
                    if first:
                        filled.append(StepErrors.of(missed[:, :first], slopes[:, :first]))
        found = []
        kinds = torch.finfo(self.cutter.dtype), torch.finfo(squares.dtype)
        rounding = max(kinds[0].eps ** 2, kinds[1].eps)
        for some, several in zip(chunks, parts, strict=True):
            own, apart = (reduce(add, one) if one else None for one in several)
            assert own is not None
            n_known = (own if apart is None else own + apart).counts.sum(dim=1)
            least = (rounding * squares[some] / n_known).clamp(min=kinds[1].tiny)
            apart = apart and replace(apart, least=least)
            found.append((channels[some], replace(own, least=least), apart))
        return found

    def _along_directions(
        self, block: Windows, past: Tensor, channels: Tensor, added: Tensor | None
    ) -> Tensor:
        """Return what is forecast of new channels, given their windows (a, B, L) in their units.

        Of place zero, and what each direction adds to it: shape (a, B, H, K + 1).
        """
        if self._map is not None:
            return self._map(past.cpu(), added)[..., :-1]
        every = [
            self._probe(*self._inputs(block, self._probe, own, channel))[..., :-1, 0]
            for own, channel in zip(past, channels.tolist(), strict=True)
        ]
        forecast = torch.stack(every).double().cpu()
        forecast[..., 1:] -= forecast[..., :1]
        return forecast

    def _by_steps(
        self, series: Sequence[ObservedSeries], units: MeanDeviation, channels: Tensor
    ) -> Tensor:
        """Return the place of channels by steps along gradients, of all windows at once."""
        network, loss = self._of_new(1), self.loss or squared_error
        if self._attributes is not None:
            _set_attributes(network, self._attributes)
        place = torch.zeros(self.spread.n_directions, dtype=torch.float64, requires_grad=True)

        def outputs() -> tuple[Tensor, Tensor]:
            self.spread.put(network, place[None])
            found, targets = [], []
            for one in series:
                for block, _ in self._blocks(one, units, network):
                    for channel in channels.tolist():
                        past = block.past_target[..., channel]
                        found.append(network(*self._inputs(block, network, past, channel)))
                        targets.append(block.future_target[..., [channel]])
            return torch.cat(found).double(), torch.cat(targets).double()

        with torch.no_grad():
            output, target = outputs()
        left = target[..., 0] - output[..., 0, 0]
        share = effective_share(left, len(series) * len(channels), self.cutter.shift)
        n_counting = share * left.isfinite().sum()
        optimizer = torch.optim.LBFGS([place], max_iter=MAX_STEPS, line_search_fn="strong_wolfe")

        def objective() -> Tensor:
            optimizer.zero_grad()
            output, target = outputs()
            known = target.isfinite()
            target = torch.where(known, target, output[..., 0].detach())
            value = n_counting * loss(output, target, known.to(output))
            value = value + 0.5 * place.square().sum()
            value.backward()
            return value

        optimizer.step(objective)
        found = place.detach()
        return found if found.isfinite().all() else torch.zeros_like(found)


def _of_new_channels(
    network: ForecastingNetwork, axes: Mapping[str, int], n_known: int, n_new: int
) -> ForecastingNetwork:
    """Return a network of new channels, whose windows are standardised as they are cut."""
    other = with_channels(network, axes, [None] * n_new, n_known).eval()
    if other.standardiser is not None:
        other.standardiser.target_mean.zero_()
        other.standardiser.target_deviation.fill_(1.0)
    return other


def _set_attributes(network: ForecastingNetwork, values: Tensor) -> None:
    """Set the attributes (S,) of all channels of a network."""
    for _, context in with_attributes(network):
        assert context.from_attributes is not None
        context.set_attributes(values.expand_as(context.from_attributes.values))


def _units_in(network: ForecastingNetwork) -> tuple[Tensor, Tensor]:
    """Return levels and deviations of a network's channels, (C,) each."""
    filler, standardiser = network.gap_filler, network.standardiser
    if standardiser is None:
        return filler.level, filler.deviation
    return standardiser.target_mean, standardiser.target_deviation


def _behind(name: str) -> str:
    """Return the name of a parameter once the map of the factors is behind :class:`Remembering`."""
    prefix, _, rest = name.partition(".")
    return f"{prefix}.layer.{rest}" if prefix == "factor_map" else name
