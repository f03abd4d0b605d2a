"""The example of four sites that share a generator runs, and it pays there."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "federated_gradients.py"


@pytest.mark.slow
def test_sites_forecast_better_together_than_alone_or_by_one_network_for_all() -> None:
    done = subprocess.run([sys.executable, EXAMPLE], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    errors = {name: float(value) for name, value in re.findall(r"(\w+): (\S+)", done.stdout)}
    assert errors["together"] < 0.95 * errors["alone"]
    assert errors["together"] < 0.95 * errors["pooled"]
