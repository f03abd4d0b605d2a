"""The automatic model: everything is chosen on rows held out."""

import functools
import logging
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

import pandas as pd
from darts import TimeSeries
from darts.models.forecasting.torch_forecasting_model import MixedCovariatesTorchModel
from darts.typing import TimeSeriesLike
from darts.utils.data import TorchInferenceDataset
from darts.utils.ts_utils import series2seq

from hyperforecast.automatic import choose_lookback, season_of
from hyperforecast.automatic.names import SEASONAL_NAIVE
from hyperforecast.darts.automatic.candidates import NAMES
from hyperforecast.darts.automatic.held_out import Lengths, Observed
from hyperforecast.darts.automatic.options import LEVELS, AutoOptions
from hyperforecast.darts.automatic.race import Entry, Race
from hyperforecast.darts.automatic.time_limit import LAST_FIT, LAST_FIT_OF_QUANTILES, TimeLimit
from hyperforecast.darts.base import HyperforecastModel
from hyperforecast.darts.calls import check_call
from hyperforecast.darts.centred_quantiles import CentredQuantiles, check_symmetric
from hyperforecast.darts.inputs.coverage import check_rows_of_window
from hyperforecast.darts.inputs.finite import check_fit_inputs
from hyperforecast.darts.inputs.series_numbers import unnamed
from hyperforecast.darts.options import (
    CovariateOptions,
    DartsOptions,
    SeriesNameOptions,
    ShiftOptions,
)
from hyperforecast.darts.solving.exact import running_fit
from hyperforecast.darts.solving.solver_choice import GRADIENT_OPTIONS
from hyperforecast.nn.combined_network import MEMBERS
from hyperforecast.nn.errors import Problems, unknown_name
from hyperforecast.nn.exact import RunningFit
from hyperforecast.nn.network_options import (
    FactorOptions,
    NetworkOptions,
    PeriodOptions,
    SeriesOptions,
)
from hyperforecast.nn.options import Option, option, option_group, options_of, wrong_values

logger = logging.getLogger(__name__)

CHOSEN_ITSELF = (
    *(one.name for one in options_of(NetworkOptions, PeriodOptions, FactorOptions, SeriesOptions)),
    "likelihood",
    "loss_fn",
    "use_reversible_instance_norm",
    *GRADIENT_OPTIONS,
)
"""Arguments of other models that the automatic one does not take: they are its own choice."""

NOT_OF_FITS = ("epochs", "load_best", "val_sample_weight")
"""Arguments of ``fit`` that no candidate takes."""

OF_CANDIDATES = ("accelerator", "devices", "precision", "strategy", "num_nodes")
"""Arguments of Lightning's trainer that hold for all candidates; others for the one chosen."""


@option_group
class AutoLengthOptions:
    """Lengths of windows, as the automatic model chooses them."""

    input_chunk_length: int | None = option(
        default=None,
        kw_only=False,
        of="lengths",
        least=1,
        unit="of steps",
        doc="""Lookback L: number of past steps that a forecast is made from. If not given, the
        longest of three horizons, seven seasons (fewer of long ones) and 96 steps that is no more
        than a third of the rows.""",
    )
    output_chunk_length: int | None = option(
        default=None,
        kw_only=False,
        of="lengths",
        least=1,
        unit="of steps",
        doc="""Horizon H: number of steps forecast at once; must be given. ``predict`` goes on by
        itself beyond it.""",
    )


class AutoHyperModel(HyperforecastModel):
    """Everything chosen on rows held out: from a naive forecast to generated heads.

    Compared are the last value, the last season, a drift, one linear head for all channels, and
    heads generated for each channel, and for each of several series that are known by names, with
    all that the exact solver chooses of them: instance norm, lookbacks, length of the vectors,
    heads of a channel's own drawn towards these, common factors, ridge; with other ``presets``
    nonlinear backbones and the sum of all, too. The simplest is chosen that no richer one beats
    clearly: by more than one standard error, and by more than one per cent. It is then fitted on
    all rows, and is what this model is from then on: a network, also where it is naive.

    Parameters
    ----------
    {parameters}

    Attributes
    ----------
    verdict : str
        What was chosen and what the others gained, in a sentence.
    best_params_ : dict
        Arguments of the model that was chosen.

    Examples
    --------
    >>> from darts.utils.timeseries_generation import sine_timeseries
    >>> from hyperforecast.darts import AutoHyperModel
    >>> series = sine_timeseries(length=100).stack(sine_timeseries(length=100, value_phase=1.0))
    >>> model = AutoHyperModel(output_chunk_length=6)
    >>> len(model.fit(series.astype("float32")).predict(6))
    6
    """

    options = AutoOptions

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.model_params["quantiles"] is not None:
            levels = sorted(self.model_params["quantiles"])
            self.pl_module_params["likelihood"] = CentredQuantiles(levels)
        self._winner: dict[str, Any] | None = None

    @classmethod
    def constructor_options(cls) -> list[Option]:
        """Return the options that the constructor has beside Darts' own."""
        return options_of(
            AutoLengthOptions, ShiftOptions, cls.options, CovariateOptions, SeriesNameOptions
        )

    @classmethod
    def argument_problems(cls, arguments: Mapping[str, Any]) -> Problems:
        """Say what is wrong with arguments of the constructor."""
        problems = Problems()
        wrong = wrong_values(
            [*cls.constructor_options(), *options_of(DartsOptions)], dict(arguments)
        )
        problems += wrong.values()
        given = {name: value for name, value in arguments.items() if name not in wrong}
        if told := [name for name in CHOSEN_ITSELF if given.get(name)]:
            problems.append(
                f"{', '.join(told)} would have no effect: the automatic model chooses how it is "
                "made and trained. Leave that out, or fit HyperModel, which takes it."
            )
        if "output_chunk_length" not in wrong and given.get("output_chunk_length") is None:
            problems.append("Give output_chunk_length: the number of steps to forecast at once.")
        if given.get("quantiles") is not None:
            problems.check(check_symmetric, given["quantiles"])
        for name in given.get("candidates") or ():
            if name not in NAMES:
                problems.append(unknown_name("candidate", name, NAMES))
        if given.get("candidates") is not None and not len(given["candidates"]):
            problems.append("candidates must name at least one; got none.")
        return problems

    @property
    def input_chunk_length(self) -> int:
        """Lookback: the one given, or chosen in ``fit``; before that, the least there can be."""
        found: int | None = super().input_chunk_length
        return 1 if found is None else found

    @property
    def weights_by(self) -> str:
        """What has weights of its own in what was chosen; before that, in what may be."""
        if self._winner is None:
            return "channel" if self._series_id is None else "series"
        return self._winner["params"].get("weights_by", "channel")

    @property
    def _takes_attributes(self) -> bool:
        return self._fitted["takes_attributes"]

    def _network_plan(self) -> dict[str, Any]:
        return self._fitted["plan"]

    def _build_inference_dataset(
        self, n: int, series: Sequence[TimeSeries], *args: Any, **kwargs: Any
    ) -> TorchInferenceDataset:
        if self._series_id is not None and self.weights_by == "channel":
            series = [unnamed(one, self._series_id) for one in series]
        return super()._build_inference_dataset(n, series, *args, **kwargs)

    @property
    def _takes_phases(self) -> bool:
        """Whether phases of a season are among the inputs of what was chosen."""
        return self._winner is not None and self._winner["params"].get("periods") is not None

    # choosing

    @functools.wraps(MixedCovariatesTorchModel.fit)
    def fit(self, *args: Any, **kwargs: Any) -> Self:
        """Compare all candidates, and fit the one that is chosen; an error changes nothing."""
        given = check_call(MixedCovariatesTorchModel.fit, self, *args, **kwargs)
        if refused := [name for name in NOT_OF_FITS if given.get(name)]:
            raise ValueError(
                f"{', '.join(refused)} would have no effect: the automatic model chooses how it is "
                "trained. Leave that out."
            )
        series_id = self._series_id
        data = _observed(given, "", series_id)
        assert data is not None
        validation = _observed(given, "val_", series_id)
        check_fit_inputs(
            {**data.to_fit(), **({} if validation is None else validation.inputs("val_"))},
            static=self._considers_static_covariates,
            series_id=series_id,
        )
        race = self._race(data, validation, given)
        params = self.model_params
        with warnings.catch_warnings():
            if params["quantiles"] == LEVELS:  # nobody asked for levels beyond what rows can tell
                warnings.filterwarnings("ignore", message="Quantiles from .* independent windows")
            outcome = race.run()
            chosen = outcome.chosen
            winner = race.fit(chosen, pl_trainer_kwargs=params.get("pl_trainer_kwargs"))
        self._become(winner.model)
        self._winner = {
            "plan": winner.plan,
            "takes_attributes": winner.model._takes_attributes,
            "params": {
                k: v for k, v in winner.model.model_params.items() if k != "pl_trainer_kwargs"
            },
            "code": self._code_of(chosen, race),
            "leaderboard": outcome.leaderboard(),
            "verdict": outcome.verdict(),
        }
        race.say(self.verdict)
        return self

    @functools.wraps(MixedCovariatesTorchModel.fit_from_dataset)
    def fit_from_dataset(self, *args: Any, **kwargs: Any) -> Self:
        """Raise: rows are held out of series."""
        raise NotImplementedError(
            "The automatic model holds rows of the series out, and a dataset has windows alone. "
            "Call `fit` with the series."
        )

    def _race(self, data: Observed, validation: Observed | None, given: Mapping[str, Any]) -> Race:
        params = self.model_params
        horizon, shift = params["output_chunk_length"], params["output_chunk_shift"]
        index = data.series[0].time_index
        season = params["season"] or season_of(index)
        n_rows = [len(one) for one in data.series]
        lookback = params["input_chunk_length"] or choose_lookback(
            n_rows, horizon + shift, season, data.series[0].n_components
        )
        check_rows_of_window(max(n_rows), lookback, horizon, shift)
        if validation is not None:
            longest = max(map(len, validation.series))
            check_rows_of_window(longest, lookback, horizon, shift, validates=True)
        of_all = {
            name: value
            for name, value in params.items()
            if name not in options_names() and name != "pl_trainer_kwargs"
        }
        trainer = params.get("pl_trainer_kwargs") or {}
        verbose = bool(given.get("verbose"))
        passed = ("stride", "max_samples_per_ts", "dataloader_kwargs")
        return Race(
            data,
            validation,
            Lengths(lookback, horizon, shift),
            season,
            names=params["candidates"],
            presets=params["presets"],
            arguments={
                **of_all,
                "use_static_covariates": params["use_static_covariates"],
                "pl_trainer_kwargs": {
                    **{k: v for k, v in trainer.items() if k in OF_CANDIDATES},
                    "limit_val_batches": 0,  # errors are taken of some windows only, see the race
                },
            },
            fit_arguments={name: given[name] for name in passed if name in given},
            validation_size=params["validation_size"],
            likelihood=self.pl_module_params.get("likelihood"),
            limit=TimeLimit(
                params["time_limit"],
                LAST_FIT if params["quantiles"] is None else LAST_FIT_OF_QUANTILES,
            ),
            say=print if verbose else logger.info,
        )

    def _become(self, winner: HyperforecastModel) -> None:
        """Take over all that a fitted model has, but the arguments that it was made with."""
        own = ("_model_params", "_setting_history", "_moment_history", "_winner")
        kept = {name: getattr(self, name) for name in own}
        self.__dict__.clear()
        self.__dict__.update({**winner.__dict__, **kept})
        if winner.running_fit() is None:
            self._solution = None

    def _code_of(self, chosen: Entry, race: Race) -> tuple[str, dict[str, Any]]:
        """Return the name of the class, and the arguments, of the model that was chosen."""
        params = self.model_params
        told: dict[str, Any] = {
            "input_chunk_length": race.lengths.lookback,
            "output_chunk_length": race.lengths.horizon,
        }
        if race.lengths.shift:
            told["output_chunk_shift"] = race.lengths.shift
        if not params["use_static_covariates"]:
            told["use_static_covariates"] = False
        if chosen.combination is not None:  # which is made by comparing again
            told |= self._changed(told)
            return type(self).__name__, told
        if chosen.candidate is None:
            told["candidates"] = [chosen.name]
            if chosen.name == SEASONAL_NAIVE:
                told["season"] = race.season
            if self._series_id is not None:
                told["series_id"] = self._series_id
            if params["quantiles"] != LEVELS:
                told["quantiles"] = params["quantiles"]
            return type(self).__name__, told
        told |= {n: v for n, v in chosen.candidate.arguments.items() if v is not None}
        if not chosen.candidate.tells_series_apart and race.data.has_names_alone:
            told["use_static_covariates"] = False
        if chosen.trained is not None and params.get("random_state") is not None:
            told.setdefault("random_state", params["random_state"])
        if params["quantiles"] is not None:
            told["likelihood"] = self.likelihood
        return chosen.candidate.model_class.__name__, told

    def _changed(self, told: Mapping[str, Any]) -> dict[str, Any]:
        """Return the model's own arguments that are not told, nor their defaults."""
        own = {one.name: one.default for one in self.constructor_options()}
        own["random_state"] = None
        params = self.model_params
        return {
            name: params[name]
            for name, default in own.items()
            if name not in told and params.get(name) != default
        }

    def _add(self, with_added: Callable[..., Any], *given: TimeSeriesLike | None) -> Self:
        if self.model is not None and MEMBERS in self._fitted["plan"]:
            raise ValueError(
                "This model is several models added up, and channels and series are added to one. "
                "Fit presets='fast', or a candidate of leaderboard() that has a share."
            )
        return super()._add(with_added, *given)

    # what was chosen

    @property
    def _fitted(self) -> dict[str, Any]:
        if self._winner is None:
            raise ValueError("Nothing has been chosen yet; call `fit()` first.")
        return self._winner

    @property
    def verdict(self) -> str:
        """What was chosen and what the others gained, in a sentence."""
        return self._fitted["verdict"]

    @property
    def best_params_(self) -> dict[str, Any]:
        """Arguments of the model that was chosen."""
        return dict(self._fitted["code"][1])

    @property
    def best_class_(self) -> str:
        """Name of the class of the model that was chosen."""
        return self._fitted["code"][0]

    def as_code(self) -> str:
        """Return the line of code that makes the model that was chosen."""
        return code_of(self.best_class_, self.best_params_)

    def leaderboard(self) -> pd.DataFrame:
        """Return what was compared, a row for each candidate, the best first.

        Returns
        -------
        DataFrame
            ``candidate``; ``skill``, the part of the error of the seasonal naive forecast (of the
            last value, where there is no season) that it saves, and its ``standard_error``;
            ``validation_mse``, on the rows held out and in units of the channels' variances in
            training, of each series where series are known by names; ``fit_seconds`` and
            ``forecast_seconds`` there; ``parameters``; ``chosen``.
        """
        return pd.DataFrame(self._fitted["leaderboard"])

    def running_fit(self) -> RunningFit | None:
        """Return what takes in further windows, with no window yet; ``None`` if nothing was solved.

        See :meth:`HyperforecastModel.running_fit`.
        """
        if self._solution is None or self.model is None:
            return None
        return running_fit(self.model, self._fitted["params"], self._solution)

    def _check_ckpt_parameters(self, tfm_save: Any) -> None:
        super()._check_ckpt_parameters(tfm_save)
        self._winner = tfm_save._winner


@functools.lru_cache
def options_names() -> frozenset[str]:
    """Return the names of the automatic model's own options."""
    return frozenset(one.name for one in AutoHyperModel.constructor_options())


def _observed(given: Mapping[str, Any], prefix: str, series_id: str | None) -> Observed | None:
    """Return series and what belongs to them from the arguments of ``fit``."""
    series = series2seq(given.get(f"{prefix}series"))
    if series is None:
        return None
    weight = given.get(f"{prefix}sample_weight")
    return Observed(
        series,
        series2seq(given.get(f"{prefix}past_covariates")),
        series2seq(given.get(f"{prefix}future_covariates")),
        weight if isinstance(weight, str) else series2seq(weight),
        series_id,
    )


def code_of(name: str, arguments: Mapping[str, Any]) -> str:
    """Return the line of code that makes an object of a class."""
    return f"{name}({', '.join(f'{key}={_code(value)}' for key, value in arguments.items())})"


def _code(value: Any) -> str:
    if isinstance(value, CentredQuantiles):
        return f"CentredQuantiles({value.quantiles})"
    return repr(value)
