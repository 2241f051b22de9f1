# One command each, the same here and in CI. `make help` lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= $(shell for p in python3.12 python3.11 python3; do command -v $$p >/dev/null && \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 13))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
PYTEST = $(BIN)/python -m pytest -q -n auto --maxprocesses 4 --dist loadscope --no-loadscope-reorder --durations=15
export DO_NOT_TRACK := 1
export PYTHONDONTWRITEBYTECODE :=

help:  ## show this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

install: .venv/installed  ## set up .venv from the hashed list, and missing Debian packages when root

.venv/installed: requirements.txt requirements-uv.txt pyproject.toml infra/debian.txt
	@test -n "$(PYTHON)" || { echo "Privet needs Python 3.11 or 3.12; install one or set PYTHON=..." >&2; exit 1; }
	@infra/debian.sh & apt=$$!; \
	{ test -x $(BIN)/python || $(PYTHON) -m venv .venv; } && \
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-uv.txt && \
	$(BIN)/uv pip sync --quiet --require-hashes --python $(BIN)/python requirements.txt && \
	$(BIN)/uv pip install --quiet --no-deps --no-build-isolation --python $(BIN)/python --editable . && \
	wait $$apt
	@touch $@

spark: install  ## Spark as well, to run `prepare` on a cluster (docs/spark.md), and Java for it when root
	@infra/debian.sh debian-spark.txt
	@$(BIN)/uv pip install --quiet --no-deps --require-hashes --python $(BIN)/python -r requirements-spark.txt

run: install  ## the main job on the embedded shop: raw tables -> registered private model and its dossier
	@$(BIN)/privet run $(SPEC)

test: install  ## all tests, fast ones first
	@$(PYTEST) -m "not server and not prove" && $(PYTEST) -m server

prove: spark  ## the heavier proofs: many repeats, planted bugs
	@$(BIN)/python -m pytest -q -m prove

check: install  ## format, lint, types, import rules
	@$(BIN)/ruff format --check . && $(BIN)/ruff check . && $(BIN)/mypy && $(BIN)/lint-imports

bench: install  ## the claims of the README, each measured; ONLY=name for one
	@$(BIN)/python -m benchmarks $(ONLY)

lock: install  ## resolve the dependencies anew into the hashed lists (no addresses in them)
	@$(BIN)/uv lock --upgrade --quiet
	@$(BIN)/uv export --quiet --frozen --all-groups --no-emit-project --no-header --output-file requirements.txt
	@awk '/^uv==/ {on=1} on {print} on && !/\\$$/ {exit}' requirements.txt > requirements-uv.txt
	@$(BIN)/uv export --quiet --frozen --extra spark --no-default-groups --no-emit-project --no-header | \
		awk '/^[a-z]/ {on=/^(pyspark|py4j)==/} on && !/^ *#/' > requirements-spark.txt

clean:  ## stop the local servers and remove the environment and caches (.privet, with your data, stays)
	@test ! -x $(BIN)/privet || $(BIN)/privet down
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info

.PHONY: help install spark run test prove check bench lock clean
