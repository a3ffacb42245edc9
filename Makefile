# `make` prints the menu. ARGS is handed on: make demo ARGS="--for 30s --json"
SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules
# Where Debian keeps mosquitto, and not everybody's PATH goes.
export PATH := $(PATH):/usr/sbin

VENV := .venv
# Bytecode is kept even where the environment says not to: compiling and rewriting all tests anew takes as long as running them.
export PYTHONDONTWRITEBYTECODE :=
export PYTHONPYCACHEPREFIX := $(CURDIR)/$(VENV)/pycache
# Compiling what is never imported would take half of the time.
PIP := $(VENV)/bin/python -m pip --disable-pip-version-check install -qq --no-compile
PYTEST := $(VENV)/bin/python -m pytest
# pytest's exit code where ARGS leaves no test of this half.
NONE := 5
COMPILE := $(VENV)/bin/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 \
	--fork-strategy fewest --no-annotate --no-emit-index-url --no-emit-find-links \
	--custom-compile-command "make lock" pyproject.toml --extra demo --group build

# Stamps: what stands in .venv, each remade when what it was made from changes.
MADE := $(VENV)/.made
LOCKED := $(VENV)/.locked
READY := $(VENV)/.ready
DEV := $(VENV)/.dev

.PHONY: help
help: ## this menu
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' Makefile

.PHONY: setup
setup: $(READY) ## make .venv with busbar in it

.PHONY: demo
demo: $(READY) ## one simulated home on real wires, live in the terminal (ARGS="--for 30s --json")
	@$(VENV)/bin/busbar demo $(ARGS)

.PHONY: test
test: $(DEV) ## every test but torture, with a real broker and real sockets (ARGS="-k lease")
	@deploy/setup/peers.sh
	@$(PYTEST) -q -n logical --dist worksteal -m "not system and not torture" $(ARGS) || [ $$? -eq $(NONE) ]
	@$(PYTEST) -q -n logical --dist loadfile -m "system and not torture" $(ARGS) || [ $$? -eq $(NONE) ]

.PHONY: check
check: $(DEV) ## before each commit: lint, types, imports and the fast tests, in under 60 s
	@$(MAKE) --no-print-directory --jobs=2 --keep-going --output-sync=target types fast lint imports

.PHONY: lint
lint: $(DEV)
	@$(VENV)/bin/ruff check --quiet .
	@$(VENV)/bin/ruff format --quiet --check .

.PHONY: types
types: $(DEV)
	@$(VENV)/bin/mypy

.PHONY: imports
imports: $(DEV)
	@$(VENV)/bin/lint-imports --no-logo

.PHONY: fast
fast: $(DEV)
	@$(PYTEST) -q -n logical --dist worksteal --hypothesis-profile=hasty -m "not system and not torture and not oracle and not slow" $(ARGS)

.PHONY: torture
torture: $(DEV) ## kills, power loss and fuzzing, for minutes
	@deploy/setup/peers.sh
	@$(PYTEST) -m torture $(ARGS)

.PHONY: bench
bench: $(DEV) ## measure; the numbers say on what machine
	@$(VENV)/bin/python -m bench $(ARGS)

.PHONY: fmt
fmt: $(DEV) ## put the code in its form, fix what can be fixed
	@$(VENV)/bin/ruff check --quiet --fix-only .
	@$(VENV)/bin/ruff format .

.PHONY: lock
lock: $(DEV) ## bring both lock files in line with pyproject.toml (ARGS=--upgrade takes newer versions)
	@$(COMPILE) $(ARGS) --output-file requirements.lock
	@$(COMPILE) $(ARGS) --extra sim --extra hil --extra gpio --group dev --constraint requirements.lock --output-file requirements-dev.lock

.PHONY: clean
clean: ## remove .venv and all caches
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(MADE):
	@PYTHON="$(PYTHON)" deploy/setup/venv.sh
	@touch $@

$(LOCKED): requirements.lock $(MADE)
	@echo "setup: installing the locked packages into $(VENV)" >&2
	@$(PIP) --require-hashes -r requirements.lock
	@touch $@

$(READY): pyproject.toml $(LOCKED)
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

$(DEV): requirements-dev.lock $(READY)
	@echo "setup: installing the locked development tools into $(VENV)" >&2
	@$(PIP) --require-hashes -r requirements-dev.lock
	@touch $@
