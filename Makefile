# Everything works from a bare Python 3.11 with pip.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
BENCH_STAMP := $(VENV)/.installed-bench
PYTEST_ARGS ?=

.PHONY: run install test test-long test-postgresql lint types style models bench lock clean

run: install  ## start everything, with demonstration data the first time
	if test -f .env; then set -a; . ./.env; set +a; fi; exec $(BIN)/park up --demo

install: $(STAMP)  ## create .venv with the park command

$(STAMP): requirements.lock pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

lint: install  ## style, types, dependency rules, contracts of the models; two at a time
	$(MAKE) --no-print-directory --jobs 2 --output-sync types style models

types: install
	$(BIN)/mypy

style: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

models: install
	$(BIN)/sqlfluff lint --disable-progress-bar dbt_project/models dbt_project/tests
	$(BIN)/python -m pipelines.parse

test: lint  ## lint, then all tests but the long ones
	$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder -m "not long" $(PYTEST_ARGS)

test-long: install  ## whole instances started, killed, moved and restored; pages in a browser
	$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder -m long $(PYTEST_ARGS)

# Uploads, commands, crashes, landing, live state, files, refused records, builds, figures, scope and the command line; the
# remaining tests of PostgreSQL run it whatever is set. Maintenance and `park up` take too long for every day; they can
# be run so, too: tests/integration/pipelines/test_maintenance.py and test_park_up.py.
test-postgresql: install  ## the same tests of data's way with both stores on PostgreSQL
	PARK_TEST_STORES=postgresql $(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder $(PYTEST_ARGS) \
	    tests/integration/files tests/integration/gateway tests/integration/pipelines/test_dagster.py \
	    $(addprefix tests/integration/reports/test_,command_line.py figures.py scope.py golden_tables.py)

bench: install $(BENCH_STAMP)  ## every benchmark; results in benchmarks/results
	$(BIN)/python -m benchmarks.run

$(BENCH_STAMP): requirements-bench.lock $(STAMP)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-bench.lock
	touch $@

lock: install  ## pin the newest versions that pyproject.toml allows
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip compile --quiet --upgrade --generate-hashes --no-header --all-extras pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile --quiet --upgrade --generate-hashes --no-header -c requirements.lock requirements-bench.in -o requirements-bench.lock

clean:  ## remove the environment and caches; data under .park stay
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis dist
