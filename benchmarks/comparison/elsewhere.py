"""What runs in an environment of its own, because this package does not depend on it.

``make comparison-environment`` makes the environment. A process of it reads the task from a file,
measures as everybody is measured, and prints the row::

    .venv-comparison/bin/python -m benchmarks.comparison.elsewhere task.npz NHITS
"""

import json
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from benchmarks.comparison.measuring import Estimator, Fitted, measure
from benchmarks.comparison.tasks import Task
from benchmarks.processes import in_own_process
from benchmarks.runs import Row

PYTHON = Path(__file__).parents[2] / ".venv-comparison" / "bin" / "python"

NEURALFORECAST, STATSFORECAST, LIGHTGBM = "NeuralForecast", "StatsForecast", "LightGBM, by Darts"

Options = Mapping[str, Any]

SCALED: tuple[Options, ...] = ({"scaler_type": "identity"}, {"scaler_type": "standard"})
RATES: tuple[Options, ...] = ({"learning_rate": 1e-3}, {"learning_rate": 3e-4})


def _neural(
    name: str, grid: tuple[Options, ...], *, knows: bool = False, **arguments: Any
) -> Estimator:
    def fit(task: Task, **options: Any) -> Fitted:
        from benchmarks.comparison.neural import fit_network

        return fit_network(name, task, **arguments, **options)

    return Estimator(NEURALFORECAST, fit, grid, by_gradients=True, knows=knows)


def _statistical(name: str) -> Callable[[Task], Fitted]:
    def fit(task: Task) -> Fitted:
        from benchmarks.comparison.statistical import fit_by_series

        return fit_by_series(name, task)

    return fit


def _boosted(task: Task, **options: Any) -> Fitted:
    from benchmarks.comparison.boosting import fit_trees

    return fit_trees(task, **options)


# widths of the papers' own for ETTh1, where NeuralForecast's default allows a handful of steps
ESTIMATORS: dict[str, Estimator] = {
    "LightGBMModel": Estimator(
        LIGHTGBM,
        _boosted,
        (
            {"n_estimators": 100, "learning_rate": 0.1},
            {"n_estimators": 300, "learning_rate": 0.03},
        ),
        knows=True,
    ),
    "AutoTheta": Estimator(STATSFORECAST, _statistical("AutoTheta")),
    "AutoETS": Estimator(STATSFORECAST, _statistical("AutoETS")),
    "MSTL": Estimator(STATSFORECAST, _statistical("MSTL")),
    "DLinear": _neural("DLinear", SCALED, learning_rate=1e-3),
    "NHITS": _neural("NHITS", SCALED, knows=True),
    "PatchTST": _neural("PatchTST", RATES, hidden_size=16, n_heads=4, linear_hidden_size=128),
    "iTransformer": _neural("iTransformer", RATES, hidden_size=128, d_ff=128),
    "TSMixerx": _neural("TSMixerx", RATES, knows=True),
}
"""By name."""


def measure_elsewhere(name: str, task: Task) -> Row:
    """Measure an estimator in a process of its environment."""
    if not PYTHON.exists():
        raise FileNotFoundError(
            f"{name} runs in an environment of its own, and there is none at {PYTHON}: make it by "
            "`make comparison-environment`, or name other --estimators."
        )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "task.npz"
        task.save(path)
        return in_own_process("benchmarks.comparison.elsewhere", path, name, python=PYTHON)


if __name__ == "__main__":
    torch.set_num_threads(1)
    row = measure(ESTIMATORS[sys.argv[2]], Task.read(Path(sys.argv[1])))
    print()
    print(json.dumps(row))
