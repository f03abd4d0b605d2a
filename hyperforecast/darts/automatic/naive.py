"""Naive forecasts as linear networks: the last value, the last season, and a drift."""

from typing import Any, Self

import numpy as np
import torch
from darts.models.forecasting.pl_forecasting_module import PLForecastingModule
from darts.utils.data.torch_datasets._data_module import TorchDataModule

from hyperforecast.automatic.names import SEASONAL_NAIVE
from hyperforecast.darts.hyper import HyperModel
from hyperforecast.darts.inputs.observed_series import observed_series
from hyperforecast.darts.module import ForecastingModule
from hyperforecast.darts.solving.exact import exact_problem, float64_device, write_into
from hyperforecast.nn.exact import ExactOptions, ExactSolution, fixed_solution


def naive_map(
    kind: str, lookback: int, horizon: int, season: int | None = None, shift: int = 0
) -> np.ndarray:
    """Return the weights of a naive forecast, (H, L).

    Parameters
    ----------
    kind : {"last value", "seasonal naive", "drift"}
        The last value; the value a season before, of the last season as often as needed; or the
        last value, to which a drift is added.
    lookback, horizon : int
        L and H. A season takes as many rows as it has.
    season : int, optional
        Rows of a season.
    shift : int, default=0
        Number of steps between the window and the horizon.
    """
    weights = np.zeros((horizon, lookback))
    ahead = shift + np.arange(horizon)
    if kind == SEASONAL_NAIVE:
        assert season is not None
        weights[np.arange(horizon), lookback - season + ahead % season] = 1.0
    else:
        weights[:, -1] = 1.0
    return weights


class FixedMapModel(HyperModel):
    """A linear network whose map of the window is given: only its quantiles are learned."""

    _linear_map: np.ndarray
    _drift: bool

    @classmethod
    def of(cls, linear_map: np.ndarray, *, drift: bool = False, **arguments: Any) -> Self:
        """Return an untrained model that forecasts by a map of the window.

        Parameters
        ----------
        linear_map, drift
            See :func:`~hyperforecast.nn.exact.fixed_solution`.
        **arguments
            Of :class:`HyperModel`, but for what a linear map leaves no choice of.
        """
        if drift:
            arguments |= {"head": "hn-mvts", "head_kwargs": {"channel_embedding_dim": 1}}
        model = cls(**arguments, backbone="nlinear", instance_norm="none", solver="exact")
        model._linear_map, model._drift = linear_map, drift
        return model

    def _solve(
        self, module: PLForecastingModule, datamodule: TorchDataModule, device: torch.device
    ) -> ExactSolution:
        assert isinstance(module, ForecastingModule)
        dataset = datamodule.train_dataset
        series = observed_series(dataset, float64_device(device))
        problem = exact_problem(
            self.model_params, ExactOptions(), module.network.parts, module.single_network
        )
        linear_map = torch.from_numpy(self._linear_map)
        solution = fixed_solution(problem, series, linear_map, drift=self._drift)
        double = dataset.series[0].dtype == np.float64
        write_into(module, solution, torch.float64 if double else module.dtype)
        return solution

    def running_fit(self) -> None:
        """Return nothing: further windows change no weight."""
