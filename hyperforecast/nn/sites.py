"""The places of a network at which parts can be put, and how they are put there."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Literal

import torch
from torch import nn

from hyperforecast.nn.channel_linear import ChannelLinear
from hyperforecast.nn.contexts import Context
from hyperforecast.nn.contexts.base import Axis
from hyperforecast.nn.hyper_layers.hyper_conv import HyperConv
from hyperforecast.nn.hyper_layers.hyper_layer import HyperLayer
from hyperforecast.nn.hyper_layers.hyper_linear import HyperLinear
from hyperforecast.nn.hyper_layers.hyper_recurrent import HyperRecurrent
from hyperforecast.nn.hyper_layers.modulation import Activations, Modulation
from hyperforecast.nn.hyper_layers.term import Term
from hyperforecast.nn.layers.causal_conv import CausalConv
from hyperforecast.nn.layers.conditioning import Condition, Conditioned, run
from hyperforecast.nn.layers.initialisers import Initialiser, uniform_fan_in
from hyperforecast.nn.layers.recurrent import Recurrent
from hyperforecast.nn.layers.static_layer import StaticLayer
from hyperforecast.nn.segments import Segments

LINEAR = (nn.Linear, ChannelLinear, HyperLinear)
ACTIVATIONS = (Activations, Modulation)
CONVOLUTIONS = (CausalConv, HyperConv)
RECURRENT = (Recurrent, HyperRecurrent)

Kind = Literal["linear", "convolution", "recurrent", "activations"]

# of contexts that stand at one kind of site alone, and nothing else there
_KIND_OF_AXIS: dict[Axis, Kind] = {"layer": "convolution", "step": "recurrent"}

# of a dry run: no other length of an axis is one of these
N_WINDOWS, N_CHANNELS = 100_003, 99_991


@dataclass(frozen=True)
class Site:
    """A place of a network that a part can be put at.

    Attributes
    ----------
    name : str
        Of the layer, as in ``named_modules``.
    kind : {"linear", "convolution", "recurrent", "activations"}
        A linear layer, a convolution, a recurrent layer, or a place where hidden activations pass.
    n_axes : int
        Number of axes of what the layer is given.
    n_features, n_outputs : int
        Number of features that it is given, and of those that it makes of them.
    has_channels : bool
        Whether the second of them is the channels.
    hands_on : bool
        Whether what a pass is conditioned on reaches the layer.
    has_windows : bool
        Whether the first of them is the windows.
    """

    name: str
    kind: Kind
    n_axes: int
    n_features: int
    n_outputs: int
    has_channels: bool = True
    hands_on: bool = True
    has_windows: bool = True


class NetworkSites:
    """The sites of a network whose layers are all in their place.

    Parameters
    ----------
    network : Module
    outputs : sequence of Site
        The layers that give the forecast: the head, and the maps of covariates and factors.
    others : sequence of Site
        The network's own besides.
    within : callable
        Returns the sites of the backbone; called once, and only if they are asked for.
    initialisers : mapping of str to callable
        Starts of layers that do not start as a linear layer usually does.
    lookback, n_channels, n_attributes : int
    segments : Segments, optional
    backbone : str
        Name of the backbone, for messages.

    Attributes
    ----------
    lookback, n_channels : int
        Length L of the windows, and number of channels C, or of whatever else has weights of its
        own.
    n_attributes : int
        Number of attributes by which these are known, beside their number.
    segments : Segments, optional
        How the horizon is cut.
    backbone : str
        Name of the backbone.
    outputs : sequence of Site
        The layers that give the forecast.
    """

    def __init__(
        self,
        network: nn.Module,
        outputs: Sequence[Site],
        others: Sequence[Site],
        within: Callable[[], list[Site]],
        initialisers: Mapping[str, Initialiser],
        lookback: int,
        n_channels: int,
        segments: Segments | None,
        backbone: str,
        n_attributes: int = 0,
    ) -> None:
        self.network = network
        self.outputs = outputs
        self.lookback = lookback
        self.n_channels = n_channels
        self.n_attributes = n_attributes
        self.segments = segments
        self.backbone = backbone
        self._others = others
        self._within = within
        self._initialisers = initialisers
        self._all: list[Site] | None = None

    def __iter__(self) -> Iterator[Site]:
        if self._all is None:
            self._all = [*self._others, *self._within(), *self.outputs]
        return iter(self._all)

    def of_kind(self, kind: Kind) -> list[Site]:
        """Return the sites of a kind."""
        return [site for site in self if site.kind == kind]

    def layer(self, site: Site) -> nn.Module:
        """Return the layer that stands at a site."""
        return self.network.get_submodule(site.name)

    def replace(self, site: Site, layer: nn.Module) -> None:
        """Put another layer at a site."""
        parent, _, name = site.name.rpartition(".")
        setattr(self.network.get_submodule(parent), name, layer)

    def add(self, site: Site, name: str, term: Term) -> None:
        """Add a generated term to the layer at a site.

        Parameters
        ----------
        site : Site
        name : str
            Of the part that the term belongs to.
        term : Term

        Raises
        ------
        ValueError
            If what the layer is given has no axis along which the term differs (segments lie
            before the windows), or the term depends on the window and the layer cannot know of it.
        """
        if not suits(site, term.context):
            if not _of_kind(site, term.context):
                lacking = f"is of another kind, {site.kind!r}"
            elif term.axis == "channel":
                lacking = "has no channels on the second axis of its input, (B, C, ..., I)"
            elif not site.has_windows:
                lacking = "has no windows on the first axis of its input, (B, ..., I)"
            else:
                lacking = (
                    "is not told what a pass is conditioned on: a module on the way to it is no "
                    "`Conditioned`"
                )
            fitting = [s for s in self.of_kind(site.kind) if suits(s, term.context)]
            raise ValueError(
                f"{name!r} cannot stand at {site.name!r}, which {lacking}. It can stand at: "
                f"{listed(fitting)}."
            )
        layer = self.layer(site)
        if not isinstance(layer, HyperLayer):
            layer = _with_terms(layer, site.n_axes)
            self.replace(site, layer)
        layer.add(name, term)

    def initialiser(self, site: Site) -> Initialiser:
        """Return the ordinary start of the weight at a linear site."""
        return self._initialisers.get(site.name) or uniform_fan_in(site.n_features)


def _with_terms(layer: nn.Module, n_axes: int) -> HyperLayer:
    """Return the layer that terms can be added to, in the place of a plain one."""
    if isinstance(layer, (nn.Linear, ChannelLinear)):
        return HyperLinear(layer, n_axes)
    if isinstance(layer, CausalConv):
        return HyperConv(layer, n_axes)
    if isinstance(layer, Recurrent):
        return HyperRecurrent(layer, n_axes)
    return Modulation(n_axes)


def suits(site: Site, context: Context) -> bool:
    """Say whether what a site is given has what a term with a context needs."""
    if not _of_kind(site, context):
        return False
    if context.axis in _KIND_OF_AXIS or context.axis == "task":
        return True
    if context.axis == "channel":
        return site.has_channels
    return site.has_windows and (context.static or site.hands_on)


def _of_kind(site: Site, context: Context) -> bool:
    """Say whether a context stands at the kind of site."""
    if context.axis == "task":
        return site.kind == "linear"
    alone = _KIND_OF_AXIS.get(context.axis)
    return site.kind not in _KIND_OF_AXIS.values() if alone is None else site.kind == alone


def dry_run(
    build: Callable[[int], nn.Module], n_channels: int, prefix: str, sizes: Mapping[str, int]
) -> list[Site]:
    """Return the sites of a plain backbone, as a run without values shows them.

    Parameters
    ----------
    build : callable
        Makes the backbone for a number of channels.
    n_channels : int
    prefix : str
        What the names of its layers begin with.
    sizes : mapping of str to int
        ``lookback``, ``horizon``, ``n_past_covariates``, ``n_future_covariates``.

    Notes
    -----
    The run is on torch's meta device, which computes shapes alone, with numbers of windows and
    channels that no other axis has: so the shapes say where the channels are. A second one, with
    the channels that there are, gives the lengths.
    """
    try:
        with torch.device("meta"), torch.no_grad():
            backbone = build(N_CHANNELS).eval()
            shapes, features = _sizes(backbone, N_CHANNELS, sizes)
            if n_channels != N_CHANNELS:
                _, features = _sizes(build(n_channels).eval(), n_channels, sizes)
    except Exception as error:
        raise ValueError(
            f"The layers of the backbone cannot be told apart: a dry run on torch's meta device, "
            f"with {N_CHANNELS} channels, ended in {type(error).__name__}: {error}. Write the "
            "backbone so that it works on any device and for any number of channels."
        ) from error
    return [
        Site(
            name=f"{prefix}.{name}",
            kind=kind_of(backbone.get_submodule(name)),
            n_axes=len(shape),
            n_features=features[name][0],
            n_outputs=features[name][1],
            has_channels=shape[:2] == (N_WINDOWS, N_CHANNELS) and len(shape) > 2,
            hands_on=_hands_on(backbone, name),
            has_windows=shape[:1] == (N_WINDOWS,) and len(shape) > 1,
        )
        for name, shape in shapes.items()
    ]


def _sizes(
    backbone: nn.Module, n_channels: int, sizes: Mapping[str, int]
) -> tuple[dict[str, torch.Size], dict[str, tuple[int, int]]]:
    """Return by name what the layers used in a pass are given, and their numbers of features."""
    shapes: dict[str, torch.Size] = {}

    def note(name: str) -> Callable[[nn.Module, tuple[Any, ...]], None]:
        def hook(_: nn.Module, inputs: tuple[Any, ...]) -> None:
            shapes.setdefault(name, inputs[0].shape)

        return hook

    layers = dict(layers_of(backbone))
    for name, layer in layers.items():
        layer.register_forward_pre_hook(note(name))
    lookback, horizon = sizes["lookback"], sizes["horizon"]
    condition = Condition(
        torch.empty(N_WINDOWS, n_channels, lookback),
        torch.empty(N_WINDOWS, lookback, sizes["n_past_covariates"]),
        torch.empty(N_WINDOWS, horizon, sizes["n_future_covariates"]),
    )
    run(backbone, condition.window, condition)
    used = {name: layer for name, layer in layers.items() if name in shapes}
    features = {name: _n_features(layer, shapes[name]) for name, layer in used.items()}
    return {name: shapes[name] for name in used}, features


def _n_features(layer: nn.Module, shape: torch.Size) -> tuple[int, int]:
    """Return the numbers of features that a layer is given, and makes of them."""
    if isinstance(layer, CONVOLUTIONS):
        return layer.in_channels, layer.out_channels
    if isinstance(layer, RECURRENT):
        return shape[-1], layer.cell.d_model
    return shape[-1], layer.weight.shape[-2] if isinstance(layer, LINEAR) else shape[-1]


def kind_of(layer: nn.Module) -> Kind:
    """Return what kind of site a layer is."""
    if isinstance(layer, CONVOLUTIONS):
        return "convolution"
    if isinstance(layer, RECURRENT):
        return "recurrent"
    return "linear" if isinstance(layer, LINEAR) else "activations"


def layers_of(module: nn.Module, prefix: str = "") -> Iterator[tuple[str, nn.Module]]:
    """Yield the layers that can be sites by name, but not what is in them."""
    for name, child in module.named_children():
        path = f"{prefix}.{name}" if prefix else name
        if isinstance(child, (*LINEAR, *CONVOLUTIONS, *RECURRENT, *ACTIVATIONS)):
            yield path, child
        elif not isinstance(child, StaticLayer):
            yield from layers_of(child, path)


def _hands_on(module: nn.Module, name: str) -> bool:
    """Say whether every module on the way to a layer takes the condition of a pass."""
    ancestors = [module]
    for child in name.split(".")[:-1]:
        ancestors.append(ancestors[-1].get_submodule(child))
    not_called = (nn.ModuleList, nn.ModuleDict)
    return all(isinstance(one, (Conditioned, *not_called)) for one in ancestors)


def matching(sites: Iterable[Site], patterns: Sequence[str], option: str) -> list[Site]:
    """Return the sites that some patterns name.

    Parameters
    ----------
    sites : iterable of Site
    patterns : sequence of str
        Names, with ``*`` for any part of a name.
    option : str
        Name of the option that the patterns come from.

    Raises
    ------
    ValueError
        If a pattern names no site.
    """
    sites = list(sites)
    for pattern in patterns:
        if not any(fnmatchcase(site.name, pattern) for site in sites):
            raise ValueError(
                f"{option} names {pattern!r}, and no layer has such a name. There are: "
                f"{listed(sites)}."
            )
    return [site for site in sites if any(fnmatchcase(site.name, one) for one in patterns)]


def listed(sites: Iterable[Site]) -> str:
    """Return the names of sites for a message."""
    return ", ".join(repr(site.name) for site in sites) or "none"


def check_names(patterns: Any, option: str) -> None:
    """Raise unless an option is a list of names of layers."""
    if patterns is None:
        return
    if isinstance(patterns, str) or not patterns or not all(isinstance(n, str) for n in patterns):
        raise ValueError(
            f"{option} must be a list of names of layers, in which * stands for any part of a "
            f"name, for example ['head', 'backbone.*']; got {patterns!r}."
        )
