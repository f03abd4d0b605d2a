"""Run Darts' own test modules with a model of this package in the place of DLinearModel.

    python tests/upstream/run_darts_modules.py path/to/darts

``path/to/darts`` is a checkout of Darts' repository: its tests and its data sets are used where
they lie, with the installed Darts. Each module runs once for DLinearModel itself and once for each
model of ours; the tests lost are those that DLinearModel passes and ours does not. The exchange is
made by the pytest plugin ``darts_standin``, found in the folder that ``DARTS_STANDIN`` names.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[2]
STANDIN = ROOT.parent / "shared" / "tools"
MODULES = (
    "test_global_forecasting_models",
    "test_ptl_trainer",
    "test_probabilistic_models",
    "test_torch_forecasting_model",
)
MODELS = (
    "HNMVTSModel",
    "LightSAEModel",
    "MoLAModel",
    "HyperLSTMModel",
    "HyperTCNModel",
    "HyperTransformerModel",
    "BackboneModel",
    "HyperModel",
)
THEIRS = "DLinearModel"


def run_in_this_process(checkout: Path, module: str, outcomes: Path) -> None:
    """Run one module and write the outcome of each of its tests."""
    import shutil

    import darts
    import pytest
    from darts.datasets.dataset_loaders import DatasetLoader

    def from_checkout(loader: DatasetLoader) -> None:
        loader._root_path.mkdir(parents=True, exist_ok=True)
        name = loader._metadata.uri.rsplit("/", 1)[-1]
        shutil.copy(checkout / "datasets" / name, loader._get_path_dataset())

    class Recorder:
        def __init__(self) -> None:
            self.outcomes: dict[str, str] = {}

        def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
            name = report.nodeid.split("::", 1)[-1]
            if report.when == "call" or report.outcome != "passed":
                self.outcomes[name] = report.outcome

    darts.__path__.append(str(checkout / "darts"))
    DatasetLoader._download_dataset = from_checkout
    tests = checkout / "darts" / "tests"
    recorder = Recorder()
    with tempfile.TemporaryDirectory() as data:
        DatasetLoader._DEFAULT_DIRECTORY = Path(data)
        plugins = ["-p", "darts_standin"] if "STANDIN" in os.environ else []
        pytest.main(
            [
                *("-q", "--tb=short", "-p", "no:cacheprovider", "-c", os.devnull),
                *("--rootdir", str(tests), "--confcutdir", str(tests), *plugins),
                *sys.argv[5:],
                str(tests / "models" / "forecasting" / f"{module}.py"),
            ],
            plugins=[recorder],
        )
    outcomes.write_text(json.dumps(recorder.outcomes))


def outcomes_of(checkout: Path, module: str, model: str | None, logs: Path) -> dict[str, str]:
    """Run one module in a process of its own, its output into a file below ``logs``."""
    standin = os.environ.get("DARTS_STANDIN", str(STANDIN))
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    if model is not None:
        environment["STANDIN"] = f"hyperforecast.darts:{model}"
        environment["PYTHONPATH"] = os.pathsep.join(
            filter(None, [standin, os.environ.get("PYTHONPATH")])
        )
    name = f"{module}-{model or THEIRS}"
    result = logs / f"{name}.json"
    result.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory() as cwd, open(logs / f"{name}.log", "w") as log:
        subprocess.run(
            [sys.executable, __file__, "--one", str(checkout), module, str(result)],
            cwd=cwd,
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
            check=False,
        )
    found = json.loads(result.read_text()) if result.exists() else {}
    if not found:
        raise SystemExit(f"{name} did not run; see {logs / name}.log")
    # a parameter's name in a test's name is that of the class
    return {re.sub(rf"\b{model}\b", THEIRS, test): outcome for test, outcome in found.items()}


def main() -> int:
    """Run all modules and print the tests lost."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("checkout", type=Path, help="a checkout of Darts' repository")
    parser.add_argument("--models", nargs="+", default=MODELS)
    parser.add_argument("--modules", nargs="+", default=MODULES)
    parser.add_argument("--logs", type=Path, help="folder for the output of each run")
    parser.add_argument("--reuse", action="store_true", help="keep DLinearModel's earlier outcomes")
    options = parser.parse_args()
    checkout = options.checkout.resolve()
    if not (checkout / "darts" / "tests").is_dir():
        parser.error(f"{checkout} holds no folder darts/tests; give a checkout of Darts.")
    logs = options.logs or Path(tempfile.mkdtemp(prefix="darts-modules-"))
    logs.mkdir(parents=True, exist_ok=True)

    lost_any = False
    for module in options.modules:
        kept = logs / f"{module}-{THEIRS}.json"
        if options.reuse and kept.exists():
            theirs = json.loads(kept.read_text())
        else:
            theirs = outcomes_of(checkout, module, None, logs)
        print(f"{module}: {THEIRS} {dict(Counter(theirs.values()))}", flush=True)
        for model in options.models:
            ours = outcomes_of(checkout, module, model, logs)
            lost = sorted(
                test
                for test, outcome in theirs.items()
                if outcome == "passed" and ours.get(test) != "passed"
            )
            lost_any |= bool(lost)
            print(f"  {model}: {dict(Counter(ours.values()))}, lost {len(lost)}", flush=True)
            for test in lost:
                print(f"    {test}", flush=True)
    print(f"output of each run: {logs}")
    return int(lost_any)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        import torch

        torch.set_num_threads(1)
        run_in_this_process(Path(sys.argv[2]), sys.argv[3], Path(sys.argv[4]))
    else:
        sys.exit(main())
