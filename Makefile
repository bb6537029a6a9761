# Needs make and Python 3.11 or newer, nothing else: `.venv` is made on first need and brought up to date
# whenever a pyproject.toml or constraints.txt has changed.

PYTHON ?= python3
ARGS ?=

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.up-to-date
PROJECTS := $(wildcard pyproject.toml core/pyproject.toml plugins/*/pyproject.toml contrib_*/*/pyproject.toml)
SOURCES := $(wildcard core/src plugins/*/src contrib_*/*/src benchmarks/*.py) tests/architecture/house_rules

.DEFAULT_GOAL := help
.PHONY: help demo test test-slow test-servers lint format types bench constraints clean

help:  ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

demo: $(STAMP)  ## Watch an agent work, without a key and without the network
	@$(BIN)/core-plus demo $(ARGS)

test: $(STAMP)  ## Run the tests on all cores (ARGS="-k words" picks some)
	@$(BIN)/pytest -n auto $(ARGS)

test-slow: $(STAMP)  ## Run the tests that take long: every distribution alone, wheels
	@$(BIN)/pytest -m slow $(ARGS)

test-servers: $(STAMP)  ## Test against servers and libraries that aren't ours (once: 3 GB, half an hour)
	@scripts/real_servers $(VENV) $(ARGS)

lint: $(STAMP)  ## Check style and format
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

format: $(STAMP)  ## Mend what the linter can mend
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

types: $(STAMP)  ## Check the types (mypy --strict)
	@$(BIN)/mypy $(SOURCES)

bench: $(STAMP)  ## Measure what core-plus itself costs, beside this machine's own floors
	@$(BIN)/python benchmarks/bench.py $(ARGS)

constraints: $(STAMP)  ## Write constraints.txt anew, with the newest versions of everything
	@$(BIN)/uv pip compile --quiet pyproject.toml --group dev --universal --python-version 3.11 --upgrade \
		--no-emit-index-url --no-header --no-annotate --output-file $(VENV)/constraints.txt
	@grep -v '^-e ' $(VENV)/constraints.txt > constraints.txt

clean:  ## Remove the environment and everything that tools have made
	rm -rf $(VENV) uv.lock build dist .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(STAMP): $(PROJECTS) constraints.txt scripts/setup
	@scripts/setup $(PYTHON) $(VENV)
	@touch $@
