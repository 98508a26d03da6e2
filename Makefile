# Set-up is part of every target: a fresh clone needs Python 3.11 or newer, git, make and the package registries.
PYTHON ?= python3
BIN := .venv/bin
PAGE := src/traderbot/api/static/index.html
HOME_DIR ?=
N ?= 200
DB ?= sqlite
ORDERS ?= 1000000
EVENTS ?= 5000000
SECONDS ?= 20

.DEFAULT_GOAL := help
.PHONY: help run test lint check fix bench bench-backtest coverage crash tampering seeds mutants soak plans cluster faults tables lock web browser clean

help: ## show this list
	@echo 'make TARGET [ARGS="..."], such as: make run HOME_DIR=var/other ARGS="--port 8400 --speed 5"'
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: .venv/run.ok $(PAGE) ## set up and start the demo: AI strategy, real prices, paper account, page
	$(BIN)/traderbot demo $(if $(HOME_DIR),--home $(HOME_DIR)) $(ARGS)

test: .venv/dev.ok $(PAGE) browser ## set up and run every test
	$(BIN)/python -m pytest -n 2 --dist loadfile $(ARGS)
	cd web && PATH="$(CURDIR)/$(BIN):$$PATH" npm test

lint: .venv/dev.ok ## format, lint, types, import order
	$(BIN)/ruff format --check src tests benchmarks
	$(BIN)/ruff check src tests benchmarks
	$(BIN)/mypy
	$(BIN)/lint-imports

check: lint ## the same and the fast tests
	$(BIN)/python -m pytest -q -m "not integration and not browser" -n 2 --dist loadfile

fix: .venv/dev.ok ## format and mend what the linter can
	$(BIN)/ruff check --fix src tests benchmarks
	$(BIN)/ruff format src tests benchmarks

bench: .venv/dev.ok $(PAGE) ## engine, command path, HTTP and first minute, beside plain baselines
	$(BIN)/python benchmarks/engine.py
	$(BIN)/python benchmarks/command_path.py
	$(BIN)/python benchmarks/handlers.py
	$(BIN)/python benchmarks/http_orders.py
	$(BIN)/python benchmarks/first_minute.py

bench-backtest: .venv/dev.ok ## backtests and sweeps, beside peers where TRADERBOT_PEER_PYTHON and TRADERBOT_NAUTILUS_PYTHON name theirs
	$(BIN)/python benchmarks/backtests.py $(ARGS)

plans: .venv/dev.ok ## each query on a large database: plan, time, ratio (DB=sqlite|postgresql ORDERS=1000000 EVENTS=5000000)
	$(BIN)/python benchmarks/indexes.py --database $(DB) --orders $(ORDERS) --events $(EVENTS)

coverage: .venv/dev.ok $(PAGE) browser ## run every test and report branch coverage
	$(BIN)/python -m pytest -n 2 --dist loadfile --cov --cov-report=term-missing:skip-covered --cov-report=html

crash: .venv/dev.ok ## kill -9 the order flow N times and look for what was lost (N=200)
	PYTHONPATH=tests $(BIN)/python -m faults.crash $(N)

seeds: .venv/dev.ok ## random order flow of N seeds, every invariant checked after each step (N=10000 DB=memory|sqlite|postgres)
	PYTHONPATH=tests $(BIN)/python -m properties.seeds --count $(N) --database $(DB)

cluster: .venv/dev.ok ## start everything as several processes on real servers and drive load through it (SECONDS=20)
	PYTHONPATH=tests $(BIN)/python -m cluster.run $(SECONDS)

faults: N = 20
faults: .venv/dev.ok ## kill, cut, wipe and shift every part of a cluster under order flow, N rounds (N=20)
	PYTHONPATH=tests $(BIN)/python -m cluster.faults $(N)

tampering: .venv/dev.ok ## rewrite a journal N times behind its checkpoint and see each found
	PYTHONPATH=tests $(BIN)/python -m faults.tampering $(N)
mutants: .venv/dev.ok ## plant faults one after another and see that each is found
	PYTHONPATH=tests $(BIN)/python -m mutants.run

soak: .venv/dev.ok ## many writers, restarts and repeated requests on one database (DB=sqlite|postgres)
	PYTHONPATH=tests $(BIN)/python -m soak.run --database $(DB) $(ARGS)

tables: .venv/dev.ok ## write the tables of the docs pages from the code
	PYTHONPATH=tests $(BIN)/python tests/docs/tables.py

lock: .venv/dev.ok ## lock the newest versions that pyproject.toml allows
	lock="$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	  --no-annotate --upgrade"; \
	$$lock pyproject.toml --group build --output-file requirements/run.txt && \
	$$lock pyproject.toml --group build --group dev --output-file requirements/dev.txt && \
	$$lock --group node --output-file requirements/node.txt

web: $(PAGE) ## build the page

$(PAGE): .venv/run.ok $(shell find web -type f -not -path '*/node_modules/*' -not -path '*/.vite/*' 2>/dev/null)
	@node -e 'process.exit(+process.versions.node.split(".")[0] >= 20 ? 0 : 1)' 2>/dev/null \
	  || $(BIN)/pip install --quiet --require-hashes -r requirements/node.txt
	cd web && export PATH="$(CURDIR)/$(BIN):$$PATH" && npm ci --no-audit --no-fund && npm run build
	@touch $@

browser: # the browser tests need a Chromium; only root can install Debian's
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null \
	  || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null \
	       && apt-get update -qq && apt-get install -y -qq chromium >/dev/null; } \
	  || echo "no Chromium here: the browser tests will be skipped"

.venv/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed; set PYTHON=...")'
	$(PYTHON) -m venv .venv

.venv/run.ok: requirements/run.txt pyproject.toml | .venv/bin/python
	@echo "installing packages: a minute or two"
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/run.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

.venv/dev.ok: requirements/dev.txt .venv/run.ok
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@touch $@

clean: ## remove what the targets made, but no data
	rm -rf .venv web/node_modules src/traderbot/api/static .pytest_cache .mypy_cache .ruff_cache htmlcov
