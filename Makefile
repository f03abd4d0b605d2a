# `make demo` and `make test` need Python >= 3.11 and make; everything else is installed here.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: demo test lint test-slow test-mutations test-fuzz test-darts clean

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

clean:
	rm -rf $(VENV) demo-output

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "hyperforecast needs Python >= 3.11; name one with make PYTHON=...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	touch $@
