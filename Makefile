# Needs Python >= 3.11, make and git; everything else is installed into .venv.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
DEMO ?= out
# One test process more than processors, as tests that ask the kernel wait much.
WORKERS ?= $(shell echo $$(( $$(getconf _NPROCESSORS_ONLN) + 1 )))

# How long `make soak` goes on, and with which random rulesets it begins.
SECONDS ?= 3600
SEED ?= $(shell date +%s)

.PHONY: help demo test check soak tools clean

help:
	@echo "make demo    install into $(VENV) and write the rules of the example policy to $(DEMO)/"
	@echo "make test    install what the tests need and run all of them"
	@echo "make check   lint, types, layers, schema and README"
	@echo "make soak    ask the kernel about random rules for an hour (SECONDS=...), new ones each time (SEED=...)"
	@echo "make clean   remove $(VENV), $(DEMO) and caches"

KNOWLEDGE := $(wildcard fwadvisor/ports/data/*.yaml fwadvisor/ports/data/*.tsv fwadvisor/ports/data/*/*.yaml)

$(VENV)/.user: pyproject.toml $(KNOWLEDGE)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "fwadvisor needs Python 3.11 or newer; say which: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "no venv module: on Debian, apt install python3-venv" >&2; exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.user
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

demo: $(VENV)/.user
	$(BIN)/fwadvisor generate h323-needed no-netmeeting --set peers=203.0.113.0/24 --target all -o $(DEMO)

tools:
	@sh tests/install-tools.sh

# Files of tests run side by side; each has namespaces of its own.
test: $(VENV)/.dev tools
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile

# A failure names its own seed: give it as SEED with SECONDS=0 to see it again.
soak: $(VENV)/.dev tools
	FWADVISOR_REQUIRE_KERNEL=1 FWADVISOR_SOAK=$$(($(SECONDS) / 2)) FWADVISOR_SEED=$(SEED) $(BIN)/python -m pytest \
	  tests/kernel/test_random_rulesets.py tests/kernel/test_read_firewalls.py -k agree

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q tests/test_readme.py tests/profile/test_schema.py

clean:
	rm -rf $(VENV) $(DEMO) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
