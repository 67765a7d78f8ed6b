# kaggle-homework: `make help` lists what can be made.

PYTHON ?= python3
VENV   ?= .venv
C      ?= titanic
L      ?= all
DATA   ?=
ARGS   ?=

# Windows puts the interpreter of an environment in Scripts, everybody else in bin.
BIN    := $(VENV)/$(if $(filter Windows_NT,$(OS)),Scripts,bin)
PIP    := $(BIN)/python -m pip install --quiet --disable-pip-version-check
RUN    := $(BIN)/python -m pipelines
INPUT   = $(if $(DATA),--data "$(DATA)")

# What the system kills cannot say why; 137 is a shell's word for it.
KILLED  = || { code=$$?; [ $$code -ne 137 ] || \
	echo "killed by the system, as it does when memory is full: close other programs, or add ARGS='--memory 500'" >&2; \
	exit $$code; }

.DEFAULT_GOAL := help
.PHONY: help setup titanic otto new run remote cv practice report data submit scores doctor lecture exercise notebooks bench test check lowest lock clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "  options: C=titanic  L=07  DATA=folder with the files  ARGS='--preset best'  PYTHON=python3.12"

setup: $(VENV)/.installed ## make .venv and install what the project needs

# The lock holds all but torch, whose hash differs from build to build. Nothing here may pull in what is not pinned.
$(VENV)/.installed: pyproject.toml constraints.txt requirements-lock.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "$(PYTHON) is older than Python 3.11; name a newer one: make PYTHON=python3.12 ..." >&2; exit 1; }
	@echo "installing PyTorch and the rest into $(VENV): some minutes, without a word"
	$(PYTHON) -m venv $(VENV)
	$(PIP) --no-deps --require-hashes --requirement requirements-lock.txt
	$(PIP) --constraint constraints.txt torch
	$(PIP) --no-deps --editable .
	@touch $@

titanic: setup ## Titanic: from the data to a checked submission
	$(RUN) run titanic $(INPUT) $(ARGS) $(KILLED)

otto: setup ## Otto: the same for nine classes and 93 counts
	$(RUN) run otto $(INPUT) $(ARGS) $(KILLED)

new: setup ## write the folder of competition C from its files (DATA=folder or zip; else from Kaggle)
	$(RUN) new $(C) $(INPUT) $(ARGS)

run: setup ## any competition, by its name C
	$(RUN) run $(C) $(INPUT) $(ARGS) $(KILLED)

remote: setup ## run C on Kaggle's GPU and bring the run and its csv back (docs/remote.md)
	$(RUN) run $(C) --on kaggle $(INPUT) $(ARGS)

cv: setup ## cross-validate only, write nothing
	$(RUN) cv $(C) $(INPUT) $(ARGS) $(KILLED)

practice: setup ## hide rows of C, forecast the score on them, look, many times (ARGS='--rounds 20 --jobs 2')
	$(RUN) practice $(C) $(INPUT) $(ARGS) $(KILLED)

report: setup ## the newest run of C as a page, opened in the browser (ARGS='--lang zh')
	$(RUN) report $(C) $(ARGS)

data: setup ## download the files of C into data/, or verify them
	$(RUN) data $(C) $(ARGS)

submit: setup ## upload the newest checked csv of C and wait for its score
	$(RUN) submit $(C) $(INPUT) $(ARGS)

scores: setup ## table of submissions: cross-validated, forecast, public, private; a picture by ARGS=--plot
	$(RUN) scores $(C) $(ARGS)

doctor: setup ## examine credentials, proxy, versions and the way to Kaggle
	$(RUN) doctor $(C) $(ARGS)

lecture: setup ## run lecture L (a number, or all), draw its pictures and a page of them, check its gates
	$(RUN) lecture $(L) $(INPUT) $(ARGS)

exercise: setup ## list the exercises, those of a lecture (L=05), or begin and check one (L=05-closure)
	$(RUN) exercise $(L) $(ARGS)

notebooks: setup ## make docs/notebooks anew, after a change in a lecture's program or in docs/course.md
	$(BIN)/python -m lectures.course.notebooks

test: setup ## run the tests, on up to four cores
	$(BIN)/python -m pytest -n auto --maxprocesses 4 $(ARGS)

check: setup ## format, lint, arrows between rooms, types and tests: what CI runs
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m ruff check .
	$(BIN)/lint-imports --no-logo
	$(BIN)/python -m mypy
	$(BIN)/python -m pytest -n auto --maxprocesses 4

lowest: ## run the tests with the lowest versions that pyproject.toml declares, in .venv-lowest
	PYTHON=$(PYTHON) .ci/lowest $(VENV)-lowest -n auto --maxprocesses 4 $(ARGS)

lock: setup ## resolve all versions anew, after a change in pyproject.toml or constraints.txt
	.ci/lock $(VENV)

bench: setup ## time ours beside named peers, write docs/benchmarks.md (ARGS='--data FOLDER' for Otto's scores)
	$(PIP) --constraint constraints.txt --editable '.[bench]'
	$(BIN)/python -m benchmarks $(ARGS)

clean: ## remove .venv and caches; data and submissions stay
	rm -rf $(VENV) $(VENV)-lowest .mypy_cache .pytest_cache .ruff_cache .hypothesis *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
