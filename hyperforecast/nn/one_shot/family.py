"""One hypernetwork that gives weights to every network of a search space."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from typing import Any, NamedTuple, Self

import torch
from torch import Tensor, nn
from torch.func import functional_call

from hyperforecast.nn.contexts.architecture import ArchitectureCode
from hyperforecast.nn.generators import DenseGenerator
from hyperforecast.nn.hyper_layers.term import Term
from hyperforecast.nn.layers.initialisers import Initialiser
from hyperforecast.nn.layers.weight_layout import Layout
from hyperforecast.nn.network import ForecastingNetwork, count_parameters
from hyperforecast.nn.one_shot.search_space import SearchSpace, steps_up
from hyperforecast.nn.one_shot.weight_table import WeightTable, start_of_table

GENERATED = ("backbone.", "head.")
"""Beginnings of the names of the weights that depend on the architecture."""


class Slot(NamedTuple):
    """Where a weight of a network stands in the table of its kind.

    Attributes
    ----------
    kind : str
        Its name, with a star for the number of its block.
    place : int
        That number; 0 without one.
    layout : Layout
    sizes : tuple of int
        As it lies in memory.
    level : float
        Root mean square of its own start.
    constant : bool
        Whether all entries of that are the same.
    """

    kind: str
    place: int
    layout: Layout
    sizes: tuple[int, ...]
    level: float
    constant: bool


class ArchitectureFamily(nn.Module):
    r"""Networks that differ in the options of their backbone, with weights of one hypernetwork.

    .. math:: W_l(m) = s_{ml}\,\left[W_{0,l} + G_k(c_m, c_l)\right]_{ml}

    of layer l, of kind k, in network m: a table of the largest sizes of any network, of which the
    network has as many entries as its layer is large. :math:`c_m` is its coded architecture, and
    :math:`c_l` the place of the layer. :math:`s_{ml}` brings the table's deviation to that of the
    start of an ordinary layer of this size. All weights of backbone and head that are matrices are
    generated; their biases, and the scales and shifts of norms, are tables without
    :math:`G`. Each network has running statistics of its own, see :meth:`network`. Everything else
    (norm of windows, maps of covariates, common factors) is that of one network, and the same for
    all.

    Parameters
    ----------
    arguments : mapping
        Of :class:`~hyperforecast.nn.ForecastingNetwork`; those options of the backbone that all
        networks have in common.
    values : mapping of str to sequence
        Values of the other options: see :class:`SearchSpace`.
    hidden : sequence of int, optional, default=()
        Widths of the hypernetwork's hidden layers; without any it is linear in the code. With
        ``None`` there is no hypernetwork: :math:`G = 0`.

    Attributes
    ----------
    space : SearchSpace
    n_parameters : list of int
        Of each network, were it trained by itself.

    Raises
    ------
    ValueError
        If the search space is wrong, or a network cannot be made.

    References
    ----------
    Brock, Lim, Ritchie & Weston, "SMASH: One-Shot Model Architecture Search through HyperNetworks",
    ICLR 2018, arXiv 1708.05344. There the hypernetwork is a convolutional network over a picture
    of the architecture and generates all but norms and the last layer; here it is
    :class:`~hyperforecast.nn.DenseGenerator`, on top of weights that all networks share.
    """

    def __init__(
        self,
        arguments: Mapping[str, Any],
        values: Mapping[str, Sequence[Any]],
        hidden: Sequence[int] | None = (),
    ) -> None:
        super().__init__()
        self.space = SearchSpace(
            arguments["backbone"], values, arguments.get("backbone_kwargs") or {}
        )
        networks = list(self._made(arguments))
        self.n_parameters = [count_parameters(network) for network in networks]
        self._slots = [dict(_slots(network)) for network in networks]
        for network in networks:
            _leave_out_values(network)
        self._networks = networks  # no modules of this one: their weights are its outputs

        self.tables = nn.ModuleDict()
        self._levels: dict[tuple[str, int], float] = {}
        of_kind: dict[str, list[Slot]] = {}
        for slots in self._slots:
            for slot in slots.values():
                of_kind.setdefault(slot.kind, []).append(slot)
        codes = self.space.codes()
        for kind, alike in of_kind.items():
            self.tables[_key(kind)] = self._table(kind, alike, codes, hidden)

    def _made(self, arguments: Mapping[str, Any]) -> Iterator[ForecastingNetwork]:
        for number in range(len(self)):
            options = self.space.options(number)
            try:
                yield ForecastingNetwork(**{**arguments, "backbone_kwargs": options})
            except ValueError as error:
                raise ValueError(
                    f"The search space has an architecture that cannot be made, {options}: {error} "
                    "Leave out a value."
                ) from error

    def _table(
        self, kind: str, slots: Sequence[Slot], codes: Tensor, hidden: Sequence[int] | None
    ) -> WeightTable:
        sizes = tuple(map(max, zip(*(slot.layout.shape for slot in slots), strict=True)))
        n_places = 1 + max(slot.place for slot in slots)
        starts = []
        for place in range(n_places):
            there = [slot for slot in slots if slot.place == place]
            # as the largest weight starts
            level = self._levels[kind, place] = min(slot.level for slot in there)
            starts.append(start_of_table(sizes, level, all(slot.constant for slot in there)))
        base = torch.stack(starts)
        if hidden is None or len(slots[0].sizes) < 2:
            return WeightTable(base)
        places = torch.tensor([steps_up(place, n_places) for place in range(n_places)])
        context = ArchitectureCode(codes, places.reshape(n_places, -1))
        generator = DenseGenerator(
            context().shape[1],
            base[0, 0].numel(),
            sizes[0],
            hidden=hidden,
            initialise=_normal(float(base.square().mean().sqrt())),
            bias=False,
        )
        return WeightTable(base, Term(context, generator))

    def __len__(self) -> int:
        """Return the number of networks."""
        return len(self.space.members)

    def weights(self, number: int) -> dict[str, Tensor]:
        """Generate the weights of backbone and head of a network, by name."""
        tables = {}
        weights = {}
        for name, slot in self._slots[number].items():
            if slot.kind not in tables:
                tables[slot.kind] = self.tables[_key(slot.kind)](number)
            table = tables[slot.kind][slot.place]
            entries = table[slot.layout.within(table.shape)].reshape(slot.sizes).contiguous()
            level = self._levels[slot.kind, slot.place]
            scales = len(slot.sizes) > 1 and level > 0
            weights[name] = entries * (slot.level / level) if scales else entries
        return weights

    def forward(
        self, number: int, shared: ForecastingNetwork, /, *inputs: Any, **others: Any
    ) -> Tensor:
        """Forecast with a network.

        Parameters
        ----------
        number : int
            Of the network.
        shared : ForecastingNetwork
            Whose weights are those that do not depend on the architecture.
        *inputs, **others
            Of :meth:`ForecastingNetwork.forward`.
        """
        network = self._networks[number].train(self.training)
        values = {**_shared(shared), **self.weights(number)}
        # a generator that several layers have stands in one place, and is put there once
        return functional_call(network, values, inputs, others, tie_weights=False)

    def network(
        self,
        number: int,
        shared: ForecastingNetwork,
        calibrate: Sequence[Callable[[ForecastingNetwork], object]] = (),
    ) -> ForecastingNetwork:
        """Return a plain network with its generated weights, in evaluation mode.

        Parameters
        ----------
        number, shared
            See :meth:`forward`.
        calibrate : sequence of callable
            Each makes a pass of a batch of training windows: running statistics are the means over
            these. Without any they are those of the training passes of this architecture.
        """
        network = deepcopy(self._networks[number])
        with torch.no_grad():
            values = {**_shared(shared), **self.weights(number)}
            for name, value in values.items():
                owner, _, own_name = name.rpartition(".")
                held = network.get_submodule(owner)
                if own_name in held._parameters:
                    held._parameters[own_name] = nn.Parameter(value.clone())
                else:
                    held._buffers[own_name] = value.clone()
            _calibrate(network, calibrate)
        return network.eval()

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        super()._apply(fn, recurse)
        for network in self._networks:
            for module in network.modules():
                for name, buffer in module._buffers.items():
                    module._buffers[name] = None if buffer is None else fn(buffer)
        return self

    def extra_repr(self) -> str:
        """The search space, for ``print(network)``."""
        return f"backbone={self.space.backbone!r}, values={self.space.values}"


def _slots(network: ForecastingNetwork) -> Iterator[tuple[str, Slot]]:
    """Yield the weights of a network that depend on its architecture, by name."""
    layouts = {
        f"{prefix}.{name}": layout
        for prefix, module in network.named_modules()
        for name, layout in getattr(module, "layouts", dict)().items()
    }
    feature_shape = getattr(network.backbone, "feature_shape", None)
    if feature_shape is not None:
        n_outputs = len(network.get_parameter("head.weight"))
        layouts["head.weight"] = Layout((n_outputs, *feature_shape), ("first", "last"))
    for name, weight in network.named_parameters():
        if name.startswith(GENERATED):
            found = re.search(r"\.(\d+)\.", name)
            kind = name if found is None else name[: found.start()] + ".*." + name[found.end() :]
            values = weight.detach()
            yield (
                name,
                Slot(
                    kind,
                    0 if found is None else int(found[1]),
                    layouts.get(name, Layout(tuple(weight.shape))),
                    tuple(weight.shape),
                    float(values.square().mean().sqrt()),
                    bool((values == values.flatten()[0]).all()),
                ),
            )


def _shared(network: ForecastingNetwork) -> dict[str, Tensor]:
    """Return parameters and buffers of a network that do not depend on the architecture."""
    held = (*network.named_parameters(), *network.named_buffers())
    return {name: value for name, value in held if not name.startswith(GENERATED)}


def _leave_out_values(network: nn.Module) -> None:
    """Keep the shapes of parameters alone; a layer that several modules have stays one."""
    for module in network.modules():
        for name, value in module._parameters.items():
            if value is not None and not value.is_meta:
                module._parameters[name] = nn.Parameter(value.to("meta"), requires_grad=False)


def _calibrate(
    network: ForecastingNetwork, passes: Sequence[Callable[[ForecastingNetwork], object]]
) -> None:
    """Set the running statistics of batch norms to means over some passes without dropout."""
    norms = [one for one in network.modules() if isinstance(one, nn.BatchNorm1d)]
    if not norms or not passes:
        return
    network.train()
    for module in network.modules():
        if isinstance(module, nn.Dropout):
            module.eval()
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # of all passes alike
    for make_pass in passes:
        make_pass(network)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum


def _normal(level: float) -> Initialiser:
    def initialise(weight: Tensor) -> None:
        nn.init.normal_(weight, std=level)

    return initialise


def _key(kind: str) -> str:
    """Return the name of a table; modules' names have no dots."""
    return kind.replace(".", "/")
