"""What every forecaster of this package is to sktime."""

import copy
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self, dataclass_transform

import numpy as np
import pandas as pd
from darts.utils.likelihood_models.torch import QuantileRegression, TorchLikelihood
from sktime.forecasting.base import BaseForecaster, ForecastingHorizon

from hyperforecast.darts.base import HyperforecastModel
from hyperforecast.nn.errors import Problems, raise_all
from hyperforecast.nn.network_options import (
    FactorOptions,
    NetworkOptions,
    PeriodOptions,
    SeriesOptions,
)
from hyperforecast.nn.options import option, options_of, wrong_values
from hyperforecast.sktime import likelihoods, parameters
from hyperforecast.sktime.all_or_nothing import AllOrNothing
from hyperforecast.sktime.attributes import Known, known_by, without_static
from hyperforecast.sktime.conversion import instance_name
from hyperforecast.sktime.distributions import quantile_distribution, skpro_is_there, variance
from hyperforecast.sktime.fitted import fitted_values
from hyperforecast.sktime.forecasting import (
    check_lookback,
    check_reach,
    check_wanted,
    forecast,
    with_covariates,
)
from hyperforecast.sktime.instances import (
    Instance,
    Key,
    by_name,
    check_finite,
    check_labels,
    check_numeric,
    check_rows,
    checked,
    common_frequency,
    covering,
    extended,
    join,
    latest,
    until,
)
from hyperforecast.sktime.moments import check_uncorrected, counting, solved
from hyperforecast.sktime.newcomers import new_columns, with_columns, with_newcomers
from hyperforecast.sktime.one_at_a_time import OneAtATime
from hyperforecast.sktime.options import (
    AttributeOptions,
    ForecastOptions,
    LengthOptions,
    NewcomerOptions,
    TrainingOptions,
    make_constructor,
)
from hyperforecast.sktime.timeline import labels_at, steps_ahead
from hyperforecast.sktime.trained import Trained
from hyperforecast.sktime.training import Plan, choose_lengths, plan_training, scale_others, train


@dataclass_transform(kw_only_default=True, field_specifiers=(option,))
class BaseDartsForecaster(AllOrNothing, OneAtATime, BaseForecaster):
    """Pandas around a Darts model, and no maths of its own.

    A subclass names its Darts model, and as the first of its bases the groups of its options; its
    constructor is made from them. Options are handed to the model under their own names. One
    network is trained over all instances of a panel or hierarchy, on all channels.

    Attributes
    ----------
    model_ : HyperforecastModel
        The trained Darts model, in scaled units; ``model_.network`` is the torch network.
    channels_ : list
        Column labels of ``y`` in the order of the network's weights.
    """

    _tags: ClassVar[dict[str, Any]] = {
        "authors": ["hyperforecast developers"],
        "maintainers": ["hyperforecast developers"],
        "python_dependencies": [
            "torch>=2.7",
            "pytorch-lightning>=2.6",
            "darts>=0.48.1,<0.50",
            "pandas>=2.2.2",
        ],
        "y_inner_mtype": ["pd.DataFrame", "pd-multiindex", "pd_multiindex_hier"],
        "X_inner_mtype": ["pd.DataFrame", "pd-multiindex", "pd_multiindex_hier"],
        "capability:multivariate": True,
        "capability:exogenous": True,
        "capability:categorical_in_X": False,
        "capability:insample": True,
        "capability:pred_int": True,
        "capability:pred_int:insample": True,
        "capability:missing_values": True,
        "capability:non_contiguous_X": False,
        "capability:unequal_length": True,
        "capability:update": True,
        "capability:pretrain": True,
        "capability:random_state": True,
        "property:randomness": "derandomized",
        "requires-fh-in-fit": False,
    }
    # spelled out, because sktime is about to change its default
    _config: ClassVar[dict[str, Any]] = {"remember_data": True}

    model_class: ClassVar[type[HyperforecastModel]]

    trained_: Trained
    pretrained_: Trained
    _context: dict[Key, Instance]
    _pretrained_attrs: list[str]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        dataclass(eq=False, repr=False, init=False)(cls)  # for options of the class's own
        if "__init__" not in vars(cls):
            make_constructor(cls)

    def __dynamic_tags__(self) -> None:
        probabilistic = self.likelihood is not None or self.quantiles is not None
        self.set_tags(**{"capability:pred_int": probabilistic})
        if self._static_covariates:
            self.set_tags(**{"capability:categorical_in_X": True})

    @property
    def model_(self) -> HyperforecastModel:
        """The trained Darts model."""
        return self.trained_.model

    @property
    def channels_(self) -> list[Any]:
        """Column labels of y in the order of the network's weights."""
        return list(self.trained_.channels)

    @property
    def _owners(self) -> pd.Index:
        """What the rows of tables of weights and vectors belong to."""
        channels = pd.Index(self.channels_, name="channel")
        weights_by = self.model_.weights_by
        if weights_by == "channel":
            return channels
        series = pd.Index(self.model_.series_names, name="series")
        if weights_by == "series":
            return series
        return pd.MultiIndex.from_product([series, channels])

    # parameters

    def summary(self) -> pd.DataFrame:
        """Return what the network is made of: a row for every generated term, and one for all.

        See :meth:`HyperforecastModel.summary() <hyperforecast.darts.HyperforecastModel.summary>`.
        """
        self.check_is_fitted()
        return self.model_.summary()

    def set_params(self, **params: Any) -> Self:
        """Set parameters and reset, but keep pretrained weights that still fit.

        sktime resets a pretrained forecaster to a new one, so that a grid search would tune
        without the pretrained weights. Here they stay unless a parameter changes the network; then
        they are dropped, with a warning.
        """
        start = getattr(self, "pretrained_", None)
        if start is None or not params:
            return super().set_params(**params)
        names = list(self._pretrained_attrs)
        kept = {name: getattr(self, name) for name in names}
        super().set_params(**params)
        if changed := parameters.changed(self, start):
            warnings.warn(
                f"{type(self).__name__} loses its pretrained weights: "
                f"{', '.join(changed)} changed, and with that the network. Pretrain again.",
                UserWarning,
                stacklevel=2,
            )
            return self
        for name, value in kept.items():
            setattr(self, name, value)
        self._pretrained_attrs = names
        self._state = "pretrained"
        return self

    def _check_parameters(self, start: Trained | None = None, pretraining: bool = False) -> None:
        """Raise one error that names every parameter that is wrong, as far as can be told now."""
        options = options_of(type(self))
        wrong = wrong_values(options, parameters.values(self))
        problems = Problems(wrong.values())
        # what is wrong otherwise is told as if the right values were there
        right = copy.copy(self)
        for one in options:
            if one.name in wrong:
                setattr(right, one.name, one.default)
        likelihood = problems.attempt(right._make_likelihood)
        problems += right._parameter_problems(likelihood)
        given = {
            "input_chunk_length": right.input_chunk_length,
            "output_chunk_length": right.output_chunk_length,
        }
        lengths = {name: length for name, length in given.items() if length is not None}
        arguments = right._model_arguments(lengths, likelihood, start, pretraining)
        problems += self.model_class.argument_problems(arguments)
        raise_all(problems)

    def _make_likelihood(self) -> TorchLikelihood | None:
        """Return the likelihood that the Darts model is given, if any."""
        return likelihoods.make_likelihood(self.likelihood, self.quantiles)

    def _parameter_problems(self, likelihood: TorchLikelihood | None) -> Problems:
        """Say what is wrong with parameters, those of the Darts model apart."""
        return parameters.problems_of(self, likelihood)

    def _model_arguments(
        self,
        lengths: Mapping[str, int],
        likelihood: TorchLikelihood | None,
        start: Trained | None = None,
        pretraining: bool = False,
    ) -> dict[str, Any]:
        """Return the arguments of the Darts model, to be trained from weights where there are."""
        return parameters.model_arguments(self, lengths, likelihood)

    # learning

    def _fit(self, y: pd.DataFrame, X: pd.DataFrame | None, fh: ForecastingHorizon | None) -> Self:
        start = getattr(self, "pretrained_", None)
        self._check_parameters(start)
        instances, known = self._checked(y, X)
        self._freq = common_frequency(instances)
        self._levels = list(y.index.names[:-1])
        largest = _largest_step(fh, instances, self._freq)
        plan = self._plan(instances, largest, start, known=known)
        check_reach(largest or 0, plan.horizon, plan.past)
        check_lookback(instances, plan.lookback, self.short_instances)
        self.trained_ = self._train(plan, start)
        self._context = {}
        seen = self._by_name(instances)
        self._remember(seen)
        if self.trained_.running is not None and not self.get_config()["remember_data"]:
            self.trained_ = counting(self.trained_, seen, self._forgetting)
        if self._newcomers is not None:
            self.trained_ = with_newcomers(self.trained_, seen, self._newcomers)
        return self

    def _pretrain(
        self, y: pd.DataFrame, X: pd.DataFrame | None = None, fh: ForecastingHorizon | None = None
    ) -> Self:
        return self._pretrain_from(None, y, X, fh)

    def _pretrain_update(
        self, y: pd.DataFrame, X: pd.DataFrame | None = None, fh: ForecastingHorizon | None = None
    ) -> Self:
        start = getattr(self, "pretrained_", None) or getattr(self, "trained_", None)
        return self._pretrain_from(start, y, X, fh)

    def _pretrain_from(
        self,
        start: Trained | None,
        y: pd.DataFrame,
        X: pd.DataFrame | None,
        fh: ForecastingHorizon | None,
    ) -> Self:
        self._check_parameters(start, pretraining=True)
        instances, known = self._checked(y, X)
        self._freq = common_frequency(instances)
        largest = _largest_step(fh, instances, self._freq)
        if largest is None and self.output_chunk_length is None and start is None:
            raise ValueError(
                "The forecasting horizon to pretrain for is not known. Pass `fh` to `pretrain`, "
                "or give output_chunk_length."
            )
        plan = self._plan(instances, largest, start, known=known)
        self.pretrained_ = self._train(plan, start, pretraining=True)
        return self

    def _update(
        self, y: pd.DataFrame, X: pd.DataFrame | None = None, update_params: bool = True
    ) -> Self:
        before = self._context
        new = new_columns(y, self.trained_, self._newcomers)
        seen, self._freq = self._continued(y, X)
        if new:
            given, _ = self._checked(y, X)
            given = by_name(given, [*self.trained_.channels, *new], self.trained_.covariates)
            self.trained_ = with_columns(self.trained_, given, new, self.scaler)
        trained = self.trained_ = self._knowing(y, X)
        if self._newcomers is not None and (new or self._brings_instances(seen)):
            update_params = False
        remembers = self.get_config()["remember_data"]
        if update_params:
            self._check_parameters(getattr(self, "pretrained_", None))
        if update_params and remembers:
            everything = {k: until(i, seen[k].last) for k, i in self._everything().items()}
            start = getattr(self, "pretrained_", None)
            lengths = (trained.lookback, trained.horizon)
            plan = self._plan(everything, None, start, lengths, trained.known)
            self.trained_ = self._train(plan, start)
        elif update_params and trained.running is None:
            if self._forgetting != 1:
                raise ValueError(
                    f"forgetting={self._forgetting} has no effect on weights that were trained by "
                    "gradients: there are no moments to fade. Leave it out, or solve exactly."
                )
            touched = {key: seen[key] for key in checked(y, None)}
            plan = self._plan(touched, None, trained, known=trained.known)
            self.trained_ = self._train(plan, trained, scales=trained)
        if not remembers and trained.running is not None:
            check_uncorrected(trained, before, seen)
            if trained.running.moments is None and getattr(self, "_y", None) is not None:
                # rows were remembered up to here
                self.trained_ = counting(trained, self._everything(), self._forgetting)
            self._remember(seen)
            self.trained_ = counting(self.trained_, seen, self._forgetting)
            if update_params:
                self.trained_ = solved(self.trained_)
        else:
            self._remember(seen)
        if self._newcomers is not None:
            rows = self._everything() if remembers else seen
            self.trained_ = with_newcomers(self.trained_, rows, self._newcomers)
        return self

    @property
    def _newcomers(self) -> str | None:
        """What is done about what comes after training."""
        return getattr(self, "newcomers", None)

    def _brings_instances(self, seen: Mapping[Key, Instance]) -> bool:
        """Say whether some instances have no weights of their own yet, where others have."""
        names = self.model_.series_names
        by_series = self.model_.weights_by != "channel"
        return by_series and any(instance_name(key) not in names for key in seen)

    @property
    def _forgetting(self) -> float:
        """How much a window that was counted counts beside one that is a step later."""
        return getattr(self, "forgetting", 1.0)

    def _everything(self) -> dict[Key, Instance]:
        """Return all rows that sktime remembers."""
        return self._by_name(checked(self._y, without_static(self._X, self._static_covariates)))

    def _plan(
        self,
        instances: Mapping[Key, Instance],
        largest_step: int | None,
        start: Trained | None,
        lengths: tuple[int, int] | None = None,
        known: Known | None = None,
    ) -> Plan:
        """Say what to train on, from the weights of ``start`` if that is given."""
        if start is not None:
            parameters.check_unchanged(self, start)
            lengths = self._lengths_on(start)
        if lengths is None:
            lengths = choose_lengths(
                instances, self.input_chunk_length, self.output_chunk_length, largest_step
            )
        return plan_training(
            instances,
            lengths,
            past_covariates=self.past_covariates,
            validation_size=self.validation_size,
            start=start,
            known=known,
            freq=None if self.periods is None else self._freq,
        )

    def planned(self, y: Any, X: Any = None, fh: Any = None) -> tuple[HyperforecastModel, Plan]:
        """Return the Darts model that a fit would train, untrained, and what on.

        Parameters
        ----------
        y, X, fh
            As to ``fit``.
        """
        self._check_parameters()
        X_inner, y_inner = self._check_X_y(X=X, y=y)
        instances, known = self._checked(y_inner, X_inner)
        self._freq = common_frequency(instances)
        largest = _largest_step(self._check_fh(fh), instances, self._freq)
        plan = self._plan(instances, largest, None, known=known)
        lengths = {"input_chunk_length": plan.lookback, "output_chunk_length": plan.horizon}
        arguments = self._model_arguments(lengths, self._make_likelihood())
        return self._new_model(copy.deepcopy(arguments)), plan

    def _lengths_on(self, start: Trained) -> tuple[int, int]:
        """Return lookback and horizon of what goes on from trained weights."""
        return start.lookback, start.horizon

    def _train(
        self,
        plan: Plan,
        start: Trained | None,
        scales: Trained | None = None,
        pretraining: bool = False,
    ) -> Trained:
        """Train one model on all instances, from the weights of ``start`` if that is given."""
        lengths = {"input_chunk_length": plan.lookback, "output_chunk_length": plan.horizon}
        likelihood = self._make_likelihood()
        # training changes some of these objects; those of the user stay as they are
        arguments = self._model_arguments(lengths, likelihood, start, pretraining)
        arguments = copy.deepcopy(arguments)
        if scales is not None:  # on the latest windows, too few to solve on
            arguments = parameters.without_solved_head(arguments)
        return train(
            self._new_model(arguments),
            plan,
            scaler=self.scaler,
            options=parameters.values(self, of="network"),
            fit_options={} if pretraining else parameters.values(self, to="fit"),
            start=start,
            scales=scales,
            patience=self.patience,
            verbose=self.verbose,
        )

    def _new_model(self, arguments: dict[str, Any]) -> HyperforecastModel:
        """Return an untrained Darts model."""
        return self.model_class(**arguments)

    # the rows seen

    def _check_X_y(self, X: Any = None, y: Any = None, *args: Any, **kwargs: Any) -> Any:
        # sktime refuses these too, without saying where they are
        check_rows(y)
        if isinstance(X, list) and not X:
            raise ValueError(
                "X is an empty list. Give a table for every instance, or leave it out."
            )
        check_numeric(y, "y")
        moving = X
        if isinstance(X, pd.DataFrame):
            moving = without_static(X, self._static_covariates)
        check_numeric(moving, "X")
        try:
            return super()._check_X_y(X, y, *args, **kwargs)
        except ValueError:
            check_finite(y, "y")
            check_finite(moving, "X")
            raise

    @property
    def _static_covariates(self) -> list[Any]:
        """Names of what instances are known by."""
        given = getattr(self, "static_covariates", None)
        # asked before parameters are checked
        return list(given) if isinstance(given, (list, tuple, np.ndarray, pd.Index)) else []

    def _checked(
        self, y: pd.DataFrame, X: pd.DataFrame | None
    ) -> tuple[dict[Key, Instance], Known]:
        """Return what is passed as single series, and what these are known by."""
        known = known_by(y, X, self._static_covariates)
        return checked(y, without_static(X, self._static_covariates)), known

    def _knowing(self, y: pd.DataFrame, X: pd.DataFrame | None) -> Trained:
        """Return the trained model with what new instances are known by."""
        known = self.trained_.known
        more = known_by(y, X, self._static_covariates, known)
        return replace(self.trained_, known={**known, **more})

    def _update_y_X(self, y: Any, X: Any = None, enforce_index_type: type | None = None) -> None:
        # rows that do not go on from those seen are refused before anything is stored
        if self.is_fitted and y is not None:
            seen, _ = self._continued(y, X)
            new = {key: one for key, one in seen.items() if key not in self._context}
            check_lookback(new, self.trained_.lookback, self.short_instances)
        super()._update_y_X(y, X, enforce_index_type)

    def _set_cutoff_from_y(self, y: pd.DataFrame) -> None:
        super()._set_cutoff_from_y(y)
        # sktime loses the frequency of panels and of short updates, and needs it for absolute fh
        cutoff: Any = self._cutoff
        if cutoff.inferred_type == "datetime64" and cutoff.freq is None:
            times = pd.DatetimeIndex(y.index.get_level_values(-1).unique()).sort_values()
            inferred = pd.infer_freq(times) if len(times) >= 3 else None
            cutoff.freq = getattr(self, "_freq", None) or inferred

    def _continued(
        self, y: pd.DataFrame, X: pd.DataFrame | None
    ) -> tuple[dict[Key, Instance], Any]:
        """Return the rows kept with new ones behind them, and their frequency."""
        if len(y.index.names) - 1 != len(self._levels):
            raise ValueError(
                f"The forecaster was fitted on data with {len(self._levels)} index levels above "
                f"time, and is updated with {len(y.index.names) - 1}. Give data of the same kind."
            )
        if unlike := [
            name
            for name, known in zip(y.index.names[:-1], self._levels, strict=True)
            if None not in (name, known) and name != known
        ]:
            raise ValueError(
                f"The index levels of the new rows are {y.index.names[:-1]}, those fitted on are "
                f"{self._levels}: {unlike[0]!r} is not where it was. Give the levels in the same "
                "order, under the same names."
            )
        known_by(y, X, self._static_covariates, self.trained_.known)
        X = without_static(X, self._static_covariates)
        check_wanted(X, self.trained_)
        added = new_columns(y, self.trained_, self._newcomers)
        channels = [*self.trained_.channels, *added]
        new = by_name(checked(y, X), channels, self.trained_.covariates)
        check_labels(new, self._context)
        seen = {key: extended(self._context.get(key), instance) for key, instance in new.items()}
        seen = {**self._context, **seen}
        freq = common_frequency(seen, self._freq)
        if self.trained_.covariates:
            for key, instance in seen.items():
                covering(instance.X, instance.y.index, self.trained_.covariates, key)
        return seen, freq

    def _by_name(self, instances: Mapping[Key, Instance]) -> dict[Key, Instance]:
        return by_name(instances, self.trained_.channels, self.trained_.covariates)

    def _remember(self, instances: Mapping[Key, Instance]) -> None:
        """Keep the rows that a forecast, or a window that ends in the next row, is made from.

        Their part in the scale of an instance that was not trained on is kept with the weights.
        """
        self.trained_ = scale_others(self.trained_, instances, self._context)
        rows = self.trained_.lookback + self.trained_.horizon - 1
        self._context = {key: latest(instance, rows) for key, instance in instances.items()}

    # forecasting

    def _predict(self, fh: ForecastingHorizon, X: pd.DataFrame | None) -> pd.DataFrame:
        columns = pd.Index(self.trained_.channels)
        return self._forecast(fh, X, None, columns)

    def _predict_quantiles(
        self, fh: ForecastingHorizon, X: pd.DataFrame | None, alpha: Sequence[float]
    ) -> pd.DataFrame:
        columns = pd.MultiIndex.from_product([self.trained_.channels, alpha])
        return self._forecast(fh, X, list(alpha), columns)

    def _predict_interval(
        self, fh: ForecastingHorizon, X: pd.DataFrame | None, coverage: Sequence[float]
    ) -> pd.DataFrame:
        alphas = [0.5 + sign * 0.5 * float(c) for c in coverage for sign in (-1, 1)]
        columns = pd.MultiIndex.from_product([self.trained_.channels, coverage, ["lower", "upper"]])
        return self._forecast(fh, X, alphas, columns)

    def _predict_var(
        self, fh: ForecastingHorizon, X: pd.DataFrame | None = None, cov: bool = False
    ) -> pd.DataFrame:
        return variance(self._predict_quantiles(fh, X, [0.25, 0.75]))

    def _predict_proba(
        self, fh: ForecastingHorizon, X: pd.DataFrame | None, marginal: bool = True
    ) -> Any:
        likelihood = self.trained_.model.likelihood
        if not isinstance(likelihood, QuantileRegression) or not skpro_is_there():
            return super()._predict_proba(fh=fh, X=X, marginal=marginal)
        levels = list(likelihood.quantiles)
        return quantile_distribution(self._predict_quantiles(fh, X, levels), levels)

    def _forecast(
        self,
        fh: ForecastingHorizon,
        X: pd.DataFrame | None,
        alphas: list[float] | None,
        columns: pd.Index,
    ) -> pd.DataFrame:
        trained = self.trained_
        X = without_static(X, self._static_covariates)
        context = self._context if X is None else with_covariates(self._context, X, trained)
        steps = {key: steps_ahead(fh, i.last, self._freq) for key, i in context.items()}
        reach = {key: max(int(max(s)), 0) for key, s in steps.items()}
        check_reach(max(reach.values()), trained.horizon, trained.past)
        seed = 0 if self.random_state is None else self.random_state
        ahead = {key: instance for key, instance in context.items() if reach[key]}
        if self.short_instances == "raise":
            check_lookback(ahead, trained.lookback, self.short_instances)
        forecasts = forecast(trained, ahead, reach, self._freq, alphas, seed) if ahead else []
        beyond = dict(zip(ahead, forecasts, strict=True))
        within = self._fitted_values(steps, X, alphas, seed)
        none = np.empty((0, len(trained.channels), len(alphas or [0.5])))
        parts = {}
        for key, instance in context.items():
            fitted = within.get(key, none)
            values = np.concatenate([fitted, beyond.get(key, none)])
            rows = values[len(fitted) - 1 + steps[key]]
            index = labels_at(instance.last, steps[key], self._freq)
            rows = rows.reshape(len(index), -1)  # (fh, C, A) -> (fh, C·A)
            parts[key] = pd.DataFrame(rows, index=index, columns=columns)
            parts[key].index.name = instance.y.index.name
        return join(parts, self._levels)

    def _fitted_values(
        self,
        steps: Mapping[Key, np.ndarray],
        X: pd.DataFrame | None,
        alphas: list[float] | None,
        seed: int,
    ) -> dict[Key, np.ndarray]:
        """Return the fitted values (rows, C, A) of the rows seen, from the first one asked for."""
        n_rows = {key: 1 - int(min(s)) for key, s in steps.items() if min(s) <= 0}
        if not n_rows:
            return {}
        trained, remembers = self.trained_, self.get_config()["remember_data"]
        seen = self._everything() if remembers else self._context
        seen = {key: until(seen[key], self._context[key].last) for key in n_rows}
        if X is not None:
            seen = with_covariates(seen, X, trained)
        first = {key: len(seen[key].y) - n for key, n in n_rows.items()}
        if not remembers and min(first.values()) < trained.lookback:
            raise ValueError(
                "fh reaches further back than the rows that are kept: with remember_data=False "
                f"fitted values are those of the last {trained.horizon - 1} rows. Ask for these, "
                "or fit with set_config(remember_data=True)."
            )
        pads = self.short_instances == "pad"
        values = fitted_values(trained, seen, first, alphas, pads=pads, seed=seed)
        return dict(zip(seen, values, strict=True))


class BaseHyperforecastForecaster(
    LengthOptions,
    NetworkOptions,
    ForecastOptions,
    PeriodOptions,
    FactorOptions,
    AttributeOptions,
    NewcomerOptions,
    SeriesOptions,
    TrainingOptions,
    BaseDartsForecaster,
):
    """Base of the sktime forecasters: pandas around a Darts model, and no maths of its own.

    A subclass names its Darts model, and first of its bases the group of options that it has beside
    those of every forecaster; its constructor is made from them. Each is handed to the model under
    its own name. One network is trained over all instances of a panel or hierarchy, on all
    channels.

    Parameters
    ----------
    {parameters}

    Attributes
    ----------
    model_ : HyperforecastModel
        The trained Darts model, in scaled units; ``model_.network`` is the torch network.
    channels_ : list
        Column labels of ``y`` in the order of the network's weights.

    Notes
    -----
    Channels and columns of ``X`` go by name: in another order they are put in order, other names
    are an error.

    ``update(y, update_params=False)`` moves on to the new rows and keeps the weights.
    ``update(y, update_params=True)`` fits again on all rows seen, with lookback and horizon as
    they are. With the config ``remember_data=False`` only as many rows are kept as a forecast or
    a window needs. Where weights were solved exactly, ``update_params=True`` then adds the windows
    that reach into the new rows to the moments of those seen: the update is that of a fit on all
    rows, with the setting that was selected. Else it trains the present weights on these windows
    for ``n_epochs`` epochs, the head with them.

    ``pretrain`` trains on a panel; called again, it trains on. ``fit`` then goes on from the
    pretrained weights, for ``n_epochs`` epochs, and standardises by the new data;
    ``set_params(n_epochs=0)`` in between takes the weights as they are. Channels of the new data
    are matched by name, or by position if no name is shared. ``clone`` keeps what was
    pretrained, and so does ``set_params`` unless it changes the network, which raises a warning.
    """


def _largest_step(
    fh: ForecastingHorizon | None, instances: Mapping[Key, Instance], freq: Any
) -> int | None:
    if fh is None:
        return None
    return max(int(max(steps_ahead(fh, i.last, freq))) for i in instances.values())
