"""Lightning without banners."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

_LOGGERS = (
    "pytorch_lightning",
    "pytorch_lightning.utilities.rank_zero",
    "lightning.pytorch.utilities.rank_zero",
    "lightning_fabric.utilities.rank_zero",
)
_WARNINGS = (
    r".*treespec, LeafSpec.*",
    r".*Total length of `list` across ranks is zero.*",
    r".*'pin_memory' argument is set as true but no accelerator.*",
    r".*does not have many workers which may be a bottleneck.*",
    r".*You defined a `validation_step` but have no `val_dataloader`.*",
    r".*The number of training batches .* is smaller than the logging interval.*",
    r".*Checkpoint directory .* exists and is not empty.*",
    # of weights that are solved for
    r".*`training_step` returned `None`.*",
    r".*Trying to infer the `batch_size` from an ambiguous collection.*",
)


@contextmanager
def quiet_lightning(quiet: bool = True) -> Iterator[None]:
    """Keep what Lightning says of its hardware, plans and tips off the terminal.

    Errors, and warnings of other origin, come through.
    """
    if not quiet:
        yield
        return

    # one for each call, so that calls nest
    def is_error(record: logging.LogRecord) -> bool:
        return record.levelno >= logging.ERROR

    loggers = [logging.getLogger(name) for name in _LOGGERS]
    for logger in loggers:
        # not by level: changing one clears the caches of every logger in the process
        logger.addFilter(is_error)
    try:
        with warnings.catch_warnings():
            for message in _WARNINGS:
                warnings.filterwarnings("ignore", message=message)
            yield
    finally:
        for logger in loggers:
            logger.removeFilter(is_error)
