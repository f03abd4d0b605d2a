"""Forecasters whose weights have a closed form."""

from collections.abc import Mapping
from typing import Any

from darts.utils.likelihood_models.torch import TorchLikelihood

from hyperforecast.darts.options import SolverOptions
from hyperforecast.darts.solving.solver_choice import GRADIENT_OPTIONS, HEAD_SOLVER
from hyperforecast.nn.errors import Problems
from hyperforecast.sktime.base import BaseHyperforecastForecaster
from hyperforecast.sktime.options import UpdateOptions
from hyperforecast.sktime.trained import Trained


class BaseSolverForecaster(SolverOptions, UpdateOptions, BaseHyperforecastForecaster):
    """Base of the forecasters that are trained by the exact solver or by gradients.

    Epochs that are waited for, and weights that are there already, are a matter of gradients.

    Parameters
    ----------
    {parameters}
    """

    def _parameter_problems(self, likelihood: TorchLikelihood | None) -> Problems:
        problems = super()._parameter_problems(likelihood)
        if self.patience is not None and self.solver == "exact":
            problems.append(
                "patience has no effect with solver='exact', which has no epochs. Leave it out, or "
                "choose solver='adam'."
            )
        if "choose_every" in (self.solver_kwargs or {}):
            problems.append(
                "choose_every has no effect in sktime, where each fit is one of its own. Leave it "
                "out of solver_kwargs; with set_config(remember_data=False) update keeps the "
                "settings that fit selected."
            )
        if not 0 < self.forgetting <= 1:
            problems.append(f"forgetting must be in (0, 1]; got {self.forgetting}.")
        elif self.forgetting != 1:
            for reason, without_effect in (
                (f"solver={self.solver!r}, which keeps no moments", self._trains_by_gradients()),
                ("remember_data=True, where update fits again", self._remembers()),
            ):
                if without_effect:
                    problems.append(
                        f"forgetting={self.forgetting} has no effect with {reason}. Leave it out, "
                        "or solve exactly with set_config(remember_data=False)."
                    )
        return problems

    def _trains_by_gradients(self) -> bool:
        return self.solver in ("adam", HEAD_SOLVER)

    def _remembers(self) -> bool:
        return bool(self.get_config()["remember_data"])

    def _model_arguments(
        self,
        lengths: Mapping[str, int],
        likelihood: TorchLikelihood | None,
        start: Trained | None = None,
        pretraining: bool = False,
    ) -> dict[str, Any]:
        arguments = super()._model_arguments(lengths, likelihood, start, pretraining)
        if self._trains_by_gradients():
            return arguments
        if start is not None:
            # only gradients go on from given weights
            arguments["solver"] = "adam"
            arguments.pop("solver_kwargs", None)
        elif pretraining and self.solver == "exact":
            # these are for the `fit` that goes on from what is solved here
            arguments = {k: v for k, v in arguments.items() if k not in GRADIENT_OPTIONS}
        elif self.patience is not None and self.solver == "auto":
            arguments["solver"] = "adam"
        return arguments
