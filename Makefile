# Needs Python 3.11 or later, make and git; everything else is installed into .venv, pinned by hash.
.DEFAULT_GOAL := help
.PHONY: help demo dev test check fuzz faults bench lock docs format clean

PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PIP := $(BIN)/python -m pip -qq --disable-pip-version-check
WORKERS ?= 2

help: ## Show what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(READY) ## Show the whole chain on a city of its own making, then serve it (ARGS=--no-serve ends there)
	$(BIN)/anshao demo $(ARGS)

dev: $(READY) ## Serve on 127.0.0.1:8000 and reload when the code changes
	$(BIN)/anshao migrate
	$(BIN)/uvicorn app.serving:served_app --factory --reload --reload-dir app --no-access-log

test: $(READY) ## Run the tests, two processes side by side (ARGS="tests/hazards -k order", WORKERS=4)
	$(BIN)/python -m pytest -n $(WORKERS) $(ARGS)

check: $(READY) ## Judge style, types, layers, migrations and the generated documents; changes nothing
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python -m pytest tests/migrations
	$(BIN)/python docs/generate.py --check

fuzz: $(READY) ## Try every property and every operation with many new examples; none may end in a defect (takes hours)
	$(BIN)/python -m pytest -n $(WORKERS) -m hypothesis --hypothesis-profile=thorough $(ARGS)

faults: $(READY) ## Kill, cut and fill everything while phones send; nothing acknowledged may be lost (ARGS="--seed 7 --minutes 30")
	$(BIN)/python -m tests.faults $(ARGS)

bench: $(READY) ## Measure submissions and write docs/benchmarks.md (takes minutes; ARGS=--help)
	$(BIN)/python -m benchmarks $(ARGS)

lock: $(READY) ## Pin the newest allowed dependencies, with hashes and without any host
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --upgrade \
		--output-file requirements.lock pyproject.toml
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --upgrade \
		--extra dev --output-file requirements-dev.lock --constraint requirements.lock pyproject.toml

docs: $(READY) ## Write the generated documents anew: map, rules, clocks, errors, settings, permissions, workflows
	$(BIN)/python docs/generate.py

format: $(READY) ## Let ruff mend what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean: ## Remove what can be made again; the data in var/ stays
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis dist

# Made once, and again when the locked versions or the package's own description change.
$(READY): requirements-dev.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11 or later is needed: make PYTHON=/path/to/python3" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
		echo "python -m venv failed; on Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	@echo "Installing into $(VENV): a minute or two, once"
	@$(PIP) install --require-hashes --requirement requirements-dev.lock
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $(READY)
