"""Measurements in processes of their own."""

import sys

import numpy as np
import pytest

from benchmarks.processes import memory, peak_memory


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says what memory a process has now")
def test_memory_that_was_given_back_counts_in_the_peak_alone() -> None:
    before = memory()
    values = np.ones(2**25)  # 256 MB
    grown = memory()
    assert grown - before > 0.9 * values.nbytes
    del values
    assert memory() < grown - 2**27
    assert peak_memory() - before > 0.9 * 2**28
