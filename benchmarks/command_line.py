"""What the command lines of the benchmarks have in common."""

import argparse
import logging

from benchmarks.protocol import DATA_VARIABLE

LOGGERS = ("pytorch_lightning", "darts", "hyperforecast")
"""Those that speak between the rows of a table."""


def silence() -> None:
    """Let loggers speak of errors alone."""
    for name in LOGGERS:
        logging.getLogger(name).setLevel(logging.ERROR)


def parser(
    name: str, text: str | None, *, folder: bool = False, threads: int | None = None
) -> argparse.ArgumentParser:
    """Return a parser whose help is a module's docstring.

    Parameters
    ----------
    name : str
        What follows ``python -m``.
    text : str
    folder : bool, default=False
        Whether there is an option ``--folder``, of the data sets.
    threads : int, optional
        Default of an option ``--threads``; without it there is none.
    """
    made = argparse.ArgumentParser(
        prog=f"python -m {name}",
        description=text,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    if folder:
        made.add_argument(
            "--folder", help=f"data folder (default: ${DATA_VARIABLE}, or ../shared/data)"
        )
    if threads is not None:
        made.add_argument("--threads", type=int, default=threads, help="of torch")
    return made
