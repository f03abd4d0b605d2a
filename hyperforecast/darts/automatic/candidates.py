"""What the automatic model compares: ordinary models of this package, and naive forecasts."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from hyperforecast.automatic.names import (
    BY_SERIES,
    DRIFT,
    GENERATED,
    NAIVE,
    ONE_FOR_ALL,
    repeated_rows,
)
from hyperforecast.darts.backbone import BackboneModel
from hyperforecast.darts.base import HyperforecastModel
from hyperforecast.darts.hn_mvts import HNMVTSModel
from hyperforecast.darts.solving.solver_choice import HEAD_SOLVER


@dataclass(frozen=True)
class Candidate:
    """A model that may be chosen.

    Parameters
    ----------
    name : str
    model_class : type
    arguments : dict
        Of its constructor, beside lengths and what the user set for all.
    seed : int, default=0
        Which of several is meant, that differ in their random numbers alone.
    """

    name: str
    model_class: type[HyperforecastModel]
    arguments: dict[str, Any] = field(default_factory=dict)
    seed: int = 0

    @property
    def label(self) -> str:
        """Name, and the seed if it is a further one."""
        return f"{self.name}{SEED}{self.seed}" if self.seed else self.name

    @property
    def tells_series_apart(self) -> bool:
        """Whether series have weights of their own."""
        return "weights_by" in self.arguments

    def with_seed(self, seed: int, random_state: int) -> "Candidate":
        """Return the same candidate, trained with other random numbers."""
        arguments = {**self.arguments, "random_state": random_state + seed}
        return replace(self, arguments=arguments, seed=seed)

    def without_cycles(self) -> "Candidate":
        """Return the same candidate that compares none."""
        kept = {name: value for name, value in self.arguments.items() if name != "periods"}
        return replace(self, arguments=kept)

    def with_epochs(self, n_epochs: int) -> "Candidate":
        """Return the same candidate, trained for a number of epochs."""
        return replace(self, arguments={**self.arguments, "n_epochs": n_epochs})


@dataclass(frozen=True)
class Preset:
    """Which nonlinear backbones are compared, and how.

    Parameters
    ----------
    backbones : tuple of str
    n_in_full : int
        How many of them, the best after one epoch, are trained in full.
    n_seeds : int, default=1
        With how many seeds the best two candidates that gradients train are trained.
    combines : bool, default=False
        Whether a sum of candidates is compared, too.
    """

    backbones: tuple[str, ...] = ()
    n_in_full: int = 0
    n_seeds: int = 1
    combines: bool = False


PRESETS = {
    "fast": Preset(),
    "medium": Preset(("rmlp", "tsmixer", "itransformer", "patchtst"), 2),
    "best": Preset(
        ("rmlp", "tsmixer", "itransformer", "patchtst", "moderntcn"), 5, n_seeds=3, combines=True
    ),
}

SOLVED = ONE_FOR_ALL, GENERATED, BY_SERIES
"""Names of the models that the exact solver trains."""

SEED = ", seed "
"""What stands behind a candidate's name, before the number of a further seed."""

GENERATED_HEAD = f", {GENERATED}"
"""What stands behind a backbone's name where its head is generated for each channel."""

BACKBONES = PRESETS["best"].backbones

NAMES = (*NAIVE, *SOLVED, *(one + head for one in BACKBONES for head in ("", GENERATED_HEAD)))
"""Names of all candidates, the simplest first: a later one is chosen only if it gains clearly."""


def naive_candidates(lookback: int, season: int | None) -> list[str]:
    """Return the naive forecasts that a lookback suffices for."""
    return [*repeated_rows(season, lookback), DRIFT]


def solved_candidates(
    n_channels: int,
    validation_size: float,
    period: int | None = None,
    by_series: Mapping[str, str | None] | None = None,
) -> list[Candidate]:
    """Return the models that are trained by the exact solver, the simplest first.

    Parameters
    ----------
    n_channels : int
    validation_size : float
        Share of the windows, the last ones, that a model holds out itself where it is fitted alone:
        those that candidates are compared on, so that it chooses the same settings.
    period : int, optional
        Of a cycle that each compares with none.
    by_series : mapping, optional
        ``weights_by`` and ``series_id`` of a model that gives each series weights of its own.
    """
    exact: dict[str, Any] = {
        "solver": "exact",
        "solver_kwargs": {"validation_size": validation_size},
    }
    if period is not None:
        exact["periods"] = period
    candidates = _shared_and_generated((ONE_FOR_ALL, GENERATED), n_channels, exact)
    if by_series is not None:
        candidates.append(Candidate(BY_SERIES, HNMVTSModel, {**by_series, **exact}))
    return candidates


def backbone_candidates(backbone: str, n_channels: int, validation_size: float) -> list[Candidate]:
    """Return the models of a nonlinear backbone, which gradients train, the simplest first.

    Parameters
    ----------
    backbone : str
    n_channels, validation_size
        See :func:`solved_candidates`.
    """
    arguments: dict[str, Any] = {
        "backbone": backbone,
        "solver": HEAD_SOLVER,
        "solver_kwargs": {"validation_size": validation_size},
    }
    return _shared_and_generated((backbone, backbone + GENERATED_HEAD), n_channels, arguments)


def _shared_and_generated(
    names: tuple[str, str], n_channels: int, arguments: dict[str, Any]
) -> list[Candidate]:
    """Return a model with one head for all, and of several channels one with generated heads."""
    both = zip(names, (BackboneModel, HNMVTSModel), strict=True)
    candidates = [Candidate(name, model_class, arguments) for name, model_class in both]
    return candidates[:1] if n_channels == 1 else candidates
