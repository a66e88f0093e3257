# `make` says what there is. All stands on a virtual environment in .venv, pinned by hash.
.DEFAULT_GOAL := help
.PHONY: help demo check test bench lint types layers unit policies wheel pytest tools image lock clean
MAKEFLAGS += --no-print-directory
SHELL := /bin/bash

PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --no-compile
DEMO ?=
PYTEST ?=
# Many tests wait for servers: half as many workers again as there are cores, and six at most.
WORKERS ?= $(shell n=$$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2); [ $$n -le 4 ] || n=4; echo $$((n + (n + 1) / 2)))
UPGRADE ?=

help: ## say what there is
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | while IFS=$$'\t' read -r n t; do printf '  make %-9s %s\n' "$$n" "$$t"; done

demo: .venv/.runtime ## the story of a hotel group, on real bookings, in under two minutes
	@$(BIN)/privet demo $(DEMO)

check: lint types layers unit ## what to run before each commit: style, types, layers, unit tests

test: lint layers policies ## everything, with real servers: what CI runs
	@$(MAKE) -j 2 pytest types wheel

bench: .venv/.dev ## measure, and write build/bench/*.json
	@$(BIN)/python -m tests.bench

lint: .venv/.dev
	@$(BIN)/ruff format --quiet --check src cli tests || { echo 'Run: $(BIN)/ruff format src cli tests'; exit 1; }
	@$(BIN)/ruff check --quiet src cli tests

types: .venv/.dev
	@$(BIN)/mypy --no-error-summary src cli tests

layers: .venv/.dev
	@$(BIN)/lint-imports --no-logo > .venv/layers.log || { cat .venv/layers.log; exit 1; }

unit: .venv/.dev
	@$(BIN)/pytest -q -n $(WORKERS) --dist worksteal tests/unit $(PYTEST)

policies: .venv/.dev
	@tests/tools/build.sh || [ -z "$$PRIVET_TEST_REQUIRE" ]
	@$(BIN)/python -m tests.policy_gate

wheel: .venv/.dev
	@.ci/wheel $(BIN)/python

pytest: .venv/.dev
	@rm -f build/coverage.json
	@$(BIN)/pytest -q -n $(WORKERS) --dist worksteal --cov --cov-report= --cov-report=json:build/coverage.json tests $(PYTEST)
	@$(BIN)/python -m tests.coverage_gate build/coverage.json

tools: ## get OPA and Regal, in the pinned versions, into .tools/bin
	@tests/tools/build.sh

image: ## build the container image and try it: needs podman or docker
	@tests/tools/image.sh

lock: .venv/.dev ## pin what pyproject.toml asks for; UPGRADE=--upgrade takes the newest of all
	@set -e; compile="$(BIN)/uv pip compile --quiet $(UPGRADE) --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-emit-find-links --no-annotate --no-header pyproject.toml --extra postgres --extra server"; \
	$$compile --group build -o requirements/runtime.lock; \
	$$compile --group dev --extra otel -c requirements/runtime.lock -o requirements/dev.lock

clean: ## remove what make made, except the tools
	@rm -rf .venv build dist .coverage .coverage.* .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache

.venv/bin/python:
	@[ -n '$(PYTHON)' ] || { echo 'Privet needs Python 3.11 or later: none found (set PYTHON=...).' >&2; exit 1; }
	@$(PYTHON) -m venv .venv || { rm -rf .venv; echo 'Python cannot make virtual environments here. On Debian and' \
		'Ubuntu: apt-get install python3-venv' >&2; exit 1; }

.venv/.runtime: requirements/runtime.lock pyproject.toml | .venv/bin/python
	@[ ! -t 1 ] || echo 'Installing Privet into .venv (once, about half a minute) ...'
	@$(PIP) --require-hashes --only-binary :all: -r requirements/runtime.lock
	@$(PIP) --no-deps --no-build-isolation -e .
	@touch $@

.venv/.dev: requirements/dev.lock .venv/.runtime
	@[ ! -t 1 ] || echo 'Installing what development needs ...'
	@$(PIP) --require-hashes --only-binary :all: -r requirements/dev.lock
	@touch $@
