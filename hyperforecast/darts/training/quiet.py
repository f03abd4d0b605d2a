"""Lightning without banners."""

import logging
import threading
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
    r".*You have overridden `transfer_batch_to_device` in `LightningModule`.*",
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
        with _no_hints():
            yield
    finally:
        for logger in loggers:
            logger.removeFilter(is_error)


_mutex = threading.Lock()
_kept: list[warnings.catch_warnings] = []
_n_users = 0


@contextmanager
def _no_hints() -> Iterator[None]:
    """Ignore Lightning's hints until the last of all threads that asked for it leaves.

    A process has one list of filters: a thread that put back its own would take those of others
    away, or leave them for good.
    """
    global _n_users
    with _mutex:
        if _n_users == 0:
            _kept.append(warnings.catch_warnings())
            _kept[0].__enter__()
            for message in _WARNINGS:
                warnings.filterwarnings("ignore", message=message)
        _n_users += 1
    try:
        yield
    finally:
        with _mutex:
            _n_users -= 1
            if _n_users == 0:
                _kept.pop().__exit__(None, None, None)
