"""The lookback that forecasts rows held out of the training best."""

from collections.abc import Sequence

import pandas as pd

from hyperforecast.demo.report import Say
from hyperforecast.diagnosis.standardise import to_darts


def choose_lookback(
    training: pd.DataFrame, horizon: int, lookbacks: Sequence[int], say: Say
) -> int:
    """Return the lookback with which the plain backbone forecasts the last third best."""
    if len(lookbacks) == 1:
        return lookbacks[0]
    from hyperforecast.darts import BackboneModel

    series = to_darts(training, training)
    held_out = len(training) // 3
    first = len(training) - held_out
    validation: dict[int, float] = {}
    for lookback in lookbacks:
        model = BackboneModel(lookback, horizon, solver="exact", n_factors=0)
        model.fit(series[:first], val_series=series[first - lookback :])
        report = model.solver_report
        assert report is not None
        validation[lookback] = float(report[report["chosen"]]["validation_mse"].iloc[-1])
    best = min(validation, key=validation.__getitem__)
    tried = ", ".join(f"{length}: {error:.3f}" for length, error in validation.items())
    say(f"lookback {best}, by the MSE on the last third of the training rows ({tried})")
    return best
