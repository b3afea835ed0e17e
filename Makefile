# Everything for a fresh machine: `make chat` talks with the demo model, `make test` checks the project.
# BACKEND=cpu|cuda|metal|vulkan compiles llama.cpp for that backend; without it, what is there stays.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := install

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
TESTED := -c constraints.txt --build-constraint constraints.txt
LLAMA := llama-cpp-python
LOG := $(VENV)/llama-build.log

PLATFORM_BACKEND := $(if $(filter Darwin,$(shell uname -s)),metal,cpu)
BUILT_BACKEND := $(subst -, ,$(patsubst $(VENV)/.llama-%,%,$(wildcard $(VENV)/.llama-*)))
BACKEND ?= $(firstword $(BUILT_BACKEND) $(PLATFORM_BACKEND))
LLAMA_VERSION := $(shell sed -n 's/^llama_cpp_python==//p' constraints.txt)
LLAMA_BUILT := $(VENV)/.llama-$(BACKEND)-$(LLAMA_VERSION)-rpc

# Every build can share a model with other machines (ggml's RPC).
CMAKE_cpu := -DGGML_RPC=ON
CMAKE_cuda := -DGGML_RPC=ON -DGGML_CUDA=ON
CMAKE_metal := -DGGML_RPC=ON -DGGML_METAL=ON
CMAKE_vulkan := -DGGML_RPC=ON -DGGML_VULKAN=ON
ifeq ($(filter $(BACKEND),cpu cuda metal vulkan),)
$(error BACKEND=$(BACKEND) is not known: use cpu, cuda, metal or vulkan)
endif

# GCC before 11.5, 12.4 and 13.3 drops stores that llama.cpp's AMX kernels need (GCC's bug 114098), and these then end the
# process; on kernels with XFD so does a thread's first tile (llama.cpp's pull request 26954). They are left out.
NO_AMX := $(shell $${CXX:-c++} -mno-amx-tile -E -x c++ /dev/null >/dev/null 2>&1 && echo -mno-amx-tile -mno-amx-int8 -mno-amx-bf16)

# pip's cache of built wheels knows neither flags nor processors, and llama.cpp is compiled for the one that is here: a cache
# for each, inside pip's own, and none for GPUs, where a new toolkit or driver asks for a new build under the same flags.
define CHOOSE_CACHE
flags="$(CMAKE_$(BACKEND))$${CMAKE_ARGS:+ $$CMAKE_ARGS}"; cache=--no-cache-dir; \
export CFLAGS="$${CFLAGS:+$$CFLAGS }$(NO_AMX)" CXXFLAGS="$${CXXFLAGS:+$$CXXFLAGS }$(NO_AMX)"; \
if [ $(BACKEND) = cpu ] && root=$$($(PIP) cache dir 2>/dev/null); then \
  processor=$$(grep -m1 ^flags /proc/cpuinfo 2>/dev/null || uname -m); \
  cache="--cache-dir=$$root/localqwq-$$(printf %s "$$flags $$CXXFLAGS $$processor" | cksum | cut -d' ' -f1)"; fi
endef

# One line that moves while the compiler works; on a terminal it stays in place.
define SHOW_PROGRESS
match($$0, /\[ *[0-9]+(\/[0-9]+|%)\]/) { step = substr($$0, RSTART, RLENGTH); gsub(/ /, "", step); n++; \
  if (tty) { printf "\r  llama.cpp %s   ", step; fflush() } \
  else if (n % 16 == 1) { print "  llama.cpp " step; fflush() } } \
END { if (tty && n) print "" }
endef

.PHONY: install chat test clean help

install: $(VENV)/.localqwq  ## install localqwq into .venv

chat: $(VENV)/.localqwq  ## talk with the demo model
	@$(BIN)/localqwq chat

test: $(VENV)/.dev  ## lint, types and tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -n auto --dist loadfile

clean:  ## remove what make made
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis

help:  ## list these targets
	@grep -hE '^[a-z]+:.*##' Makefile | sed -E 's/^([a-z]+):[^#]*## */  make \1\t/'

$(VENV)/.python: constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "error: localqwq needs Python 3.11 or newer; $$($(PYTHON) --version) is what '$(PYTHON)' starts: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
	  { echo "error: $(PYTHON) cannot make virtual environments; on Debian and Ubuntu: apt install python3-venv"; exit 1; }
	@$(PIP) install -q -c constraints.txt pip
	@touch $@

$(LLAMA_BUILT): | $(VENV)/.python
	@command -v $${CXX:-c++} >/dev/null || command -v g++ >/dev/null || command -v clang++ >/dev/null || \
	  { echo "error: no C++ compiler was found; on Debian and Ubuntu: apt install build-essential; on macOS: xcode-select --install"; exit 1; }
	@echo "Getting llama.cpp for $(BACKEND). Where no built copy is at hand it is compiled:"
	@echo "8 to 10 minutes on 2 cores, less on more, longer for a GPU; the compiler's words go to $(LOG)."
	@tty=0; if [ -t 1 ]; then tty=1; fi; \
	$(CHOOSE_CACHE); \
	CMAKE_ARGS="$$flags" $(PIP) install -v --force-reinstall --no-deps --no-binary $(LLAMA) "$$cache" $(TESTED) \
	  $(LLAMA) 2>&1 | tee $(LOG) | awk -v tty=$$tty '$(SHOW_PROGRESS)' || \
	  { tail -n 40 $(LOG); echo "error: llama.cpp could not be installed for $(BACKEND); the lines above and $(LOG) say why"; exit 1; }
	@rm -f $(VENV)/.llama-*
	@touch $@

$(VENV)/.localqwq: $(LLAMA_BUILT) $(VENV)/.python pyproject.toml constraints.txt
	@echo "Installing localqwq and what it needs."
	@$(PIP) install -q $(TESTED) -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.localqwq
	@echo "Installing what the tests need."
	@$(PIP) install -q $(TESTED) -e '.[dev]'
	@touch $@
