# Everything a newcomer needs: `make demo` and `make test`. Needs Python >= 3.11 and make.
PYTHON ?= python3
VENV   ?= .venv
PY     := $(VENV)/bin/python
STAMP  := $(VENV)/.installed

# Local copies of the public data sets are read before anything is downloaded: in the folder that
# DATA_DIR names, or else in a folder `data` of a neighbor of this one.
COPIES := $(firstword $(wildcard ../*/data/planetoid))
ifneq ($(COPIES),)
export DATA_DIR ?= $(abspath $(COPIES)/..)
endif

# Tests compile many small programs: one worker a core, and none of the compiler's optimizations,
# which only pay on long runs. A file stays with one worker, which makes its fixtures and programs
# once. `make test PYTEST_ARGS="-k walks"` selects.
PYTEST := JAX_DISABLE_MOST_OPTIMIZATIONS=1 $(PY) -m pytest -n auto --maxprocesses 8 --dist loadfile
PYTEST_ARGS ?=
DEMO_ARGS ?=
FUZZ_ARGS ?=

.PHONY: help install demo test test-all test-parity fuzz docs bench accel lint format clean
help:
	@echo "make demo      run a study of each paper on embedded data and write report.html"
	@echo "               (DEMO_ARGS='--dataset cora' for Cora)"
	@echo "make test      the tests"
	@echo "make test-all  the tests, the slow ones too, once more in 64-bit mode, and test-parity"
	@echo "make test-parity  language models and networks against PyTorch, in an environment of its own"
	@echo "make fuzz      inputs by coverage for every reader (FUZZ_ARGS='graph-gml --seconds 600')"
	@echo "make docs      the site, notebooks run: docs/_build/html/index.html"
	@echo "make bench     the benchmarks: ratios against peers and limits"
	@echo "make accel     exactness and time over limit on the device that JAX finds: runs/"
	@echo "make lint      ruff check, ruff format --check, mypy"
	@echo "make format    ruff check --fix, ruff format"
	@echo "make clean     remove .venv and what the commands above wrote"

install: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit(f"Python >= 3.11 is needed, {sys.executable} is {sys.version.split()[0]}: call make PYTHON=python3.12, say")'
	@echo "Installing into $(VENV) (about a minute, 1.5 GB; once)"
	@rm -f $(STAMP)
	@if command -v uv >/dev/null 2>&1; then \
	  uv venv --quiet --allow-existing --python "$$($(PYTHON) -c 'import sys; print(sys.executable)')" $(VENV) && \
	  uv pip install --quiet --python $(PY) -c constraints.txt -e '.[dev]'; \
	else \
	  $(PYTHON) -m venv $(VENV) && \
	  $(PY) -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'; \
	fi
	@touch $(STAMP)

demo: $(STAMP)
	@$(PY) -m experiments demo $(DEMO_ARGS)

# Most of the time goes to compiling small programs once: here LLVM does not optimize them, and XLA
# emits loops by its older emitters, which compile twice as fast. Later versions have none, and end at
# a flag that they do not know. `test-all` runs the tests as users do.
OLDER_EMITTERS = $$($(PY) -c 'from importlib.metadata import version; print("--xla_cpu_use_fusion_emitters=false" if version("jaxlib").startswith("0.10.") else "")')
test: $(STAMP)
	XLA_FLAGS="$$XLA_FLAGS --xla_backend_optimization_level=0 $(OLDER_EMITTERS)" \
	  $(PYTEST) $(PYTEST_ARGS)

test-all: $(STAMP)
	$(PYTEST) -m "slow or not slow" $(PYTEST_ARGS)
	JAX_ENABLE_X64=1 $(PYTEST) $(PYTEST_ARGS)
	$(MAKE) test-parity

# PyTorch is large and only these tests need it, so it stays out of the environment of the others.
test-parity: $(STAMP)
	$(PYTHON) -m venv $(VENV)-parity
	$(VENV)-parity/bin/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,parity]'
	$(VENV)-parity/bin/python -m pytest -m "slow or not slow" tests/jrft/policies tests/jwi/networks/test_pyg_parity.py

fuzz: $(STAMP)
	$(PY) -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,fuzz]'
	$(PY) -m tests.fuzz $(FUZZ_ARGS)

# A warning is an error. The notebooks' outputs are kept in docs/_build until their code changes.
docs: $(STAMP)
	$(PY) -m sphinx -W --keep-going -q -b html docs docs/_build/html

bench: $(STAMP)
	$(PY) -m experiments.benchmarks

# Where JAX finds an accelerator, the tests run on it.
accel: $(STAMP)
	$(PY) -m pytest -q tests/jrft/exact tests/jrft/expected tests/jrft/bounds tests/devices $(PYTEST_ARGS)
	$(PY) -m experiments.benchmarks time_over_limit exact_policy_gradient estimators

lint: $(STAMP)
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

format: $(STAMP)
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

clean:
	rm -rf $(VENV) $(VENV)-parity *.egg-info build dist report.html runs docs/_build docs/api .pytest_cache .mypy_cache .ruff_cache
	find jwi jrft experiments tests -name __pycache__ -exec rm -rf {} +
