SHELL := /bin/bash
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
PROJECT_FILES := pyproject.toml

# Tests wait a quarter of their time: one worker more than there are cores takes what the others leave.
WORKERS ?= $(shell echo $$(( $$(getconf _NPROCESSORS_ONLN) + 1 )))

.PHONY: help demo test check bench chaos format lock clean

help: ## show this list
	@awk -F':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(STAMP)-run ## the whole thing on this machine: GitHub, Postgres and CI embedded; prints the page's address first
	@echo "Starting a GitHub, a Postgres and the daemon; the address of its page comes next."
	@$(BIN)/tide demo $(DEMO_ARGS)

# In the order of the files, so that the many fast ones come last and no worker is left alone with a long story.
test: check $(STAMP)-chromium ## every check and every test
	$(BIN)/pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(PYTEST_ARGS)

check: $(STAMP)-dev ## format, lint, types, import contracts, migrations against the tables
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/tide db check --against-models

bench: $(STAMP)-dev ## measure: decisions, batches, syncs, loading configuration, GitHub's points, a flood of strangers
	$(BIN)/python -m tests.bench

chaos: $(STAMP)-dev ## play SEEDS seeds of kills, faults and restarts on two replicas (20 unless told: make chaos SEEDS=200)
	$(BIN)/python -m tests.chaos --seeds $(or $(SEEDS),20) $(CHAOS_ARGS)

format: $(STAMP)-dev ## format the code and fix what can be fixed
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# uv resolves; the files hold versions and hashes, and no address.
lock: ## resolve the requirements anew (needs uv)
	UV_CUSTOM_COMPILE_COMMAND="make lock" uv pip compile -q --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-emit-find-links --extra buckets --extra embedded --group build pyproject.toml -o requirements/run.txt
	UV_CUSTOM_COMPILE_COMMAND="make lock" uv pip compile -q --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-emit-find-links --extra buckets --extra embedded --group build --group dev -c requirements/run.txt \
	  pyproject.toml -o requirements/dev.txt

clean: ## remove the virtual environment and caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(BIN)/python:
	@echo "Making a virtual environment in $(VENV)."
	@$(PYTHON) -m venv $(VENV)

$(STAMP)-run: requirements/run.txt $(PROJECT_FILES) | $(BIN)/python
	@.ci/install-packages $<
	@touch $@

$(STAMP)-dev: requirements/dev.txt $(PROJECT_FILES) | $(BIN)/python
	@.ci/install-packages $<
	@touch $@ $(STAMP)-run

# Only Debian has the browser: installed when it can be, otherwise said plainly; the browser tests then skip.
$(STAMP)-chromium: $(STAMP)-dev
	@.ci/install-chromium && touch $@
