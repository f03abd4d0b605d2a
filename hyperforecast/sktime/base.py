"""What every forecaster of this package is to sktime."""

import copy
import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self, dataclass_transform

import numpy as np
import pandas as pd
from darts import TimeSeries
from darts.utils.likelihood_models.torch import TorchLikelihood
from sktime.forecasting.base import BaseForecaster, ForecastingHorizon

from hyperforecast.darts.base import HyperforecastModel
from hyperforecast.nn.network_options import FactorOptions, NetworkOptions
from hyperforecast.nn.options import Of, To, option, options_of, show
from hyperforecast.sktime import likelihoods
from hyperforecast.sktime.callbacks import BestWeights
from hyperforecast.sktime.instances import (
    Instance,
    Key,
    check_numeric,
    check_values,
    common_frequency,
    extended,
    in_order,
    join,
    latest,
    matched,
    mismatch,
    split,
    until,
)
from hyperforecast.sktime.options import (
    ForecastOptions,
    LengthOptions,
    TrainingOptions,
    constructor,
)
from hyperforecast.sktime.scaling import ChannelScaler
from hyperforecast.sktime.timeline import following, steps_ahead
from hyperforecast.sktime.trained import Trained


@dataclass_transform(kw_only_default=True, field_specifiers=(option,))
class HyperforecastForecaster(
    LengthOptions, NetworkOptions, ForecastOptions, FactorOptions, TrainingOptions, BaseForecaster
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
    a window needs; ``update_params=True`` then trains the present weights for ``n_epochs`` epochs
    on the windows that reach into the new rows.

    ``pretrain`` trains on a panel; called again, it trains on. ``fit`` then goes on from the
    pretrained weights, for ``n_epochs`` epochs, and standardises by the new data;
    ``set_params(n_epochs=0)`` in between takes the weights as they are. Channels of the new data
    are matched by name, or by position if no name is shared. ``clone`` keeps what was
    pretrained, and so does ``set_params`` unless it changes the network, which raises a warning.
    """

    _tags: ClassVar[dict[str, Any]] = {
        "authors": ["hyperforecast developers"],
        "maintainers": ["hyperforecast developers"],
        "python_dependencies": ["torch", "darts"],
        "y_inner_mtype": ["pd.DataFrame", "pd-multiindex", "pd_multiindex_hier"],
        "X_inner_mtype": ["pd.DataFrame", "pd-multiindex", "pd_multiindex_hier"],
        "capability:multivariate": True,
        "capability:exogenous": True,
        "capability:categorical_in_X": False,
        "capability:insample": False,
        "capability:pred_int": True,
        "capability:pred_int:insample": False,
        "capability:missing_values": False,
        "capability:non_contiguous_X": False,
        "capability:unequal_length": True,
        "capability:update": True,
        "capability:pretrain": True,
        "capability:random_state": True,
        "property:randomness": "derandomized",
        "requires-fh-in-fit": True,
    }
    # spelled out, because sktime is about to change its default
    _config: ClassVar[dict[str, Any]] = {"remember_data": True}

    model_class: ClassVar[type[HyperforecastModel]]

    trained_: Trained
    pretrained_: Trained
    _pretrained_attrs: list[str]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        dataclass(eq=False, repr=False, init=False)(cls)  # for options of the class's own
        if "__init__" not in vars(cls):
            options = options_of(cls)
            cls.__init__ = constructor(cls.__qualname__, options)  # type: ignore[method-assign]
            show(cls, options)

    def _values(self, of: Of | None = None, to: To | None = None) -> dict[str, Any]:
        """Return the parameters that belong to something, with their values."""
        return {
            one.name: getattr(self, one.name)
            for one in options_of(type(self))
            if of in (None, one.of) and to in (None, one.to)
        }

    def __dynamic_tags__(self) -> None:
        self.set_tags(
            **{
                "capability:pred_int": self.likelihood is not None or self.quantiles is not None,
                "requires-fh-in-fit": self.output_chunk_length is None,
            }
        )

    @property
    def model_(self) -> HyperforecastModel:
        """The trained Darts model."""
        return self.trained_.model

    @property
    def channels_(self) -> list[Any]:
        """Column labels of y in the order of the network's weights."""
        return list(self.trained_.channels)

    # learning

    def _fit(self, y: pd.DataFrame, X: pd.DataFrame | None, fh: ForecastingHorizon | None) -> Self:
        instances = self._instances(y, X)
        self._freq = common_frequency(instances)
        self._levels = list(y.index.names[:-1])
        largest = _largest_step(fh, instances, self._freq)
        self.trained_ = self._train(instances, largest, getattr(self, "pretrained_", None))
        self._check_reach(largest or 0)
        self._check_lookback(instances)
        self._remember(self._by_name(instances, self.trained_))
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
        instances = self._instances(y, X)
        largest = _largest_step(fh, instances, common_frequency(instances))
        if largest is None and self.output_chunk_length is None and start is None:
            raise ValueError(
                "The forecasting horizon to pretrain for is not known. Pass `fh` to `pretrain`, "
                "or give output_chunk_length."
            )
        self.pretrained_ = self._train(instances, largest, start, pretraining=True)
        return self

    def _update(
        self, y: pd.DataFrame, X: pd.DataFrame | None = None, update_params: bool = True
    ) -> Self:
        trained = self.trained_
        seen, self._freq = self._continued(y, X)
        if update_params:
            lengths = (trained.lookback, trained.horizon)
            if self.get_config()["remember_data"]:
                everything = self._by_name(self._instances(self._y, self._X), trained)
                everything = {k: until(i, seen[k].last) for k, i in everything.items()}
                start = getattr(self, "pretrained_", None)
                self.trained_ = self._train(everything, None, start, lengths)
            else:
                touched = {key: seen[key] for key in self._instances(y, None)}
                self.trained_ = self._train(touched, None, trained, lengths, trained)
        self._remember(seen)
        return self

    def _check_X_y(self, X: Any = None, y: Any = None, *args: Any, **kwargs: Any) -> Any:
        # sktime refuses these too, without saying which columns
        check_numeric(y, "y")
        check_numeric(X, "X")
        return super()._check_X_y(X, y, *args, **kwargs)

    def _update_y_X(self, y: Any, X: Any = None, enforce_index_type: type | None = None) -> None:
        # rows that do not go on from those seen are refused before anything is stored
        if self.is_fitted and y is not None:
            self._continued(y, X)
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
        self._check_wanted(X)
        new = self._by_name(self._instances(y, X), self.trained_)
        seen = {key: extended(self._context.get(key), instance) for key, instance in new.items()}
        seen = {**self._context, **seen}
        freq = common_frequency(seen, self._freq)
        if self.trained_.covariates:
            for key, instance in seen.items():
                _covering(instance.X, instance.y.index, self.trained_.covariates, key)
        return seen, freq

    def _remember(self, instances: Mapping[Key, Instance]) -> None:
        """Keep the rows that a forecast, or a window that ends in the next row, is made from."""
        rows = self.trained_.lookback + self.trained_.horizon - 1
        self._context = {key: latest(instance, rows) for key, instance in instances.items()}

    def _instances(self, y: pd.DataFrame, X: pd.DataFrame | None) -> dict[Key, Instance]:
        if y.shape[1] == 0:
            raise ValueError("y has no columns. Expected a column for each channel to forecast.")
        check_values(y, "y")
        if X is not None:
            check_values(X, "X")
        return split(y, X)

    def _by_name(self, instances: Mapping[Key, Instance], trained: Trained) -> dict[Key, Instance]:
        """Bring the columns of every instance into the order of the weights."""
        return {
            key: Instance(
                in_order(instance.y, trained.channels, "y"),
                None
                if instance.X is None or not trained.covariates
                else in_order(instance.X, trained.covariates, "X"),
            )
            for key, instance in instances.items()
        }

    def _train(
        self,
        instances: Mapping[Key, Instance],
        largest_step: int | None,
        start: Trained | None,
        lengths: tuple[int, int] | None = None,
        scales: Trained | None = None,
        pretraining: bool = False,
    ) -> Trained:
        """Train one model on all instances, from the weights of ``start`` if that is given."""
        likelihood = self._check_parameters()
        first = next(iter(instances.values()))
        channels = list(first.y.columns)
        future, past = self._roles(first.X)
        if start is not None:
            self._check_start(start)
            lengths = (start.lookback, start.horizon)
            channels = matched(channels, start.channels, "y")
            future = matched(future, start.future, "X")
            past = matched(past, start.past, "X")
        if lengths is None:
            lengths = self._choose_lengths(instances, largest_step)
        lookback, horizon = lengths

        n_rows = {key: len(instance.y) for key, instance in instances.items()}
        long_enough = [key for key, rows in n_rows.items() if rows >= lookback + horizon]
        if not long_enough:
            raise ValueError(
                f"The series are too short to train on: {lookback + horizon} rows are needed "
                f"(input_chunk_length={lookback} + output_chunk_length={horizon}), and the longest "
                f"series has {max(n_rows.values())}. Give more rows or choose shorter lengths."
            )
        n_held_out = {key: self._held_out(n_rows[key], lookback, horizon) for key in long_enough}
        if self.validation_size is not None and not any(n_held_out.values()):
            raise ValueError(
                f"validation_size={self.validation_size} leaves too few rows: to train and to "
                f"validate takes {lookback + 2 * horizon} rows, and the longest series has "
                f"{max(n_rows.values())}. Give more rows or no validation_size."
            )

        y_values, X_values = {}, {}
        for key in long_enough:
            y, X = instances[key].y, instances[key].X
            y_values[key] = in_order(y, channels, "y").to_numpy(dtype=float)
            if future or past:
                rows = _covering(X, y.index, [*future, *past], key)
                X_values[key] = rows.to_numpy(dtype=float)
        if scales is None:
            y_scaler = ChannelScaler(len(channels))
            X_scaler = ChannelScaler(len(future) + len(past))
            if self.scaler == "standard":
                y_scaler.fit([y_values[k][: n_rows[k] - n_held_out[k]] for k in long_enough])
                if X_values:
                    X_scaler.fit([X_values[k][: n_rows[k] - n_held_out[k]] for k in long_enough])
        else:
            y_scaler, X_scaler = scales.y_scaler, scales.X_scaler

        arguments = self._model_arguments(lookback, horizon, likelihood)
        if start is not None and "solver" in arguments:
            # only gradients go on from given weights
            arguments["solver"] = "adam"
            arguments.pop("solver_kwargs", None)
        trained = Trained(
            model=self.model_class(**arguments),
            channels=channels,
            future=future,
            past=past,
            y_scaler=y_scaler,
            X_scaler=X_scaler,
            options=self._network_options(),
        )
        names = start.model.channel_names if start is not None else [str(c) for c in channels]
        training, validation = [], []
        for key in long_enough:
            split_at = n_rows[key] - n_held_out[key]
            training.append(_to_darts(trained, names, y_values[key][:split_at], X_values.get(key)))
            if n_held_out[key]:
                X_held_out = X_values[key][split_at - lookback :] if X_values else None
                y_held_out = y_values[key][split_at - lookback :]
                validation.append(_to_darts(trained, names, y_held_out, X_held_out))
        fit_options = {} if pretraining else self._values(to="fit")
        self._run(trained.model, training, validation, start, fit_options)
        return trained

    def _run(
        self,
        model: HyperforecastModel,
        training: "list[DartsInput]",
        validation: "list[DartsInput]",
        start: Trained | None,
        fit_options: dict[str, Any],
    ) -> None:
        """Run the training of a model and leave it without traces of its data."""
        arguments: dict[str, Any] = {k: v for k, v in _columns(training).items() if v}
        arguments |= {f"val_{k}": v for k, v in _columns(validation).items() if v}
        callbacks: list[Any] = []
        if start is not None:
            assert start.model.model is not None
            model.train_from(start.model.model.state_dict())
        if validation:
            callbacks.append(BestWeights(self.patience))
        own = model.trainer_params["callbacks"]
        model.trainer_params["callbacks"] = [*own, *callbacks]
        try:
            model.fit(**arguments, **fit_options, verbose=self.verbose)
        finally:
            model.trainer_params["callbacks"] = own
        model.trainer = None  # it holds the training data
        model.training_series = None
        model.past_covariate_series = None
        model.future_covariate_series = None

    # parameters

    def _model_arguments(
        self, lookback: int, horizon: int, likelihood: TorchLikelihood | None
    ) -> dict[str, Any]:
        """Return the arguments of the Darts model: the one place where they are handed on."""
        trainer = {"logger": False, "enable_checkpointing": False, "enable_model_summary": False}
        arguments = {
            **self._values(to="model"),
            "input_chunk_length": lookback,
            "output_chunk_length": horizon,
            "likelihood": likelihood,
            "pl_trainer_kwargs": trainer | (self.pl_trainer_kwargs or {}),
        }
        if self.patience is not None and arguments.get("solver") == "auto":
            arguments["solver"] = "adam"
        # training changes some of these objects; those of the user stay as they are
        return copy.deepcopy({k: v for k, v in arguments.items() if v is not None})

    def _network_options(self) -> dict[str, Any]:
        """Return the parameters that trained weights depend on, lengths excepted."""
        return self._values(of="network")

    def _changed_options(self, trained: Trained) -> list[str]:
        """Name the parameters by which the network would differ from a trained one."""
        options = self._network_options()
        changed = [
            name for name, value in options.items() if not _equal(value, trained.options[name])
        ]
        lengths = {
            "input_chunk_length": (self.input_chunk_length, trained.lookback),
            "output_chunk_length": (self.output_chunk_length, trained.horizon),
        }
        changed += [name for name, (now, then) in lengths.items() if now not in (None, then)]
        return changed

    def _check_start(self, start: Trained) -> None:
        if changed := self._changed_options(start):
            raise ValueError(
                f"The weights cannot be taken over: they were trained with other values of "
                f"{', '.join(changed)}. Set these back, or train anew with a forecaster that was "
                "not pretrained."
            )

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
        if changed := self._changed_options(start):
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

    def _check_parameters(self) -> TorchLikelihood | None:
        """Check the parameters that are not the Darts model's, and return the likelihood."""
        likelihood = likelihoods.make_likelihood(self.likelihood, self.quantiles)
        if self.scaler not in ("standard", None):
            raise ValueError(f"scaler must be 'standard' or None; got {self.scaler!r}.")
        if self.scaler is not None and not likelihoods.takes_any_value(likelihood):
            raise ValueError(
                f"The likelihood {self.likelihood!r} does not cover standardised values, which are "
                "negative as often as positive. Give scaler=None, or another likelihood."
            )
        if self.loss_fn is not None and likelihood is not None:
            raise ValueError(
                "loss_fn has no effect beside a likelihood or quantiles, which bring their own "
                "loss. Leave one of the two out."
            )
        if self.validation_size is not None and not 0 < self.validation_size < 1:
            raise ValueError(
                f"validation_size must be a share of the rows between 0 and 1; got "
                f"{self.validation_size!r}."
            )
        if self.patience is not None and self.validation_size is None:
            raise ValueError(
                "patience has no effect without validation_size: there is no validation loss to "
                "wait for. Give validation_size, or leave patience out."
            )
        if self.patience is not None and getattr(self, "solver", None) == "exact":
            raise ValueError(
                "patience has no effect with solver='exact', which has no epochs. Leave it out, or "
                "choose solver='adam'."
            )
        return likelihood

    def _roles(self, X: pd.DataFrame | None) -> tuple[list[Any], list[Any]]:
        """Return which columns of X are known ahead, and which up to now."""
        columns = [] if X is None else list(X.columns)
        past = list(self.past_covariates or ())
        missing = [name for name in past if name not in columns]
        if missing:
            raise ValueError(
                f"past_covariates names columns that X does not have: "
                f"{', '.join(map(repr, missing))}. "
                + (f"X has: {', '.join(map(repr, columns))}." if columns else "No X was given.")
            )
        return [name for name in columns if name not in past], past

    def _choose_lengths(
        self, instances: Mapping[Key, Instance], largest_step: int | None
    ) -> tuple[int, int]:
        """Return lookback and horizon, where they are not given from fh and the data."""
        horizon = self.output_chunk_length or largest_step
        assert horizon is not None  # sktime asks for fh where output_chunk_length is not given
        if self.input_chunk_length is not None:
            return self.input_chunk_length, horizon
        rows = [len(instance.y) for instance in instances.values()]
        lookback = min(max(24, 3 * horizon), (max(rows) - horizon) // 2, min(rows))
        return max(lookback, 1), horizon

    def _held_out(self, rows: int, lookback: int, horizon: int) -> int:
        """Return how many of a series' rows are held out to validate on."""
        if self.validation_size is None:
            return 0
        held_out = max(horizon, math.ceil(self.validation_size * rows))
        return held_out if rows - held_out >= lookback + horizon else 0

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

    def _forecast(
        self,
        fh: ForecastingHorizon,
        X: pd.DataFrame | None,
        alphas: list[float] | None,
        columns: pd.Index,
    ) -> pd.DataFrame:
        context = self._context if X is None else self._with_covariates(X)
        steps = {key: steps_ahead(fh, i.last, self._freq) for key, i in context.items()}
        n = max(int(max(s)) for s in steps.values())
        self._check_reach(n)
        self._check_lookback(context)
        values = self._forecast_steps(context, n, alphas)
        parts = {}
        for (key, instance), forecast in zip(context.items(), values, strict=True):
            index = following(instance.last, n, self._freq)[steps[key] - 1]
            rows = forecast[steps[key] - 1].reshape(len(index), -1)  # (n, C, A) -> (fh, C·A)
            parts[key] = pd.DataFrame(rows, index=index, columns=columns)
            parts[key].index.name = instance.y.index.name
        return join(parts, self._levels)

    def _forecast_steps(
        self, context: Mapping[Key, Instance], n: int, alphas: list[float] | None
    ) -> list[np.ndarray]:
        """Forecast steps 1 to n of every instance: each (n, C, A), A = 1 for point forecasts."""
        trained = self.trained_
        names = trained.model.channel_names
        inputs = []
        for key, instance in context.items():
            y = instance.y.iloc[-trained.lookback :]
            X_values = None
            if trained.covariates:
                X_values = self._covariate_values(instance, y.index, n, key)
            inputs.append(
                _to_darts(trained, names, y.to_numpy(dtype=float), X_values, trained.horizon)
            )
        arguments: dict[str, Any] = {k: v for k, v in _columns(inputs).items() if v}
        arguments |= {"verbose": False, "show_warnings": False}
        seed = 0 if self.random_state is None else self.random_state
        likelihood = trained.model.likelihood

        def run(steps: int, **options: Any) -> list[np.ndarray]:
            # that of the forecast before, if any: to set one up costs more than to forecast
            arguments["trainer"] = trained.model.trainer
            forecasts = trained.model.predict(steps, **arguments, random_state=seed, **options)
            return [forecast.all_values(copy=False).astype(float) for forecast in forecasts]

        if likelihood is None:
            forecasts = run(n)
        else:
            if alphas is not None:
                likelihoods.check_levels(likelihood, alphas)
            n_direct = min(n, trained.horizon)
            shape = (n_direct, len(trained.channels), -1)
            forecasts = []
            for parameters in run(n_direct, predict_likelihood_parameters=True):
                parameters = parameters.reshape(shape)  # (n, C·P, 1) -> (n, C, P)
                forecasts.append(
                    likelihoods.point(likelihood, parameters)
                    if alphas is None
                    else likelihoods.quantiles(likelihood, parameters, alphas, seed)
                )
            if n > n_direct:
                # beyond the horizon: sample paths, each fed by its own past
                for i, samples in enumerate(run(n, num_samples=likelihoods.N_SAMPLES)):
                    beyond = samples[n_direct:]  # (n - H, C, S)
                    forecasts[i] = np.concatenate(
                        [
                            forecasts[i],
                            likelihoods.sample_point(likelihood, beyond)
                            if alphas is None
                            else likelihoods.sample_quantiles(beyond, alphas),
                        ]
                    )
        return [trained.y_scaler.restore(forecast) for forecast in forecasts]

    def _with_covariates(self, X: pd.DataFrame) -> dict[Key, Instance]:
        """Add what ``predict`` was given of X to what is known."""
        self._check_wanted(X)
        check_values(X, "X")
        trained = self.trained_
        if lacking := [name for name in trained.future if name not in X.columns]:
            raise ValueError(mismatch("X", lacking, []))
        if unknown := [name for name in X.columns if name not in trained.covariates]:
            raise ValueError(mismatch("X", [], unknown))
        given = split(X, None)
        context = {}
        for key, instance in self._context.items():
            if key not in given:
                raise ValueError(f"X lacks the instance {key}. Give X for every instance of y.")
            assert instance.X is not None
            # past covariates need not be given again: what is known of them stays
            known = given[key].y.reindex(columns=trained.covariates).combine_first(instance.X)
            context[key] = Instance(instance.y, known)
        return context

    def _covariate_values(
        self, instance: Instance, index: pd.Index, n: int, key: Key
    ) -> np.ndarray:
        """Return X over the lookback and ``n`` steps on, past columns only over the lookback."""
        trained = self.trained_
        ahead = following(instance.last, n, self._freq)
        over = index.append(ahead) if trained.future else index
        known = _covering(instance.X, over, trained.future, key)
        past = _covering(instance.X, index, trained.past, key)
        return known.join(past).to_numpy(dtype=float)

    # limits

    def _check_reach(self, n: int) -> None:
        trained = self.trained_
        if trained.past and n > trained.horizon:
            raise ValueError(
                f"fh reaches step {n}, and the model forecasts {trained.horizon} steps at once "
                "(output_chunk_length). It cannot go on by itself, because the past covariates "
                f"{', '.join(map(repr, trained.past))} are not known there. Fit with "
                f"output_chunk_length={n}, or without past covariates."
            )

    def _check_lookback(self, instances: Mapping[Key, Instance]) -> None:
        needed = self.trained_.lookback
        short = {k: len(i.y) for k, i in instances.items() if len(i.y) < needed}
        if short:
            key, rows = next(iter(short.items()))
            which = f"the series {key}" if key else "the series"
            more = f" ({len(short)} series are too short)" if len(short) > 1 else ""
            raise ValueError(
                f"A forecast is made from {needed} rows (input_chunk_length), and {which} has "
                f"{rows}{more}. Give more rows or choose a shorter input_chunk_length."
            )

    def _check_wanted(self, X: pd.DataFrame | None) -> None:
        if X is not None and not self.trained_.covariates:
            raise ValueError(
                f"X has no effect: the forecaster was fitted without covariates, and now X came "
                f"with {', '.join(map(repr, X.columns[:5]))}. Fit with X, or leave it out."
            )


show(HyperforecastForecaster, options_of(HyperforecastForecaster))

DartsInput = dict[str, TimeSeries | None]


def _to_darts(
    trained: Trained, names: list[str], y: np.ndarray, X: np.ndarray | None, n_ahead: int = 0
) -> DartsInput:
    """Make Darts' series of y (T, C) and X (T or more, K), counted from 0, in scaled units."""
    n_rows = len(y)
    series: DartsInput = {
        "series": _series(trained.y_scaler.transform(y), names),
        "past_covariates": None,
        "future_covariates": None,
    }
    if X is not None:
        scaled = trained.X_scaler.transform(X)
        n_future = len(trained.future)
        if trained.future:
            # Darts asks for the whole horizon, also where fewer steps are forecast
            n_missing = max(0, n_rows + n_ahead - len(scaled))
            known = np.pad(scaled[:, :n_future], ((0, n_missing), (0, 0)))
            series["future_covariates"] = _series(known, [str(c) for c in trained.future])
        if trained.past:
            series["past_covariates"] = _series(
                scaled[:n_rows, n_future:], [str(c) for c in trained.past]
            )
    return series


def _series(values: np.ndarray, names: list[str]) -> TimeSeries:
    return TimeSeries.from_values(values, columns=names)


def _columns(inputs: list[DartsInput]) -> dict[str, list[TimeSeries]]:
    """Turn inputs of each series into lists of each input; an input that is absent is empty."""
    names = ("series", "past_covariates", "future_covariates")
    return {n: [one for i in inputs if (one := i[n]) is not None] for n in names}


def _covering(
    X: pd.DataFrame | None, index: pd.Index, columns: list[Any], key: Key
) -> pd.DataFrame:
    """Return columns of X at every label of ``index``, which it must have."""
    of = f" of instance {key}" if key else ""
    if not columns:
        return pd.DataFrame(index=index)
    if X is None:
        raise ValueError(
            f"X{of} is needed: the forecaster was fitted with the covariates "
            f"{', '.join(map(repr, columns))}, and none came."
        )
    rows = in_order(X[[c for c in X.columns if c in columns]], columns, "X").reindex(index)
    gaps = rows.isna().any(axis=1).to_numpy()
    if gaps.any():
        raise ValueError(
            f"X{of} does not cover what is needed of {', '.join(map(repr, columns[:5]))}: "
            f"{gaps.sum()} of {len(index)} rows from {index[0]} to {index[-1]} are missing, the "
            f"first is {index[gaps][0]}."
        )
    return rows


def _largest_step(
    fh: ForecastingHorizon | None, instances: Mapping[Key, Instance], freq: Any
) -> int | None:
    if fh is None:
        return None
    return max(int(max(steps_ahead(fh, i.last, freq))) for i in instances.values())


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        return list(one) == list(other)
    return bool(one == other)
