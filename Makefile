# `make` lists the targets. Everything runs in .venv, which scripts/install.sh creates from requirements.lock:
# what the programs need at run time, and for the targets that check or measure, the development tools as well.

PYTHON ?=
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/installed
INSTALLED_DEV := $(VENV)/installed-dev
KAFKA_PORT ?= 9092
PEERS := .venv-bench
THROUGHPUT_PEERS := .benchmarks/peers
SOAK_SECONDS ?= 3600
TORCH ?= --torch-backend cpu

# Tests start hundreds of processes, each of which would compile the whole project.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help install demo kafka certificates containers stack test test-fast test-all test-slow faults soak check \
	newest format lock bench-peers docs sbom screenshot clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

install: $(INSTALLED) ## Create .venv with what the programs need (PYTHON=python3.12 to choose the Python)
	@echo "next: source $(BIN)/activate"

demo: $(INSTALLED) ## Start broker, simulator, dataflow, recorder and page; Ctrl-C stops them (DEMO_SECONDS=60 stops by itself)
	@$(BIN)/python -m scripts.demo

kafka: $(INSTALLED) ## Start a Kafka broker (needs Java 17 and Maven); Ctrl-C stops it (KAFKA_PORT=9192 for another port)
	@$(BIN)/python -m scripts.brokers.kafka --port $(KAFKA_PORT)

certificates: $(INSTALLED) ## Create certificates for a secured broker (HOSTS="NAME ADDRESS", FORCE=1): docs/security.md
	@$(BIN)/python -m scripts.certificates $(addprefix --host ,$(HOSTS)) $(if $(FORCE),--force)

containers: $(INSTALLED_DEV) ## Build both images and try each profile of docker-compose.yml, where there is an engine
	@$(BIN)/python -m scripts.stack.containers

stack: $(INSTALLED_DEV) ## Try the programs of docker-compose.yml natively, with TLS, users and a login (needs mosquitto)
	@$(BIN)/python -m scripts.stack

test: $(INSTALLED_DEV) ## Run the tests, except the slow ones
	@$(BIN)/python -m pytest

test-fast: $(INSTALLED_DEV) ## Run the unit tests only
	@$(BIN)/python -m pytest tests/unit

test-all: $(INSTALLED_DEV) ## Run the tests of `make test` and those that take too long for it
	@$(BIN)/python -m pytest -m "not slow"

test-slow: $(INSTALLED_DEV) ## Run the tests that take too long for `make test-all`, except those of `make faults`
	@$(BIN)/python -m pytest -m slow --ignore tests/fault

faults: $(INSTALLED_DEV) ## Run all fault tests and print what each fault cost (about 20 minutes)
	@$(BIN)/python -m scripts.faults

soak: $(INSTALLED) ## Run the job under twice the load of the demo for an hour (SOAK_SECONDS=600 for less)
	@$(BIN)/python -m scripts.soak --seconds $(SOAK_SECONDS)

check: $(INSTALLED_DEV) ## Check style, format and types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

newest: $(INSTALLED_DEV) ## Run the tests with the newest versions that pyproject.toml allows (about 10 minutes)
	@.ci/newest-versions

format: $(INSTALLED_DEV) ## Format the code
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

lock: $(INSTALLED_DEV) ## Pin the newest versions that pyproject.toml allows, with hashes
	@$(BIN)/uv pip compile pyproject.toml --extra all --extra dev --extra bench --universal --python-version 3.11 \
		--generate-hashes --no-header --upgrade --quiet --output-file requirements.lock

# The versions of the lock, except where deep-river needs older ones; the peers of the throughput benchmark have
# requirements of their own.
bench-peers: $(INSTALLED_DEV) ## Install the peers of the benchmarks beside .venv (TORCH= for PyTorch from PyPI)
	@$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(THROUGHPUT_PEERS)
	@$(BIN)/uv pip install --quiet --python $(THROUGHPUT_PEERS) \
		--requirement benchmarks/throughput/peers/requirements.txt
	@echo "next: $(BIN)/python -m benchmarks.throughput --only peers"
	@$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(PEERS)
	@sed -n 's/ *\\$$//; /^[a-z].*==/p' requirements.lock | grep -vE '^(river|pandas)==' > $(PEERS)/constraints.txt
	@echo 'river<0.26' > $(PEERS)/overrides.txt
	@$(BIN)/uv pip install --quiet --python $(PEERS) --constraint $(PEERS)/constraints.txt $(TORCH) \
		--override $(PEERS)/overrides.txt \
		--requirement pyproject.toml --extra all --extra dev --extra bench --extra peers
	@echo "next: $(PEERS)/bin/python -m benchmarks.quality --data DIR"

docs: $(INSTALLED_DEV) ## Build the documentation as a site in .site; a broken link is an error
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

sbom: $(INSTALLED_DEV) ## Write sbom.json (CycloneDX): every package that is shipped, with its version and hashes
	@$(BIN)/uv pip compile pyproject.toml --extra all --constraint requirements.lock --python-version 3.11 --generate-hashes \
		--no-header --no-annotate --quiet --output-file .sbom-requirements.txt
	@$(BIN)/cyclonedx-py requirements --pyproject pyproject.toml --output-reproducible --output-file sbom.json \
		.sbom-requirements.txt
	@rm .sbom-requirements.txt

screenshot: $(INSTALLED_DEV) ## Take the screenshots of the documentation from a running demo (needs chromium)
	@$(BIN)/python -m scripts.screenshot

clean: ## Remove everything that these targets create
	rm -rf $(VENV) $(PEERS) $(THROUGHPUT_PEERS) .demo .site sbom.json .kafka .mypy_cache .pytest_cache .ruff_cache .hypothesis
	rm -rf .venv-lowest .venv-newest
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(INSTALLED): requirements.lock
	@PYTHON="$(PYTHON)" sh scripts/install.sh $(VENV)
	@touch $@

$(INSTALLED_DEV): $(INSTALLED)
	@echo "installing the development tools"
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --compile-bytecode --require-hashes \
		--requirement pyproject.toml --extra all --extra dev --extra bench --constraint requirements.lock
	@touch $@
