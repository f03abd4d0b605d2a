"""Options of networks whatever their parts."""

from collections.abc import Sequence
from typing import Any, Literal

from hyperforecast.nn.backbones import BACKBONES
from hyperforecast.nn.layers.instance_norm import INSTANCE_NORMS
from hyperforecast.nn.options import option, option_group

_BACKBONES = ", ".join(f'``"{name}"``' for name in BACKBONES)
_NORMS = ", ".join(f'``"{name}"``' for name in INSTANCE_NORMS)


@option_group
class NetworkOptions:
    """Which backbone, and how its input is normalised."""

    backbone: str = option(
        default="dlinear",
        doc=f"{_BACKBONES}, or a registered name.",
    )
    backbone_kwargs: dict[str, Any] | None = option(
        default=None,
        doc="Options of the backbone; one that it does not have is an error.",
    )
    instance_norm: str | None = option(
        default=None,
        doc=f"One of {_NORMS}; the backbone's own if not given.",
    )
    individual_covariates: bool | None = option(
        default=None,
        doc="""Whether every channel has a response of its own to past and future covariates, or all
        share one. If not given, a plain backbone shares one, and all other networks have their
        own. Not where the head is generated or individual, whose channels respond as the head says,
        and not with ``"itransformer"`` and ``"lstm"``, which take covariates themselves.""",
    )


@option_group
class SeriesOptions:
    """Whose weights those are that differ."""

    weights_by: Literal["channel", "series", "both"] = option(
        default="channel",
        doc="""What has weights, vectors and gates of its own. With ``"channel"`` each channel, in
        all series alike. With ``"series"`` each series of those that are trained on, of any
        lengths, without a common time axis; with ``"both"`` each channel of each series. The
        exact solver then solves in units of each series' own rows. A series that was not trained
        on is forecast with the head that all would share, or the mean of the others' weights, and a
        warning.""",
    )


@option_group
class PeriodOptions:
    """What repeats."""

    periods: Literal["auto"] | int | Sequence[int] | None = option(
        default=None,
        least=2,
        unit="of steps",
        doc="""Lengths of cycles, such as a day and a week, in steps: every channel has a value for
        each of their phases, which is subtracted from the window and added to the forecast. Phases
        follow from the time index by themselves. ``"auto"`` takes day and week, or the season, that
        the index suggests, and without dates a period found in the autocorrelation. The exact
        solver keeps a cycle only where it gains on validation, and says so in the solver's report;
        gradients start at means of the training rows, and train it with the rest.""",
    )


@option_group
class FactorOptions:
    """What channels learn from each other."""

    n_factors: int | None = option(
        default=None,
        least=0,
        doc="""Number K of common factors, the leading principal components of the channels, whose
        last steps are further inputs of every channel, so that channels learn from each other.
        If not given there are none, unless the exact solver trains: it chooses.""",
    )
