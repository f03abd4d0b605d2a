"""Where a new channel lies among the known ones, found from rows of its own."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from hyperforecast.nn.conditioning import Condition, Conditioned, run
from hyperforecast.nn.exact import ObservedSeries
from hyperforecast.nn.exact.units import MeanDeviation
from hyperforecast.nn.network import ForecastingNetwork
from hyperforecast.nn.newcomers.channel_spread import CALIBRATION, ChannelSpread
from hyperforecast.nn.newcomers.effective_share import effective_share, score_share
from hyperforecast.nn.resizing import LOADINGS, with_channels
from hyperforecast.nn.standardiser import Standardiser
from hyperforecast.nn.windows import WindowCutter, Windows

NegativeLogLikelihood = Callable[[Tensor, Tensor, Tensor], Tensor]
"""Of outputs (B, H, 1, P), targets (B, H, 1) and their weights (B, H, 1): the mean over what has a
weight, up to a constant."""

MAX_VALUES = 2**22
"""Number of values in the windows that go through the network at a time."""

LINEAR = 1e-3
"""Part of what directions add to forecasts by which what they add together may differ."""

MAX_ROUNDS = 30
"""Rounds in which the noise is estimated."""

MAX_STEPS = 20
"""Steps of L-BFGS where forecasts are not linear."""


def squared_error(output: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Return the negative log-likelihood of normal errors, whose variance is what they have."""
    squares = weight * (output[..., 0] - target).square()
    mean = squares.sum() / weight.sum()
    return 0.5 * mean.clamp(min=torch.finfo(mean.dtype).tiny).log()


class ChannelSolver:
    r"""Finds where new channels lie in the spread of known ones, from rows of their own.

    A new channel is like one of the known ones: it lies about a centre :math:`m_n` of the spread.
    All but its own parameters held still, it lies, for each n, at the least of

    .. math:: \frac{\kappa}{\sigma^2} \sum_{t,h} (y_{th} - f_{th}(b))^2 + \frac{1}{v} \|b - m_n\|^2,

    and in all at the mean of these places, each as likely as its least says. The centres and the
    variance v follow from the known channels alone. The variance of the noise :math:`\sigma^2` is
    estimated with b, by expectation and maximisation, and windows that overlap count by their share
    :math:`\kappa`, so nothing is left to tune. Forecasts that are
    linear in b, as those of generated, individual and pooled heads are, are solved for in closed
    form; others, and other losses, by a few steps of L-BFGS about the mean, with v = 1.

    Parameters
    ----------
    network : ForecastingNetwork
        Its first channels are known, the others are new. It is not changed.
    axes : mapping of str to int
        Its :func:`~hyperforecast.nn.resizing.channel_axes`.
    n_known : int
    cutter : WindowCutter
        In the precision of the network.
    loss : callable, optional
        What is minimised in the place of the squared error: a :data:`NegativeLogLikelihood`.
    about_zero : collection of str, default=()
        Names of parameters whose mean is taken to be zero.

    Attributes
    ----------
    spread : ChannelSpread
    """

    def __init__(
        self,
        network: ForecastingNetwork,
        axes: Mapping[str, int],
        n_known: int,
        cutter: WindowCutter,
        loss: NegativeLogLikelihood | None = None,
        about_zero: Collection[str] = (),
    ) -> None:
        self.spread = ChannelSpread.of(network, axes, n_known, about_zero)
        self.cutter = cutter
        self.loss = loss
        trained = with_channels(network, axes, range(n_known)).eval()
        if loss is None:
            trained.channel_offsets = None  # what tells quantiles apart
        # factors are those of the known channels: new ones count in none
        self._known = None
        if network.factors is not None:
            self._known = with_channels(trained, axes, range(n_known))
            assert trained.factor_map is not None
            # attributes of a module may be any module
            trained._modules["factors"] = GivenFactors()
            trained._modules["factor_map"] = Remembering(trained.factor_map)
            axes = {_behind(name): axis for name, axis in axes.items() if name != LOADINGS}
        if loss is None:
            axes = {n: axis for n, axis in axes.items() if not n.startswith(CALIBRATION)}
        self._alone = with_channels(trained, axes, [None])
        # the mean of the known channels, one step along each direction, and along all at once
        k = self.spread.n_directions
        self._probe = with_channels(trained, axes, [None] * (k + 2))
        steps = torch.cat([torch.zeros(1, k), torch.eye(k), torch.ones(1, k)]).double()
        self.spread.write(self._probe, range(k + 2), steps)
        if self._probe.standardiser is not None:  # windows are standardised as they are cut
            for one in (self._probe, self._alone):
                assert one.standardiser is not None
                one.standardiser.target_mean.zero_()
                one.standardiser.target_deviation.fill_(1.0)

    def solve(self, series: Sequence[ObservedSeries], units: MeanDeviation) -> Tensor:
        """Return the places of new channels.

        Parameters
        ----------
        series : sequence of ObservedSeries
            Their rows, float64, where common factors enter those of the known channels before them.
            Windows whose horizon reaches beyond the last row count by the steps that are known.
        units : MeanDeviation, shape (A,) each
            Of the new channels, used where the network standardises.

        Returns
        -------
        Tensor, shape (A, K)
            Zero, the mean of the known channels, where no row of a horizon is known, or these do
            not differ.
        """
        least = self.cutter.lookback + self.cutter.shift
        rows = [self._open_ended(one) for one in series if len(one.target) > least]
        n_new, k = len(units.mean), self.spread.n_directions
        if not rows or not k:
            return torch.zeros(n_new, k, dtype=torch.float64)
        places: list[Tensor] = []
        found = [] if self.loss else self._along_directions(rows, units)
        for channel in range(n_new):
            if found and found[channel].are_linear:
                places.append(_posterior(found[channel], self.spread, len(rows), self.cutter))
            else:
                places.append(self._by_steps(rows, units, channel))
        return torch.stack(places)

    def _open_ended(self, series: ObservedSeries) -> ObservedSeries:
        """Add rows that are not known, so that the last window has one step that is."""
        n_more = self.cutter.horizon - 1

        def repeated(values: Tensor | None) -> Tensor | None:
            return None if values is None else torch.cat([values, values[-1:].expand(n_more, -1)])

        target = pad(series.target, (0, 0, 0, n_more), value=torch.nan)
        past, future = repeated(series.past), repeated(series.future)
        return replace(series, target=target, past=past, future=future)

    def _windows(
        self,
        series: Sequence[ObservedSeries],
        network: ForecastingNetwork,
        units: MeanDeviation,
        channels: Sequence[int],
    ) -> Iterator[tuple[int, Windows]]:
        """Yield windows of each new channel, for every channel of a network, given the factors."""
        n_all = 0 if self._known is None else self._known.n_channels
        size = max(1, MAX_VALUES // ((network.n_channels + n_all) * self.cutter.width))
        for windows in self.cutter.blocks(series, size):
            past, static = windows.past_target, windows.static_covariates
            if self._known is not None:
                assert self._known.factors is not None
                assert isinstance(network.factors, GivenFactors)
                x, _ = self._known.normalise(past[..., :n_all])
                network.factors.values = self._known.factors(x)
            for channel in channels:
                place = [n_all + channel]
                own, target = past[..., place], windows.future_target[..., place]
                if network.standardiser is not None:
                    unit = Standardiser(1).to(own)
                    unit.set_units("target", units.mean[channel], units.deviation[channel])
                    own, target = (unit.standardise(rows.mT).mT for rows in (own, target))
                of_channel = windows._replace(
                    past_target=own.expand(-1, -1, network.n_channels),
                    static_covariates=None if static is None else static[:, place],
                    future_target=target,
                )
                yield channel, of_channel

    @torch.no_grad()
    def _along_directions(
        self, series: Sequence[ObservedSeries], units: MeanDeviation
    ) -> list["_Forecasts"]:
        """Return what each direction does to the forecasts of each new channel."""
        channels = range(len(units.mean))
        parts: list[list[tuple[Tensor, Tensor, Tensor]]] = [[] for _ in channels]
        for channel, windows in self._windows(series, self._probe, units, channels):
            forecast = self._probe(*windows[:4])[..., 0].movedim(-1, 0).double()  # (K+2, B, H)
            added = forecast[1:] - forecast[0]
            missed = windows.future_target[..., 0] - forecast[0]
            parts[channel].append((missed, added[:-1].movedim(0, -1), added[-1]))
        found = []
        for one in parts:
            missed, slopes, together = (torch.cat(values) for values in zip(*one, strict=True))
            departure = (together - slopes.sum(dim=-1)).square().sum()
            linear = bool(departure <= LINEAR**2 * slopes.square().sum())
            found.append(_Forecasts(missed, slopes, linear))
        return found

    def _by_steps(
        self, series: Sequence[ObservedSeries], units: MeanDeviation, channel: int
    ) -> Tensor:
        """Return the place of a channel by steps along gradients, of all windows at once."""
        network, loss = self._alone, self.loss or squared_error
        place = torch.zeros(self.spread.n_directions, dtype=torch.float64, requires_grad=True)

        def outputs() -> tuple[Tensor, Tensor]:
            self.spread.put(network, place[None])
            pairs = [
                (network(*one[:4]), one.future_target)
                for _, one in self._windows(series, network, units, [channel])
            ]
            found, targets = zip(*pairs, strict=True)
            return torch.cat(found).double(), torch.cat(targets).double()

        with torch.no_grad():
            output, target = outputs()
        left = target[..., 0] - output[..., 0, 0]
        share = effective_share(left, len(series), self.cutter.shift)
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


def _behind(name: str) -> str:
    """Return the name of a parameter once the map of the factors is behind :class:`Remembering`."""
    prefix, _, rest = name.partition(".")
    return f"{prefix}.layer.{rest}" if prefix == "factor_map" else name


class GivenFactors(nn.Module):
    """Common factors that are given, in the place of those of a network's channels."""

    values: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        """Return what was given, (B, 1, K·lookback)."""
        assert self.values is not None
        return self.values


class Remembering(Conditioned):
    """A layer that answers what it was asked last: all new channels see the same factors.

    Parameters
    ----------
    layer : Module
    """

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer
        self._last: tuple[Tensor, Tensor] | None = None

    def forward(self, x: Tensor, condition: Condition | None = None) -> Tensor:
        """Apply the layer."""
        if torch.is_grad_enabled():
            return run(self.layer, x, condition)
        if self._last is None or self._last[0] is not x:
            self._last = (x, run(self.layer, x, condition))
        return self._last[1]


class _Forecasts(NamedTuple):
    """Of T windows of a channel.

    Attributes
    ----------
    missed : Tensor, shape (T, H)
        What the mean of the known channels misses of the targets; NaN where they are not known.
    slopes : Tensor, shape (T, H, K)
        What a step along each direction adds.
    are_linear : bool
        Whether steps along all directions add what each does.
    """

    missed: Tensor
    slopes: Tensor
    are_linear: bool


def _posterior(
    forecasts: _Forecasts, spread: ChannelSpread, n_series: int, cutter: WindowCutter
) -> Tensor:
    """Return the mean place (K,) of a channel, given its rows, whose forecasts are linear in it."""
    known = forecasts.missed.isfinite()
    missed, slopes = forecasts.missed[known], forecasts.slopes[known]  # (N,), (N, K)
    values, vectors = torch.linalg.eigh(slopes.T @ slopes)
    values = values.clamp(min=0)
    right = vectors.T @ (slopes.T @ missed)
    centres, variance = spread.centres @ vectors, spread.bandwidth**2
    total = missed.square().sum()
    # what rounding of the network's outputs, and of the sums over windows, leaves of an error
    rounding = max(torch.finfo(cutter.dtype).eps ** 2, torch.finfo(total.dtype).eps)
    least = (rounding * total / len(missed)).clamp(min=torch.finfo(total.dtype).tiny)

    def errors(places: Tensor) -> Tensor:
        products = (values * places.square()).sum(dim=-1) - 2 * (places @ right)
        return (total + products).clamp(min=0)

    place = torch.zeros_like(right)
    noise = errors(place) / len(missed)
    for _ in range(MAX_ROUNDS):
        before = place
        left = forecasts.missed - forecasts.slopes @ (vectors @ place)
        share = min(
            effective_share(left, n_series, cutter.shift), score_share(left, forecasts.slopes)
        )
        ridge = torch.maximum(noise / share, least)
        # of a channel like each known one, and how likely each is
        shrunk = ridge / variance
        places = (right + shrunk * centres) / (values + shrunk)
        unlikely = errors(places) / ridge + (places - centres).square().sum(dim=-1) / variance
        likely = torch.softmax(-0.5 * unlikely, dim=0)
        place = likely @ places
        # once the data are seen, the variance of a place is ridge / (value + shrunk)
        noise = (errors(place) + (values * ridge / (values + shrunk)).sum()) / len(missed)
        if (place - before).norm() <= 1e-6 * place.norm():
            break
    return vectors @ place
