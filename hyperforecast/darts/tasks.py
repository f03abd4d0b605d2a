"""Darts models that learn tasks one after the other, and forecast any of them."""

import copy
from collections.abc import Mapping
from dataclasses import fields, replace
from types import MappingProxyType
from typing import Any, Self

import numpy as np
import pytorch_lightning as pl
from darts.models.forecasting.pl_forecasting_module import PLForecastingModule
from darts.typing import TimeSeriesLike
from darts.utils.data.torch_datasets._data_module import TorchDataModule
from darts.utils.data.torch_datasets.utils import TorchTrainingSample
from torch import Tensor

from hyperforecast.darts.adapters.adapted import AdaptedModel
from hyperforecast.darts.calls import accepting
from hyperforecast.darts.solving.solver_choice import HEAD_SOLVER
from hyperforecast.darts.training.random_turns import random_turn
from hyperforecast.nn.parts import make_parts
from hyperforecast.nn.tasks import TaskMemory

NETWORK = "network."
"""What the names of a module's weights begin with that are its network's."""

LEFT_OUT = (
    *("training_series", "past_covariate_series", "future_covariate_series"),
    *("model", "trainer", "_before", "_solution"),
)
"""What a model has of its training that is not kept of a task."""

HOLD = 10.0
"""How much what is generated for earlier tasks counts, if nothing else is said."""


class TaskModel(AdaptedModel):
    """Base of the Darts models that learn tasks.

    A model with tasks has no weights of its own: :meth:`for_task` returns a trained model of one.
    """

    _tasks = TaskMemory()
    """Weights of the tasks learned."""
    _learned: Mapping[str, Any] = MappingProxyType({})
    """Of each task a model without weights, and its module's state beside its network."""
    _before: TaskMemory | None = None
    """While a task is learned: the tasks before."""
    _hold = HOLD
    _task_parts: dict[str, Any] | None = None
    """Parts of the network that all tasks share, with the options that follow from the first."""

    @property
    def task_names(self) -> list[str]:
        """Names of the tasks learned, in their order."""
        return self._tasks.names

    @property
    def _weights_are_inside(self) -> bool:
        return self.model is None and bool(self._learned)

    def learn_task(
        self, name: str, series: TimeSeriesLike, *, hold: float = HOLD, **fit_options: Any
    ) -> Self:
        """Learn a task beside those learned before, whose forecasts stay, without their series.

        With ``tasks="task-vectors"`` gradients train one network for all tasks. The first trains
        all of it. A further one trains a vector of its own, what belongs to its channels, and the
        generators, whose outputs for the tasks before are held in place by a penalty; what is not
        generated stays as it is. Without a part for tasks every task is solved for in closed form
        by itself: nothing is shared, and nothing forgotten.

        Parameters
        ----------
        name : str
            A new one.
        series : TimeSeries or sequence of TimeSeries
            To train on, as given to :meth:`fit`. Tasks may have other channels, and other numbers
            of them; numbers of covariates are the same.
        hold : float, default=10.0
            How much the tasks before count: factor of the squared change of what is generated for
            them, beside the training loss. Of no effect on the first task and in closed form.
        **fit_options
            Other arguments of :meth:`fit`: covariates, validation series, ``epochs``.

        Returns
        -------
        TaskModel
            This model.

        Raises
        ------
        ValueError
            If the name is taken, the network of the tasks before does not suit this one, nothing in
            the network is a task's and there is no closed form, or the model was trained by
            :meth:`fit`.
        """
        if self.model is not None:
            raise ValueError(
                "This model was trained by `fit`, and its weights are no task's. Call "
                "`learn_task` on a new model, for the series of the first task first."
            )
        self._tasks.check_new(name)
        learner = self.learner(self._tasks, hold)
        learner.fit(series, **fit_options)
        return self.keep(name, learner)

    def for_task(self, name: str) -> Self:
        """Return a trained model of one task, with the weights that it has now.

        It is a model as any other: it forecasts, backtests, is saved and exported. What becomes of
        it changes nothing here, and tasks learned later change nothing in it.

        Parameters
        ----------
        name : str
            Of a task learned.
        """
        self._tasks.check_known(name)
        like, beside = self._learned[name]
        model = like.__class__.__new__(like.__class__)
        model.__dict__.update(like.__dict__)
        with random_turn():  # what is drawn is written over
            module = model._create_model(model.train_sample)
        weights = {f"{NETWORK}{key}": value for key, value in self._tasks.weights(name).items()}
        floats = (value for value in weights.values() if value.is_floating_point())
        module.to(next(floats).dtype)
        module.load_state_dict({**weights, **beside})
        model.model = module
        return model

    def forget_task(self, name: str) -> Self:
        """Drop what is kept of a task; others are no longer held to it.

        Parameters
        ----------
        name : str
            Of a task learned.
        """
        self._tasks = self._tasks.without(name)
        self._learned = {other: kept for other, kept in self._learned.items() if other != name}
        return self

    def predict(self, *args: Any, task: str | None = None, **kwargs: Any) -> TimeSeriesLike:
        """Forecast; where tasks were learned, with the weights of one of them.

        Parameters
        ----------
        *args, **kwargs
            See :meth:`HyperforecastModel.predict`. No series of a task is kept, so one is given.
        task : str, optional
            Name of a task learned; of a model that was trained by :meth:`fit` there is none.
        """
        if task is not None:
            return self.for_task(task).predict(*args, **kwargs)
        self._check_no_tasks("forecast")
        return super().predict(*args, **kwargs)

    @accepting(AdaptedModel.fit)
    def fit(  # type: ignore[override]  # mypy takes the base's for a wrapper of Darts'
        self, *args: Any, **kwargs: Any
    ) -> Self:
        """Train the model, see :meth:`AdaptedModel.fit`; one with tasks is not."""
        self._check_no_tasks("train")
        return super().fit(*args, **kwargs)

    @accepting(AdaptedModel.fit_from_dataset)
    def fit_from_dataset(  # type: ignore[override]
        self, *args: Any, **kwargs: Any
    ) -> Self:
        """Train the model on a dataset of Darts; one with tasks is not."""
        self._check_no_tasks("train")
        return super().fit_from_dataset(*args, **kwargs)

    def _check_no_tasks(self, verb: str) -> None:
        if self._tasks.names:
            raise ValueError(
                f"The model has learned the tasks {', '.join(map(repr, self.task_names))}: say "
                f"which one to {verb}, by `predict(..., task=...)`, `for_task` and `learn_task`, "
                f"or {verb} another model."
            )

    @property
    def tasks(self) -> TaskMemory:
        """Weights of the tasks learned."""
        return self._tasks

    def learner(self, tasks: TaskMemory, hold: float) -> Self:
        """Return a new model whose ``fit`` learns a further task, by gradients or in closed form.

        Parameters
        ----------
        tasks : TaskMemory
            Those learned before.
        hold : float
            See :meth:`learn_task`.
        """
        if not hold >= 0:
            raise ValueError(f"hold must be a number >= 0; got {hold!r}.")
        arguments = copy.deepcopy(dict(self.model_params))
        solver = arguments.get("solver")
        if not has_task_part(self.parts(self.model_params)):
            if solver not in ("exact", "auto"):
                raise ValueError(
                    "Tasks are learned by gradients where weights depend on a task's vector, and "
                    f"in closed form; got solver={solver!r} and no part for tasks. Choose "
                    "tasks='task-vectors', or solver='exact'."
                )
            return type(self)(**{**arguments, "solver": "exact"})
        reasons = {
            f"solver={solver!r} changes a head that tasks share": solver == HEAD_SOLVER,
            "adapters are trained on a base of one task": bool(arguments["adapters"] != "plain"),
            f"weights_by={self.weights_by!r} has weights for series": self.weights_by != "channel",
        }
        for reason, holds in reasons.items():
            if holds:
                raise ValueError(
                    f"Tasks cannot be learned one after the other here: {reason}. Leave it out."
                )
        learner = type(self)(**arguments)
        learner._before, learner._hold = tasks, hold
        if tasks.arguments is not None:
            learner._task_parts = tasks.arguments["parts"]
        return learner

    def keep(self, name: str, learner: Self) -> Self:
        """Keep what a :meth:`learner` has learned as a task: its weights, and no series.

        Parameters
        ----------
        name : str
        learner : TaskModel
            Fitted. It has no weights afterwards.
        """
        module = learner.model
        assert module is not None
        if learner._before is None:
            tasks = self._tasks.solved(name, module.single_network)
        else:
            tasks = self._tasks.learned(name, module.single_network, module.network_arguments)
            assert tasks.arguments is not None
            learner._task_parts = tasks.arguments["parts"]
        beside = {
            key: value.detach().cpu().clone() if isinstance(value, Tensor) else value
            for key, value in module.state_dict().items()
            if not key.startswith(NETWORK)
        }
        learner.__dict__.update(dict.fromkeys(LEFT_OUT))
        learner.train_sample = _without_values(learner.train_sample)
        self._learned = {**self._learned, name: (learner, beside)}
        self._tasks = tasks
        return self

    # what the training of a task is made of

    def _network_plan(self) -> dict[str, Any]:
        plan = super()._network_plan()
        return plan if self._task_parts is None else {**plan, "parts": self._task_parts}

    def _create_model(self, train_sample: TorchTrainingSample) -> PLForecastingModule:
        module = super()._create_model(train_sample)
        if self._before is not None and self._fit_dataset is not None:
            self._before.check_fits(module.network_arguments)
            self._before.start(module.network)
        return module

    def _train(
        self,
        trainer: pl.Trainer,
        model: PLForecastingModule,
        datamodule: TorchDataModule,
        load_best: bool = False,
    ) -> None:
        if self._before is None:
            super()._train(trainer, model, datamodule, load_best)
            return
        with self._before.held(model.network, model.network_arguments, self._hold):
            super()._train(trainer, model, datamodule, load_best)


def _without_values(sample: Any) -> Any:
    """Return a training sample of zeros, which says sizes and types alone."""
    arrays = {
        one.name: np.zeros_like(value)
        for one in fields(sample)
        if isinstance(value := getattr(sample, one.name), np.ndarray)
    }
    return replace(sample, **arrays)


def has_task_part(parts: dict[str, dict[str, Any]]) -> bool:
    """Say whether weights of a network depend on a task's vector."""
    return any(part.slot == "tasks" for part in make_parts(parts).values())
