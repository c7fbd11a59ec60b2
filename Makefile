# make demo       set up the environment where needed and run the main study
# make test       set up the environment where needed and run all tests
# make test-fast, make test-slow    the default tests, the long statistical ones
# make test-core  of the latter, the fused C++ core against Brian2's own code, network by network
# make test-brian2    Brian2's own standalone tests on the core, all of them (test-slow: a part)
# make test-brian211    the default tests with Brian2 2.11 and Python 3.13, where there is one
# make lint       style and types
# make docs       the site: docs/_build/html/index.html
# make env        only set up the environment, .venv
# make clean      remove the environments and everything built; results/ stays
#
# PYTHON=/path/to/python names the Python to use; PYTESTFLAGS goes to pytest.

BIN := .venv/bin
READY := .venv/.ready
READY_DOCS := .venv/.ready-docs
VENV_211 := .venv-brian211
READY_211 := $(VENV_211)/.ready
PYTESTFLAGS ?= -n auto --maxprocesses=4 --dist=loadfile

.PHONY: demo test test-fast test-slow test-core test-brian2 test-brian211 lint docs env clean

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
	$(BIN)/python -m pytest $(PYTESTFLAGS) -m slow tests/fused

test-brian2: $(READY)
	BRIAN2_TESTS=all $(BIN)/python -m pytest -m slow tests/fused/test_brian2_suite.py

test-brian211: $(READY_211)
	@if [ -e $(READY_211) ]; then \
	    $(VENV_211)/bin/python -m pytest $(PYTESTFLAGS) -m "not slow"; \
	fi

lint: $(READY)
	$(BIN)/python -m ruff check .
	$(BIN)/python -m mypy

docs: $(READY_DOCS)
	$(BIN)/python -m sphinx -W --keep-going -b html docs docs/_build/html

env: $(READY)

clean:
	rm -rf .venv $(VENV_211) build dist output docs/_build .pytest_cache .ruff_cache .mypy_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# $(call FIND_PYTHON,NAMES,CONDITION) defines find_python, which prints a Python that meets the
# condition, `uv` where only that can bring one, or nothing. Tried in this order: PYTHON; then, all
# that PATH holds of each name (pyenv's shims are there and go by .python-version); then what pyenv
# has installed; then uv.
define FIND_PYTHON
	usable() { "$$1" -c 'import sys, venv, ensurepip; sys.exit(not $(2))' >/dev/null 2>&1; }; \
	find_python() { \
	    if [ -n "$${PYTHON:-}" ]; then \
	        if usable "$$PYTHON"; then echo "$$PYTHON"; fi; return; \
	    fi; \
	    for name in $(1); do \
	        IFS=:; for folder in $$PATH; do \
	            if usable "$$folder/$$name"; then echo "$$folder/$$name"; return; fi; \
	        done; unset IFS; \
	    done; \
	    for python in "$${PYENV_ROOT:-$$HOME/.pyenv}"/versions/3.1[2-9]*/bin/python; do \
	        if usable "$$python"; then echo "$$python"; return; fi; \
	    done; \
	    if command -v uv >/dev/null 2>&1; then echo uv; fi; \
	}
endef

PIP_INSTALL := -m pip install --quiet --disable-pip-version-check

$(READY): pyproject.toml
	@set -eu; \
	$(call FIND_PYTHON,python3.12 python3.13 python3.14 python3 python,sys.version_info >= (3, 12)); \
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
	$(BIN)/python $(PIP_INSTALL) --editable '.[dev]'; \
	touch $@

$(READY_DOCS): $(READY)
	@echo "Installing what the site needs into .venv"
	@$(BIN)/python $(PIP_INSTALL) --editable '.[docs]'
	@touch $@

# an environment of its own, since Brian2CUDA holds Brian2 at 2.10.1
$(READY_211): pyproject.toml
	@set -eu; rm -rf $(VENV_211); \
	$(call FIND_PYTHON,python3.13 python3 python,sys.version_info[:2] == (3, 13)); \
	python=$$(find_python); \
	if [ "$$python" = uv ]; then \
	    uv venv --quiet --seed --python 3.13 $(VENV_211) 2>/dev/null || rm -rf $(VENV_211); \
	elif [ -n "$$python" ]; then "$$python" -m venv $(VENV_211); fi; \
	if [ ! -d $(VENV_211) ]; then \
	    echo "No Python 3.13 here: the tests with Brian2 2.11 are left out"; exit 0; \
	fi; \
	echo "Installing ebn_brian with Brian2 2.11 into $(VENV_211) (a few minutes)"; \
	$(VENV_211)/bin/python $(PIP_INSTALL) --editable '.[test]' 'brian2>=2.11,<2.12'; \
	touch $@
