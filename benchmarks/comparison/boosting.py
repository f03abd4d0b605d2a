"""LightGBM, made by Darts, within the budget."""

from typing import Any

from darts.models import LightGBMModel
from lightgbm.callback import CallbackEnv, EarlyStopException

from benchmarks.comparison.budget import PROCESSOR_SECONDS
from benchmarks.comparison.measuring import Fitted, network_fitted
from benchmarks.comparison.networks import Recursive
from benchmarks.comparison.tasks import Task
from benchmarks.timing import Clock

MAX_REGRESSORS = 2**25
"""Numbers in the table of regressors; more rows are left out evenly."""


def fit_trees(task: Task, **options: Any) -> Fitted:
    """Fit trees to one step ahead, all channels as series of their own."""
    series = task.dataset.series("train")
    known = None if task.known is None else task.known.series("train")
    n_regressors = task.lookback + (0 if known is None else known.n_components) * (
        task.lookback + 1
    )
    n_numbers = len(series) * series.n_components * n_regressors
    start = Clock.now()

    def within_budget(env: CallbackEnv) -> None:
        if Clock.now().since(start).processor > PROCESSOR_SECONDS:
            raise EarlyStopException(env.iteration, [])

    model = LightGBMModel(
        lags=task.lookback,
        lags_future_covariates=None if known is None else (task.lookback, 1),
        output_chunk_length=1,
        n_jobs=1,
        random_state=0,
        verbose=-1,
        **options,
    )
    model.fit(
        [series[name] for name in series.components],
        future_covariates=known and [known] * series.n_components,
        stride=-(-n_numbers // MAX_REGRESSORS),
        callbacks=[within_budget],
    )
    trees = model.model
    parameters = sum(tree["num_leaves"] for tree in trees.booster_.dump_model()["tree_info"])
    fitted = network_fitted(
        task, Recursive(trees.booster_.predict, task.horizon), parameters, steps=trees.n_iter_
    )
    return fitted._replace(network=None)
