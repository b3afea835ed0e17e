# Everything for a fresh machine: `make chat` opens the app, `make test` checks the project.
# BACKEND=cpu|cuda|metal|vulkan compiles llama.cpp for that backend; without it, what is there stays.
# Recipes are single commands, so that any shell and GNU make 3.81 stop where one fails.

.DEFAULT_GOAL := install

PYTHON ?= python3
VENV := .venv
LOWEST := .venv-lowest
BIN := $(VENV)/bin
PARALLEL := -n auto --dist loadfile --no-loadscope-reorder
INSTALLATION := PYTHONPATH=. $(BIN)/python -m localqwq.installation
UP_TO_DATE := $(INSTALLATION) install --backend "$(BACKEND)"

.PHONY: install recompile chat test test-gpu coverage test-lowest link unlink uninstall clean help

install: $(VENV)/.python  ## install localqwq into .venv
	@$(UP_TO_DATE)
	@echo "Start it with $(BIN)/localqwq, or run make link to call it as localqwq."

recompile: $(VENV)/.python  ## compile llama.cpp anew
	@$(UP_TO_DATE) --recompile

chat: $(VENV)/.python  ## install, then open the app: your last conversation, or the demo model's first
	@$(UP_TO_DATE)
	@$(BIN)/localqwq chat

test: $(VENV)/.python  ## install, then run lint, types and tests
	@$(UP_TO_DATE) --extra dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest $(PARALLEL)

test-gpu: $(VENV)/.python  ## test on a device; with BACKEND, llama.cpp is compiled for that apart from .venv
	@CMAKE_ARGS= $(INSTALLATION) install --extra dev
	@$(INSTALLATION) with --backend "$(BACKEND)" $(BIN)/python -m pytest -m gpu tests/gpu

coverage: $(VENV)/.python  ## run the tests and measure what they cover, in child processes as well
	@$(UP_TO_DATE) --extra dev
	@rm -rf .coverage && mkdir .coverage
	$(BIN)/coverage run -m pytest $(PARALLEL) -p no:cacheprovider
	$(BIN)/coverage combine -q
	$(BIN)/coverage report --skip-covered --sort=cover
	$(BIN)/python -m tests.coverage_floor

test-lowest: $(VENV)/.python  ## run the tests with the lowest versions that pyproject.toml allows
	@$(UP_TO_DATE)
	$(PYTHON) -m venv $(LOWEST)
	$(LOWEST)/bin/python -m pip --disable-pip-version-check install -q uv
	$(LOWEST)/bin/uv pip compile -q --resolution lowest-direct --extra dev \
	  --python $(LOWEST)/bin/python --no-emit-package llama-cpp-python pyproject.toml \
	  -o $(LOWEST)/requirements.txt
	$(LOWEST)/bin/python -m pip --disable-pip-version-check install -q -r $(LOWEST)/requirements.txt
	cp -R $(VENV)/lib/python*/site-packages/llama_cpp* $(LOWEST)/lib/python*/site-packages/
	$(LOWEST)/bin/python -m pip --disable-pip-version-check install -q --no-deps -e .
	$(LOWEST)/bin/python -m pytest $(PARALLEL) -p no:cacheprovider

link: install  ## make localqwq a command, in ~/.local/bin
	@$(INSTALLATION) link

unlink:  ## take that command back
	@PYTHONPATH=. $(PYTHON) -m localqwq.installation unlink

uninstall: unlink clean  ## remove the command and .venv; models and conversations stay
	@echo "Your models, conversations and settings were left where they are."

clean:  ## remove what make made
	rm -rf $(VENV) $(LOWEST) .coverage build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis

help:  ## list these targets
	@sed -nE 's/^([a-z-]+):.*  ## (.*)/  make \1|\2/p' Makefile | awk -F'|' '{ printf "%-18s %s\n", $$1, $$2 }'

$(VENV)/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "error: localqwq needs Python 3.11 or newer, and '$(PYTHON)' is $$($(PYTHON) --version 2>&1): make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
	  { echo "error: $(PYTHON) cannot make virtual environments; on Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	@$(BIN)/python -m pip --disable-pip-version-check install -q -c constraints.txt pip
	@touch $@
