# The quick start is `make demo` and `make test`; both make .venv first and reuse it while the lock is unchanged.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
TESTS  := OMP_NUM_THREADS=1 POLARS_MAX_THREADS=2 $(BIN)/python -m pytest

.PHONY: help demo test test-slow lint bench lab lock clean

help:            ## Show this list
	@grep -E '^[a-z-]+: .*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 14

$(READY): requirements/bootstrap.lock requirements/dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed; found $$($(PYTHON) --version). Try: make PYTHON=python3.12"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements/bootstrap.lock
	$(BIN)/uv pip sync -q --python $(BIN)/python --require-hashes requirements/dev.lock requirements/bootstrap.lock || \
	  $(BIN)/python -m pip install -q --require-hashes -r requirements/dev.lock
	$(BIN)/uv pip install -q --python $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $@

demo: $(READY)   ## Generate declarations, train, evaluate, explain, select, report, export: prints where the report lies
	$(BIN)/workbench run pipelines/declarations.toml

test: $(READY)   ## The default suite
	$(TESTS) -q -m "not slow"

test-slow: $(READY) ## What takes minutes: whole pipelines, clean-environment installs
	$(TESTS) -q -m slow

lint: $(READY)   ## Style, imports, types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(READY)  ## Ratios against the bare libraries, one JSON line each
	@for bench in benchmarks/bench_*.py; do $(BIN)/python $$bench || exit 1; done

lab: $(READY)    ## JupyterLab on the notebooks with the MLflow page beside it, on this machine only
	$(BIN)/workbench lab

lock:            ## Renew the locks after a change of pyproject.toml (needs uv)
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
	  --no-header --extra train --extra lab --extra dev pyproject.toml -o requirements/dev.lock
	echo 'uv>=0.9,<1' | uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --no-emit-find-links --no-header --no-annotate - -o requirements/bootstrap.lock

clean:           ## Remove runs and caches; keeps .venv and mlruns
	rm -rf runs .pytest_cache .mypy_cache .ruff_cache .hypothesis
