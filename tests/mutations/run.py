"""Put small errors into the exact solver, one at a time, and see whether its tests notice.

    python tests/mutations/run.py
    python tests/mutations/run.py "no second climb" "blocks and channels"

Each error is made in a copy of the package in a temporary folder, and the solver's tests are run
there until one fails. The exit status is 0 if all errors were noticed, 1 if one was not, and 2 if
the copy does not pass its tests before, or an error has no place to be put.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from exact_solver import MUTATIONS
from mutation import Mutation

ROOT = Path(__file__).parents[2]
COPIED = ("hyperforecast", "benchmarks", "tests/nn/exact", "tests/conftest.py", "pyproject.toml")
TESTS = "tests/nn/exact"


def copy_to(folder: Path) -> None:
    """Copy the package, and the tests of the solver."""
    for name in COPIED:
        source, target = ROOT / name, folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)


def first_failure(folder: Path, *tests: str | Path, limit: float | None = None) -> str | None:
    """Run tests in a folder; return what fails first, or ``None`` if nothing does."""
    # bytecode is told apart by a file's size and second of change, which a mutation may leave
    environment = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-n", "0", "-p", "no:cacheprovider"]
    try:
        done = subprocess.run(
            [*command, *tests],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=limit,
        )
    except subprocess.TimeoutExpired:
        return f"no end after {limit:.0f} s"
    if done.returncode == 0:
        return None
    failed = re.search(r"^(?:FAILED|ERROR) (\S+)", done.stdout, re.MULTILINE)
    if failed is None:
        raise RuntimeError(f"pytest did not run:\n{done.stdout}\n{done.stderr}")
    return failed[1].removeprefix(f"{TESTS}/")


def killer(folder: Path, mutation: Mutation, limit: float) -> str | None:
    """Return the test that notices a mutation, those of the mutated file first."""
    path = folder / mutation.file
    original = path.read_text()
    path.write_text(mutation.of(folder))
    own = sorted((folder / TESTS).glob(f"test_{path.stem}*.py"))
    try:
        failed = first_failure(folder, *own, limit=limit) if own else None
        return failed or first_failure(folder, TESTS, limit=limit)
    finally:
        path.write_text(original)


def main() -> int:
    """Run all mutations, or those named, and say which survived."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("names", nargs="*", help="mutations to run; all if none is named")
    names = parser.parse_args().names
    known = [mutation.name for mutation in MUTATIONS]
    if unknown := [name for name in names if name not in known]:
        parser.error(f"no mutation is named {unknown}; choose from {known}")
    chosen = [one for one in MUTATIONS if not names or one.name in names]
    survived = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        copy_to(folder)
        try:
            for one in chosen:
                one.of(folder)
        except LookupError as error:
            print(error)
            return 2
        start = time.monotonic()
        failed = first_failure(folder, TESTS)
        if failed is not None:
            print(f"The tests fail before anything is mutated: {failed}")
            return 2
        limit = 60 + 10 * (time.monotonic() - start)
        for one in chosen:
            failed = killer(folder, one, limit)
            if failed is None:
                survived.append(one.name)
            print(f"{'SURVIVED' if failed is None else 'died'}: {one.name} ({failed})", flush=True)
    print(f"{len(chosen) - len(survived)} of {len(chosen)} mutations died.")
    for name in survived:
        print(f"Survived: {name}")
    return 1 if survived else 0


if __name__ == "__main__":
    sys.exit(main())
