"""Candidates of the automatic model that gradients train."""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from pytorch_lightning.callbacks import Timer
from torch import Tensor

from hyperforecast.darts.automatic.candidates import Candidate
from hyperforecast.darts.automatic.held_out import HeldOutWindows, Lengths, Observed
from hyperforecast.darts.automatic.time_limit import TimeLimit
from hyperforecast.darts.automatic.units import Scales
from hyperforecast.darts.base import HyperforecastModel
from hyperforecast.darts.module import ForecastingModule
from hyperforecast.darts.training.best_weights import BestWeights

PATIENCE = 3
"""Epochs that training goes on without a lower error on the rows held out."""

MAX_EPOCHS = 20

MAX_WINDOWS, FEW_WINDOWS = 4096, 1024
"""Most training windows, evenly spread, that an epoch has, and that one to choose backbones by has:
neighbouring windows are nearly the same."""


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
    """

    candidate: Candidate
    residuals: Tensor
    fit_seconds: float
    forecast_seconds: float
    n_parameters: int
    state: dict[str, Any]
    stride: int


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
        Which ends training.
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

    def in_brief(self, candidate: Candidate) -> Trained:
        """Train for one epoch of few windows."""
        return self._train(candidate.with_epochs(1), FEW_WINDOWS)

    def in_full(self, candidate: Candidate) -> Trained:
        """Train until the error on the rows held out falls no more."""
        return self._train(candidate.with_epochs(MAX_EPOCHS), MAX_WINDOWS)

    def _train(self, candidate: Candidate, n_windows: int) -> Trained:
        best = BestWeights(PATIENCE)
        model = candidate.model_class(
            **{
                **self.arguments,
                **candidate.arguments,
                "pl_trainer_kwargs": self._trainer_arguments(best),
            }
        )
        stride = stride_of(self.training, self.windows.lengths, n_windows, self.season)
        stride = math.lcm(stride, self.fit_arguments.get("stride", 1))
        start = time.perf_counter()
        model.fit(
            **self.training.to_fit(),
            **self.held_out.inputs("val_"),
            **{**self.fit_arguments, "stride": stride},
            verbose=False,
        )
        fitted = time.perf_counter()
        residuals = self.windows.residuals_of(model)
        assert isinstance(model.model, ForecastingModule)
        return Trained(
            candidate.with_epochs(best.best_epoch),
            residuals,
            fitted - start,
            time.perf_counter() - fitted,
            sum(one.numel() for one in model.network.parameters()),
            self.scales.state_in_units(model.model),
            stride,
        )

    def _trainer_arguments(self, best: BestWeights) -> dict[str, Any]:
        given = self.arguments["pl_trainer_kwargs"]
        callbacks: list[Any] = [best]
        if math.isfinite(left := self.limit.left):
            callbacks.append(Timer(duration=timedelta(seconds=left), verbose=False))
        return {
            **{name: value for name, value in given.items() if name != "limit_val_batches"},
            "callbacks": callbacks,
            "num_sanity_val_steps": 0,
        }


def refitted(
    trained: Trained,
    data: Observed,
    validation: Mapping[str, Any],
    arguments: Mapping[str, Any],
    fit_arguments: Mapping[str, Any],
) -> HyperforecastModel:
    """Solve for the head of what was trained once more, on all rows.

    Parameters
    ----------
    trained : Trained
    data : Observed
    validation : mapping
        Arguments of ``fit`` that give validation series, if there are any.
    arguments, fit_arguments : mapping
        Of the constructor, and of the fit.
    """
    candidate = trained.candidate.with_epochs(0)
    model = candidate.model_class(**{**arguments, **candidate.arguments})
    model.train_from(trained.state)
    return model.fit(
        **data.to_fit(),
        **validation,
        **{**fit_arguments, "stride": trained.stride},
        verbose=False,
    )


def stride_of(data: Observed, lengths: Lengths, n_windows: int, season: int | None) -> int:
    """Return how many steps apart windows of series are, that there are no more than a number."""
    total = sum(lengths.n_windows(len(one)) for one in data.series)
    stride = max(1, -(-total // n_windows))
    while season is not None and math.gcd(stride, season) > 1:
        stride += 1
    return stride
