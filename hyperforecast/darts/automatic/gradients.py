"""Candidates of the automatic model that gradients train."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from pytorch_lightning import Callback
from torch import Tensor

from hyperforecast.darts.automatic.candidates import Candidate
from hyperforecast.darts.automatic.held_out import HeldOutWindows, Lengths, Observed
from hyperforecast.darts.automatic.time_limit import TimeLimit
from hyperforecast.darts.automatic.units import Scales
from hyperforecast.darts.base import HyperforecastModel
from hyperforecast.darts.module import ForecastingModule
from hyperforecast.darts.training.best_weights import BestWeights
from hyperforecast.darts.training.stopwatch import Stopwatch
from hyperforecast.nn.exact.choice.late import IsLate, OutOfTime, never

PATIENCE = 3
"""Epochs that training goes on without a lower error on the rows held out."""

MAX_EPOCHS = 20

MAX_WINDOWS, FEW_WINDOWS = 4096, 1024
"""Most training windows, evenly spread, that an epoch has, and that one to choose backbones by has:
neighbouring windows are nearly the same."""

LAST_FIT_OF_HEAD = 1.0
"""How many times as long as solving for a head, and forecasting the rows held out, the last fit
takes at most, in which it is solved for with one ridge."""


@dataclass(frozen=True)
class Trained:
    """A candidate as gradients trained it.

    Attributes
    ----------
    candidate : Candidate
        With the number of epochs that was best.
    residuals : Tensor, shape (C, T, H)
        Errors of single windows held out, in units of deviations in training.
    fit_seconds, forecast_seconds : float
    n_parameters : int
    state : dict
        Of its module, which forecasts the series as they are.
    stride : int
        Steps between training windows.
    report : list of dict
        What was compared of its head, a row for each; empty where that was left as it was trained.
    last_fit_seconds : float
        What its last fit takes at most.
    """

    candidate: Candidate
    residuals: Tensor
    fit_seconds: float
    forecast_seconds: float
    n_parameters: int
    state: dict[str, Any]
    stride: int
    report: list[dict[str, Any]]
    last_fit_seconds: float

    @property
    def ridge(self) -> float:
        """Ridge by which its head was solved for, infinite if it was not."""
        chosen = [row["ridge"] for row in self.report if row["chosen"]]
        return chosen[-1] if chosen else math.inf


@dataclass(frozen=True)
class Pace:
    """How long a backbone took.

    Attributes
    ----------
    n_windows : int
        Training windows of an epoch.
    epoch_seconds : float
    head_seconds : float
        To solve for the head, and to forecast the rows held out.
    """

    n_windows: int
    epoch_seconds: float
    head_seconds: float

    def of(self, n_windows: int, n_held_out: int) -> "Pace":
        """Return the pace with another number of training windows, beside those held out."""
        times = n_windows / self.n_windows
        of_head = (n_windows + n_held_out) / (self.n_windows + n_held_out)
        return Pace(n_windows, times * self.epoch_seconds, of_head * self.head_seconds)


class GradientTraining:
    """Trains candidates by gradients on standardised series, and compares them on rows held out.

    The head is solved for at last, as ``solver="adam+exact"`` has it.

    Parameters
    ----------
    training, held_out : Observed
    windows : HeldOutWindows
        Those of ``held_out``.
    season : int, optional
        Rows between windows have no factor in common with it, so that they begin everywhere.
    arguments : mapping
        Of the constructor of every model.
    fit_arguments : mapping
        Of every fit.
    limit : TimeLimit
        Which ends training early enough for the head to be solved for, and solving, too.
    """

    def __init__(
        self,
        training: Observed,
        held_out: Observed,
        windows: HeldOutWindows,
        season: int | None,
        *,
        arguments: Mapping[str, Any],
        fit_arguments: Mapping[str, Any],
        limit: TimeLimit,
    ) -> None:
        # Darts makes further covariates of encoders, of which nothing is known here
        self.scales = Scales.of(training, covariates=not arguments.get("add_encoders"))
        self.training = self.scales.standardise(training)
        self.held_out = self.scales.standardise(held_out)
        variances = windows.variances / self.scales.target.deviation**2
        self.windows = HeldOutWindows(self.held_out, windows.lengths, variances)
        self.season = season
        self.arguments = arguments
        self.fit_arguments = fit_arguments
        self.limit = limit
        self._paces: dict[str, Pace] = {}

    def in_brief(self, candidate: Candidate, share: float = 1.0) -> Trained | None:
        """Train for one epoch of few windows.

        Parameters
        ----------
        candidate : Candidate
        share : float, default=1.0
            Part of the time left to compare in that it may take.

        Returns
        -------
        Trained, optional
            ``None`` if there was no time for it and its head.
        """
        is_late = self.limit.until(share * self.limit.left)
        try:
            return self._train(candidate.with_epochs(1), FEW_WINDOWS, share, 0.0, is_late, is_late)
        except OutOfTime:
            return None

    def in_full(self, candidate: Candidate, share: float = 1.0) -> Trained | None:
        """Train until the error on the rows held out falls no more.

        See :meth:`in_brief`; the time left is that beside its own last fit. A head for which there
        is no time stays as gradients trained it.
        """

        @cache  # solving begins where it is asked first
        def of_head() -> IsLate:
            return self.limit.of_candidate(LAST_FIT_OF_HEAD)

        candidate = candidate.with_epochs(MAX_EPOCHS)
        trained = self._train(candidate, MAX_WINDOWS, share, LAST_FIT_OF_HEAD, lambda: of_head()())
        if trained is not None:
            self.limit.keep(trained.last_fit_seconds)
        return trained

    def _train(
        self,
        candidate: Candidate,
        n_windows: int,
        share: float,
        last_fit: float,
        is_late: IsLate,
        is_useless: IsLate = never,
    ) -> Trained | None:
        """Train a candidate, unless there is no time to begin.

        Parameters
        ----------
        candidate : Candidate
        n_windows : int
            Most windows of an epoch.
        share, last_fit : float
            See :meth:`_seconds_to_train`.
        is_late : callable
            Says whether the time to solve for the head is over.
        is_useless : callable
            Says whether there is no use for a candidate that has no solved head yet.

        Raises
        ------
        OutOfTime
            If it is useless.
        """
        now = self.limit.now
        start = now()
        stride = stride_of(self.training, self.windows.lengths, n_windows, self.season)
        stride = math.lcm(stride, self.fit_arguments.get("stride", 1))
        n_windows = sum(-(-n // stride) for n in self._numbers_of_windows(self.training))
        backbone = candidate.arguments["backbone"]
        seconds = self._seconds_to_train(backbone, n_windows, share, last_fit)
        if seconds is None:
            self.limit.is_reached = True
            return None
        best, watch = BestWeights(PATIENCE), Stopwatch(start + seconds, now, is_useless)
        model = candidate.model_class(
            **{
                **self.arguments,
                **candidate.arguments,
                "pl_trainer_kwargs": self._trainer_arguments(best, watch),
            }
        )
        model._is_late = is_late
        model.fit(
            **self.training.to_fit(),
            **self.held_out.inputs("val_"),
            **{**self.fit_arguments, "stride": stride},
            verbose=False,
        )
        self.limit.is_reached |= watch.is_cut
        module = model.model
        assert isinstance(module, ForecastingModule)
        report = module.solver_report or []
        if not report and is_useless():
            raise OutOfTime
        fitted = now()
        residuals = self.windows.residuals_of(model)
        forecast = now()
        # a head that was late would have taken longer
        of_head = forecast - watch.ended if report else math.inf
        self._paces[backbone] = Pace(n_windows, watch.epoch_seconds, of_head)
        return Trained(
            candidate.with_epochs(best.best_epoch),
            residuals,
            fitted - start,
            forecast - fitted,
            sum(one.numel() for one in model.network.parameters()),
            self.scales.state_in_units(module),
            stride,
            report,
            LAST_FIT_OF_HEAD * (forecast - watch.ended),
        )

    def _seconds_to_train(
        self, backbone: str, n_windows: int, share: float, last_fit: float
    ) -> float | None:
        """Return how long gradients may train a backbone, ``None`` if it is not to be begun.

        Solving for its head and forecasting the rows held out come after it, and its last fit,
        which takes so many times as long as these. Half is for them if it was not trained before.
        """
        if math.isinf(self.limit.left):
            return math.inf
        pace = self._paces.get(backbone)
        if pace is None:
            return share * self.limit.seconds_for(last_fit / 2) / 2
        pace = pace.of(n_windows, sum(self._numbers_of_windows(self.held_out)))
        left = self.limit.left_beside(last_fit * pace.head_seconds)
        seconds = share * left - pace.head_seconds
        return seconds if seconds >= pace.epoch_seconds else None

    def _numbers_of_windows(self, data: Observed) -> list[int]:
        return [self.windows.lengths.n_windows(len(one)) for one in data.series]

    def _trainer_arguments(self, *callbacks: Callback) -> dict[str, Any]:
        given = self.arguments["pl_trainer_kwargs"]
        return {
            **{name: value for name, value in given.items() if name != "limit_val_batches"},
            "callbacks": list(callbacks),
            "num_sanity_val_steps": 0,
        }


def refitted(
    trained: Trained,
    data: Observed,
    validation: Mapping[str, Any],
    arguments: Mapping[str, Any],
    fit_arguments: Mapping[str, Any],
    is_late: IsLate = never,
) -> HyperforecastModel:
    """Solve for the head of what was trained once more, on all rows, by the ridge that it was.

    With validation series it was solved for on all rows already, and stays as it is; so it does
    where there is no time.

    Parameters
    ----------
    trained : Trained
    data : Observed
    validation : mapping
        Arguments of ``fit`` that give validation series, if there are any.
    arguments, fit_arguments : mapping
        Of the constructor, and of the fit.
    is_late : callable, optional
        Says whether time is over.
    """
    candidate = trained.candidate.with_epochs(0)
    model = candidate.model_class(**{**arguments, **candidate.arguments})
    model.train_from(trained.state)
    model._selected_ridge = math.inf if validation else trained.ridge
    model._is_late = is_late
    model.fit(
        **data.to_fit(),
        **validation,
        **{**fit_arguments, "stride": trained.stride},
        verbose=False,
    )
    model._selected_ridge = model._is_late = None
    assert isinstance(model.model, ForecastingModule)
    model._solver_report = model.model.solver_report = trained.report
    return model


def stride_of(data: Observed, lengths: Lengths, n_windows: int, season: int | None) -> int:
    """Return how many steps apart windows of series are, that there are no more than a number."""
    total = sum(lengths.n_windows(len(one)) for one in data.series)
    stride = max(1, -(-total // n_windows))
    while season is not None and math.gcd(stride, season) > 1:
        stride += 1
    return stride
