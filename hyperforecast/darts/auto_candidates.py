"""What the automatic model compares: ordinary models of this package, and naive forecasts."""

from dataclasses import dataclass, field
from typing import Any

from hyperforecast.automatic.names import DRIFT, GENERATED, NAIVE, ONE_FOR_ALL, repeated_rows
from hyperforecast.darts.backbone import BackboneModel
from hyperforecast.darts.base import HyperforecastModel
from hyperforecast.darts.hn_mvts import HNMVTSModel


@dataclass(frozen=True)
class Candidate:
    """A model that may be chosen.

    Parameters
    ----------
    name : str
    model_class : type
    arguments : dict
        Of its constructor, beside lengths and what the user set for all.
    """

    name: str
    model_class: type[HyperforecastModel]
    arguments: dict[str, Any] = field(default_factory=dict)


NAMES = (*NAIVE, ONE_FOR_ALL, GENERATED)
"""Names of all candidates, the simplest first: a later one is chosen only if it gains clearly."""


def naive_candidates(lookback: int, season: int | None) -> list[str]:
    """Return the naive forecasts that a lookback suffices for."""
    return [*repeated_rows(season, lookback), DRIFT]


def trained_candidates(n_channels: int, validation_size: float) -> list[Candidate]:
    """Return the models that are trained, the simplest first.

    Parameters
    ----------
    n_channels : int
    validation_size : float
        Share of the windows, the last ones, that a model holds out itself where it is fitted alone:
        those that candidates are compared on, so that it chooses the same settings.
    """
    exact: dict[str, Any] = {
        "solver": "exact",
        "solver_kwargs": {"validation_size": validation_size},
    }
    shared = [Candidate(ONE_FOR_ALL, BackboneModel, exact)]
    if n_channels == 1:
        return shared
    return [*shared, Candidate(GENERATED, HNMVTSModel, exact)]
