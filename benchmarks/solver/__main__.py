"""The exact solver: its speed against gradients, its accuracy, and how it scales.

Times are of whole fits, the choice of every setting included: wall-clock seconds, and the processor
seconds of all threads, which other work on the machine disturbs less. Without a name all tables are
made::

    python -m benchmarks.solver
    python -m benchmarks.solver speed --data weather
    python -m benchmarks.solver horizons --data ETTh1 weather exchange_rate

The tables are ``speed`` (the exact solver, the same model trained by Adam, and linear models of
both hosts), ``accuracy`` (at 96, 192, 336 and 720 steps, beside what is published; rows that the
results file has are not made again), ``ablation`` (each step of the solver on and off, likewise),
``held-out`` (which held-out rows choose best, likewise), ``periods`` (cycles of day and week,
likewise), ``electricity`` (prices a day ahead with what is known by then, likewise),
``horizons`` (accuracy at the lookbacks of the speed table), ``channels`` (time against the
number of channels), ``embedding`` (learned embeddings), ``coverage`` (of intervals; rows that the
results files have are not made again), ``grid`` (grid searches of both hosts), ``memory`` (memory
against its bound, and the time of RevIN against that of ``last``), ``limits`` (time and memory
beside what the arithmetic alone would take) and ``retraining`` (backtests that train at every
step).
"""

from collections.abc import Sequence

import torch

from benchmarks import command_line
from benchmarks.solver.ablation import ablation
from benchmarks.solver.channels import channels
from benchmarks.solver.coverage import WINDOWS as COVERED
from benchmarks.solver.coverage import coverage
from benchmarks.solver.electricity import electricity
from benchmarks.solver.embedding import embedding
from benchmarks.solver.fits import WINDOWS
from benchmarks.solver.grid import grid
from benchmarks.solver.held_out import held_out
from benchmarks.solver.horizons import HORIZONS, horizons
from benchmarks.solver.limits import limits
from benchmarks.solver.memory import memory
from benchmarks.solver.periods import DAYS, periods
from benchmarks.solver.published import accuracy
from benchmarks.solver.retraining import retraining
from benchmarks.solver.speed import speed

TABLES = (
    "speed",
    "accuracy",
    "ablation",
    "held-out",
    "periods",
    "electricity",
    "horizons",
    "channels",
    "embedding",
    "coverage",
    "grid",
    "memory",
    "limits",
    "retraining",
)

MADE_ONCE = {"accuracy": accuracy, "ablation": ablation, "held-out": held_out}
"""Tables of data sets and horizons whose rows are not made again."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Make the tables asked for."""
    parser = command_line.parser("benchmarks.solver", __doc__, folder=True, threads=2)
    parser.add_argument("tables", nargs="*", help=f"which tables to make: {', '.join(TABLES)}")
    parser.add_argument("--data", nargs="+", help="data sets of speed, horizons, coverage")
    parser.add_argument("--patience", type=int, default=5, help="epochs without a lower loss")
    parser.add_argument("--repetitions", type=int, default=3, help="of each exact fit")
    parser.add_argument("--horizons", nargs="+", type=int, default=HORIZONS)
    parser.add_argument("--counts", nargs="+", type=int, default=[21, 64, 200, 632, 2000])
    parser.add_argument("--draws", type=int, default=200, help="made series for each length")
    parser.add_argument("--rows", type=int, default=4000, help="of the made channels")
    given = parser.parse_args(arguments)
    unknown = set(given.tables) - set(TABLES)
    if unknown:
        parser.error(f"no table {', '.join(sorted(unknown))}; there are: {', '.join(TABLES)}")
    torch.set_num_threads(given.threads)
    command_line.silence()

    for table in given.tables or TABLES:
        print(f"\n{table}, {given.threads} thread(s)\n", flush=True)
        if table == "speed":
            speed(given.data or list(WINDOWS), given.folder, given.patience, given.repetitions)
        elif table == "horizons":
            names = given.data or ["ETTh1", "weather", "exchange_rate"]
            horizons(names, given.folder, given.horizons)
        elif table in MADE_ONCE:
            names = given.data or ["ETTh1", "ETTm1", "weather", "exchange_rate", "los_speed"]
            MADE_ONCE[table](names, given.folder, given.horizons)
        elif table == "periods":
            periods(given.data or list(DAYS), given.folder)
        elif table == "electricity":
            electricity(given.data or ["epf_np", "epf_pjm"], given.folder)
        elif table == "channels":
            channels(given.counts, given.rows, given.repetitions)
        elif table == "embedding":
            embedding(given.folder)
        elif table == "coverage":
            coverage(given.data or list(COVERED), given.folder, given.draws)
        elif table == "retraining":
            retraining(given.data or ["ETTh1"], given.folder, given.repetitions)
        elif table == "grid":
            grid(given.folder)
        elif table == "limits":
            limits()
        else:
            memory(given.repetitions)


if __name__ == "__main__":
    main()
