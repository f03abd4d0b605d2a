"""Time and memory of an exact fit beside what its arithmetic alone would take.

Products and factorisations of matrices, and Fourier transforms, are counted as they are called in a
fit; at the rate at which this machine multiplies large matrices in float64 they would take so long.
What a fit takes beyond that is everything else: memory traffic, small matrices, Python, the host.
Each fit runs in a process of its own::

    python -m benchmarks.solver limits --threads 1
"""

import json
import math
import sys
from collections.abc import Callable
from typing import Any

import pandas as pd
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from benchmarks import command_line
from benchmarks.markdown import markdown
from benchmarks.processes import in_own_process, memory, peak_memory
from benchmarks.solver.channels import made_channels
from benchmarks.solver.fits import ONE_SETTING
from benchmarks.timing import least, timed
from hyperforecast.darts import HNMVTSModel

MODULE = "benchmarks.solver.limits"

LOOKBACKS, CHANNELS = (96, 192, 384, 768, 1536, 2048), (7, 21, 64, 200, 632, 2000)

DIM_OF_LOOKBACKS, DIM_OF_CHANNELS = 2, 4
"""Length of the vectors."""

HORIZON, N_ROWS = 24, 8000


def _product(*of: Tensor) -> float:
    """Of matrices (..., m, k) and (..., k, n)."""
    first, second = of
    return 2.0 * first.numel() * second.shape[-1]


def _each(per_matrix: Callable[[int], float]) -> Callable[..., float]:
    """Of square matrices (..., n, n), by what one takes."""
    return lambda matrix, *_: per_matrix(matrix.shape[-1]) * math.prod(matrix.shape[:-2])


def _triangular(matrix: Tensor, right: Tensor) -> float:
    """Of a triangular matrix and right-hand sides (..., n, m)."""
    return float(right.numel()) * matrix.shape[-1]


def _transform(values: Tensor, *_: Any) -> float:
    """Of a Fourier transform along the last axis."""
    return 2.5 * values.numel() * math.log2(max(2, values.shape[-1]))


COUNTED: dict[str, Callable[..., float]] = {
    "mm": _product,
    "bmm": _product,
    "addmm": lambda _, *matrices: _product(*matrices),
    "baddbmm": lambda _, *matrices: _product(*matrices),
    "linalg_cholesky_ex": _each(lambda n: n**3 / 3),
    "linalg_solve_triangular": _triangular,
    "cholesky_solve": lambda right, matrix: 2 * _triangular(matrix, right),
    "cholesky_inverse": _each(lambda n: 2 * n**3 / 3),
    "_linalg_eigh": _each(lambda n: 9.0 * n**3),
    "_linalg_svd": _each(lambda n: 22.0 * n**3),
    "_linalg_solve_ex": _each(lambda n: 2 * n**3 / 3),
    "_fft_r2c": _transform,
    "_fft_c2r": _transform,
    "_fft_c2c": _transform,
}
"""Floating-point operations of what is called, by its name in torch (Golub & Van Loan)."""


class ArithmeticCount(TorchDispatchMode):
    """Adds up floating-point operations of what is called.

    Attributes
    ----------
    total : float
    """

    def __init__(self) -> None:
        super().__init__()
        self.total = 0.0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None
    ) -> Any:
        """Count a call, and make it."""
        name = func.overloadpacket.__name__
        count = COUNTED.get(name.removesuffix("_"), COUNTED.get(name))
        if count is not None:
            self.total += count(*(one for one in args if isinstance(one, Tensor)))
        return func(*args, **(kwargs or {}))


def rate(size: int = 1536, repetitions: int = 5) -> float:
    """Return how many operations a second a product of large matrices in float64 makes."""
    matrix = torch.ones(size, size, dtype=torch.float64)
    times = [timed(lambda: matrix @ matrix)[1] for _ in range(repetitions)]
    return 2 * size**3 / least(times).processor


def limits() -> None:
    """Print the tables, one against the lookback and one against the number of channels."""
    cases = {
        "lookback": [(lookback, 7, DIM_OF_LOOKBACKS) for lookback in LOOKBACKS],
        "channels": [(96, count, DIM_OF_CHANNELS) for count in CHANNELS],
    }
    for what, sizes in cases.items():
        rows = []
        for lookback, count, dim in sizes:
            found = in_own_process(MODULE, lookback, count, dim)
            needed = found["operations"] / found["rate"]
            rows.append(
                {
                    "lookback": lookback,
                    "channels": count,
                    "d": dim,
                    "processor seconds": found["processor seconds"],
                    "of arithmetic": needed,
                    "times": found["processor seconds"] / needed,
                    "MB": found["bytes"] / 2**20,
                }
            )
        print(f"\nagainst the {what}, at {found['rate'] / 1e9:.0f} GFLOP/s\n")
        print(markdown(pd.DataFrame(rows), digits=3), flush=True)


def measure(lookback: int, n_channels: int, dim: int) -> dict[str, float]:
    """Return what a fit takes: least processor seconds of two, operations, and memory."""
    series = made_channels(N_ROWS, n_channels)

    def fit() -> None:
        HNMVTSModel(
            lookback, HORIZON, channel_embedding_dim=dim, solver="exact", solver_kwargs=ONE_SETTING
        ).fit(series)

    HNMVTSModel(8, 2, solver="exact").fit(made_channels(100, 2))  # loads what is needed
    before = memory()
    times = [timed(fit)[1] for _ in range(2)]
    taken = peak_memory() - before
    with ArithmeticCount() as count:
        fit()
    return {
        "processor seconds": least(times).processor,
        "operations": count.total,
        "rate": rate(),
        "bytes": taken,
    }


if __name__ == "__main__":
    torch.set_num_threads(1)
    command_line.silence()
    print(json.dumps(measure(*map(int, sys.argv[1:]))))
