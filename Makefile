# Everything a newcomer needs; `make help` lists it. Each target sets up what it must, and starts at once when that is done.
# The first Python that really runs and is none too old or new (a version manager's shim may be there and not run); else python3, which
# says what is missing.
PYTHON ?= $(shell for python in python3.11 python3.12 python3.13 python3; do \
	$$python -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' >/dev/null 2>&1 && break; done; echo $$python)
RUN := .venv/bin/python -m
DEMO_FLAGS ?=
# Most of the suite waits for brokers and processes, so three at a time on two cores; a file's tests share what they
# started, and files keep their order: the longest, end-to-end and faults, are begun first.
TEST_FLAGS ?= -n 3 --dist loadfile --no-loadscope-reorder

# What Python has compiled is kept, whatever the environment says: else every process compiles torch, Transformers and TRL
# anew when it starts, which is half of its start.
unexport PYTHONDONTWRITEBYTECODE

# A text file that is opened without an encoding is read as this machine likes: Python says so in tests, and pyproject.toml makes it an error.
test test-fast test-gpu test-clients test-secured test-families test-readers test-faults-heavy coverage mutants: export PYTHONWARNDEFAULTENCODING := 1

.DEFAULT_GOAL := help
.PHONY: help setup demo demo-rl deploy-up deploy-check test-nodes test-simulate test-faults-heavy test-containers test test-fast test-gpu test-clients test-secured test-families test-readers test-monitoring coverage soak soak-short upgrade mutants check hooks format schemas lock sbom audit clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## Set up: .venv, the broker, the small model (the others do it when they must)
	@$(PYTHON) scripts/setup.py

demo: setup ## Run the main job: a broker, the workers, a small model, before and after
	@$(RUN) cli.main demo $(DEMO_FLAGS)

demo-rl: setup ## GRPO on a tiny model: answers judged by the graph, right ones rising by the step (a minute)
	@$(RUN) cli.main demo --rl --countries 4 $(DEMO_FLAGS)

test: setup ## Run all tests
	@$(RUN) pytest --slowest-files 15 $(TEST_FLAGS)

test-fast: setup ## Run the unit and contract tests but those that start trainings in processes of their own: a minute and a half, no broker
	@$(RUN) pytest -n 2 --dist loadfile -m "not processes" tests/unit tests/contract

coverage: setup ## Run the same tests, and say which lines they reach: fails under the floor in pyproject.toml
	@$(RUN) pytest -n 2 --dist loadfile tests/unit tests/contract --cov --cov-report term:skip-covered

test-gpu: setup ## Run the tests that need a CUDA device
	@$(RUN) pytest -m gpu

test-clients: setup ## Try other people's tools on the published contract: Node's, PyPI's, kcat (fetched once, into the cache)
	@$(RUN) scripts.clients
	@PELTON_TEST_CLIENTS=1 $(RUN) pytest tests/clients

soak: setup ## All nodes for 45 minutes, one process killed each minute, samples all the while: is each trained once, does memory stay level?
	@$(RUN) scripts.soak

soak-short: setup ## The same in five minutes
	@$(RUN) scripts.soak --short

upgrade: setup ## Replace the nodes of the last version one by one by today's, on one broker and in one run: is every sample trained once?
	@$(RUN) scripts.upgrade

test-secured: setup ## The main job on a broker with TLS, SCRAM, signatures and exactly the ACLs that are printed (some minutes)
	@PELTON_TEST_SECURED=1 $(RUN) pytest tests/secured

test-families: setup ## Train, resume and export a tiny model of every family that is tried (two minutes)
	@PELTON_TEST_FAMILIES=1 $(RUN) pytest tests/unit/trainer_node/models/test_families.py

test-readers: setup ## Read exports by Transformers 4.57, PEFT, lm-eval, llama.cpp and vLLM (packages of their own, fetched once, into the cache)
	@$(RUN) scripts.readers
	@PELTON_TEST_READERS=1 $(RUN) pytest tests/readers

test-monitoring: setup ## All nodes under a real Prometheus: each query answered, each runbook command run, five faults at 3 a.m. (Debian's prometheus; five minutes)
	@PELTON_TEST_MONITORING=1 $(RUN) pytest tests/monitoring

deploy-up: ## A secured, monitored installation in containers (Docker alone is needed; TRAINER=cpu, gpu or none): docs/deploy.md
	@deploy/up.sh $(or $(TRAINER),cpu)

deploy-check: setup ## Hold deploy/ against schemas, other programs and the code: a warning is a failure
	@$(RUN) scripts.deploy_check

test-nodes: setup ## One training over two nodes, each a network namespace, either killed (needs root; some minutes)
	@$(RUN) scripts.two_nodes

test-simulate: setup ## `pelton simulate` from end to end, small (a minute)
	@PELTON_TEST_SIMULATE=1 $(RUN) pytest tests/integration/test_simulate.py

test-faults-heavy: setup ## Faults that take minutes: two processes that raise together, a broker's disk full, clocks that are wrong (disks need root)
	@PELTON_TEST_HEAVY=1 $(RUN) pytest tests/faults/test_raises_together.py tests/faults/test_brokers_disk.py tests/faults/test_wrong_clock.py

test-containers: setup ## The integration suite against Kafka in a container, and the whole of deploy/compose.yaml (TESTS=…: others; skipped without an engine)
	@$(RUN) scripts.containers

fuzz: setup ## Poison every topic of a live broker under real nodes, twice restarted (many minutes; RECORDS=1000: so many a topic)
	@PELTON_FUZZ_RECORDS=$(or $(RECORDS),10000) $(RUN) pytest tests/faults/test_poison.py tests/faults/test_offsets_forgotten.py

mutants: setup ## Put small faults into the code and see whether a test fails (a quarter of an hour; MODULES=judge,reward: those alone)
	@MODULES="$(MODULES)" TESTS="$(TESTS)" $(RUN) scripts.mutants

check: setup ## Lint, types, import rules, schemas, Markdown, alert rules
	@$(RUN) ruff check .
	@$(RUN) ruff format --check .
	@$(RUN) mypy
	@.venv/bin/lint-imports
	@$(RUN) schemas.export --check
	@$(RUN) streams.metrics.page --check
	@$(RUN) scripts.dashboards --check
	@$(RUN) scripts.kubernetes --check
	@if command -v promtool >/dev/null; then cd deploy/prometheus && promtool check rules rules.yml && promtool test rules rules.test.yml; \
	else echo "promtool is not here (Debian's package prometheus has it): alert rules are not tested"; fi
	@.venv/bin/pymarkdown --config pyproject.toml scan $$(git ls-files '*.md')

hooks: setup ## Have git run ruff and mypy on what is committed (pre-commit)
	@.venv/bin/pre-commit install

format: setup ## Format the code
	@$(RUN) ruff check --fix-only --quiet .
	@$(RUN) ruff format .

schemas: setup ## Write the JSON Schemas, the page of metrics, the dashboards and the generated manifests anew
	@$(RUN) schemas.export
	@$(RUN) streams.metrics.page
	@$(RUN) scripts.dashboards
	@$(RUN) scripts.kubernetes

sbom: setup ## Write a bill of materials of all that is locked (CycloneDX) to runs/sbom.cdx.json
	@$(RUN) scripts.supply_chain sbom

audit: setup ## Look every locked package up among known vulnerabilities, where the database can be reached
	@$(RUN) scripts.supply_chain audit

lock: ## Resolve the requirements anew (needs uv)
	uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes --no-annotate --no-header -q -o requirements/locked.txt
	uv pip compile requirements/no-deps.in --no-deps --generate-hashes --no-annotate --no-header -q -o requirements/no-deps.txt
	uv pip compile requirements/model.in --no-deps --generate-hashes --no-annotate --no-header -q -o requirements/model.txt
	uv pip compile tests/readers/vllm.in --no-deps --generate-hashes --no-annotate --no-header -q -o tests/readers/vllm.txt

clean: ## Remove the virtual environment and what runs left (the cache stays)
	rm -rf .venv runs .mypy_cache .ruff_cache .import_linter_cache
