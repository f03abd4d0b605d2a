"""The backbone that only the comparison of hypernetworks has."""

import pytest

from benchmarks.hypernetworks.one_kernel import ONE_KERNEL, OneKernelTCN
from hyperforecast.nn import BACKBONES


@pytest.fixture(autouse=True)
def one_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    """Register it for a test."""
    monkeypatch.setitem(BACKBONES, ONE_KERNEL, OneKernelTCN)
