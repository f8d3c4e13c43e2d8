# The two commands that matter: `make test` and `make demo`. Everything else is for developers.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Tests mostly wait for brokers. Each worker has brokers of its own, about 150 MB each.
WORKERS ?= 3

.PHONY: test check demo bench sweep format schemas brokers-down clean

test: $(VENV)/ready  ## all tests, against real brokers of three generations
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile

check: $(VENV)/ready  ## format, lint, types: fast
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

demo: $(VENV)/ready  ## two real clusters brought in line with one repository
	$(BIN)/python -m tests.demo

bench: $(VENV)/ready  ## the table of speed, as ratios
	$(BIN)/python -m pip install --quiet --editable '.[bench]'
	$(BIN)/python -m bench

sweep: $(VENV)/ready  ## every request of every sort of run disturbed in every way: hours
	$(BIN)/python -m tests.sweep
	RMQSYNC_SWEEP_NODES=all $(BIN)/python -m pytest tests/sweep/test_nodes.py

format: $(VENV)/ready
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

schemas: $(VENV)/ready
	$(BIN)/rmqsync schema --write schemas

brokers-down:  ## end every broker that tests or people started
	$(PYTHON) -m tests.brokers down --all

clean: brokers-down
	rm -rf $(VENV) build dist *.egg-info

$(VENV)/ready: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "rmqsync needs Python 3.11 or newer, this is " + sys.version.split()[0] + "; name another with PYTHON=")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $@
