"""What of a Darts model is solved for, and solved for again on further windows."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, Self

import pandas as pd
import pytorch_lightning as pl
import torch
from darts import TimeSeries
from darts.models.forecasting.pl_forecasting_module import PLForecastingModule
from darts.models.forecasting.torch_forecasting_model import TorchForecastingModel
from darts.utils.data import SequentialTorchTrainingDataset
from darts.utils.data.torch_datasets._data_module import TorchDataModule

from hyperforecast.darts.inputs.observed_series import observed_series
from hyperforecast.darts.module import ForecastingModule
from hyperforecast.darts.ordered_inputs import OrderedInputs
from hyperforecast.darts.solving.exact import running_fit, train_exactly, write_into
from hyperforecast.darts.solving.solved_head import solve_trained_head
from hyperforecast.darts.solving.solver_choice import HEAD_SOLVER
from hyperforecast.nn.exact import ExactSolution, MomentHistory, RunningFit, SettingHistory
from hyperforecast.nn.exact.choice.late import IsLate, never
from hyperforecast.nn.parts import make_parts


class SolvedModel(OrderedInputs, TorchForecastingModel, ABC):
    """What of a Darts model is solved for, and solved for again on further windows."""

    model: ForecastingModule | None
    _moment_history: MomentHistory | None
    _setting_history: SettingHistory | None
    _solution: ExactSolution | None
    _solver_report: list[dict[str, Any]] | None
    _periods: tuple[int, ...]
    _is_late: IsLate | None = None
    """Says whether the time to compare settings is over; there is time if not given."""
    _selected_ridge: float | None = None
    """By which a head that was solved for on a part of the rows is solved for on those of a fit."""

    @classmethod
    @abstractmethod
    def parts(cls, arguments: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
        """Return the names of the parts that are put into the plain network, and their options."""

    def untrained_model(self) -> Self:
        """Return a new model with the same arguments, as a backtest trains at every step.

        Models made by one share the moments of windows that they are all fitted on, and the setting
        that the exact solver selected on series that go on from each other.
        """
        if self._moment_history is None or self._setting_history is None:
            self._moment_history, self._setting_history = MomentHistory(), SettingHistory()
        model = super().untrained_model()
        model._moment_history = self._moment_history
        model._setting_history = self._setting_history
        return model

    def running_fit(self) -> RunningFit | None:
        """Return what takes in further windows, with no window yet; ``None`` if nothing was solved.

        A model that was copied, saved or loaded has none, nor has one whose windows or steps did
        not count the same.
        """
        if self._solution is None or self.model is None:
            return None
        return running_fit(self.model, self.model_params, self._solution)

    def counting(
        self,
        running: RunningFit,
        series: Sequence[TimeSeries],
        past_covariates: Sequence[TimeSeries] | None = None,
        future_covariates: Sequence[TimeSeries] | None = None,
        forgetting: float = 1.0,
    ) -> RunningFit:
        """Return a running fit with all windows of series, which are given as to :meth:`fit`.

        See :meth:`~hyperforecast.nn.exact.RunningFit.counting` for ``forgetting``.
        """
        self._order_by_trained_names()
        dataset = self._build_train_dataset(
            list(series), past_covariates, future_covariates, None, None
        )
        assert isinstance(dataset, SequentialTorchTrainingDataset)
        return running.counting(observed_series(dataset, torch.device("cpu")), forgetting)

    def solve_for(self, running: RunningFit) -> Self:
        """Take the weights that follow from all windows of a running fit."""
        assert self.model is not None
        write_into(self.model, running.solve(), self.model.dtype)
        self.load_ckpt_path = None  # saving again writes these weights, not the file's
        return self

    @property
    def solver_report(self) -> pd.DataFrame | None:
        """What the exact solver compared on validation, a row for each setting.

        Settings whose forecasts are added up stand last, with their ``share``, the largest at the
        end. A setting that forecasts alone is the last one ``chosen``. With ``solver="adam+exact"``
        the first row is the head as gradients trained it.

        ``None`` if nothing was solved for; no rows if the series had too few windows to hold any
        out.
        """
        report = self._solver_report
        if report is None and self.model is not None:
            report = self.model.solver_report  # of a checkpoint
        return None if report is None else pd.DataFrame(report)

    def _solve(
        self, module: PLForecastingModule, datamodule: TorchDataModule, device: torch.device
    ) -> ExactSolution:
        """Find the weights of a module without gradients, and write them into its network."""
        assert isinstance(module, ForecastingModule)
        return train_exactly(
            module,
            self.model_params,
            make_parts(self.parts(self.model_params)),
            datamodule.train_dataset,
            datamodule.val_dataset,
            device,
            self._moment_history,
            self._setting_history,
            self._periods,
            self._is_late or never,
        )

    @property
    def _solves_head(self) -> bool:
        """Whether the head is solved for once gradients have trained the network."""
        return self.model_params.get("solver") == HEAD_SOLVER

    def _solve_head(self, trainer: pl.Trainer, datamodule: TorchDataModule) -> None:
        """Solve for the head of the network that was trained."""
        assert self.model is not None  # the best one, where that was loaded
        self._solver_report = solve_trained_head(
            self.model,
            self.model_params,
            self.parts(self.model_params),
            datamodule.train_dataset,
            datamodule.val_dataset,
            trainer.strategy.root_device,
            self._selected_ridge,
            self._is_late or never,
        )
        self.model.solver_report = self._solver_report
