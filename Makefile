# make run    the environment and the whole line: text in, a registered assistant out
# make environment  .venv alone, for commands by hand
# make serve  the chat page and the API, http://127.0.0.1:8000
# make compare  n-grams, RNN, LSTM and Transformers on the same text, in one table
# make test   what must hold; make test-slow adds what starts services
#
# The environment is .venv, made with uv because it is quick. uv is told what pip knows (where to
# look for packages, which certificates), so that both find the same things.

PYTHON ?= python3.11
SHELL := /bin/bash
BIN := .venv/bin
UV = env -u VIRTUAL_ENV \
	UV_FIND_LINKS="$$PIP_FIND_LINKS" \
	UV_INDEX_URL="$${UV_INDEX_URL:-$${PIP_INDEX_URL:-$$($(BIN)/pip config get global.index-url 2>/dev/null || echo https://pypi.org/simple)}}" \
	$(BIN)/uv
# Where Python may not keep the code that it has compiled (some containers say so), each start of a
# stage would compile all of torch again: 12 seconds instead of 3.
INSTALL = $(UV) pip install -q $(if $(PYTHONDONTWRITEBYTECODE),--compile-bytecode)

.PHONY: run environment serve ui compare test test-slow lint clean lock
run: .venv/installed
	@$(BIN)/chatwright run

environment: .venv/installed

serve: .venv/installed
	@$(BIN)/chatwright serve

ui: .venv/installed
	@$(BIN)/chatwright ui

compare: .venv/installed
	@$(BIN)/chatwright compare

test: .venv/installed-test lint
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m pytest -n 2 --dist loadgroup

test-slow: .venv/installed-test
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m pytest -m slow -n 2 --dist loadgroup

lint: .venv/installed-test
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

.venv/installed: requirements.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 is needed: there is no $(PYTHON) on PATH. Name yours: make PYTHON=/path/to/python3.11" >&2; exit 2; }
	@echo "Setting up .venv ($$(grep -c == requirements.lock) packages) ..."
	@test -x $(BIN)/uv || { $(PYTHON) -m venv .venv && $(BIN)/pip install -q --disable-pip-version-check uv; }
	@$(INSTALL) --python $(BIN)/python -r requirements.lock
	@$(INSTALL) --python $(BIN)/python --no-deps -e .
	@touch $@

.venv/installed-test: .venv/installed requirements-test.lock
	@echo "Adding what the tests need ..."
	@$(INSTALL) --python $(BIN)/python -r requirements.lock -r requirements-test.lock
	@touch $@

# The exact versions of today, from the ranges in pyproject.toml: no addresses, no local paths.
lock:
	rm -rf .venv && $(PYTHON) -m venv .venv && $(BIN)/pip install -q uv
	$(UV) pip install -q --python $(BIN)/python -r <($(BIN)/python -c "import tomllib; print(*tomllib.load(open('pyproject.toml','rb'))['project']['dependencies'], sep='\n')")
	$(BIN)/uv pip freeze --python $(BIN)/python | sed 's/+cpu//' > requirements.lock
	$(UV) pip install -q --python $(BIN)/python -r requirements.lock --group test
	$(BIN)/uv pip freeze --python $(BIN)/python | sed 's/+cpu//' | grep -vxFf requirements.lock > requirements-test.lock

clean:
	rm -rf .venv .chatwright data artifacts reports
