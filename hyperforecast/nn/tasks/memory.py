"""What is kept of tasks: the weights that are a task's own, and those that all share."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.func import functional_call

from hyperforecast.nn.contexts import Context
from hyperforecast.nn.errors import unknown_name
from hyperforecast.nn.held_outputs import HeldOutput, HeldOutputs
from hyperforecast.nn.hyper_layers.term import Term
from hyperforecast.nn.network import ForecastingNetwork
from hyperforecast.nn.resizing import pinned
from hyperforecast.nn.shared_weights import own_weights, split_weights

OWN = ("n_channels", "periods")
"""Arguments of a network in which tasks may differ: what follows from them is a task's own."""


@dataclass(frozen=True)
class TaskMemory:
    """Weights of tasks that one network has learned, and no rows of theirs.

    A task's own are its vector, what belongs to its channels, its cycles, and all buffers: units,
    statistics of batches. All other weights are shared: those generated from a task's own vectors
    go on learning, the others stay as the first task left them.

    Attributes
    ----------
    shared : mapping of str to Tensor
        By their names in the network's state dict; none where each task was solved for by itself.
    own : mapping of str to mapping of str to Tensor
        Of each task.
    arguments : dict, optional
        Of the first task's network, options that follow from its channels given.
    """

    shared: Mapping[str, Tensor] = field(default_factory=dict)
    own: Mapping[str, Mapping[str, Tensor]] = field(default_factory=dict)
    arguments: dict[str, Any] | None = None

    @property
    def names(self) -> list[str]:
        """Names of the tasks, in the order in which they were learned."""
        return list(self.own)

    def check_known(self, name: str) -> None:
        """Raise unless a task was learned."""
        if not self.own:
            raise ValueError(
                f"There is no task {name!r}: none was learned. Call `learn_task` first."
            )
        if name not in self.own:
            raise ValueError(unknown_name("task", name, self.names))

    def check_new(self, name: str) -> None:
        """Raise unless a name is one that a further task can have."""
        if not isinstance(name, str) or not name:
            raise TypeError(f"The name of a task must be a text; got {name!r}.")
        if name in self.own:
            raise ValueError(
                f"The task {name!r} was learned before; tasks are: "
                f"{', '.join(map(repr, self.names))}. Give this one another name, or "
                f"`forget_task({name!r})` first."
            )

    def check_fits(self, arguments: Mapping[str, Any]) -> None:
        """Raise unless a network with these arguments can share weights with the tasks before."""
        if self.arguments is None:
            return
        given = pinned(arguments)
        for name, before in self.arguments.items():
            if name not in OWN and given.get(name) != before:
                raise ValueError(
                    f"Tasks of one model share its network, and this one would have {name}="
                    f"{given.get(name)!r} where those before have {before!r}. Give tasks the same "
                    "lengths, options and numbers of covariates; channels and periods may differ."
                )

    def weights(self, name: str) -> dict[str, Tensor]:
        """Return the state dict of the network of a task."""
        self.check_known(name)
        return {**self.shared, **self.own[name]}

    def solved(self, name: str, network: ForecastingNetwork) -> Self:
        """Return the memory with a task all of whose weights are its own."""
        state = {key: value.detach().cpu().clone() for key, value in network.state_dict().items()}
        return replace(self, own={**self.own, name: state})

    def learned(self, name: str, network: ForecastingNetwork, arguments: Mapping[str, Any]) -> Self:
        """Return the memory with a task that gradients have trained the network on.

        Parameters
        ----------
        name : str
        network : ForecastingNetwork
        arguments : mapping
            Its arguments.
        """
        shared, own = split_weights(network, arguments)
        known = dict(arguments) if self.arguments is None else self.arguments
        return replace(self, shared=shared, own={**self.own, name: own}, arguments=pinned(known))

    def without(self, name: str) -> Self:
        """Return the memory without a task; shared weights stay as they are."""
        self.check_known(name)
        own = {other: weights for other, weights in self.own.items() if other != name}
        return replace(self, own=own) if own else type(self)()

    @torch.no_grad()
    def start(self, network: ForecastingNetwork) -> None:
        """Give a network of a new task the shared weights, and its vector a direction of its own.

        What is its channels' own stays as it is.
        """
        if not self.shared:
            return
        state = network.state_dict()
        network.load_state_dict({**state, **self.shared})
        for name, context in _contexts(network):
            if context.axis == "task":
                context.start_apart_from([own[f"{name}.weight"] for own in self.own.values()])

    @contextmanager
    def held(
        self, network: ForecastingNetwork, arguments: Mapping[str, Any], strength: float
    ) -> Iterator[None]:
        """Train what a new task may change, with all that the tasks before need held in place.

        Weights that are not generated from a task's own vectors stay as they are, and what is
        generated for the tasks before is held by a penalty on the training loss.

        Parameters
        ----------
        network : ForecastingNetwork
            Of the new task, with the shared weights.
        arguments : mapping
            Its arguments.
        strength : float
            See :class:`~hyperforecast.nn.held_outputs.HeldOutputs`.
        """
        if not self.shared:
            yield
            return
        own_ids = own_weights(network, arguments)
        terms = [
            one
            for one in network.modules()
            if isinstance(one, Term) and any(id(p) in own_ids for p in one.context.parameters())
        ]
        trained = own_ids | {id(p) for term in terms for p in term.generator.parameters()}
        still = [p for p in network.parameters() if id(p) not in trained and p.requires_grad]
        vectors = [one for _, one in _contexts(network) if one.axis == "task"]
        outputs = HeldOutputs(
            [_outputs(network, terms, own) for own in self.own.values()], strength
        )
        for parameter in still:
            parameter.requires_grad_(False)
        vectors[0].held = outputs
        try:
            yield
        finally:
            vectors[0].held = None
            for parameter in still:
                parameter.requires_grad_(True)


def n_numbers(weights: Iterable[Tensor]) -> int:
    """Return how many numbers weights are, each counted once."""
    return sum({id(one): one.numel() for one in weights}.values())


def _contexts(network: nn.Module) -> list[tuple[str, Any]]:
    return [(name, one) for name, one in network.named_modules() if isinstance(one, Context)]


@torch.no_grad()
def _outputs(
    network: ForecastingNetwork, terms: Iterable[Term], own: Mapping[str, Tensor]
) -> list[HeldOutput]:
    """Return what generators make of the vectors of a task."""
    names = {id(one): name for name, one in _contexts(network)}
    outputs = []
    for term in terms:
        prefix = f"{names[id(term.context)]}."
        given = {
            name.removeprefix(prefix): value
            for name, value in own.items()
            if name.startswith(prefix)
        }
        outputs.append(HeldOutput.of(term.generator, functional_call(term.context, given, ())))
    return outputs
