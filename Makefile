# The words a newcomer needs: make help prints them
STUDY  ?= laptop
DATA   ?=
CORES  ?= 2
PYTHON ?= python3
READY  := .venv/.ready
# As they were typed: the recipes hand them on by the environment, and no shell reads what stands in them
override STUDY  := $(value STUDY)
override DATA   := $(value DATA)
override CORES  := $(value CORES)
override PYTHON := $(value PYTHON)
export STUDY DATA CORES PYTHON
RUN    := .venv/bin/python -m cardiosynth

.PHONY: help study book test quick check evidence lock clean
.DEFAULT_GOAL := study
help:                    ## print these words
	@sed -n 's/^\([a-z]*\):[^#]*## /  make \1\t/p' Makefile | expand -t 20

study: $(READY)          ## run a study and build its book: STUDY=laptop|smoke|acdc|acdc-full|acdc-large|paper DATA=/path/to/data
	@$(RUN) study "studies/$$STUDY.yaml" --cores "$$CORES" $${DATA:+--data "$$DATA"}

book: $(READY)           ## build the book of a study again, running only what is missing
	@$(RUN) study "studies/$$STUDY.yaml" --cores "$$CORES" --again book $${DATA:+--data "$$DATA"}

test: $(READY)           ## unit tests, the smoke study end to end, every notebook, the book with warnings as errors
	@.venv/bin/python -m pytest

quick: $(READY)          ## the tests that take under two minutes together
	@.venv/bin/python -m pytest -m "not slow"

check: $(READY)          ## lint, format, and types of the rooms study and masks
	@.venv/bin/ruff check . && .venv/bin/ruff format --check --quiet . && .venv/bin/mypy

evidence: $(READY)       ## the scripts that made data/results/, what each makes and which page shows it
	@.venv/bin/python -m evidence

lock: $(READY)           ## pin what is installed now; the CPU or CUDA build of torch is the reader's choice
	@.venv/bin/python -m pip freeze --exclude-editable | sed 's/+cpu$$//' > requirements.lock

clean:                   ## remove the environment and every result
	rm -rf .venv results .snakemake *.egg-info

$(READY): requirements.lock pyproject.toml
	@echo "Setting up .venv (once; a few minutes)"
	@"$$PYTHON" -c 'import sys; sys.exit(0 if sys.version_info[:2] in ((3, 11), (3, 12)) else "cardiosynth needs Python 3.11 or 3.12; this is " + sys.version.split()[0] + ". Call make with PYTHON=/path/to/python3.11")'
	@test -x .venv/bin/python || "$$PYTHON" -m venv .venv
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check -r requirements.lock 2> .venv/setup.log || { cat .venv/setup.log; exit 1; }
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --editable . 2> .venv/setup.log || { cat .venv/setup.log; exit 1; }
	@touch $(READY)
