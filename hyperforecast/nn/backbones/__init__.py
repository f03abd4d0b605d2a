"""Backbones by name."""

import inspect
from typing import Any

from torch import nn

from hyperforecast.nn.backbones.base import Backbone, CovariateBackbone
from hyperforecast.nn.backbones.dlinear import DLinear
from hyperforecast.nn.backbones.itransformer import ITransformer
from hyperforecast.nn.backbones.lstm import LSTM
from hyperforecast.nn.backbones.moderntcn import ModernTCN
from hyperforecast.nn.backbones.nlinear import NLinear
from hyperforecast.nn.backbones.patchtst import PatchTST
from hyperforecast.nn.backbones.rlinear import RLinear
from hyperforecast.nn.backbones.rmlp import RMLP
from hyperforecast.nn.backbones.tcn import TCN
from hyperforecast.nn.backbones.tsmixer import TSMixer
from hyperforecast.nn.errors import unknown_name
from hyperforecast.nn.layers.initialisers import Initialiser, uniform_fan_in
from hyperforecast.nn.option_values import check_values

__all__ = [
    "BACKBONES",
    "LSTM",
    "RMLP",
    "TCN",
    "Backbone",
    "CovariateBackbone",
    "DLinear",
    "ITransformer",
    "ModernTCN",
    "NLinear",
    "PatchTST",
    "RLinear",
    "TSMixer",
    "backbone_options",
    "check_backbone",
    "default_instance_norm",
    "feature_dim",
    "head_initialiser",
    "linear_backbones",
    "register_backbone",
    "separates_channels",
    "takes_covariates",
    "with_defaults",
]

BACKBONES: dict[str, type[nn.Module]] = {
    "dlinear": DLinear,
    "nlinear": NLinear,
    "rlinear": RLinear,
    "rmlp": RMLP,
    "tsmixer": TSMixer,
    "patchtst": PatchTST,
    "itransformer": ITransformer,
    "moderntcn": ModernTCN,
    "tcn": TCN,
    "lstm": LSTM,
}


def register_backbone(name: str, backbone: type[nn.Module]) -> None:
    """Make a backbone of your own usable as ``backbone=name`` in every model of both hosts.

    A process that loads a model with such a backbone must register it first.

    Parameters
    ----------
    name : str
        A new name, lower case.
    backbone : type
        A torch module that is made from lookback and number of channels, and keyword-only options
        with plain values. Its ``forward(x)`` maps normalised windows (..., C, L) to features
        (..., C, D), with any number of leading axes, and its attribute ``feature_dim`` says what D
        is. Whatever else a :class:`Backbone` has is optional: class attributes
        ``default_instance_norm``, ``channel_independent``, ``separates_channels`` and
        ``takes_covariates``, methods ``head_initialiser``, ``head_of_linear_map`` and
        ``linear_map_of_head``.
    """
    if not (isinstance(backbone, type) and issubclass(backbone, nn.Module)):
        raise TypeError(f"backbone must be a subclass of torch.nn.Module; got {backbone!r}.")
    if BACKBONES.get(name, backbone) is not backbone:
        raise ValueError(
            f"The backbone name {name!r} is taken by {BACKBONES[name].__name__}; choose another."
        )
    BACKBONES[name] = backbone


def backbone_options(backbone: type[nn.Module]) -> list[str]:
    """Return the names of the options that a backbone has of its own."""
    parameters = inspect.signature(backbone).parameters.values()
    given = inspect.signature(CovariateBackbone).parameters  # by the network
    return [p.name for p in parameters if p.kind is p.KEYWORD_ONLY and p.name not in given]


def with_defaults(name: str, options: dict | None) -> dict[str, Any]:
    """Return the options of a backbone, those that are not given at their defaults."""
    declared = inspect.signature(BACKBONES[name]).parameters
    defaults = {one: declared[one].default for one in backbone_options(BACKBONES[name])}
    return defaults | (options or {})


def check_backbone(name: str, options: dict | None) -> None:
    """Raise if ``name`` is no backbone, or ``options`` has one that is wrong or not its own."""
    if name not in BACKBONES:
        raise ValueError(unknown_name("backbone", name, BACKBONES))
    known = backbone_options(BACKBONES[name])
    for option in options or {}:
        if option not in known:
            has = f"It has: {', '.join(map(repr, known))}." if known else "It has none."
            raise ValueError(
                f"The backbone {name!r} has no option {option!r} in backbone_kwargs. {has}"
            )
    declared = inspect.signature(BACKBONES[name]).parameters
    check_values(options or {}, {option: declared[option].annotation for option in known})


# what a backbone may say of itself, and what holds where it does not


def default_instance_norm(name: str) -> str:
    """Return the instance normalisation of a backbone, ``"none"`` unless it says so."""
    return getattr(BACKBONES[name], "default_instance_norm", "none")


def takes_covariates(name: str) -> bool:
    """Say whether a backbone takes covariates itself."""
    return getattr(BACKBONES[name], "takes_covariates", False)


def linear_backbones() -> list[str]:
    """Return the names of the backbones that are linear functions of the window."""
    return [name for name, one in BACKBONES.items() if hasattr(one, "head_of_linear_map")]


def separates_channels(backbone: nn.Module) -> bool:
    """Say whether a trained backbone takes each channel by itself, however many there are."""
    said = (
        getattr(backbone, name, False) for name in ("separates_channels", "channel_independent")
    )
    return any(said)


def feature_dim(backbone: nn.Module) -> int:
    """Return the number of features that a backbone gives for each channel."""
    found: Any = getattr(backbone, "feature_dim", None)
    if not isinstance(found, int) or isinstance(found, bool) or found < 1:
        raise TypeError(
            f"The backbone {type(backbone).__name__} must say by an attribute feature_dim, a whole "
            f"number >= 1, how many features it gives for each channel; got {found!r}."
        )
    return found


def head_initialiser(backbone: nn.Module) -> Initialiser:
    """Return the ordinary start of the weight of a backbone's head."""
    own: Any = getattr(backbone, "head_initialiser", None)
    return uniform_fan_in(feature_dim(backbone)) if own is None else own()
