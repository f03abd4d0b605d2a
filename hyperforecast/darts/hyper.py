"""Free composition of parts as a Darts model."""

from collections.abc import Mapping
from typing import Any

from hyperforecast.darts.options import GeneratorOptions, SolverOptions, TwoStageOptions
from hyperforecast.darts.shared_weights import SharingModel
from hyperforecast.darts.tasks import TaskModel
from hyperforecast.nn.errors import Problems, raise_all, unknown_name
from hyperforecast.nn.options import option, option_group, options_of
from hyperforecast.nn.parts import SLOTS, Slot, parts_of_slot

PLAIN = "plain"

_FIRST_STAGE = [one.name for one in options_of(TwoStageOptions) if one.to == "model"]


def _choices(slot: Slot) -> str:
    """Return the choices for a slot, in the words of a docstring."""
    names = [f'``"{name}"``' for name in (PLAIN, *parts_of_slot(slot))]
    return f"{', '.join(names)}, or the name of a registered part"


@option_group
class HyperModelOptions(TwoStageOptions, SolverOptions, GeneratorOptions):
    """Which parts are put into a plain network, in both hosts."""

    head: str = option(
        default=PLAIN,
        doc=f"What the last layer is: {_choices('head')}.",
    )
    head_kwargs: dict[str, Any] | None = option(
        default=None, doc="Options of the head; one that it does not have is an error."
    )
    embedding: str = option(
        default=PLAIN,
        doc=f"What the embedding is: {_choices('embedding')}.",
    )
    embedding_kwargs: dict[str, Any] | None = option(
        default=None, doc="Options of the embedding; one that it does not have is an error."
    )
    convolution: str = option(
        default=PLAIN,
        doc=f"What the kernels of convolutions are: {_choices('convolution')}.",
    )
    convolution_kwargs: dict[str, Any] | None = option(
        default=None, doc="Options of the convolutions; one that they do not have is an error."
    )
    recurrence: str = option(
        default=PLAIN,
        doc=f"What the weights of recurrent layers are: {_choices('recurrence')}.",
    )
    recurrence_kwargs: dict[str, Any] | None = option(
        default=None, doc="Options of the recurrence; one that it does not have is an error."
    )
    attention: str = option(
        default=PLAIN,
        doc=f"What the projections of attention are: {_choices('attention')}.",
    )
    attention_kwargs: dict[str, Any] | None = option(
        default=None, doc="Options of the attention; one that it does not have is an error."
    )
    adapters: str = option(
        default=PLAIN,
        doc=f"""What adapts the trained network in a second stage: {_choices("adapters")}.""",
    )
    adapters_kwargs: dict[str, Any] | None = option(
        default=None, doc="Options of the adapters; one that they do not have is an error."
    )
    tasks: str = option(
        default=PLAIN,
        doc=f"""What of the weights is generated from a task's vector, so that tasks can be learned
        one after the other: {_choices("tasks")}.""",
    )
    tasks_kwargs: dict[str, Any] | None = option(
        default=None, doc="Options of the tasks' vectors; one that they do not have is an error."
    )
    modulation: str = option(
        default=PLAIN,
        doc=f"""What scales and shifts hidden activations: {_choices("modulation")}.""",
    )
    modulation_kwargs: dict[str, Any] | None = option(
        default=None, doc="Options of the modulation; one that it does not have is an error."
    )


class HyperModel(TaskModel, SharingModel):
    """Any head on any embedding, with any adapters and modulation, on any backbone.

    Each part adds generated terms to weights of the plain backbone; ``"plain"`` adds none. The
    other models are choices of these under a name of their own: ``head="hn-mvts"`` is
    :class:`HNMVTSModel`, ``embedding="light-sae"`` is :class:`LightSAEModel`, ``adapters="mola"``
    is :class:`MoLAModel`, ``head="individual"`` is :class:`BackboneModel` with
    ``individual=True``.

    Parameters
    ----------
    {parameters}

    Notes
    -----
    With adapters, training has two stages, see :class:`MoLAModel`. A model whose parts are all
    linear in their weights, on a linear backbone, can be solved exactly.

    Examples
    --------
    >>> from darts.utils.timeseries_generation import sine_timeseries
    >>> from hyperforecast.darts import HyperModel
    >>> series = sine_timeseries(length=100).stack(sine_timeseries(length=100, value_phase=1.0))
    >>> model = HyperModel(
    ...     24,
    ...     6,
    ...     backbone="rmlp",
    ...     backbone_kwargs={"d_model": 16},
    ...     embedding="light-sae",
    ...     embedding_kwargs={"rank": 4},
    ...     head="hn-mvts",
    ...     head_kwargs={"channel_embedding_dim": 1},
    ...     n_epochs=1,
    ... )
    >>> len(model.fit(series.astype("float32")).predict(6))
    6
    """

    options = HyperModelOptions

    @classmethod
    def parts(cls, arguments: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
        """Return what was chosen for each slot."""
        chosen: dict[str, dict[str, Any]] = {}
        problems = Problems()
        for slot in SLOTS:
            name, options = arguments[slot], arguments[f"{slot}_kwargs"]
            known = (PLAIN, *parts_of_slot(slot))
            if name not in known:
                problems.append(unknown_name(slot, name, known))
            elif name != PLAIN:
                chosen[name] = dict(options or {})
            elif options:
                problems.append(
                    f"{slot}_kwargs has no effect with {slot}={PLAIN!r}; got {options!r}. Choose "
                    f"one of {', '.join(map(repr, known[1:]))}, or leave {slot}_kwargs out."
                )
        raise_all(problems)
        return chosen

    @classmethod
    def argument_problems(cls, arguments: Mapping[str, Any]) -> Problems:
        """Say what is wrong with arguments of the constructor."""
        problems = super().argument_problems(arguments)
        first_stage = [name for name in _FIRST_STAGE if arguments.get(name) is not None]
        if first_stage and arguments.get("adapters", PLAIN) == PLAIN:
            problems.append(
                f"{' and '.join(first_stage)} would have no effect with adapters={PLAIN!r}: there "
                "is no base to train first. Leave it out, or choose adapters."
            )
        return problems
