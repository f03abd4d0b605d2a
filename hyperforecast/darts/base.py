"""What every model of this package is to Darts."""

import copy
import functools
from abc import ABC
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from types import MappingProxyType
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
import pytorch_lightning as pl
import torch
from darts import TimeSeries
from darts.models.forecasting.pl_forecasting_module import PLForecastingModule
from darts.models.forecasting.torch_forecasting_model import MixedCovariatesTorchModel
from darts.typing import TimeSeriesLike
from darts.utils.data import (
    SequentialTorchTrainingDataset,
    TorchInferenceDataset,
    TorchTrainingDataset,
)
from darts.utils.data.torch_datasets._data_module import TorchDataModule
from darts.utils.data.torch_datasets.utils import TorchTrainingSample
from darts.utils.ts_utils import series2seq
from pytorch_lightning.callbacks import Checkpoint, ProgressBar

from hyperforecast.darts.calls import accepting, check_call, picked
from hyperforecast.darts.inputs.attributes import Attributes, attributes_of, only_name
from hyperforecast.darts.inputs.coverage import check_coverage, check_rows_of_window
from hyperforecast.darts.inputs.finite import (
    check_fit_inputs,
    check_forecast_inputs,
    check_rows,
    named,
    warn_of_encodings,
)
from hyperforecast.darts.inputs.gaps import (
    GappyTrainingDataset,
    filled,
    filler_of,
    has_gaps,
    interpolated,
)
from hyperforecast.darts.inputs.names import ALONG_TIME
from hyperforecast.darts.inputs.observed_series import counts_alike, start_cycles
from hyperforecast.darts.inputs.phases import (
    check_periods,
    check_phases,
    given_periods,
    periods_in,
    with_phases,
)
from hyperforecast.darts.inputs.series_numbers import (
    NumberedInference,
    NumberedTraining,
    check_factors,
    names_of_series,
    numbers_of,
    series_name,
    without_column,
)
from hyperforecast.darts.inputs.training_data import (
    names_of,
    training_past_covariates,
    training_values,
)
from hyperforecast.darts.likelihood_roles import check_likelihood, output_roles
from hyperforecast.darts.module import ForecastingModule, folded
from hyperforecast.darts.newcomers.added_channels import (
    check_is_trained,
    check_nothing_added,
)
from hyperforecast.darts.newcomers.new_channels import (
    for_channels_of,
    for_some_channels_of,
    other_channels,
)
from hyperforecast.darts.newcomers.new_series import (
    for_new_series,
    in_turns,
    in_units_given,
    new_series,
    rows_for_units,
)
from hyperforecast.darts.newcomers.short_series import (
    give_common_weights,
    put_short_last,
    warn_of_short_series,
)
from hyperforecast.darts.newcomers.takes_newcomers import TakesNewcomers
from hyperforecast.darts.newcomers.trained_on import note_training
from hyperforecast.darts.options import (
    OPTIONS_OF_DARTS,
    CovariateOptions,
    DartsOptions,
    LengthOptions,
    SeriesNameOptions,
    ShiftOptions,
)
from hyperforecast.darts.ordered_inputs import reorder
from hyperforecast.darts.saving.onnx_export import dynamic_batch_arguments
from hyperforecast.darts.saving.saved_whole import SavedWhole
from hyperforecast.darts.solving.exact import report
from hyperforecast.darts.solving.solved_epoch import SolvedData, setting_metrics, solved_epoch
from hyperforecast.darts.solving.solved_head import (
    check_head_data,
    head_problems,
    held_back,
    point_head,
)
from hyperforecast.darts.solving.solved_model import SolvedModel
from hyperforecast.darts.solving.solver_choice import (
    HEAD_SOLVER,
    RESUMED,
    check_solver,
    exact_problems,
    solves_exactly,
)
from hyperforecast.darts.training.divergence import check_weights
from hyperforecast.darts.training.quiet import quiet_lightning
from hyperforecast.darts.training.random_turns import in_turn, random_turn
from hyperforecast.darts.training.rollback import remembered
from hyperforecast.darts.training.stage_callbacks import not_copied
from hyperforecast.darts.training.training_arguments import training_problems
from hyperforecast.nn import (
    INSTANCE_NORMS,
    PARTS,
    TermSummary,
    summarise,
)
from hyperforecast.nn.backbones import check_backbone
from hyperforecast.nn.errors import Problems, raise_all, unknown_name
from hyperforecast.nn.exact import ExactSolution, MomentHistory, SettingHistory
from hyperforecast.nn.hyper_network import HyperNetwork
from hyperforecast.nn.layers.cycle import repeat_of
from hyperforecast.nn.network import check_network
from hyperforecast.nn.network_options import (
    FactorOptions,
    NetworkOptions,
    PeriodOptions,
    SeriesOptions,
)
from hyperforecast.nn.options import Option, options_of, show, wrong_values
from hyperforecast.nn.parts import make_parts, part_options
from hyperforecast.nn.resizing import check_by_series
from hyperforecast.nn.series.gap_filler import GapFiller


class HyperforecastModel(TakesNewcomers, SolvedModel, SavedWhole, MixedCovariatesTorchModel, ABC):
    """Base of the Darts models: any parts on any backbone, with covariates of every kind.

    A subclass names its ``part``, or says by :meth:`parts` what is put into a plain network, and
    names the group of its ``options``, which its constructor is made from. Training, likelihoods,
    encoders, checkpoints and devices are Darts'.

    Parameters
    ----------
    {parameters}
    """

    part: ClassVar[str]
    """The part that a preset puts into a plain network, whose options are the preset's."""
    options: ClassVar[type] = object
    """Group of the options that a subclass has beside those of every model."""
    module_class: ClassVar[type[ForecastingModule]] = ForecastingModule
    default_trainer: ClassVar[Mapping[str, Any]] = MappingProxyType({})
    """Arguments of Lightning's trainer that hold where others are not given."""
    _is_fitting = False
    _gap_filler: GapFiller | None = None
    """While datasets are made: what fills the gaps of training series."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "options" not in vars(cls):
            return
        if "__init__" not in vars(cls):

            def __init__(self: HyperforecastModel, *args: Any, **kwargs: Any) -> None:
                super(cls, self).__init__(*args, **kwargs)

            __init__.__qualname__ = f"{cls.__qualname__}.__init__"
            cls.__init__ = __init__  # type: ignore[method-assign]
        show(cls, cls.constructor_options(), kwargs=OPTIONS_OF_DARTS)

    @in_turn  # Darts' constructor seeds torch
    def __init__(
        self,
        input_chunk_length: int,
        output_chunk_length: int,
        output_chunk_shift: int = 0,
        **arguments: Any,
    ) -> None:
        given = {
            **self.model_params,
            **arguments,
            "input_chunk_length": input_chunk_length,
            "output_chunk_length": output_chunk_length,
            "output_chunk_shift": output_chunk_shift,
        }
        raise_all(self.argument_problems(given))
        self.model: ForecastingModule | None
        self.trainer: pl.Trainer | None
        self.trainer_params: dict[str, Any]
        super().__init__(**self._extract_torch_model_params(**self.model_params))
        self.trainer_params = {**self.default_trainer, **self.trainer_params}
        callbacks = (arguments.get("pl_trainer_kwargs") or {}).get("callbacks", [])
        self.trainer_params["callbacks"] = not_copied(callbacks, self.trainer_params["callbacks"])
        self.pl_module_params = self._extract_pl_module_params(**self.model_params)
        self._considers_static_covariates = given.get("use_static_covariates", True)
        self._told_to_use_gradients: list[str] = []
        self._moment_history: MomentHistory | None = None
        self._setting_history: SettingHistory | None = None
        self._solution: ExactSolution | None = None
        self._solver_report: list[dict[str, Any]] | None = None
        self._fit_dataset: TorchTrainingDataset | None = None
        self._start_state: dict[str, Any] | None = None
        self._series_names: list[str] = []
        self._without_window: list[int] = []
        self._attributes: Attributes | None = None
        self._periods: tuple[int, ...] = ()
        self._suggested_periods: tuple[int, ...] | None = None

    @classmethod
    def constructor_options(cls) -> list[Option]:
        """Return the options that the constructor has beside Darts' own."""
        networks = (NetworkOptions, PeriodOptions, FactorOptions, SeriesOptions)
        groups = (
            cls.options,
            LengthOptions,
            ShiftOptions,
            *networks,
            CovariateOptions,
            SeriesNameOptions,
        )
        return [one for one in options_of(*groups) if one.to == "model"]

    @classmethod
    def argument_problems(cls, arguments: Mapping[str, Any]) -> Problems:
        """Say what is wrong with arguments of the constructor, before there is a model.

        Parameters
        ----------
        arguments : mapping
            By name. For one that is not given its default holds; lengths are checked where they
            are given.

        Returns
        -------
        Problems
            A message for each argument that is wrong; a subclass adds its own.
        """
        options = cls.constructor_options()
        given = _plain(dict(arguments))
        wrong = wrong_values([*options, *options_of(DartsOptions)], given)
        problems = Problems(wrong.values())
        # what is wrong otherwise is told as if the right values were there
        given = {name: value for name, value in given.items() if name not in wrong}
        problems += training_problems(given)
        arguments = {o.name: o.default for o in options if not o.required} | given
        horizon = arguments.get("output_chunk_length")
        parts = problems.attempt(cls.parts, arguments) or {}
        problems.check(make_parts, parts, None if horizon is None else int(horizon))
        backbone = arguments["backbone"]
        problems.check(check_backbone, backbone, arguments["backbone_kwargs"])
        norm = arguments["instance_norm"]
        if norm is not None and norm not in INSTANCE_NORMS:
            problems.append(unknown_name("instance_norm", norm, INSTANCE_NORMS))
        problems.check(check_likelihood, arguments.get("likelihood"))
        if arguments["series_id"] is not None and arguments["weights_by"] == "channel":
            problems.append(
                f"series_id={arguments['series_id']!r} has no effect with weights_by='channel', "
                "where no weights are a series' own. Choose 'series' or 'both', or leave it out."
            )
        problems.check(check_periods, arguments["periods"])
        solver = arguments.get("solver", "adam")
        problems.check(check_solver, solver, arguments.get("solver_kwargs"))
        if problems:
            return problems
        if solver == "exact":
            problems += exact_problems(arguments, parts)
        if solver == HEAD_SOLVER:
            problems += head_problems(arguments)
        if "input_chunk_length" in arguments and "output_chunk_length" in arguments:
            with random_turn():
                problems.check(check_network, **_network_arguments(arguments, parts))
                if not problems and arguments["weights_by"] != "channel":
                    problems.check(check_by_series, **_network_arguments(arguments, parts))
        return problems

    @classmethod
    def parts(cls, arguments: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
        """Return the names of the parts that are put into the plain network, and their options.

        Parameters
        ----------
        arguments : mapping
            All arguments of the constructor.
        """
        return {cls.part: {name: arguments[name] for name in part_options(PARTS[cls.part])}}

    @property
    def supports_static_covariates(self) -> bool:
        """Whether static covariates of the target series are used."""
        return True

    @property
    def network(self) -> HyperNetwork:
        """The torch network; ``network.fold()`` is the plain one that it amounts to."""
        if self.model is None:
            raise ValueError("The model has no network yet; call `fit()` first.")
        return self.model.network

    def summary(self) -> pd.DataFrame:
        """Return what the network is made of: a row for every generated term, and one for all.

        Returns
        -------
        DataFrame
            By site and part: classes of context and generator, the axis ``along`` which weights
            differ, and numbers of parameters of the context, of the generator, of the weights that
            it generates, of the plain layer, and of what is left after folding. See
            :class:`~hyperforecast.nn.TermSummary`.

        Raises
        ------
        ValueError
            If the model has not been fitted or loaded.
        """
        table = pd.DataFrame(summarise(self.network), columns=TermSummary._fields)
        return table.astype({"folded_parameters": "Int64"}).set_index(["site", "part"])

    @property
    def weights_by(self) -> str:
        """What has weights of its own; of a model without the option, the channel."""
        return self.model_params.get("weights_by", "channel")

    @property
    def _series_id(self) -> str | None:
        """The static covariate that names series, if one does."""
        return self.model_params.get("series_id")

    def _extract_model_creation_params(self) -> dict[str, Any]:
        # a model is saved and loaded with plain values; a grid over np.arange gives others
        params = super()._extract_model_creation_params()
        return {name: _plain(value) for name, value in params.items()}

    def _create_model(self, train_sample: TorchTrainingSample) -> PLForecastingModule:
        assert train_sample.past_target is not None
        network = {
            **self._network_plan(),
            "n_channels": train_sample.past_target.shape[1],
            "output_roles": output_roles(self.pl_module_params.get("likelihood")),
            "n_past_covariates": _width(train_sample.past_covariates)
            + _width(train_sample.historic_future_covariates),
            "n_future_covariates": _width(train_sample.future_covariates),
            "n_static_covariates": _width(train_sample.static_covariates),
        }
        if self._takes_phases:  # which stand behind the future covariates
            network["n_past_covariates"] -= 1
            network["n_future_covariates"] -= 1
        by_series = self.weights_by != "channel"
        if by_series:  # whose numbers stand behind the static covariates
            network["n_static_covariates"] -= 1
        # no dataset: the weights are about to be loaded, and the sample is a mock
        names = {} if self._fit_dataset is None else names_of(self._fit_dataset)
        series_names = [] if self._fit_dataset is None else self._series_names
        attributes = None if self._fit_dataset is None else self._attributes
        if by_series:
            network["n_series"] = len(series_names) or self._n_series_to_load
        if attributes is not None:
            network["n_attributes"] = attributes.encoder.n_attributes
        module = self.module_class(
            network=network,
            channel_names=names.pop("channels", []),
            covariate_names=names,
            series_names=series_names,
            series_id=self._series_id,
            attributes=None if attributes is None else attributes.encoder.state(),
            **self._module_options(),
            **self.pl_module_params,
        )
        if self._fit_dataset is not None:
            values = training_values(self._fit_dataset)
            past = training_past_covariates(self._fit_dataset)
            of_contexts = None if attributes is None else attributes.values
            numbers = getattr(self._fit_dataset, "numbers", None)
            if self.model_params.get("solver") == "exact":  # which makes another network
                module.single_network.take_in(values, past, numbers, of_contexts)
            else:
                module.single_network.start_from(values, past, numbers, of_contexts)
            if self._periods:
                assert isinstance(self._fit_dataset, SequentialTorchTrainingDataset)
                start_cycles(module.single_network, self._fit_dataset)
        return module

    @property
    def _takes_phases(self) -> bool:
        """Whether phases of periods are among the inputs."""
        return self.model_params.get("periods") is not None

    def suggest_periods(self, periods: Sequence[int] | None) -> Self:
        """Let ``periods="auto"`` stand for some, whatever the index of the series suggests.

        Parameters
        ----------
        periods : sequence of int or None
            Ascending. ``None`` leaves it to the series.
        """
        self._suggested_periods = None if periods is None else tuple(periods)
        return self

    @property
    def _repeat(self) -> int:
        """Number of steps after which all phases that any network of the model knows repeat."""
        known = [self._periods]
        start = (self._start_state or {}).get("_extra_state", {}).get("network", {})
        known.append(start.get("periods") or ())
        if self.model is not None:
            known.append(self.model.network.periods or ())
        return repeat_of(sum(known, ()))

    def _network_plan(self) -> dict[str, Any]:
        """Return the arguments of the network that do not depend on the data."""
        periods = {"periods": self._periods} if self._takes_phases else {}
        return {
            **_network_arguments(self.model_params, self.parts(self.model_params)),
            **periods,
            **point_head(self.model_params, self.pl_module_params.get("likelihood")),
        }

    def _module_options(self) -> dict[str, Any]:
        """Return what a module takes beside network and Darts' arguments."""
        return {"generator_lr": self.model_params.get("generator_lr")}

    # what goes into training

    @functools.wraps(MixedCovariatesTorchModel.fit)
    def fit(self, *args: Any, **kwargs: Any) -> Self:
        """Train the model; where that fails, leave it as it was."""
        check_call(MixedCovariatesTorchModel.fit, self, *args, **kwargs)
        with random_turn(), self._unchanged_on_error():
            return super().fit(*args, **_plain_numbers(kwargs))

    @functools.wraps(MixedCovariatesTorchModel.fit_from_dataset)
    def fit_from_dataset(self, *args: Any, **kwargs: Any) -> Self:
        """Train the model; where that fails, leave it as it was."""
        with random_turn(), self._unchanged_on_error():
            return super().fit_from_dataset(*args, **kwargs)

    lr_find = in_turn(MixedCovariatesTorchModel.lr_find)
    scale_batch_size = in_turn(MixedCovariatesTorchModel.scale_batch_size)

    @contextmanager
    def _unchanged_on_error(self) -> Iterator[None]:
        if self._is_fitting:  # `fit` calls `fit_from_dataset`
            yield
            return
        put_back = remembered(self)
        self._is_fitting = True
        try:
            yield
        except BaseException:  # also Ctrl-C
            put_back()
            raise
        self._is_fitting = False

    def _setup_for_fit_from_dataset(
        self, series: TimeSeriesLike, **kwargs: Any
    ) -> tuple[Any, dict[str, Any]]:
        static = self._considers_static_covariates
        series_id = self._series_id
        if self.weights_by != "channel":
            names_of_series(series2seq(series), series_id)
            check_factors(self.model_params.get("n_factors"), series2seq(series))
        static = static and not self._takes_attributes
        check_fit_inputs({"series": series, **kwargs}, static=static, series_id=series_id)
        if (val_series := series2seq(kwargs.get("val_series"))) is not None:
            self._check_rows(val_series, validates=True)
        if self.model is None:
            self._series_names, self._attributes = [], None
        if self._takes_phases and (self.model is None or not self._periods):
            self._periods = periods_in(
                self.model_params["periods"], series2seq(series), self._suggested_periods
            )
        self._order_by_trained_names()
        try:
            return super()._setup_for_fit_from_dataset(series, **kwargs)
        finally:
            self._gap_filler = None

    def _build_train_dataset(
        self,
        series: Sequence[TimeSeries],
        past_covariates: Sequence[TimeSeries] | None,
        future_covariates: Sequence[TimeSeries] | None,
        sample_weight: Sequence[TimeSeries] | str | None,
        max_samples_per_ts: int | None,
        stride: int = 1,
    ) -> TorchTrainingDataset:
        warn_of_encodings(past_covariates, future_covariates)
        self._check_rows(series)
        orders = [self._order("channels", one.components) for one in series]
        if future_covariates is not None:
            future_covariates = [interpolated(one) for one in future_covariates]
        if sample_weight is not None and not isinstance(sample_weight, str):
            sample_weight = [
                # weights of one component hold for every channel
                reorder(weight, order if weight.width > 1 else None)
                for weight, order in zip(sample_weight, orders, strict=True)
            ]
        series = [reorder(one, order) for one, order in zip(series, orders, strict=True)]
        known = series
        if self._takes_attributes:
            series = [only_name(one, self._series_id) for one in series]
        series = [self._with_ordered_static_covariates(one) for one in series]
        filler, by_series = self._filler_for(series), self.weights_by != "channel"
        future_covariates = self._in_order("future_covariates", future_covariates)
        if self._takes_phases:
            future_covariates = with_phases(future_covariates, series, self._repeat)
        dataset = super()._build_train_dataset(
            series=series if filler is None else [filled(one, filler, by_series) for one in series],
            past_covariates=self._in_order("past_covariates", past_covariates),
            future_covariates=future_covariates,
            sample_weight=sample_weight,
            max_samples_per_ts=max_samples_per_ts,
            stride=stride,
        )
        check_coverage(dataset)
        assert isinstance(dataset, SequentialTorchTrainingDataset)
        order = put_short_last(dataset)
        if filler is not None:
            dataset = GappyTrainingDataset(dataset, [series[i] for i in order])
        return self._numbered(dataset, known, order)

    def _check_rows(self, series: Sequence[TimeSeries], *, validates: bool = False) -> None:
        """Raise unless the longest series holds a window."""
        lengths = self.input_chunk_length, self.output_chunk_length, self.output_chunk_shift
        check_rows_of_window(max(map(len, series)), *lengths, validates=validates)

    @property
    def _takes_attributes(self) -> bool:
        """Whether weights are generated from static covariates, which are no inputs then."""
        if self.weights_by == "channel" or not self._considers_static_covariates:
            return False
        parts = make_parts(self.parts(self.model_params))
        return any(part.takes_attributes() for part in parts.values())

    def _numbered(
        self, dataset: TorchTrainingDataset, series: Sequence[TimeSeries], order: Sequence[int]
    ) -> TorchTrainingDataset:
        """Let a dataset say which series its samples are of, where weights are by series.

        The first ones that are seen say what is known of them. In the dataset they stand in some
        other order.
        """
        if self.weights_by == "channel":
            return dataset
        series_id = self._series_id
        names = names_of_series(series, series_id)
        trained = self.series_names
        if not trained and not self._series_names:
            start = (self._start_state or {}).get("_extra_state", {})  # whose weights go on
            self._series_names = list(start.get("series_names") or dict.fromkeys(names))
        numbers = numbers_of(names, trained or self._series_names)
        if not trained and self._attributes is None and self._takes_attributes:
            self._attributes = attributes_of(series, numbers, series_id, self.weights_by)
        return NumberedTraining(dataset, [numbers[i] for i in order], series_id)

    def _filler_for(self, series: Sequence[TimeSeries]) -> GapFiller | None:
        """Return what fills the gaps of series in the order of the weights; ``None`` without any.

        What training series say of it holds for validation series, too.
        """
        if not any(map(has_gaps, series)):
            return None
        by_series = self.weights_by != "channel"
        known = self.model is not None and self.model.n_targets == series[0].width
        if self.model is not None and known and not by_series:
            return copy.deepcopy(self.model.network.gap_filler).double().cpu()
        if self._gap_filler is None:
            self._gap_filler = filler_of(series, self.input_chunk_length, own_units=by_series)
        return self._gap_filler

    def _setup_for_train(
        self,
        train_dataset: TorchTrainingDataset,
        *args: Any,
        dataloader_kwargs: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> dict[str, Any]:
        self._check_dataset_order(train_dataset)
        if self._takes_phases:
            check_phases(train_dataset)
        given = {"epochs": kwargs.get("epochs"), "trainer": kwargs.get("trainer")}
        self._told_to_use_gradients = [name for name, value in given.items() if value]
        if self.solver_report is not None:
            self.load_ckpt_path = None  # there are no steps to go on from, but the weights
        if self.load_ckpt_path is not None:
            self._told_to_use_gradients.append(RESUMED)
        self._fit_dataset = train_dataset
        try:
            setup = super()._setup_for_train(
                train_dataset,
                *args,
                # Darts takes entries out of the dict that it is given
                dataloader_kwargs=None if dataloader_kwargs is None else dict(dataloader_kwargs),
                **kwargs,
            )
        finally:
            self._fit_dataset = None
        model = setup["model"]
        self._without_window = warn_of_short_series(train_dataset, model.series_names)
        if self.model is not None or self._start_state is not None:
            self._without_window = []  # whose weights may be of earlier rows
        if self._start_state is not None:
            self._take_start(model, self._start_state)
            self._start_state = None
        # Darts freezes a module as it is made; loading may have put another network into it
        self._setup_finetuning(model)
        return setup

    def _train(
        self,
        trainer: pl.Trainer,
        model: PLForecastingModule,
        datamodule: TorchDataModule,
        load_best: bool = False,
    ) -> None:
        model.train()  # a forecast that failed leaves it in evaluation mode
        note_training(model, datamodule.train_dataset)
        with quiet_lightning(not _shows_progress(trainer)):
            if self._requires_training and solves_exactly(
                self.model_params,
                self.parts(self.model_params),
                datamodule.train_dataset,
                datamodule.val_dataset,
                self._told_to_use_gradients,
            ):
                solution = self._solve(model, datamodule, trainer.strategy.root_device)
                counts = counts_alike(datamodule.train_dataset)
                by_channel = model.network.weights_by == "channel"
                self._solution = solution if counts and by_channel else None
                self._solver_report = report(
                    solution, self.input_chunk_length, with_periods=self._takes_phases
                )
                model.solver_report = self._solver_report
                data = SolvedData(datamodule, model.dtype)
                with solved_epoch(trainer, model, setting_metrics(model.solver_report), data):
                    super()._train(trainer, model, data, load_best)
            else:
                model.solver_report = self._solution = self._solver_report = None
                solves_head = self._requires_training and self._solves_head
                if solves_head:
                    check_head_data(datamodule.train_dataset, datamodule.val_dataset)
                held = held_back(datamodule, self.model_params) if solves_head else nullcontext()
                try:
                    with held:
                        super()._train(trainer, model, datamodule, load_best)
                except ValueError:  # a likelihood refuses parameters that are not finite
                    check_weights(model, datamodule.train_dataset)
                    raise
                check_weights(model, datamodule.train_dataset)
                if self._without_window:
                    give_common_weights(self.model, self._without_window)
                if solves_head and model.is_complete:
                    self._solve_head(trainer, datamodule)

    def train_from(self, state: dict[str, Any]) -> Self:
        """Let the next ``fit`` start from weights of another model of the same network.

        Parameters
        ----------
        state : dict
            State dict of that model's module: ``other.model.state_dict()``.
        """
        self._start_state = state
        return self

    def _take_start(self, module: ForecastingModule, state: dict[str, Any]) -> None:
        """Let a new module start from a state."""
        floats = (v for v in state.values() if torch.is_tensor(v))
        module.to(next(v.dtype for v in floats if v.is_floating_point()))
        module.load_state_dict(state)

    def _setup_trainer(
        self,
        trainer: pl.Trainer | None,
        model: PLForecastingModule,
        verbose: bool | None = None,
        epochs: int = 0,
    ) -> pl.Trainer:
        output = ("enable_progress_bar", "enable_model_summary")
        callbacks = self.trainer_params.get("callbacks") or ()
        asked = any(self.trainer_params.get(option) for option in output) or any(
            isinstance(callback, ProgressBar) for callback in callbacks
        )
        if verbose is None and not asked:
            verbose = False
        # Darts' defaults, which loading drops: without them Lightning writes into the directory
        self.trainer_params = {
            "logger": False,
            "enable_checkpointing": any(isinstance(c, Checkpoint) for c in callbacks),
            **self.trainer_params,
        }
        with quiet_lightning(verbose is False):
            return super()._setup_trainer(trainer, model, verbose, epochs)

    @property
    def _ckpt_skipped_params(self) -> list[str]:
        # weights do not depend on how they were found
        found_by = [one.name for one in self.constructor_options() if one.of == "training"]
        return [*super()._ckpt_skipped_params, *found_by]

    # what comes out of it

    predict_from_dataset = in_turn(MixedCovariatesTorchModel.predict_from_dataset)

    def _build_inference_dataset(
        self,
        n: int,
        series: Sequence[TimeSeries],
        past_covariates: Sequence[TimeSeries] | None,
        future_covariates: Sequence[TimeSeries] | None,
        stride: int = 0,
        bounds: np.ndarray | None = None,
    ) -> TorchInferenceDataset:
        self._order_by_trained_names()
        for name, one in named(series, "series"):
            check_rows(one, name)
            self._order("channels", one.components)  # by which `predict_step` goes
            if self.uses_static_covariates and one.static_covariates is not None:
                static = without_column(one.static_covariates, self._series_id)
                if static is not None:
                    self._order("static_covariates", static.columns)
        if future_covariates is not None:
            future_covariates = [interpolated(one) for one in future_covariates]
        future_covariates = self._in_order("future_covariates", future_covariates)
        if self._takes_phases:
            n_ahead = self.output_chunk_shift + max(n, self.output_chunk_length)
            future_covariates = with_phases(future_covariates, series, self._repeat, n_ahead)
        dataset = super()._build_inference_dataset(
            n,
            series,
            self._in_order("past_covariates", past_covariates),
            future_covariates,
            stride,
            bounds,
        )
        if self.weights_by != "channel":
            series_id = self._series_id
            names = [series_name(one, series_id) for one in series]
            dataset = NumberedInference(dataset, numbers_of(names, self.series_names), series_id)
        check_forecast_inputs(dataset, static=self.uses_static_covariates)
        return dataset

    @property
    def trained_series_names(self) -> list[str]:
        """Names of the series that have weights of their own by training; others were added."""
        return self.series_names[: self.model.n_trained_series] if self.model is not None else []

    @property
    def series_names(self) -> list[str]:
        """Names of the series that have weights of their own, in the order of these."""
        return list(self.model.series_names) if self.model is not None else []

    def _update_covariates_use(self) -> None:
        super()._update_covariates_use()
        sample = self.train_sample
        if self.weights_by != "channel" and sample is not None:
            # the last column is the number of the series
            self._uses_static_covariates = _width(sample.static_covariates) > 1
            self._expect_static_covariates &= self._uses_static_covariates
        if self._takes_phases and sample is not None:
            # the last column is the phase
            self._uses_future_covariates = _width(sample.future_covariates) > 1
            self._expect_future_covariates &= self._uses_future_covariates

    def _verify_static_covariates(self, static_covariates: pd.DataFrame | None) -> None:
        if not self._takes_attributes:  # which may be text
            super()._verify_static_covariates(without_column(static_covariates, self._series_id))

    def predict(self, *args: Any, **kwargs: Any) -> TimeSeriesLike:
        """Forecast, from series whose channels and covariates may have any order.

        See
        :meth:`darts.models.forecasting.torch_forecasting_model.TorchForecastingModel.predict`
        for the arguments. Where no weights belong to a channel, channels that were not trained on
        are forecast, too, with a warning.
        """
        given = check_call(MixedCovariatesTorchModel.predict, self, *args, **kwargs)
        if self.model is not None and given.get("series") is not None:
            several = series2seq(given["series"])
            if len(turns := in_turns(self, several)) > 1:
                forecasts: dict[int, Any] = {}
                for turn in turns:
                    forecasts |= zip(turn, type(self).predict(**picked(given, turn)), strict=True)
                return [forecasts[number] for number in range(len(several))]
            other = for_channels_of(self, several)
            other = other or in_units_given(self, several)
            other = other or for_new_series(self, several)
            if other is not None:
                return other.predict(*args, **kwargs)
        elif self.model is not None and self.training_series is None:
            check_nothing_added(self)
        with random_turn():
            return super().predict(*args, **_plain_numbers(kwargs))

    @accepting(MixedCovariatesTorchModel.historical_forecasts)
    def historical_forecasts(self, series: TimeSeriesLike, *args: Any, **kwargs: Any) -> Any:
        """Forecast from many times in the past; backtests and residuals are made of that.

        See :meth:`darts.models.forecasting.forecasting_model.ForecastingModel.historical_forecasts`
        for the arguments. Without retraining, series may have what :meth:`predict` takes: some of
        the channels added, or series and channels that were not trained on, each time in units of
        the rows up to then.
        """
        if self.model is not None and kwargs.get("retrain", True) is False:
            several = series2seq(series)
            names = other_channels(self, several)
            other = None if names is None else for_some_channels_of(self, names)
            if other is not None:
                return other.historical_forecasts(series, *args, **kwargs)
            if names is not None or new_series(self, several) or rows_for_units(self, several):
                kwargs["enable_optimization"] = False  # one after the other, by `predict`
        return super().historical_forecasts(series, *args, **kwargs)

    def _setup_for_predict(
        self, n: int, dataset: TorchInferenceDataset, **kwargs: Any
    ) -> dict[str, Any]:
        if self.model is not None:
            self._check_dataset_order(dataset, ALONG_TIME)  # `predict_step` sees to the others
            if self._takes_phases:
                check_phases(dataset)
        return super()._setup_for_predict(n, dataset, **kwargs)

    def _predict(self, trainer: pl.Trainer, *args: Any, **kwargs: Any) -> Any:
        with quiet_lightning(not _shows_progress(trainer)):
            return super()._predict(trainer, *args, **kwargs)

    def with_phases(
        self,
        series: TimeSeriesLike,
        future_covariates: TimeSeriesLike | None = None,
        n: int | None = None,
    ) -> TimeSeriesLike:
        """Return future covariates with the phase of the periods behind them.

        It is what an exported graph takes as future covariates; the model itself adds the phase
        wherever it is needed.

        Parameters
        ----------
        series : TimeSeries or sequence of TimeSeries
            To forecast from.
        future_covariates : TimeSeries or sequence of TimeSeries, optional
            Where the model has others.
        n : int, optional
            Steps to forecast; ``output_chunk_length`` if not given.

        Raises
        ------
        ValueError
            If the model is not trained, or has no periods.
        """
        check_is_trained(self)
        if not self._takes_phases:
            raise ValueError("The model has no periods, and takes covariates as they are.")
        several = None if future_covariates is None else series2seq(future_covariates)
        n_ahead = self.output_chunk_shift + max(n or 0, self.output_chunk_length)
        phased = with_phases(several, series2seq(series), self._repeat, n_ahead)
        return phased[0] if isinstance(series, TimeSeries) else phased

    def to_onnx(
        self, path: str | None = None, *, dynamic_batch: bool = False, **kwargs: Any
    ) -> None:
        """Export the model, folded: the graph holds plain layers and no hypernetwork.

        Where weights depend on the window, it holds what generates them. See
        :meth:`darts.models.forecasting.torch_forecasting_model.TorchForecastingModel.to_onnx`
        for how to run the file without torch. Channels go by position there, in the order of
        ``channel_names``. With ``periods`` its future covariates are those of :meth:`with_phases`.

        Parameters
        ----------
        path : str, optional
            File to write; named by class and time if not given.
        dynamic_batch : bool, default=False
            Let the graph take any number of windows at once: the first axis of every input, and of
            the forecast. Else it takes one, as Darts' own models do.
        **kwargs
            Arguments of ``torch.onnx.export``.
        """
        kwargs.setdefault("verbose", False)
        trained = self.model
        try:
            with quiet_lightning():
                self.model = None if trained is None else folded(trained)
                if self.model is not None:
                    self.model.network.prepare_export()
                if dynamic_batch and self.model is not None:
                    kwargs |= dynamic_batch_arguments(self.model)
                super().to_onnx(path, **kwargs)
        finally:
            self.model = trained

    def __getstate__(self) -> dict[str, Any]:
        # Darts saves the model while it is set up for training, too
        return {
            **super().__getstate__(),
            "_fit_dataset": None,
            "_start_state": None,
            "_attributes": None,
            "_moment_history": None,
            "_is_fitting": False,
            "_setting_history": None,
            "_is_late": None,
            "_selected_ridge": None,
            "_solution": None,
        }

    def __deepcopy__(self, memo: dict) -> Self:
        """Copy the model with its weights, without its trainer."""
        duplicate = self.__class__.__new__(self.__class__)
        memo[id(self)] = duplicate
        duplicate.__setstate__(copy.deepcopy(self.__getstate__(), memo))
        duplicate.model = copy.deepcopy(self.model, memo)
        return duplicate


show(HyperforecastModel, HyperforecastModel.constructor_options(), kwargs=OPTIONS_OF_DARTS)


def _network_arguments(
    arguments: Mapping[str, Any], parts: dict[str, dict[str, Any]]
) -> dict[str, Any]:
    """Return the arguments of the network that do not depend on the data."""
    return {
        "lookback": int(arguments["input_chunk_length"]),
        "horizon": int(arguments["output_chunk_length"]),
        "parts": parts,
        "backbone": arguments["backbone"],
        "backbone_kwargs": arguments["backbone_kwargs"],
        "instance_norm": arguments["instance_norm"],
        "n_factors": int(arguments["n_factors"] or 0),
        "individual_covariates": arguments["individual_covariates"],
        "weights_by": arguments["weights_by"],
        **(
            {} if arguments["periods"] is None else {"periods": given_periods(arguments["periods"])}
        ),
    }


def _width(array: np.ndarray | None) -> int:
    return 0 if array is None else array.shape[1]


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(map(_plain, value))
    return value.tolist() if isinstance(value, (np.generic, np.ndarray)) else value


def _plain_numbers(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return arguments with Python's numbers for numpy's, which torch and Lightning refuse."""
    return {k: v.item() if isinstance(v, np.generic) else v for k, v in arguments.items()}


def _shows_progress(trainer: pl.Trainer) -> bool:
    return trainer.progress_bar_callback is not None
