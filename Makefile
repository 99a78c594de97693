# `make digest` shows what this is; `make test` and `make check` say whether it is right.
# Everything is installed into .venv, from hash-locked requirements.

PYTHON ?= python3
BIN := .venv/bin
READER := reader@digest.example

SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)

.PHONY: digest test check format env bench-env lock clean

digest: env  ## run the digest over seeds/ and send it to a sample reader
	@$(BIN)/digest subscribers add $(READER)
	@$(BIN)/digest run

test: .venv/dev  ## run all tests; parts that are missing are named
	$(BIN)/pytest -n auto --dist worksteal $(TESTS)

check: .venv/dev  ## lint, types, and the order of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: .venv/dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

env: .venv/runtime  ## make .venv with what the digest needs to run

.venv/python: Makefile requirements/pip.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11")'
	@$(PYTHON) -m venv .venv
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/pip.txt
	@touch $@

.venv/runtime: .venv/python requirements/runtime.txt pyproject.toml
	@echo "installing into .venv (once; a minute or so)"
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/runtime.txt
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

.venv/dev: .venv/runtime requirements/dev.txt
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@touch $@

.venv/bench: .venv/dev requirements/bench.txt
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bench.txt
	@touch $@

bench-env: .venv/bench  ## what the benches need besides: Postfix from Debian, other senders from PyPI
	@PATH="$$PATH:/usr/sbin" command -v smtp-source >/dev/null || \
		DEBIAN_FRONTEND=noninteractive $(SUDO) apt-get install -y -qq --no-install-recommends postfix

lock:  ## resolve requirements/ anew (needs uv)
	echo pip | uv pip compile --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate \
		--upgrade --quiet - -o requirements/pip.txt
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate \
		--upgrade --quiet pyproject.toml --extra postgres --group build -o requirements/runtime.txt
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate \
		--upgrade --quiet pyproject.toml --extra postgres --group build --group dev -o requirements/dev.txt
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate \
		--upgrade --quiet pyproject.toml --extra postgres --group build --group dev --group bench -o requirements/bench.txt

clean:
	rm -rf .venv var dist .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache .coverage
