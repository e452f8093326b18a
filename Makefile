# Everything is installed into one virtual environment, VENV, and installed again only when a
# pyproject.toml, constraints.txt or this file changes.

PYTHON ?= python3
VENV ?= .venv

BIN := $(VENV)/bin
# A worker a core, and one thread in each: more would wait for one another. Files stay whole, as what
# their tests share is made once; in the order of their names the dear ones come first. Bytecode is
# written even where it is not by default: many tests start Python, and it would compile all anew.
# At the end stands what was left out and why (-rs).
PARALLEL := -rs -n auto --maxprocesses 8 --dist loadfile --no-loadscope-reorder -p no:benchmark
# The versions to install; those of the file are known to pass.
CONSTRAINTS ?= constraints.txt
COMMA := ,
PLUGINS := $(sort $(wildcard plugins/*/pyproject.toml))
SOURCES := reidbench $(wildcard plugins/*/reidbench_*) $(wildcard examples/*/reidbench_*)
CHECKED := reidbench plugins examples tests $(wildcard benchmarks/perf)

.PHONY: demo study study-check test test-oldest test-wheels lint bench bench-device bench-wheels \
	clean

demo: $(VENV)/.installed-core
	PYTHONDONTWRITEBYTECODE= $(BIN)/reidbench run --translator cyclegan --constraint sianet --results demo

# The main table, made again, and held against the committed results. One thread a training, as these
# have: another number of threads rounds differently. STUDY_ARGS="--seeds 0" takes a third as long.
study: $(VENV)/.installed-core
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --no-deps \
		-e ./examples/reidbench-cut
	OMP_NUM_THREADS=1 $(BIN)/reidbench sweep --study methods --results study \
		--jobs $$(getconf _NPROCESSORS_ONLN) $(STUDY_ARGS)

study-check: $(VENV)/.installed-core
	$(BIN)/reidbench reproduced study

test: $(VENV)/.installed-test
	OMP_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest $(PARALLEL) $(PYTEST_ARGS)

# The oldest versions of torch and torchvision that pass, in an environment of their own.
test-oldest:
	$(MAKE) --no-print-directory test VENV=.venv-oldest CONSTRAINTS=constraints-oldest.txt

# All wheels, installed away from the checkout; hatchling builds them here, not once for each.
test-wheels: $(VENV)/.installed-test
	$(BIN)/python -m pip install --quiet --disable-pip-version-check "hatchling>=1.27"
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -p no:xdist tests/wheels.py $(PYTEST_ARGS)

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check $(CHECKED)
	$(BIN)/ruff format --check $(CHECKED)
	$(BIN)/mypy $(SOURCES)
	$(BIN)/lint-imports

bench: $(VENV)/.installed-peers
	$(BIN)/python -m pytest benchmarks/perf

# One device against plain loops, a JSON with its name: see benchmarks/perf/README.md.
bench-device: $(VENV)/.installed-test
	$(BIN)/python -m benchmarks.perf.device --out bench-device.json $(BENCH_ARGS)

# Wheels of the core and the plugins, for a device machine that reaches no registry.
bench-wheels: $(VENV)/.installed-core
	$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps -w .whl . \
		$(addprefix ./,$(dir $(PLUGINS)))

clean:
	rm -rf $(VENV) .venv-oldest build dist .pytest_cache .ruff_cache .mypy_cache .hypothesis .benchmarks
	find reidbench plugins examples tests benchmarks -name __pycache__ -prune -exec rm -rf {} +

# What is imported is compiled then, and kept: a small part of all that is installed, and 20 s less.
# The core is installed with the extra that the stamp is named after ("core" is no extra), and for
# tests with what drives a browser; one call of pip, so that the plugins' dependency on reidbench is
# met by the checkout.
$(VENV)/.installed-%: pyproject.toml $(CONSTRAINTS) Makefile $(PLUGINS)
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV) (PyTorch is large: minutes, once)"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile -c $(CONSTRAINTS) \
		-e ".$(if $(filter-out core,$*),[$*$(if $(filter test,$*),$(COMMA)browser)])" \
		$(addprefix -e ./,$(dir $(PLUGINS)))
	touch $@

# fast-reid asks for torch 1.13.1 and much that its evaluation does not use.
$(VENV)/.installed-peers: $(VENV)/.installed-bench
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt \
		--no-deps fastreid
	touch $@
