"""The base of a trained model, as what adapters of another horizon are trained on."""

from collections.abc import Mapping
from typing import Any, Self

from hyperforecast.darts.inputs.names import InputKind
from hyperforecast.darts.module import ForecastingModule, given_arguments
from hyperforecast.nn import ForecastingNetwork
from hyperforecast.nn.backbones import default_instance_norm, with_defaults
from hyperforecast.nn.combined_network import MEMBERS
from hyperforecast.nn.parts import PARTS

CALLED = {
    "lookback": "input_chunk_length",
    "n_channels": "the number of channels",
    "output_roles": "what the likelihood takes of each step",
    "n_past_covariates": "the number of past covariates",
    "n_future_covariates": "the number of future covariates",
    "n_static_covariates": "the number of static covariates",
}
"""What arguments of a network are called where that is not their name."""


class BaseState(dict[str, Any]):
    """The state dict of a module without the adapters that it may have.

    Attributes
    ----------
    n_steps : int
        Steps that the base forecasts: those of a segment, or of the horizon where none are cut.
    """

    n_steps: int

    @classmethod
    def of(cls, module: ForecastingModule) -> Self:
        """Return what is left of a trained module without its adapters."""
        if MEMBERS in module.network_arguments:
            raise ValueError(
                "base is several models added up, and a base is one network. Give one of them."
            )
        adapters = {f"network.{name}" for name in module.network.adapters()}
        whole = module.state_dict()
        state = cls({name: values for name, values in whole.items() if name not in adapters})
        state.n_steps = steps_at_once(module.single_network)
        return state

    @property
    def _extra(self) -> dict[str, Any]:
        return self["_extra_state"]

    def names(self) -> dict[InputKind, list[str]]:
        """Return the names that weights belong to, of kinds that have any."""
        names = {"channels": self._extra["channel_names"], **self._extra["covariate_names"]}
        if self._extra["attributes"] is not None:
            names["static_covariates"] = list(self._extra["attributes"]["names"])
        return {kind: list(known) for kind, known in names.items() if known}

    def completed(self, module: ForecastingModule) -> dict[str, Any]:
        """Return the state of a new module that has this base, and adapters at their start.

        Its network becomes the base's, whatever training chose of that, with its own horizon and
        adapters.

        Raises
        ------
        ValueError
            If the network differs from the base's in more than horizon and adapters.
        """
        own, theirs = module.network_arguments, self._extra["network"]
        if wrong := self._differences(own, theirs, steps_at_once(module.single_network)):
            raise ValueError(
                f"This model cannot take the base over: {'; '.join(wrong)}. Make it with the "
                "options of the base."
            )
        parts = _without_adapters(theirs["parts"]) | _adapters(own["parts"])
        network = {**theirs, "horizon": own["horizon"], "parts": parts}
        module.remake_network(network)
        module.hparams["network"] = network  # what a file makes the module from
        adapters = {f"network.{name}": one for name, one in module.network.adapters().items()}
        extra = {**module.get_extra_state(), **self._extra, "network": network}
        return {**adapters, **self, "_extra_state": extra}

    def _differences(
        self, own: Mapping[str, Any], theirs: Mapping[str, Any], n_steps: int
    ) -> list[str]:
        """Say in what a network differs from the base's, horizon and adapters apart."""
        wrong = []
        if n_steps != self.n_steps:
            wrong.append(
                f"a segment has {n_steps} steps, and the base forecasts {self.n_steps} (choose "
                f"segment_length={self.n_steps})"
            )
        if theirs.get("channel_offsets"):
            wrong.append(
                "the base has quantiles for each step of its own horizon, as a solver finds them "
                "(train it by gradients, or without quantiles)"
            )
        norm = theirs["instance_norm"] or default_instance_norm(theirs["backbone"])
        pair = [_comparable(one, norm) for one in (own, theirs)]
        wrong += [
            f"{CALLED.get(name, name)} is {value!r}, and the base's {pair[1].get(name)!r}"
            for name, value in pair[0].items()
            if value != pair[1].get(name)
        ]
        return wrong


def steps_at_once(network: ForecastingNetwork) -> int:
    """Return how many steps a network forecasts with the same weights."""
    return network.horizon if network.segments is None else network.segments.length


def _comparable(arguments: Mapping[str, Any], norm: str) -> dict[str, Any]:
    """Return the arguments of a network that have to be those of its base.

    Parameters
    ----------
    arguments : mapping
    norm : str
        Instance norm that holds where none is given.
    """
    given = given_arguments(dict(arguments))
    backbone = given["backbone"]
    parts = given.pop("parts")
    return {
        **{name: value for name, value in given.items() if name not in ("horizon", "point_head")},
        "backbone_kwargs": with_defaults(backbone, given["backbone_kwargs"]),
        "instance_norm": arguments["instance_norm"] or norm,
        "parts": sorted(_without_adapters(parts)),
    }


def _without_adapters(parts: Mapping[str, Any]) -> dict[str, Any]:
    return {name: options for name, options in parts.items() if PARTS[name].slot != "adapters"}


def _adapters(parts: Mapping[str, Any]) -> dict[str, Any]:
    return {name: options for name, options in parts.items() if PARTS[name].slot == "adapters"}
