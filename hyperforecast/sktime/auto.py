"""The automatic model as an sktime forecaster."""

import copy
from collections.abc import Mapping
from typing import Any, ClassVar, Self

import pandas as pd
from darts.utils.likelihood_models.torch import TorchLikelihood
from sktime.forecasting.base import BaseForecaster

from hyperforecast.automatic import choose_lookback, season_of_frequency
from hyperforecast.darts.automatic.model import AutoHyperModel, code_of
from hyperforecast.darts.automatic.options import AutoOptions
from hyperforecast.darts.options import RunOptions
from hyperforecast.nn.options import option, option_group, options_of
from hyperforecast.sktime import parameters
from hyperforecast.sktime.attributes import Known
from hyperforecast.sktime.base import BaseDartsForecaster
from hyperforecast.sktime.instances import Instance, Key
from hyperforecast.sktime.options import DataOptions, LengthOptions, VerboseOptions
from hyperforecast.sktime.trained import Trained
from hyperforecast.sktime.training import Plan, plan_training, train

OF_DARTS_SERIES = "series_id", "use_static_covariates"
"""Arguments of Darts models about static covariates, by which instances are known there."""


@option_group
class AutoLengthOptions(LengthOptions):
    """Lengths of windows, as the automatic forecaster chooses them."""

    input_chunk_length: int | None = option(
        default=None,
        kw_only=False,
        of="lengths",
        least=1,
        unit="of steps",
        doc="""Lookback L: rows that a forecast is made from. If not given, the longest of three
        horizons, seven seasons (fewer of long ones) and 96 rows that is no more than a third of the
        rows.""",
    )


class AutoHyperForecaster(
    AutoLengthOptions, AutoOptions, DataOptions, VerboseOptions, RunOptions, BaseDartsForecaster
):
    """Everything chosen on rows held out: from a naive forecast to generated heads.

    Compared are the last value, the last season, a drift, one linear head for all channels, and
    heads generated for each channel, and for each instance of a panel, with all that the exact
    solver chooses of them; with other ``presets`` nonlinear backbones and the sum of all, too. The
    simplest is chosen that no richer one beats clearly: by more than one standard error, and by
    more than one per cent. It is then fitted on all rows.

    Parameters
    ----------
    {parameters}

    Attributes
    ----------
    verdict_ : str
        What was chosen and what the others gained, in a sentence.
    best_params_ : dict
        Parameters of the forecaster that was chosen.
    model_ : AutoHyperModel
        The Darts model that was chosen and trained, in scaled units.

    Notes
    -----
    ``update(y, update_params=True)`` compares again, on all rows seen. With the config
    ``remember_data=False`` it keeps what was chosen: weights that were solved for are those of all
    rows, naive forecasts have none.

    Examples
    --------
    >>> from sktime.datasets import load_airline
    >>> from hyperforecast.sktime import AutoHyperForecaster
    >>> forecaster = AutoHyperForecaster()
    >>> forecaster.fit(load_airline(), fh=[1, 2, 3])
    AutoHyperForecaster()
    >>> y_pred = forecaster.predict()
    """

    _tags: ClassVar[dict[str, Any]] = {"capability:pretrain": False}

    model_class = AutoHyperModel

    # what an automatic model chooses itself
    likelihood: ClassVar[None] = None
    loss_fn: ClassVar[None] = None
    patience: ClassVar[None] = None

    # there are no weights to go on from: each fit compares
    _pretrain = BaseForecaster._pretrain
    _pretrain_update = BaseForecaster._pretrain_update

    def _make_likelihood(self) -> None:
        """Return nothing: the model makes its own of the quantiles."""

    def _model_arguments(
        self,
        lengths: Mapping[str, int],
        likelihood: TorchLikelihood | None,
        start: Trained | None = None,
        pretraining: bool = False,
    ) -> dict[str, Any]:
        arguments = super()._model_arguments(lengths, likelihood, start, pretraining)
        return {"output_chunk_length": 1, **arguments, "quantiles": self.quantiles}

    @property
    def _season(self) -> int | None:
        return self.season or season_of_frequency(self._freq)

    def _plan(
        self,
        instances: Mapping[Key, Instance],
        largest_step: int | None,
        start: Trained | None,
        lengths: tuple[int, int] | None = None,
        known: Known | None = None,
    ) -> Plan:
        if lengths is None:
            horizon = self.output_chunk_length or max(largest_step or 1, 1)
            n_rows = [len(one.y) for one in instances.values()]
            n_channels = next(iter(instances.values())).y.shape[1]
            lookback = self.input_chunk_length or choose_lookback(
                n_rows, horizon, self._season, n_channels
            )
            lengths = lookback, horizon
        # rows to compare on are held out by the model, which is fitted on all of them in the end
        return plan_training(
            instances,
            lengths,
            past_covariates=self.past_covariates,
            known=known,
            freq=self._freq,  # cycles may be chosen
        )

    def _train(
        self,
        plan: Plan,
        start: Trained | None,
        scales: Trained | None = None,
        pretraining: bool = False,
    ) -> Trained:
        lengths = {"input_chunk_length": plan.lookback, "output_chunk_length": plan.horizon}
        arguments = copy.deepcopy(self._model_arguments(lengths, None))
        if len(plan.instances) > 1:
            arguments["series_id"] = parameters.SERIES_ID
        return train(
            self.model_class(**{**arguments, "season": self._season}),
            plan,
            scaler=self.scaler,
            options=parameters.values(self, of="network"),
            fit_options={},
            verbose=self.verbose,
        )

    def _update(
        self, y: pd.DataFrame, X: pd.DataFrame | None = None, update_params: bool = True
    ) -> Self:
        # without rows to compare on, and without moments, nothing can be fitted
        solves = self.get_config()["remember_data"] or self.trained_.running is not None
        return super()._update(y, X, update_params and solves)

    # what was chosen

    @property
    def verdict_(self) -> str:
        """What was chosen and what the others gained, in a sentence."""
        self.check_is_fitted()
        return self._automatic.verdict

    @property
    def best_params_(self) -> dict[str, Any]:
        """Parameters of the forecaster that was chosen."""
        self.check_is_fitted()
        own = {one.name: one.default for one in options_of(DataOptions)}
        changed = {n: v for n, default in own.items() if (v := getattr(self, n)) != default}
        chosen = self._automatic.best_params_
        return {**{n: v for n, v in chosen.items() if n not in OF_DARTS_SERIES}, **changed}

    def as_code(self) -> str:
        """Return the line of code that makes the forecaster that was chosen."""
        self.check_is_fitted()
        name = self._automatic.best_class_.removesuffix("Model")
        return code_of(f"{name}Forecaster", self.best_params_)

    def leaderboard(self) -> pd.DataFrame:
        """Return what was compared, a row for each candidate, the best first.

        See :meth:`AutoHyperModel.leaderboard() <hyperforecast.darts.AutoHyperModel.leaderboard>`.
        """
        self.check_is_fitted()
        return self._automatic.leaderboard()

    @property
    def _automatic(self) -> AutoHyperModel:
        assert isinstance(self.model_, AutoHyperModel)
        return self.model_

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:
        """Return parameters for sktime's conformance tests."""
        few = {"input_chunk_length": 4}
        return [
            {**few, "candidates": ("last value", "drift"), "season": 2, "random_state": 3},
            {**few, "candidates": ("one for all",), "quantiles": None},
            {"candidates": ("last value",), "quantiles": (0.05, 0.25, 0.5, 0.75, 0.95)},
        ]
