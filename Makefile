# `make` lists the targets. Everything runs in .venv, which is made from requirements.lock.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/installed
KAFKA_PORT ?= 9092
PEERS := .venv-bench
THROUGHPUT_PEERS := .benchmarks/peers
SOAK_SECONDS ?= 3600
TORCH ?= --torch-backend cpu

.DEFAULT_GOAL := help
.PHONY: help demo kafka certificates test soak faults check format lock bench-peers screenshot clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

demo: $(INSTALLED) ## Start broker, simulator, dataflow and page; Ctrl-C stops all (DEMO_SECONDS=60 by itself)
	@$(BIN)/python -m scripts.demo

kafka: $(INSTALLED) ## Start a Kafka broker (Java 17 and Maven); Ctrl-C stops (KAFKA_PORT=9192 for another port)
	@$(BIN)/python -m scripts.brokers.kafka --port $(KAFKA_PORT)

certificates: $(INSTALLED) ## Make certificates for a secured broker (HOSTS="NAME ADDRESS", FORCE=1): docs/security.md
	@$(BIN)/python -m scripts.certificates $(addprefix --host ,$(HOSTS)) $(if $(FORCE),--force)

test: $(INSTALLED) ## Run the tests, but for the slow ones
	@$(BIN)/python -m pytest

faults: $(INSTALLED) ## Run the fault tests, the slow ones too, and print the table of what each fault cost
	@$(BIN)/python -m scripts.faults

soak: $(INSTALLED) ## The job under twice the demo's load for an hour (SOAK_SECONDS=600 for less)
	@$(BIN)/python -m scripts.soak --seconds $(SOAK_SECONDS)

check: $(INSTALLED) ## Lint, format and type checks
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

format: $(INSTALLED) ## Format the code
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

lock: $(INSTALLED) ## Pin the newest versions that pyproject.toml allows, with hashes
	@$(BIN)/uv pip compile pyproject.toml --extra dev --extra bench --universal --python-version 3.11 \
		--generate-hashes --no-header --upgrade --quiet --output-file requirements.lock

# The lock's versions but for what deep-river wants older; what the throughput's peers want is in no lock of ours.
bench-peers: $(INSTALLED) ## Install the peers of the benchmarks beside .venv (TORCH= for PyTorch from PyPI)
	@$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(THROUGHPUT_PEERS)
	@$(BIN)/uv pip install --quiet --python $(THROUGHPUT_PEERS) \
		--requirement benchmarks/throughput/peers/requirements.txt
	@echo "now: $(BIN)/python -m benchmarks.throughput --only peers"
	@$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(PEERS)
	@sed -n 's/ *\\$$//; /^[a-z].*==/p' requirements.lock | grep -vE '^(river|pandas)==' > $(PEERS)/constraints.txt
	@echo 'river<0.26' > $(PEERS)/overrides.txt
	@$(BIN)/uv pip install --quiet --python $(PEERS) --constraint $(PEERS)/constraints.txt $(TORCH) \
		--override $(PEERS)/overrides.txt \
		--requirement pyproject.toml --extra dev --extra bench --extra peers
	@echo "now: $(PEERS)/bin/python -m benchmarks.quality --data DIR"

screenshot: $(INSTALLED) ## Take the pictures of the README from a running demo (needs chromium)
	@$(BIN)/python -m scripts.screenshot

clean: ## Remove everything that was made
	rm -rf $(VENV) $(PEERS) $(THROUGHPUT_PEERS) .demo .kafka .mypy_cache .pytest_cache .ruff_cache .hypothesis
	rm -rf .venv-lowest
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(INSTALLED): requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))' 2>/dev/null || { \
		echo "expected Python 3.11 or 3.12 (Bytewax has no wheels for others), got $$($(PYTHON) --version 2>&1 | tail -n 1); name another: make PYTHON=python3.12 $(firstword $(MAKECMDGOALS))" >&2; exit 1; }
	@echo "making $(VENV) from requirements.lock with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.lock
	@touch $@
