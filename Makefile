# make demo       set up the environment where needed and run the main study
# make test       set up the environment where needed and run all tests
# make test-fast, make test-slow    the default tests, the long statistical ones
# make test-core  of the latter, the fused C++ core against Brian2's own code, network by network
# make lint       style and types
# make env        only set up the environment, .venv
# make clean      remove the environment and everything built; results/ stays
#
# PYTHON=/path/to/python names the Python to use; PYTESTFLAGS goes to pytest.

BIN := .venv/bin
READY := .venv/.ready
PYTESTFLAGS ?= -n auto --maxprocesses=4 --dist=loadfile


.PHONY: demo test test-fast test-slow test-core lint env clean

demo: $(READY)
	$(BIN)/python -m studies.learning --out results/learning

test:
	@$(MAKE) test-fast
	@$(MAKE) test-slow

test-fast: $(READY)
	$(BIN)/python -m pytest $(PYTESTFLAGS) -m "not slow"

test-slow: $(READY)
	$(BIN)/python -m pytest $(PYTESTFLAGS) -m "slow"

test-core: $(READY)
	$(BIN)/python -m pytest $(PYTESTFLAGS) -m slow tests/test_fused.py tests/test_fused_equal.py

lint: $(READY)
	$(BIN)/python -m ruff check .
	$(BIN)/python -m mypy

env: $(READY)

clean:
	rm -rf .venv build dist output .pytest_cache .ruff_cache .mypy_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Tried in this order: PYTHON; then, all that PATH holds of each name (pyenv's shims are there and
# go by .python-version); then what pyenv has installed; then uv.
USABLE := import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 12))

$(READY): pyproject.toml
	@set -eu; \
	usable() { "$$1" -c '$(USABLE)' >/dev/null 2>&1; }; \
	find_python() { \
	    if [ -n "$${PYTHON:-}" ]; then \
	        if usable "$$PYTHON"; then echo "$$PYTHON"; fi; return; \
	    fi; \
	    for name in python3.12 python3.13 python3.14 python3 python; do \
	        IFS=:; for folder in $$PATH; do \
	            if usable "$$folder/$$name"; then echo "$$folder/$$name"; return; fi; \
	        done; unset IFS; \
	    done; \
	    for python in "$${PYENV_ROOT:-$$HOME/.pyenv}"/versions/3.1[2-9]*/bin/python; do \
	        if usable "$$python"; then echo "$$python"; return; fi; \
	    done; \
	    if command -v uv >/dev/null 2>&1; then echo uv; fi; \
	}; \
	python=$$(find_python); missing=; \
	if [ -z "$$python" ] && [ -n "$${PYTHON:-}" ]; then \
	    missing="$$missing\n  Python >= 3.12 with the venv module (PYTHON=$$PYTHON is not)"; \
	elif [ -z "$$python" ]; then \
	    missing="$$missing\n  Python >= 3.12 with the venv module (found: $$(python3 --version 2>/dev/null || echo none); PYTHON=/path/to/python names another)"; \
	fi; \
	if ! command -v g++ >/dev/null 2>&1; then missing="$$missing\n  g++, which compiles the simulations"; fi; \
	if [ -n "$$missing" ]; then printf "ebn_brian cannot be set up, it needs:$$missing\n" >&2; exit 1; fi; \
	if ! { [ -x $(BIN)/python ] && usable $(BIN)/python && $(BIN)/python -m pip --version >/dev/null 2>&1; }; then \
	    echo "Making the environment .venv with $$python"; \
	    rm -rf .venv; \
	    if [ "$$python" = uv ]; then uv venv --seed --python '>=3.12' .venv; \
	    else "$$python" -m venv .venv; fi; \
	fi; \
	echo "Installing ebn_brian and what it needs into .venv (a few minutes the first time)"; \
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'; \
	touch $@
