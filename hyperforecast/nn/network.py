"""The forecasting network: normalise -> embed -> encode -> head -> restore."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache, partial
from typing import Any, NamedTuple, TypeVar

import torch
from torch import Tensor, nn

from hyperforecast.nn.backbones import (
    BACKBONES,
    check_backbone,
    default_instance_norm,
    feature_dim,
    head_initialiser,
    takes_covariates,
)
from hyperforecast.nn.channel_linear import ChannelLinear
from hyperforecast.nn.contexts import Context
from hyperforecast.nn.contexts.attributes import with_attributes
from hyperforecast.nn.entities import WEIGHTS_BY, n_rows, picked_rows
from hyperforecast.nn.errors import unknown_name
from hyperforecast.nn.hyper_layers.hyper_linear import HyperLinear
from hyperforecast.nn.hyper_layers.modulation import Activations
from hyperforecast.nn.hyper_network import HyperNetwork
from hyperforecast.nn.layers.channel_offsets import ChannelOffsets
from hyperforecast.nn.layers.conditioning import Condition, run
from hyperforecast.nn.layers.cycle import Cycle
from hyperforecast.nn.layers.initialisers import Initialiser, zero_rows
from hyperforecast.nn.layers.instance_norm import INSTANCE_NORMS, OutputRole, Statistics, restore
from hyperforecast.nn.layers.standardiser import Standardiser
from hyperforecast.nn.parts import Part, make_parts
from hyperforecast.nn.random_numbers import own_random_numbers
from hyperforecast.nn.series.correlation import of_each, without_mean
from hyperforecast.nn.series.factors import CommonFactors
from hyperforecast.nn.series.filling_units import FillingUnits
from hyperforecast.nn.series.gap_filler import GapFiller
from hyperforecast.nn.series.lag_correlation import lag_correlation_embedding
from hyperforecast.nn.sites import N_CHANNELS, NetworkSites, Site, dry_run

T = TypeVar("T")

OUTPUT_LAYERS = {
    "head": 3,
    "past_covariate_map": 3,
    "static_covariate_map": 3,
    "factor_map": 3,
    "future_covariate_map": 4,
}
"""Names of the layers that give the forecast, and the number of axes of what they are given."""


class _Covariates(NamedTuple):
    """Covariates of windows, as :meth:`ForecastingNetwork.forward` has them."""

    past: Tensor | None = None
    future: Tensor | None = None
    static: Tensor | None = None


class _OutputLayers:
    """The layers that give the forecast, as they are made: their sites and starts.

    Parameters
    ----------
    roles : sequence of str
        What each output of a step is to the series.
    """

    def __init__(self, roles: Sequence[OutputRole]) -> None:
        self.roles = roles
        self.sites: list[Site] = []
        self.initialisers: dict[str, Initialiser] = {}

    def layer(
        self, name: str, n_in: int, n_out: int, start: Initialiser, *, bias: bool
    ) -> nn.Module:
        """Make a layer."""
        layer = nn.Linear(n_in, n_out, bias=bias)
        others = [i for i in range(n_out) if self.roles[i % len(self.roles)] != "location"]
        if others:
            # inputs in large units would make pre-activations of which softplus is 0 or a huge one
            start = zero_rows(start, others)
            if bias:
                layer.bias.data[others] = 0.0
        start(layer.weight.data)
        self.sites.append(Site(name, "linear", OUTPUT_LAYERS[name], n_in, n_out))
        self.initialisers[name] = start
        return layer

    def covariate_map(
        self, name: str, n_in: int, n_out: int, n_channels: int | None = None
    ) -> nn.Module | None:
        """Make a map that starts at zero, ``None`` of no inputs; one each if channels are given."""
        if not n_in:
            return None
        layer = self.layer(name, n_in, n_out, nn.init.zeros_, bias=False)
        if n_channels is None:
            return layer
        return ChannelLinear(
            n_channels,
            n_in,
            n_out,
            initialise=nn.init.zeros_,
            bias=False,
            n_axes=OUTPUT_LAYERS[name],
        )


class ForecastingNetwork(HyperNetwork):
    """A plain network and the parts that are put into it, from windows to forecasts.

    All arguments are plain values, so a network can be rebuilt from what a checkpoint says.

    Parameters
    ----------
    lookback, horizon : int
        Window length L and number of forecast steps H.
    n_channels : int
        Number of channels C.
    parts : mapping of str to dict, optional
        Names of parts, keys of ``PARTS``, and their options. Without any, the network is the plain
        backbone.
    backbone : str, default="dlinear"
        Key of ``BACKBONES``.
    backbone_kwargs : dict, optional
        Options of the backbone.
    instance_norm : str, optional
        Key of ``INSTANCE_NORMS``; the backbone's own if not given.
    output_roles : sequence of str, default=("location",)
        What each of the P outputs of a step is to the series, see
        :meth:`InstanceNorm.restore`; its length is P.
    n_past_covariates, n_future_covariates, n_static_covariates : int, default=0
        Number of covariates known over the window, over the horizon, and of each channel.
    n_factors : int, default=0
        Number K of common factors, further inputs of every channel: see :class:`CommonFactors`.
    factor_lookback : int, default=12
        Number of most recent steps at which factors enter, at most L.
    n_neighbours : int, default=0
        Number of channels, the first ones, that are further factors by themselves.
    neighbour_steps : int, default=1
        Number of most recent steps at which these enter, at most L.
    channel_offsets : bool, default=False
        Whether each output of each channel has a free offset, starting at zero: what turns a
        point forecast into quantiles of its residuals.
    point_head : bool, default=False
        Whether the layers before these offsets give one value for a step, a point forecast, and the
        offsets alone, which are then not trained by gradients, tell the outputs apart. With
        ``channel_offsets``, where all roles are ``"location"``.
    offset_spans : sequence of int, default=()
        Numbers of most recent values by whose variance the offsets are scaled: see
        :class:`ChannelOffsets`. Without any they are the same for every window.
    standardised : bool, default=False
        Whether channels and covariates are standardised on entry by means and deviations of
        training, and forecasts restored: see :class:`Standardiser`.
    individual_covariates : bool, optional
        Whether every channel has a response of its own to the covariates known over the window and
        over the horizon, or all share one; if not given, all share one where the network has no
        parts. Not with a part that concerns the head: that says it.
    weights_by : {"channel", "series", "both"}, default="channel"
        Whether what depends on a channel is a channel's own, in all series alike, a series' own, or
        that of each channel of each series.
    n_series : int, default=1
        Number of series that are told apart where it is not ``"channel"``.
    n_attributes : int, default=0
        Number of attributes by which what has weights of its own is known beside: contexts that are
        learned vectors are what these say, and a free part.
    periods : sequence of int, optional
        Lengths of cycles of channels and covariates, in steps, whose phases are known: see
        :class:`Cycle`. Of none, an empty sequence, the phases are given and have no effect.

    Notes
    -----
    The plain network is built first. Then each part adds its terms to layers that are in their
    place, so parameters of the plain network keep their names, and start at the same values for
    the same random seed.

    A backbone that takes covariates itself is given them, static ones excepted; the covariates
    known over the horizon are then the last of those known over the window. With any other
    backbone covariates enter linearly, through maps that start at zero and to which parts that
    concern the head add their terms: those known over the window at every lag, those known over
    the horizon at their own step with one coefficient for all steps, static ones as a shift of
    every step. Common factors enter in the same way. The first two maps are every channel's own,
    or shared by all, as ``individual_covariates`` says.

    A part may cut the horizon into segments with weights of their own. All segments then go
    through the network side by side, on a leading axis of the activations: see
    :class:`~hyperforecast.nn.Segments`.

    Attributes
    ----------
    parts : dict of str to Part
        In the order in which they were put in.
    segments : Segments, optional
        How the horizon is cut; ``None`` where all steps are forecast with the same weights.
    """

    max_block = 2**22
    """Numbers (16 MB in float32) in the features or generated weights of channels that are
    trained at a time."""

    def __init__(
        self,
        *,
        lookback: int,
        horizon: int,
        n_channels: int,
        parts: Mapping[str, Mapping[str, Any] | None] | None = None,
        backbone: str = "dlinear",
        backbone_kwargs: dict | None = None,
        instance_norm: str | None = None,
        output_roles: Sequence[OutputRole] = ("location",),
        n_past_covariates: int = 0,
        n_future_covariates: int = 0,
        n_static_covariates: int = 0,
        n_factors: int = 0,
        factor_lookback: int = 12,
        n_neighbours: int = 0,
        neighbour_steps: int = 1,
        channel_offsets: bool = False,
        point_head: bool = False,
        offset_spans: Sequence[int] = (),
        standardised: bool = False,
        individual_covariates: bool | None = None,
        weights_by: str = "channel",
        n_series: int = 1,
        n_attributes: int = 0,
        periods: Sequence[int] | None = None,
    ) -> None:
        super().__init__()
        if weights_by not in WEIGHTS_BY:
            raise ValueError(unknown_name("weights_by", weights_by, WEIGHTS_BY))
        check_backbone(backbone, backbone_kwargs)
        if instance_norm is None:
            instance_norm = default_instance_norm(backbone)
        if instance_norm not in INSTANCE_NORMS:
            raise ValueError(unknown_name("instance_norm", instance_norm, INSTANCE_NORMS))

        self.lookback = lookback
        self.horizon = horizon
        self.n_channels = n_channels
        self.weights_by = weights_by
        self.n_series = n_series
        n_rows_of_weights = n_rows(weights_by, n_channels, n_series)
        self.output_roles = tuple(output_roles)
        self.point_head = point_head
        self.parts = make_parts(parts or {}, horizon)
        parts_of = self.parts.items()
        self.segments = _only("cut the horizon", {n: part.cut(horizon) for n, part in parts_of})

        self.gap_filler = GapFiller(n_channels, lookback)
        self.past_gap_filler = None
        if n_past_covariates:
            self.past_gap_filler = GapFiller(n_past_covariates, lookback)
        n_units = n_rows("channel" if weights_by == "channel" else "both", n_channels, n_series)
        self.standardiser = None
        if standardised:
            self.standardiser = Standardiser(
                n_units,
                n_past_covariates,
                n_future_covariates,
                n_static_covariates,
            )
        self.filling_units = None
        if weights_by != "channel" and not standardised:
            self.filling_units = FillingUnits(n_units)
        norm = INSTANCE_NORMS[instance_norm]
        self.instance_norm = None if norm is None else norm(n_channels)
        width = _only("embed the window", {n: part.embeds_into for n, part in parts_of})
        self.embedding = None if width is None else nn.Linear(lookback, width)
        n_steps = lookback if width is None else width  # that the backbone sees
        sizes = {
            "horizon": horizon,
            "n_past_covariates": n_past_covariates,
            "n_future_covariates": n_future_covariates,
        }
        n_cycles = (n_units, n_past_covariates, n_future_covariates)
        self.backbone_takes_covariates = takes_covariates(backbone)
        own_maps = _maps_of_channels(individual_covariates, self.parts, backbone)
        options = dict(backbone_kwargs or {})
        if self.backbone_takes_covariates:
            options |= sizes
            n_past_covariates = n_future_covariates = 0  # that the network maps

        self.backbone = BACKBONES[backbone](n_steps, n_channels, **options)
        has_weights = any(True for _ in self.parameters())  # that make features of the window
        self.features = Activations() if has_weights else None

        head_roles = self.output_roles[:1] if point_head else self.output_roles
        n_roles = self._n_head_roles = len(head_roles)
        n_outputs = (self.segments.length if self.segments else horizon) * n_roles
        n_features = feature_dim(self.backbone)
        made = _OutputLayers(head_roles)
        start = head_initialiser(self.backbone)
        self.head = made.layer("head", n_features, n_outputs, start, bias=True)
        n_maps = n_rows_of_weights if own_maps else None
        self.past_covariate_map = made.covariate_map(
            "past_covariate_map", lookback * n_past_covariates, n_outputs, n_maps
        )
        self.future_covariate_map = made.covariate_map(
            "future_covariate_map", n_future_covariates, n_roles, n_maps
        )
        self.static_covariate_map = made.covariate_map(
            "static_covariate_map", n_static_covariates, n_outputs
        )
        self.factors = None
        if n_factors or n_neighbours:
            self.factors = CommonFactors(
                n_channels,
                n_factors,
                min(factor_lookback, lookback),
                n_neighbours,
                min(neighbour_steps, lookback),
            )
        n_seen = 0 if self.factors is None else self.factors.n_features
        self.factor_map = made.covariate_map("factor_map", n_seen, n_outputs)
        self.channel_offsets = None
        if channel_offsets:
            self.channel_offsets = ChannelOffsets(
                n_units, horizon, len(self.output_roles), offset_spans, trained=not point_head
            )

        self.periods = None if periods is None else tuple(periods)
        self.cycle, self.past_cycle, self.future_cycle = (
            Cycle(self.periods, count) if self.periods and count else None for count in n_cycles
        )

        others = [] if width is None else [Site("embedding", "linear", 3, lookback, width)]
        if self.features is not None:
            others.append(Site("features", "activations", 3, n_features, n_features))
        self._put_in(
            NetworkSites(
                self,
                outputs=made.sites,
                others=others,
                within=lambda: _sites_of_backbone(
                    KeyedArguments(
                        backbone=BACKBONES[backbone],
                        n_channels=n_channels,
                        sizes={"lookback": n_steps, **sizes},
                        options=options,
                    )
                ),
                initialisers=made.initialisers,
                lookback=lookback,
                n_channels=n_rows_of_weights,
                segments=self.segments,
                backbone=backbone,
                n_attributes=n_attributes,
            )
        )

    def _put_in(self, sites: NetworkSites) -> None:
        """Put the parts at their sites."""
        with own_random_numbers():
            for name, part in self.parts.items():
                part.put_into(sites, name)
        before_head = [
            term for name, term in self.named_terms() if name.partition(".")[0] not in OUTPUT_LAYERS
        ]
        self._cut_before_head = any(term.axis == "segment" for term in before_head)
        self._takes_blocks = (
            isinstance(self.head, HyperLinear)
            and self.head.axes == ("channel",)
            and getattr(self.backbone, "channel_independent", False)
            and not before_head
            and self.weights_by == "channel"
        )

    def forward(
        self,
        past_target: Tensor,
        past_covariates: Tensor | None = None,
        future_covariates: Tensor | None = None,
        static_covariates: Tensor | None = None,
        series: Tensor | None = None,
        phase: Tensor | None = None,
        *,
        n_steps: int | None = None,
        shared: bool = False,
    ) -> Tensor:
        """Forecast.

        Parameters
        ----------
        past_target : Tensor, shape (B, L, C)
            NaN where a value is missing: see :class:`GapFiller`.
        past_covariates : Tensor, shape (B, L, n_past_covariates), optional
            Likewise.
        future_covariates : Tensor, shape (B, H, n_future_covariates), optional
        static_covariates : Tensor, shape (B, C or 1, n_static_covariates), optional
            One row for each channel, or one for all.
        series : Tensor, shape (B,), int64, optional
            Number of the series that each window is of, where weights are by series.
        phase : Tensor, shape (B, 2), int64, optional
            Of the first step of the window and of the first one forecast, where there are periods.
        n_steps : int, optional
            Number of steps wanted, at most H, which is the default. Where the horizon is cut into
            segments, those beyond are not computed.
        shared : bool, default=False
            Where the horizon is cut into segments: whether to forecast the first of them with the
            weights that all share, and nothing else.

        Returns
        -------
        Tensor, shape (B, H, C, P)
            Of fewer steps where segments are left out.
        """
        rows = units = None
        if self.weights_by != "channel":
            assert series is not None
            rows = picked_rows(self.weights_by, series, self.n_channels)
            units = picked_rows("both", series, self.n_channels)
        n_cut = None  # on a leading axis, none without it
        if self.segments is not None and not shared:
            n_cut = self.segments.reaching(self.horizon if n_steps is None else n_steps)
        x, statistics = self.normalise(past_target, units, phase)
        given = _Covariates(past_covariates, future_covariates, static_covariates)
        y = self._outputs(x, self._in_training_units(given, phase), rows, n_cut)
        if self.channel_offsets is not None:
            y = self.channel_offsets(y, x, units)
        if self.instance_norm is not None and statistics is not None:
            y = self.instance_norm.restore(y, statistics, self.output_roles)
        if self.cycle is not None:
            assert phase is not None
            ahead = self.cycle(phase[:, 1], y.shape[2], units)
            y = restore(y, Statistics(ahead, None), self.output_roles)
        if self.standardiser is not None:
            y = self.standardiser.restore(y, self.output_roles, units)
        return y.transpose(1, 2)  # (B, C, H, P) -> (B, H, C, P)

    def _in_training_units(self, given: _Covariates, phase: Tensor | None) -> _Covariates:
        """Return covariates without gaps over the window, in units of training, less the cycles."""
        past, future, static = given
        if self.past_gap_filler is not None and past is not None:
            past = self.past_gap_filler.fill_rows(past)
        if self.standardiser is not None:
            past = self.standardiser.standardise_covariates(past, "past")
            future = self.standardiser.standardise_covariates(future, "future")
            static = self.standardiser.standardise_covariates(static, "static")
        if phase is not None:
            past = _without(self.past_cycle, past, phase[:, 0])
            future = _without(self.future_cycle, future, phase[:, 1])
        return _Covariates(past, future, static)

    def _outputs(
        self, x: Tensor, given: _Covariates, rows: Tensor | None, n_cut: int | None
    ) -> Tensor:
        """Map normalised windows and what is known beside them to outputs: (B, C, H, P).

        Parameters
        ----------
        x : Tensor, shape (B, C, L)
        given : _Covariates
        rows : Tensor, shape (B, C), int64, optional
            See :class:`Condition`.
        n_cut : int, optional
            Number S' of segments that are computed; ``None`` where the horizon is not cut.
        """

        def cut(values: Tensor) -> Tensor:
            """Give every segment the same, without a copy: (...) -> (S', ...)."""
            return values if n_cut is None else values.expand(n_cut, *values.shape)

        early = cut if self._cut_before_head else _same
        own = given if self.backbone_takes_covariates else _Covariates()
        condition = Condition(
            x,
            None if own.past is None else early(own.past),
            None if own.future is None else early(own.future),
            rows,
        )
        n_block = self._channels_per_block(x)
        if n_block < self.n_channels:
            y = self._forward_by_blocks(x, n_block)
        else:
            features = self._encode(early(x), condition)
            features = features if self._cut_before_head else cut(features)
            y = run(self.head, features, condition)  # (B, C, D) -> (B, C, H·P)
        if self.past_covariate_map is not None:
            assert given.past is not None
            lags = given.past.flatten(-2).unsqueeze(-2)  # (B, 1, L·n)
            y = y + run(self.past_covariate_map, cut(lags), condition)
        if self.static_covariate_map is not None:
            assert given.static is not None
            y = y + run(self.static_covariate_map, cut(given.static), condition)
        if self.factor_map is not None:
            assert self.factors is not None
            y = y + run(self.factor_map, cut(self.factors(x)), condition)
        y = y.unflatten(-1, (-1, self._n_head_roles))  # (B, C, H·P) -> (B, C, H, P)
        if self.future_covariate_map is not None:
            assert given.future is not None
            if self.segments is None or n_cut is None:
                ahead = given.future[:, : y.shape[-2]].unsqueeze(1)  # (B, 1, H, n)
            else:
                ahead = self.segments.split(given.future, n_cut)  # (S', B, 1, T, n)
            y = y + run(self.future_covariate_map, ahead, condition)
        if self.segments is not None and n_cut is not None:
            y = self.segments.join(y)  # (S', B, C, T, P) -> (B, C, H, P)
        return y

    def normalise(
        self, past_target: Tensor, units: Tensor | None = None, phase: Tensor | None = None
    ) -> tuple[Tensor, Statistics | None]:
        """Fill and normalise windows (B, L, C): (B, C, L), and by what statistics of their own."""
        x = past_target.mT
        if not self.fills_in_units:
            x = self.fill(x, units)
        x = self._in_units(x, units, phase)
        if self.instance_norm is None:
            return x, None
        statistics = self.instance_norm.statistics(x)
        return self.instance_norm.normalise(x, statistics), statistics

    def fill(self, x: Tensor, units: Tensor | None = None) -> Tensor:
        """Fill windows (B, C, L), in units of their series where weights are by series.

        Parameters
        ----------
        x : Tensor
            Not standardised.
        units : Tensor, shape (B, C), optional
            Whose units their channels have, where weights are by series.
        """
        if self.filling_units is None:
            return self.gap_filler(x)
        assert units is not None
        return self.filling_units.fill(x, self.gap_filler, units)

    def _in_units(self, x: Tensor, units: Tensor | None, phase: Tensor | None) -> Tensor:
        """Return windows (B, C, L) in units of training, less the cycles."""
        if self.standardiser is not None:
            x = self.standardiser.standardise(x, units)
        if self.fills_in_units:
            x = self.gap_filler(x)
        if self.cycle is not None:
            assert phase is not None
            x = x - self.cycle(phase[:, 0], x.shape[2], units)
        return x

    @property
    def fills_in_units(self) -> bool:
        """Whether gaps are filled in what the network computes in, which is units of each series.

        Levels of others say nothing of its. Where it computes in no units, those that it fills in
        are :class:`FillingUnits`.
        """
        return self.standardiser is not None and self.weights_by != "channel"

    def output_scale(self, past_target: Tensor, phase: Tensor | None = None) -> Tensor:
        """Return what an output of the head of one adds to forecasts of windows (B, L, C).

        Returns
        -------
        Tensor, shape (B, C, 1)
        """
        x = self._in_units(past_target.mT, None, phase)
        scale = torch.ones_like(x[..., :1])
        if self.standardiser is not None:
            scale = scale * self.standardiser.unit()
        if self.instance_norm is not None:
            own = self.instance_norm.statistics(x).scale
            scale = scale if own is None else scale * own
        return scale

    def _encode(self, x: Tensor, condition: Condition) -> Tensor:
        """Map normalised windows to features: (B, C, L) -> (B, C, D)."""
        for stage in (self.embedding, self.backbone, self.features):
            if stage is not None:
                x = run(stage, x, condition)
        return x

    def _channels_per_block(self, x: Tensor) -> int:
        """Return how many channels of windows (B, C, L) are trained at a time.

        With thousands of channels, features and generated weights of all would be arrays so large
        that asking the system for their memory, in every step, takes as long as the arithmetic.
        """
        # the head of a folded network is a plain one
        if not (self.training and self._takes_blocks and isinstance(self.head, HyperLinear)):
            return self.n_channels
        n_in, n_out = self.head.in_features, self.head.out_features
        n_rows = len(x) if self.head.multiplies_in_pieces(x) else max(len(x), n_out)
        return max(1, self.max_block // (n_rows * n_in))

    def _forward_by_blocks(self, x: Tensor, n_block: int) -> Tensor:
        """Apply backbone and head to ``n_block`` channels after others: (B, C, L) -> (B, C, H·P).

        Every channel's arithmetic is that of all channels at once.
        """
        assert isinstance(self.head, HyperLinear)
        outputs = []
        for first in range(0, self.n_channels, n_block):
            channels = slice(first, first + n_block)
            window = x[:, channels]
            outputs.append(self.head.apply_to(self._encode(window, Condition(window)), channels))
        return torch.cat(outputs, dim=1)

    def start_from(
        self,
        series: Sequence[Tensor],
        past_covariates: Sequence[Tensor] = (),
        numbers: Sequence[int] | None = None,
        attributes: Tensor | None = None,
    ) -> None:
        """Give what starts from data the training series.

        Parameters
        ----------
        series : sequence of Tensor, each of shape (T_i, C)
        past_covariates : sequence of Tensor, each of shape (T', n)
            They say no more than what stands in their gaps.
        numbers : sequence of int, optional
            Numbers of these series, where weights are by series.
        attributes : Tensor, shape (N, n_attributes), optional
            Of what has weights of its own.
        """
        self.take_in(series, past_covariates, numbers, attributes)
        vectors_of = None
        if self.weights_by != "channel":
            assert numbers is not None
            vectors_of = self._vectors_of(series, torch.tensor(numbers))
        for module in self.modules():
            if isinstance(module, Context) and vectors_of is not None:
                module.start_at(vectors_of)
            elif isinstance(module, (Context, CommonFactors)):
                module.start_from(series)

    def take_in(
        self,
        series: Sequence[Tensor],
        past_covariates: Sequence[Tensor] = (),
        numbers: Sequence[int] | None = None,
        attributes: Tensor | None = None,
    ) -> None:
        """Give what is never trained the training series; parameters as of :meth:`start_from`."""
        if attributes is not None:
            for _, context in with_attributes(self):
                context.set_attributes(attributes)
        if self.filling_units is not None:
            assert numbers is not None
            rows = picked_rows("both", torch.tensor(numbers), self.n_channels)
            series = self.filling_units.start_from(series, rows)
        self.gap_filler.start_from(series)
        if self.past_gap_filler is not None and past_covariates:
            self.past_gap_filler.start_from(past_covariates)

    def fill_as(self, other: "ForecastingNetwork") -> None:
        """Take over from another network what stands in gaps."""
        self.gap_filler.load_state_dict(other.gap_filler.state_dict())
        if self.past_gap_filler is not None and other.past_gap_filler is not None:
            self.past_gap_filler.load_state_dict(other.past_gap_filler.state_dict())

    def _vectors_of(self, series: Sequence[Tensor], numbers: Tensor) -> Callable[[int], Tensor]:
        """Return what gives vectors to the rows of tables of weights, by their length."""
        rows = picked_rows(self.weights_by, numbers, self.n_channels)  # (series, C)
        tables = [values.detach().to("cpu", torch.float64) for values in series]
        columns = [column for one in of_each(without_mean, tables) for column in one.T]
        count = n_rows(self.weights_by, self.n_channels, self.n_series)
        return partial(lag_correlation_embedding, columns, rows.flatten(), count, self.lookback)


def _only(what: str, asked: Mapping[str, T | None]) -> T | None:
    """Return what one of the parts asks of the plain network, ``None`` if none does."""
    answers = {name: answer for name, answer in asked.items() if answer is not None}
    if len(answers) > 1:
        raise ValueError(f"{' and '.join(map(repr, answers))} both {what}. Choose one of them.")
    return next(iter(answers.values()), None)


def _maps_of_channels(given: bool | None, parts: Mapping[str, Part], backbone: str) -> bool:
    """Say whether the maps of covariates are the channels' own; raise where it has no effect."""
    of_head = [name for name, part in parts.items() if part.slot == "head"]
    if given is not None and (of_head or takes_covariates(backbone)):
        why = (
            f"{of_head[0]!r} says how each channel responds to covariates"
            if of_head
            else f"the backbone {backbone!r} takes covariates itself"
        )
        raise ValueError(f"individual_covariates would have no effect: {why}. Leave it out.")
    if of_head:
        return False
    return bool(parts) if given is None else bool(given)


def _same(values: Tensor) -> Tensor:
    return values


def _without(cycle: Cycle | None, covariates: Tensor | None, phase: Tensor) -> Tensor | None:
    """Return covariates (B, T, n) less their cycle, from a phase (B,) on."""
    if cycle is None or covariates is None:
        return covariates
    return covariates - cycle(phase, covariates.shape[1]).mT


def check_network(**arguments: Any) -> None:
    """Raise if a network cannot be made of some arguments, whatever the number of channels.

    Parameters
    ----------
    **arguments
        Of :class:`ForecastingNetwork`, less those that depend on the data.

    Raises
    ------
    ValueError
        As the network does. It is made without values, so this takes no time worth mentioning.
    """
    _make_without_values(KeyedArguments(arguments))


class KeyedArguments(dict[str, Any]):
    """Arguments that a cache can tell apart."""

    def __hash__(self) -> int:  # type: ignore[override]  # a dict has none
        return hash(repr(self))


@lru_cache(maxsize=128)  # a run of recurrent layers without values is slow
def _sites_of_backbone(arguments: KeyedArguments) -> list[Site]:
    sizes, options = arguments["sizes"], arguments["options"]

    def build(n_channels: int) -> nn.Module:
        backbone: nn.Module = arguments["backbone"](sizes["lookback"], n_channels, **options)
        return backbone

    return dry_run(build, arguments["n_channels"], "backbone", sizes)


@lru_cache(maxsize=128)  # a backtest that trains at every step makes the same model many times
def _make_without_values(arguments: KeyedArguments) -> None:
    sizes: dict[str, Any] = {
        "n_channels": N_CHANNELS,
        "n_past_covariates": 2,
        "n_future_covariates": 1,
        "n_static_covariates": 1,
    }
    if arguments.get("weights_by", "channel") != "channel":
        sizes["n_series"] = N_CHANNELS
    # a backbone that needs values to be made is seen when it is
    with torch.device("meta"), suppress(NotImplementedError, RuntimeError):
        ForecastingNetwork(**sizes, **arguments)


def count_parameters(network: nn.Module) -> int:
    """Return the number of values in a network's parameters, shared ones counted once."""
    return sum(parameter.numel() for parameter in network.parameters())
