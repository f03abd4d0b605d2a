"""Measurements in processes of their own, whose peak memory is that of all they did."""

import json
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

STATUS = Path("/proc/self/status")
"""Where Linux says what a process takes."""


def in_own_process(
    module: str, *arguments: object, python: str | Path = sys.executable
) -> dict[str, Any]:
    """Run ``python -m module arguments`` and read the JSON in its last line."""
    done = subprocess.run(
        [str(python), "-m", module, *map(str, arguments)],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


def peak_memory() -> int:
    """Return the most bytes of memory that this process had so far."""
    if STATUS.exists():  # what the system calls maximal counts the process that began this one
        return _status("VmHWM")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak * (1 if sys.platform == "darwin" else 1024)  # bytes or kilobytes


def memory() -> int:
    """Return the bytes of memory that this process has now, or had where that is not known."""
    return _status("VmRSS") if STATUS.exists() else peak_memory()


def _status(name: str) -> int:
    (line,) = (line for line in STATUS.read_text().splitlines() if line.startswith(name))
    return 1024 * int(line.split()[1])  # kilobytes
