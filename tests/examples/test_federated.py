"""The example of four processes runs, and says that they solved for the pooled fit."""

import re
import subprocess
import sys
from pathlib import Path

EXAMPLE = Path(__file__).parents[2] / "examples" / "federated.py"


def test_four_processes_solve_for_what_one_would() -> None:
    done = subprocess.run([sys.executable, EXAMPLE], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = re.findall(r"site \d: weights differ by (\S+) from", done.stdout)
    assert len(found) == 4
    assert max(map(float, found)) < 1e-8
