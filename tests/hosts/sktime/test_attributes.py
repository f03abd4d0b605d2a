"""Static covariates of panels: columns of X that are constant, and levels of the index."""

import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sktime.forecasting.reconcile import ReconcilerForecaster
from sktime.transformations.hierarchical.aggregate import Aggregator

from hyperforecast.sktime import HNMVTSForecaster

FH = [1, 2]
KINDS = {"slow": 1.2, "fast": -0.4}


def panel(names: list[str], n_rows: int = 60) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return oscillations of two kinds whose weights are linear in a column of X, and X."""
    ys, Xs = {}, {}
    for n, name in enumerate(names):
        kind, speed = [*KINDS][n % 2], 0.07 * (n % 12) - 0.4
        values = [1.0, 0.3 + speed]
        for _ in range(n_rows - 2):
            values.append((KINDS[kind] + speed) * values[-1] - values[-2])
        ys[name] = pd.DataFrame({"y": values})
        Xs[name] = pd.DataFrame({"kind": [kind] * n_rows, "speed": speed})
    levels = ["shop", "time"]
    return pd.concat(ys, names=levels), pd.concat(Xs, names=levels)


def make(**options: Any) -> HNMVTSForecaster:
    given = {"weights_by": "series", "static_covariates": ["kind", "speed"], **options}
    return HNMVTSForecaster(8, **{"output_chunk_length": 2, **given})


@pytest.mark.parametrize("dtype", ["object", "category"])
def test_an_instance_that_comes_later_is_forecast_by_its_attributes(dtype: str) -> None:
    names = [f"shop {n}" for n in range(22)]
    y, X = panel([*names, "new a", "new b"])
    X["kind"] = X["kind"].astype(dtype)
    old = y.index.get_level_values(0).isin(names)
    early = y.index.get_level_values(1) < 59
    # weights of one step are linear in the attributes
    forecaster = make(output_chunk_length=1).fit(y[old & early], X[old & early], fh=1)
    before = forecaster.predict()
    again = pickle.loads(pickle.dumps(forecaster))
    for one in (forecaster, again):
        one.update(y[~old & early], X[~old & early], update_params=False)
    after = forecaster.predict()
    assert np.array_equal(after.loc[names], before)
    assert np.array_equal(again.predict(), after)
    new = after.loc[["new a", "new b"]]
    np.testing.assert_allclose(new, y[~old & ~early], atol=2e-2)


def test_covariates_that_move_are_taken_beside_those_that_stand() -> None:
    y, X = panel([f"shop {n}" for n in range(6)])
    X["trend"] = X.groupby("shop").cumcount().astype(float)
    forecaster = make().fit(y, X, fh=FH)
    assert forecaster.model_.covariate_names == {
        "future_covariates": ["trend"],
        "static_covariates": ["kind", "speed"],
    }
    ahead = X.groupby("shop").tail(2).drop(columns=["kind", "speed"])
    ahead["trend"] += 2
    ahead.index = ahead.index.set_levels(ahead.index.levels[1] + 2, level=1)
    assert np.isfinite(forecaster.predict(X=ahead)).all(axis=None)


def test_levels_of_a_hierarchy_are_attributes_under_reconciliation() -> None:
    y, X = panel([f"shop {n}" for n in range(6)])
    y.index = pd.MultiIndex.from_arrays(
        [X["kind"], *(y.index.get_level_values(n) for n in range(2))],
        names=["kind", "shop", "time"],
    )
    hierarchy = Aggregator().fit_transform(y)
    forecaster = make(static_covariates=["kind"])
    reconciled = ReconcilerForecaster(forecaster, method="ols").fit(hierarchy, fh=FH)
    y_pred = reconciled.predict()
    total = y_pred.loc[("__total", "__total")].to_numpy()
    leaves = y_pred[~y_pred.index.get_level_values(1).isin(["__total"])]
    np.testing.assert_allclose(leaves.groupby("time").sum().to_numpy(), total, rtol=1e-6)
    assert reconciled.forecaster_.model_.covariate_names == {"static_covariates": ["kind"]}


def test_errors_say_what_is_wrong() -> None:
    y, X = panel(["a", "b", "c"])
    with pytest.raises(ValueError, match="has no effect with weights_by='channel'"):
        make(weights_by="channel").fit(y, X, fh=FH)
    with pytest.raises(ValueError, match="static_covariates names 'size', which is neither a col"):
        make(static_covariates=["size"]).fit(y, X[["speed"]], fh=FH)
    moving = X.assign(speed=np.arange(len(X), dtype=float))
    with pytest.raises(ValueError, match=r"'speed' of X of instance \('a',\) is not constant"):
        make().fit(y, moving, fh=FH)
    with pytest.raises(ValueError, match="static_covariates must be a"):
        make(static_covariates="speed").fit(y, X[["speed"]], fh=FH)
    with pytest.raises(ValueError, match="none of them 'instance'"):
        make(static_covariates=["instance"]).fit(y, X[["speed"]], fh=FH)
