"""Backbones by name."""

import inspect

from hyperforecast.nn.backbones.base import Backbone, CovariateBackbone
from hyperforecast.nn.backbones.dlinear import DLinear
from hyperforecast.nn.backbones.itransformer import ITransformer
from hyperforecast.nn.backbones.moderntcn import ModernTCN
from hyperforecast.nn.backbones.nlinear import NLinear
from hyperforecast.nn.backbones.patchtst import PatchTST
from hyperforecast.nn.backbones.rlinear import RLinear
from hyperforecast.nn.backbones.rmlp import RMLP
from hyperforecast.nn.backbones.tsmixer import TSMixer
from hyperforecast.nn.errors import unknown_name

__all__ = [
    "BACKBONES",
    "RMLP",
    "Backbone",
    "CovariateBackbone",
    "DLinear",
    "ITransformer",
    "ModernTCN",
    "NLinear",
    "PatchTST",
    "RLinear",
    "TSMixer",
    "check_backbone",
    "register_backbone",
]

BACKBONES: dict[str, type[Backbone]] = {
    "dlinear": DLinear,
    "nlinear": NLinear,
    "rlinear": RLinear,
    "rmlp": RMLP,
    "tsmixer": TSMixer,
    "patchtst": PatchTST,
    "itransformer": ITransformer,
    "moderntcn": ModernTCN,
}


def register_backbone(name: str, backbone: type[Backbone]) -> None:
    """Make a backbone of your own usable as ``backbone=name`` in every method and both hosts.

    A process that loads a model with such a backbone must register it first.

    Parameters
    ----------
    name : str
        A new name, lower case.
    backbone : type
        A subclass of :class:`Backbone` whose own options are keyword-only.
    """
    if not (isinstance(backbone, type) and issubclass(backbone, Backbone)):
        raise TypeError(f"backbone must be a subclass of Backbone; got {backbone!r}.")
    if BACKBONES.get(name, backbone) is not backbone:
        raise ValueError(
            f"The backbone name {name!r} is taken by {BACKBONES[name].__name__}; choose another."
        )
    BACKBONES[name] = backbone


def backbone_options(backbone: type[Backbone]) -> list[str]:
    """Return the names of the options that a backbone has of its own."""
    parameters = inspect.signature(backbone).parameters.values()
    given = inspect.signature(CovariateBackbone).parameters  # by the network
    return [p.name for p in parameters if p.kind is p.KEYWORD_ONLY and p.name not in given]


def check_backbone(name: str, options: dict | None) -> None:
    """Raise if ``name`` is no backbone or ``options`` has one that it would ignore."""
    if name not in BACKBONES:
        raise ValueError(unknown_name("backbone", name, BACKBONES))
    known = backbone_options(BACKBONES[name])
    for option in options or {}:
        if option not in known:
            has = f"It has: {', '.join(map(repr, known))}." if known else "It has none."
            raise ValueError(
                f"The backbone {name!r} has no option {option!r} in backbone_kwargs. {has}"
            )
