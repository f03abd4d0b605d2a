"""Forecasters that learn tasks one after the other, and forecast any of them."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, Self

from hyperforecast.darts.tasks import HOLD, TaskModel
from hyperforecast.nn.tasks import TaskMemory
from hyperforecast.sktime.base import BaseHyperforecastForecaster
from hyperforecast.sktime.trained import Trained


@dataclass(frozen=True)
class LearnedTasks:
    """What a forecaster has learned of tasks.

    Attributes
    ----------
    model : TaskModel, optional
        The Darts model that has the weights of all; ``None`` before the first task.
    fits : mapping of str to tuple
        Of each task a fitted forecaster without its model, and what stands beside that.
    """

    model: TaskModel | None = None
    fits: Mapping[str, tuple[Any, dict[str, Any]]] = field(default_factory=dict)

    @property
    def memory(self) -> TaskMemory:
        """Weights of the tasks."""
        return TaskMemory() if self.model is None else self.model.tasks

    def learned(self, name: str, forecaster: Any) -> Self:
        """Return the tasks with a further one, that of a fitted forecaster, which is taken apart.

        Parameters
        ----------
        name : str
        forecaster : BaseTaskForecaster
        """
        trained = forecaster.__dict__.pop("trained_")
        beside = {
            one.name: getattr(trained, one.name) for one in fields(trained) if one.name != "model"
        }
        model = self.model
        if model is None:
            model = type(trained.model)(**copy.deepcopy(dict(trained.model.model_params)))
        model = copy.copy(model).keep(name, trained.model)
        return type(self)(model, {**self.fits, name: (forecaster, beside)})

    def fitted(self, name: str) -> Any:
        """Return a fitted forecaster of a task."""
        self.memory.check_known(name)
        assert self.model is not None
        like, beside = self.fits[name]
        forecaster = copy.copy(like)
        forecaster.trained_ = Trained(model=self.model.for_task(name), **beside)
        return forecaster

    def without(self, name: str) -> Self:
        """Return the tasks but one."""
        self.memory.check_known(name)
        assert self.model is not None
        fits = {other: fit for other, fit in self.fits.items() if other != name}
        return type(self)(copy.copy(self.model).forget_task(name), fits) if fits else type(self)()


class BaseTaskForecaster(BaseHyperforecastForecaster):
    """Base of the forecasters that learn tasks.

    Of a task's rows as many are kept as a forecast is made from, and in closed form the moments of
    all windows.

    Parameters
    ----------
    {parameters}
    """

    model_class: ClassVar[type[TaskModel]]

    @property
    def task_names(self) -> list[str]:
        """Names of the tasks learned, in their order."""
        return list(self._tasks.fits)

    @property
    def _tasks(self) -> LearnedTasks:
        return getattr(self, "_learned", LearnedTasks())

    def learn_task(
        self,
        name: str,
        y: Any,
        X: Any = None,
        fh: Any = None,
        *,
        hold: float = HOLD,
    ) -> Self:
        """Learn a task beside those learned before, whose forecasts stay, without their rows.

        See :meth:`HyperModel.learn_task() <hyperforecast.darts.HyperModel.learn_task>`. The first
        task chooses lookback and horizon where they are not given; the others have the same.
        :meth:`fit` drops all tasks.

        Parameters
        ----------
        name : str
            A new one.
        y : pd.DataFrame, pd.Series, or panel or hierarchy of them
            To train on, as given to :meth:`fit`. Tasks may have other channels.
        X : pd.DataFrame, optional
        fh : int, list of int or ForecastingHorizon, optional
        hold : float, default=10.0
            How much the tasks before count, by gradients.

        Returns
        -------
        BaseTaskForecaster
            This forecaster.
        """
        if self.is_fitted or hasattr(self, "pretrained_"):
            raise ValueError(
                "This forecaster was trained by `fit` or `pretrain`, and its weights are no "
                "task's. Call `learn_task` on a new one, for the rows of the first task first."
            )
        tasks = self._tasks
        tasks.memory.check_new(name)
        learner = self.clone()
        learner.set_config(remember_data=False)
        if tasks.model is not None:
            learner.set_params(
                input_chunk_length=tasks.model.input_chunk_length,
                output_chunk_length=tasks.model.output_chunk_length,
            )
        learner._joins = tasks.memory, hold
        learner.fit(y, X=X, fh=fh)
        del learner._joins
        self._learned = tasks.learned(name, learner)
        return self

    def for_task(self, name: str) -> Self:
        """Return a fitted forecaster of one task, with the weights that it has now.

        It forecasts points, intervals and distributions as any other, and moves on to new rows by
        ``update``. What becomes of it changes nothing here.

        Parameters
        ----------
        name : str
            Of a task learned.
        """
        return self._tasks.fitted(name)

    def forget_task(self, name: str) -> Self:
        """Drop what is kept of a task; others are no longer held to it.

        Parameters
        ----------
        name : str
            Of a task learned.
        """
        self._learned = self._tasks.without(name)
        return self

    def predict(self, fh: Any = None, X: Any = None, *, task: str | None = None) -> Any:
        """Forecast; where tasks were learned, with the weights of one of them.

        Parameters
        ----------
        fh : int, list of int or ForecastingHorizon, optional
        X : pd.DataFrame, optional
        task : str, optional
            Name of a task learned; after :meth:`fit` there is none. Intervals, quantiles and
            distributions are those of :meth:`for_task`.
        """
        if task is not None:
            return self.for_task(task).predict(fh=fh, X=X)
        if self.task_names and not self.is_fitted:
            raise ValueError(
                f"The forecaster has learned the tasks {', '.join(map(repr, self.task_names))}: "
                "say which one to forecast, by `predict(..., task=...)` or `for_task`."
            )
        return super().predict(fh=fh, X=X)

    def reset(self) -> Self:
        """Drop what was fitted, but not which tasks the next ``fit`` goes on from."""
        joins = getattr(self, "_joins", None)
        super().reset()
        if joins is not None:
            self._joins = joins
        return self

    def _new_model(self, arguments: dict[str, Any]) -> TaskModel:
        model = self.model_class(**arguments)
        joins = getattr(self, "_joins", None)
        return model if joins is None else model.learner(*joins)
