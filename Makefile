# What a developer does here, one target each. GNU make 3.81 is enough.

PYTHONS := python3.14 python3.13 python3.12 python3.11 python3
BIN := .venv/bin
ARGS ?=
NAME ?=

COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --no-header \
	--custom-compile-command "make lock"
INSTALL := $(BIN)/uv pip install --quiet --python $(BIN)/python

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run test check format sdl reference migration lock clean rebuild

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' Makefile

run: .venv/.run-stamp ## Start the server for development (ARGS="--port 9000")
	@$(BIN)/tocsin serve --dev --print-token $(ARGS)

test: .venv/.dev-stamp .venv/.graphiql-stamp .venv/.example-stamp ## Run the tests (ARGS="tests/unit -k slack")
	@$(BIN)/python -m pytest $(ARGS)

check: .venv/.dev-stamp ## Check format, lint, types, imports and what is generated
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/tocsin print-schema --check
	$(BIN)/python -m server.reference --check
	$(BIN)/python -m models.migrate check

format: .venv/.dev-stamp ## Format the code and fix what can be fixed safely
	$(BIN)/ruff check --fix-only
	$(BIN)/ruff format

sdl: .venv/.run-stamp ## Write schema/schema.graphql from the code
	@$(BIN)/tocsin print-schema > schema/schema.graphql.tmp
	@mv schema/schema.graphql.tmp schema/schema.graphql

reference: .venv/.run-stamp ## Write docs/reference/ from the code
	@$(BIN)/python -m server.reference

migration: .venv/.dev-stamp ## Write a migration for changed models (NAME=add_teams)
	@test -n "$(NAME)" || { echo "Say what changes: make migration NAME=add_teams" >&2; exit 2; }
	@$(BIN)/python -m models.migrate new NAME=$(NAME)

lock: .venv/.installer-stamp ## Lock dependencies (ARGS=--upgrade for newer ones)
	$(COMPILE) $(ARGS) --group pyproject.toml:installer -o requirements-uv.lock
	$(COMPILE) $(ARGS) --group pyproject.toml:node -o requirements-node.lock
	$(COMPILE) $(ARGS) pyproject.toml --group build -o requirements.lock
	$(COMPILE) $(ARGS) pyproject.toml --extra otel --group build \
		-c requirements.lock -o requirements-otel.lock
	$(COMPILE) $(ARGS) pyproject.toml --extra otel --group dev -c requirements.lock \
		-c requirements-uv.lock -o requirements-dev.lock

clean: ## Remove everything that was made, except var/
	rm -rf .venv build dist .hypothesis .import_linter_cache .mypy_cache \
		.pytest_cache .ruff_cache
	find . -name node_modules -prune -o -name __pycache__ -type d -prune \
		-exec rm -rf {} +

# One environment, filled in steps: running needs no developer's tools. It is built
# anew where the Python it was made with has gone.
.venv/.venv-stamp: $(shell test -x $(BIN)/python || echo rebuild)
	@found=; for python in $(PYTHONS); do \
	  $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	    >/dev/null 2>&1 || continue; \
	  found=$$python; \
	  $$python -c 'import ensurepip, venv' >/dev/null 2>&1 || continue; \
	  echo "Making .venv with $$($$python --version)" >&2; \
	  $$python -m venv --clear .venv; exit; \
	done; \
	if test -n "$$found"; then \
	  echo "$$found has no venv module: install the package python3-venv (Debian, Ubuntu: apt-get install python3-venv)." >&2; \
	else \
	  echo "Tocsin needs Python 3.11 or newer, and no command among '$(PYTHONS)' is that (Debian, Ubuntu: apt-get install python3 python3-venv)." >&2; \
	fi; \
	exit 1
	@touch $@

.venv/.installer-stamp: .venv/.venv-stamp requirements-uv.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check \
	  --require-hashes -r requirements-uv.lock
	@touch $@

.venv/.run-stamp: .venv/.installer-stamp requirements.lock pyproject.toml
	@$(INSTALL) --require-hashes -r requirements.lock
	@$(INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

# For the tests in a browser, which are skipped, and say so, where it cannot be built.
.venv/.graphiql-stamp: .venv/.run-stamp $(shell find server/graphiql -type f \
		-not -path '*/build/*' -not -path '*/__pycache__/*' 2>/dev/null)
	@if $(BIN)/python -m server.graphiql.bundle; then touch $@; fi

.venv/.example-stamp: .venv/.run-stamp examples/typescript/package-lock.json
	@if cd examples/typescript && $(CURDIR)/$(BIN)/python -m server.graphiql.node \
	  ci --silent; then touch $(CURDIR)/$@; fi

.venv/.dev-stamp: .venv/.run-stamp requirements-dev.lock
	@$(INSTALL) --require-hashes -r requirements-dev.lock
	@touch $@

rebuild:
