# `make demo` and `make test` need Python >= 3.11 and make; everything else is installed here.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
OLDEST := .venv-oldest
TOOLS := .venv-tools
WHEEL := .venv-wheel
RIVALS := .venv-comparison

.PHONY: demo test lint test-slow test-mutations test-fuzz test-darts test-tools test-oldest
.PHONY: test-wheel comparison comparison-environment clean

demo: $(STAMP)
	$(BIN)/python -m hyperforecast.demo $(if $(CSV),--csv "$(CSV)") $(if $(H),--horizon $(H)) $(if $(L),--lookback $(L)) $(DEMO_ARGS)

test: lint
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "not slow"

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

test-slow: $(STAMP)
	$(BIN)/python -m pytest -m slow

# small errors put into the exact solver one at a time, each of which its tests have to notice
test-mutations: $(STAMP)
	$(BIN)/python tests/mutations/run.py

# some 3,000 generated inputs and options; FUZZ_SEED=1 makes others, FUZZ_LOG=path names a file
# for those that ended in an error or wrong
test-fuzz: $(STAMP)
	FUZZ=$(or $(FUZZ),4) $(BIN)/python -m pytest -q tests/fuzz

# Darts' own test modules with our models in the place of DLinearModel; DARTS_TESTS is a checkout
# of Darts' repository
test-darts: $(STAMP)
	$(BIN)/python tests/upstream/run_darts_modules.py $(or $(DARTS_TESTS),$(error name a checkout of Darts: make test-darts DARTS_TESTS=path))

# the tools of docs/tools.md, with those that need Optuna, MLflow, dask, ray or TensorBoard
test-tools: $(TOOLS)/.installed
	$(TOOLS)/bin/python -m pytest tests/hosts/darts/test_tools.py tests/hosts/sktime/test_tools.py tests/hosts/sktime/test_threads.py tests/hosts/darts/solving/test_solved_epoch.py

$(TOOLS)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(TOOLS)
	$(TOOLS)/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[tools]'
	touch $@

# all tests but the slow ones, with the oldest versions that pyproject.toml allows
test-oldest: $(OLDEST)/.installed
	$(OLDEST)/bin/python -m pytest -n 2 --dist worksteal -m "not slow"

$(OLDEST)/.installed: pyproject.toml tests/oldest_versions.py
	$(PYTHON) -m venv $(OLDEST)
	$(OLDEST)/bin/python tests/oldest_versions.py > $(OLDEST)/constraints.txt
	$(OLDEST)/bin/python -m pip install --quiet --disable-pip-version-check --constraint $(OLDEST)/constraints.txt --editable '.[plotting,onnx]' 'statsmodels>=0.14' pytest pytest-xdist hypothesis
	touch $@

# a wheel in an empty environment, without the extras: both hosts fit and forecast
test-wheel:
	rm -rf $(WHEEL) build/wheel
	$(PYTHON) -m venv $(WHEEL)
	$(WHEEL)/bin/python -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir build/wheel .
	$(WHEEL)/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt build/wheel/*.whl
	cd build/wheel && ../../$(WHEEL)/bin/python ../../tests/smoke.py

# our models beside those of other packages, hours of one core; what is finished is not run again
comparison: $(STAMP) $(RIVALS)/.installed
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.comparison --page

comparison-environment: $(RIVALS)/.installed

$(RIVALS)/.installed: benchmarks/comparison/requirements.txt constraints.txt
	$(PYTHON) -m venv $(RIVALS)
	$(RIVALS)/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --requirement benchmarks/comparison/requirements.txt
	touch $@

clean:
	rm -rf $(VENV) $(OLDEST) $(TOOLS) $(WHEEL) $(RIVALS) build demo-output

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "hyperforecast needs Python >= 3.11; name one with make PYTHON=...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	touch $@
