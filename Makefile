# `make run` and `make test` are the only set-up a fresh machine needs: Python 3.11 to 3.13 and a network for packages.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: run test cases api-cases web-full mutated mutated-live same-picture lint check evaluate bench bench-compare poison faults fuzz soak act handovers alerts looks console-full pictures boards documents wheel lock clean help

help:
	@echo "make run    everything at once, on this machine: Kafka, Valkey, a worker, a simulated shop"
	@echo "make test   all tests, on a real Kafka and a real Valkey"
	@echo "make test-servers  those of them that make check does not run: on real servers, and of whole files"
	@echo "make lint   format, lint, types, layers"
	@echo "make complexity  functions that branch too much: above 15 by McCabe"
	@echo "make check  format, lint, types, layers, unit and property tests; about a minute"
	@echo "make bench  CPU per event of the whole path and of the small job, a live service, the web process; minutes"
	@echo "make bench-compare BASE=COMMIT  instructions per record and the bytes, that commit against the working tree; minutes, needs valgrind"
	@echo "make evaluate  how good the segments are: must reach the targets; a quarter of an hour, SHOPS=8 by default (seeds), RETAIL=FILE for the real shop"
	@echo "make soak   the kills and handovers again and again; SEEDS=20 by default"
	@echo "make poison  every record that could stop a lane, on real servers, and what it becomes, as a table"
	@echo "make faults  every record and fault that stopped the service once, on real servers, and what it ends as, as a table; minutes"
	@echo "make fuzz   1,000,000 mutated bodies through the lane in memory; BODIES=N for another number"
	@echo "make mutated  10,000 mutated exports through replay, MUTATED=N for another number; minutes"
	@echo "make mutated-live  500 of them imported into one running service, LIVE=N and SEED=FIRST for others; a quarter of an hour"
	@echo "make same-picture  replay, import and an interrupted import give the same segments: Online Retail and three shops; minutes"
	@echo "make api-cases  the web process under made-up requests by schemathesis, which it installs apart; SECONDS=240 by default"
	@echo "make web-full  tests of the web process at full size: paging, followers, kills; a quarter of an hour"
	@echo "make act    act against its oracle, in real time, killed 340 times, and 100,000 schedules of faults on its owner; hours"
	@echo "make handovers  20 handovers of lanes during 100,000 events, timed and compared; minutes"
	@echo "make alerts  a worker and Redis stopped, the input poisoned, the customers shifted: the right alert fires on a real Prometheus; minutes"
	@echo "make looks  every page of the console in Chromium, in both languages and schemes, wide and narrow; minutes"
	@echo "make console-full  the first page at 100,000 customers in Chromium: weight, paint, moves, CPU; CUSTOMERS=N for others; minutes"
	@echo "make wheel  the distribution segment-streamer, into dist/"
	@echo "make pictures, make boards, make documents, make lock   renew what is generated: pictures of boards and console, boards, contracts, locked dependencies"

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || \
		{ echo "streamer needs Python 3.11, 3.12 or 3.13; name one with: make PYTHON=python3.12 ..."; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

run: $(STAMP)
	@$(BIN)/streamer demo $(ARGS)

# Most tests on servers wait more than they compute, so two run at once, each on servers of its own; a file's tests stay together.
PARALLEL ?= -n 2 --dist loadfile

# Tests without servers; `test-servers` runs all others, so that the two together are `test`.
FAST := schemas models streamer tests/unit tests/property tests/golden/test_contracts.py

test: $(STAMP)
	$(BIN)/python -m pytest $(PARALLEL) $(ARGS)

test-servers: $(STAMP)
	$(BIN)/python -m pytest $(PARALLEL) tests $(FAST:%=--ignore=%) $(ARGS)

lint: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy schemas models streamer benchmarks grafana examples docs tests
	$(BIN)/lint-imports
	$(BIN)/python tests/support/complexity.py

complexity: $(STAMP)
	$(BIN)/python tests/support/complexity.py $(ARGS)

check: lint
	$(BIN)/python -m pytest $(PARALLEL) $(FAST) $(ARGS)

MUTATED ?= 10000
# Exports with columns, cells, bytes and lines mutated by seed: not one traceback.
mutated: $(STAMP)
	MUTATED_EXPORTS=$(MUTATED) $(BIN)/python -m pytest --timeout 3600 tests/property/test_mutated_exports.py

LIVE ?= 500
SEED ?= 0
# The same into one running service: not one stopped worker, and the recount of `--check` is what was applied.
mutated-live: $(STAMP)
	MUTATED_LIVE=$(LIVE) MUTATED_SEED=$(SEED) $(BIN)/python -m pytest -s tests/integration/test_mutated_exports_live.py $(ARGS)

# Online Retail and three simulated shops: replay, import, and an import interrupted three times. RETAIL_ROWS=N: the first rows of
# Online Retail alone.
same-picture: $(STAMP)
	SAME_PICTURE=1 $(BIN)/python -m pytest tests/integration/test_same_picture.py --durations 0 $(ARGS)

# Every field case: what it must give, and what it gives.
cases: $(STAMP)
	PYTHONPATH=tests/support $(BIN)/python -m field_cases
	PYTHONPATH=tests/support $(BIN)/python -m field_calls

SCHEMATHESIS := 4.32.5
CASES_VENV ?= .venv-cases
SECONDS ?= 240
api-cases: $(STAMP)
	@test -x $(CASES_VENV)/bin/st || $(BIN)/python -m venv $(CASES_VENV)
	$(CASES_VENV)/bin/python -m pip install --quiet schemathesis==$(SCHEMATHESIS)
	PYTHONPATH=tests/support $(BIN)/python -m api_cases --seconds $(SECONDS) --tool $(CASES_VENV)/bin/st $(ARGS)

# 200,000 members paged while 2,000 move, and downloaded, 50 followers cut 20 times each, 50 kills of the read model, 5 of Kafka.
web-full: $(STAMP)
	MEMBERS_STAYING=198000 MEMBERS_MOVING=2000 CSV_MEMBERS=200000 $(BIN)/python -m pytest \
		tests/unit/web/test_read_model.py tests/unit/web/test_download_memory.py $(ARGS)
	SSE_READERS=50 SSE_CUTS=20 $(BIN)/python -m pytest tests/integration/test_lookup_api.py $(ARGS)
	READ_MODEL_KILLS=50 $(BIN)/python -m pytest tests/recovery/test_read_model_kills.py $(ARGS)
	COLLECTOR_KILLS=5 $(BIN)/python -m pytest tests/recovery/test_collector_kills.py $(ARGS)

bench: $(STAMP)
	$(BIN)/python -m benchmarks.whole_path $(ARGS)
	$(BIN)/python -m benchmarks.small_job $(ARGS)
	$(BIN)/python -m benchmarks.acting
	$(BIN)/python -m benchmarks.live
	$(BIN)/python -m benchmarks.web

BASE ?= HEAD
bench-compare: $(STAMP)
	$(BIN)/python -m benchmarks.compare $(BASE) $(ARGS)

SEEDS ?= 20
BODIES ?= 1000000
SHOPS ?= 8
RETAIL ?= $(wildcard online_retail.csv.gz)
JUDGE = $(BIN)/streamer evaluate segments --seeds $(SHOPS)
evaluate: $(STAMP)
	$(JUDGE) --scenario stationary --scenario shock --tuned-river --gate
	$(JUDGE) --scenario hard --scenario holidays --scenario lifelike --preset conservative --no-peers --gate
	$(JUDGE) --scenario orders --preset conservative --no-peers --gate
	$(JUDGE) --scenario new-archetype --scenario bots --preset conservative --no-peers
	$(if $(RETAIL),$(BIN)/streamer evaluate segments --data $(RETAIL) --as-of 2011-09-10)
	SILENT_CUSTOMERS=10000 MOVING_CUSTOMERS=3000 $(BIN)/python -m pytest --timeout 3600 tests/unit/behaviour/test_behaviour_many.py

poison: $(STAMP)
	$(BIN)/python -m pytest tests/integration/test_poison_table.py $(ARGS)

# Every record and fault that stopped the service once: what it must end as, and what it ends as.
faults: $(STAMP)
	PYTHONPATH=tests/support $(BIN)/python -m fault_rows $(ARGS)

fuzz: $(STAMP)
	LANE_FUZZ=$(BODIES) $(BIN)/python -m pytest --timeout 7200 tests/property/test_lane_fuzz.py $(ARGS)

soak: $(STAMP)
	SOAK_SEEDS=$(SEEDS) $(BIN)/python -m pytest tests/recovery $(ARGS)

act: $(STAMP)
	ACT_CUSTOMERS=5000 ACT_DAYS=60 $(BIN)/python -m pytest --timeout 7200 -s tests/property/test_act_oracle.py \
		tests/integration/test_act_oracle_on_kafka.py $(ARGS)
	ACT_MOVES=10000 ACT_PLAYS=2000 $(BIN)/python -m pytest --timeout 7200 -s tests/property/test_act_limits.py \
		tests/unit/act/test_measures.py $(ARGS)
	ACT_PREVIEWED=2000 $(BIN)/python -m pytest --timeout 7200 -s tests/property/test_act_preview.py $(ARGS)
	ACT_SHOPS=200 $(BIN)/python -m pytest --timeout 7200 -s tests/property/test_act_uplift_shops.py $(ARGS)
	ACT_INTERLEAVINGS=10000 ACT_EXAMPLES=20000 ACT_GETS=10000 ACT_TOKENS=100000 $(BIN)/python -m pytest --timeout 7200 -s \
		tests/property/test_act_interleavings.py tests/property/test_act_times.py tests/unit/act/test_unsubscribe_pages.py $(ARGS)
	ACT_MINUTES=60 $(BIN)/python -m pytest -s tests/integration/test_act_real_time.py $(ARGS)
	ACT_BAD_SECONDS=30 $(BIN)/python -m pytest --timeout 7200 -s tests/integration/test_bad_receivers.py \
		tests/unit/act/test_dead_endpoint.py $(ARGS)
	ACT_SENT=10000 $(BIN)/python -m pytest --timeout 7200 -s tests/integration/test_act_service.py -k acknowledged $(ARGS)
	ACT_SCHEDULES=100000 $(BIN)/python -m pytest --timeout 7200 -s tests/property/test_act_schedules.py $(ARGS)
	ACT_KILLS=200 ACT_AT_POINTS=20 ACT_PAUSES=20 ACT_AWAY=20 \
		$(BIN)/python -m pytest --timeout 7200 -s tests/recovery/test_act_kills.py $(ARGS)

handovers: $(STAMP)
	HANDOVERS=20 HANDOVER_EVENTS=100000 $(BIN)/python -m pytest tests/recovery/test_handover.py -k handovers $(ARGS)

# What goes wrong in a real service, and the alert that a real Prometheus raises: the right one, and no other.
alerts: $(STAMP)
	ALERT_SCENARIOS=all $(BIN)/python -m pytest tests/integration/test_alert_scenarios.py --durations 8 $(ARGS)

# Every page of the console in Chromium, in both languages and schemes, wide and narrow; `make test` looks at two of the eight.
looks: $(STAMP)
	CONSOLE_LOOKS=all $(BIN)/python -m pytest --timeout 1800 tests/integration/test_console*.py $(ARGS)

CUSTOMERS ?= 100000
# The first page at full size in Chromium: weight, paint, moves as they come, and what watching costs. ARGS="--folder FOLDER" keeps
# the service there, and the next run goes on where one was ended.
console-full: $(STAMP)
	PYTHONPATH=tests/support $(BIN)/python -m console_full --customers $(CUSTOMERS) $(ARGS)

pictures: $(STAMP)
	$(BIN)/python -m grafana.pictures $(ARGS)
	PYTHONPATH=tests/support $(BIN)/python -m console_pictures

wheel: $(STAMP)
	$(BIN)/python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist .

documents: $(STAMP)
	$(BIN)/streamer schemas export schemas/generated
	$(BIN)/python docs/tables.py

boards: $(STAMP)
	$(BIN)/python -m grafana.build

lock: $(STAMP)
	$(BIN)/uv pip compile pyproject.toml --all-extras --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-annotate --no-header --output-file requirements.lock
	$(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-annotate --no-header --constraint requirements.lock --output-file deploy/requirements.lock

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
