"""Measurements in processes of their own, whose peak memory is that of all they did."""

import json
import resource
import subprocess
import sys
from typing import Any


def in_own_process(module: str, *arguments: object) -> dict[str, Any]:
    """Run ``python -m module arguments`` and read the JSON in its last line."""
    done = subprocess.run(
        [sys.executable, "-m", module, *map(str, arguments)],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


def peak_memory() -> int:
    """Return the most bytes of memory that this process had so far."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak * (1 if sys.platform == "darwin" else 1024)  # bytes or kilobytes
