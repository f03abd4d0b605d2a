"""The tables of the page."""

from collections.abc import Sequence

import pandas as pd

from benchmarks.comparison.estimators import ESTIMATORS
from benchmarks.comparison.scores import skill_scores, win_rates
from benchmarks.markdown import markdown
from benchmarks.runs import Row
from benchmarks.solver.published import PUBLISHED

BASELINE = "seasonal naive"


def matrix(rows: Sequence[Row], column: str) -> pd.DataFrame:
    """Return a column of the results, a row for each task, a column for each estimator."""
    frame = pd.DataFrame(rows)
    frame["task"] = frame["data"] + " " + frame["horizon"].astype(str)
    frame[column] = pd.to_numeric(frame[column], errors="coerce")
    wide = frame.pivot_table(index="task", columns="estimator", values=column, sort=False)
    return wide[[name for name in ESTIMATORS if name in wide]]


def scores(rows: Sequence[Row], of: str) -> pd.DataFrame:
    """Return a row for each estimator, over the tasks that all of them have finished.

    Parameters
    ----------
    rows : sequence of dict
    of : {"test", "few"}
        Windows that errors are of.
    """
    errors, absolutes = (matrix(rows, f"{of}_{name}").dropna() for name in ("mse", "mae"))
    seconds, forecasting, parameters = (
        matrix(rows, name).reindex(errors.index)[list(errors)].median()
        for name in ("seconds", "forecast_seconds", "parameters")
    )
    made = pd.DataFrame(
        {
            "of": {name: ESTIMATORS[name].source for name in errors},
            "known ahead": {name: "yes" if ESTIMATORS[name].knows else "" for name in errors},
            "skill, MSE": skill_scores(errors, BASELINE),
            "skill, MAE": skill_scores(absolutes, BASELINE),
            "win rate, MSE": win_rates(errors),
            "seconds to fit": seconds,
            "to forecast": forecasting,
            "parameters": parameters.astype(int),
        }
    )
    return made.rename_axis("model").sort_values("skill, MSE", ascending=False).reset_index()


def published(rows: Sequence[Row]) -> pd.DataFrame:
    """Return the errors on every window of the test part, the lowest published ones beside them."""
    errors = matrix(rows, "all_mse").T
    lowest = {
        f"{data} {horizon}": pair
        for data, of_data in PUBLISHED.items()
        for horizon, pair in of_data.items()
    }
    for name, place in (("published, linear", 0), ("published, any", 1)):
        errors.loc[name] = [lowest[task][place] if task in lowest else None for task in errors]
    return errors.rename_axis("model").reset_index()


def of_tasks(rows: Sequence[Row]) -> pd.DataFrame:
    """Return the windows of each task, and by how many estimators it is finished."""
    frame = pd.DataFrame(rows)
    columns = {"lookback": "first", "windows": "first", "few_windows": "first"}
    table = frame.groupby(["data", "horizon"], sort=False).agg(columns | {"estimator": "size"})
    return table.rename(columns={"estimator": "finished by"}).reset_index()


def choices(rows: Sequence[Row]) -> pd.DataFrame:
    """Return what each estimator chose and took, a row for each task."""
    frame = pd.DataFrame(rows)
    task = frame["data"] + " " + frame["horizon"].astype(str)
    frame["task"] = pd.Categorical(task, categories=task.unique())
    frame = frame.sort_values("task", kind="stable")
    columns = ["task", "estimator", "seconds", "forecast_seconds", "steps", "parameters", "chosen"]
    return frame[columns]


def tables(rows: Sequence[Row]) -> dict[str, str]:
    """Return the tables of the page by what they show; no scores without their baseline."""
    of_windows = [row for row in rows if row["test_mse"] != ""]
    scored = any(row["estimator"] == BASELINE for row in rows)
    made = {"tasks": markdown(of_tasks(rows))}
    if scored:
        made["scores"] = markdown(scores(of_windows, "test"), digits=3)
    for name in ("mse", "mae"):
        errors = matrix(of_windows, f"test_{name}").T
        made[name] = markdown(errors.rename_axis("model").reset_index())
    few = matrix(rows, "few_mse").T.rename_axis("model").reset_index()
    if scored:
        made["scores on few windows"] = markdown(scores(rows, "few"), digits=3)
    made["few"] = markdown(few)
    made["published"] = markdown(published(of_windows))
    made["choices"] = markdown(choices(rows))
    return made
