# Everything a newcomer needs: `make run` shows it at work, `make test` proves it.
SHELL := /bin/bash
PYTHON ?= $(shell for it in python3.13 python3.12 python3.11 python3; do $$it -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null && echo $$it && break; done)
BIN := .venv/bin
PORT ?= 8080
ADMIN_PORT ?= 8081
FUZZ_S ?= 300
COMPILE := CUSTOM_COMPILE_COMMAND='make lock' $(BIN)/pip-compile -q --generate-hashes --allow-unsafe --strip-extras --no-emit-index-url --no-emit-find-links --no-emit-trusted-host

.PHONY: help setup run test test-all check fix score bench fuzz soak train lock schema

help:                ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: .venv/.ready  ## a virtual environment with locked dependencies

.venv/.ready: requirements/dev.txt pyproject.toml
	@test -n '$(PYTHON)' || { echo 'Evenhand needs Python 3.11, 3.12 or 3.13; none was found on the PATH.' >&2; exit 2; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

run: setup           ## the sidecar before a built-in image API, and a table of prompts sent through it
	@$(BIN)/python examples/tour.py --start --port $(PORT) --admin-port $(ADMIN_PORT)

test: setup          ## the tests (a slice of the long suites), the shipped rules, their examples and parity
	$(BIN)/python -m pytest -n 2 -q
	$(BIN)/evenhand check
	$(BIN)/evenhand test $(wildcard tests/cases)
	$(BIN)/evenhand parity

test-all: setup      ## the tests again, with the long suites whole (an hour)
	EVENHAND_TESTS=all $(BIN)/python -m pytest -n 2 -q

check: setup         ## style and types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

fix: setup           ## repair style where a machine can
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

score: setup         ## harm, idle, served and mangled on labelled prompts
	$(BIN)/python benchmarks/score.py

bench: setup         ## repeatable measurements beside pinned peers, kept in benchmarks/results; never part of the tests
	@for it in hop starting held answers decisions; do echo "== $$it"; $(BIN)/python benchmarks/$$it.py $(BENCH) || exit 1; done
	@set -o pipefail; for it in engine bodies batch workers; do echo "== $$it"; $(BIN)/python benchmarks/$$it.py | tee benchmarks/results/$$it.txt || exit 1; done

fuzz: setup          ## long runs on random input: atheris, 20,000 examples a property, schemathesis; FUZZ_S=300 for each target
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r fuzz/requirements.txt
	$(BIN)/python -m fuzz.run --seconds $(FUZZ_S)
	HYPOTHESIS_PROFILE=nightly $(BIN)/python -m pytest -n 2 -q tests/test_fuzz.py tests/test_openapi.py tests/test_properties.py $(wildcard tests/dialects)

soak: setup          ## twenty minutes of mixed traffic with reloads and hang-ups; fails where memory or descriptors stay behind
	$(BIN)/python -m soak $(SOAK)

train: setup         ## train the shipped language model anew
	$(BIN)/python -m training

schema: setup        ## write the published JSON Schemas anew
	$(BIN)/evenhand schema rules > schema/rules.json
	$(BIN)/evenhand schema decision > schema/decision.json
	$(BIN)/evenhand schema dialects > schema/dialects.json
	$(BIN)/evenhand schema log > schema/log.json

lock: setup          ## resolve the dependencies anew
	$(COMPILE) $(addprefix --extra ,demo aws database otel) -o requirements/run.txt pyproject.toml
	$(COMPILE) $(addprefix --extra ,demo aws batch database otel report dev) -c requirements/run.txt -o requirements/dev.txt pyproject.toml
