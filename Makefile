# Two commands on a fresh machine: `make lab` and `make test`. `make help` lists the rest.

# Which Python makes .venv; unset, scripts/setup/python.sh finds one that is new enough.
PYTHON ?=
VENV := .venv
BIN := $(VENV)/bin
MADE := $(VENV) .venv-* .lab .course .bundle .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
PIP_INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes
# What pip says where it reaches no index has no remedy in it.
NOT_INSTALLED = { printf 'make: %s\n' 'pip did not get all packages (above). Is the package index reached?' \
  '  behind a mirror, set pip'"'"'s own variable PIP_INDEX_URL' \
  '  without a network, bring a bundle: scripts/setup/bundle.sh --help' >&2; exit 1; }
LOCKS := services/micro_api/requirements.txt loadtest/requirements.txt scripts/lab/requirements.txt
# From the proxy of Go modules: on PyPI it is a download from elsewhere.
ACTIONLINT := github.com/rhysd/actionlint/cmd/actionlint@v1.7.12
SHELL := /bin/bash

.DEFAULT_GOAL := help
.PHONY: help doctor lab rollout course hand-in test live documents course-test course-cluster course-mistakes rates pythons images cluster-up cluster-down e2e engines engines-smoke monitoring browser pictures bundle offline bench lint workflow format lock clean install

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

doctor: ## List what this machine lacks for each part
	@$$(scripts/setup/python.sh --outside 2>/dev/null || echo $(or $(PYTHON),python3)) -m scripts.setup.doctor

lab: $(VENV)/.lab ## Run the lab: real traffic at 70/30, then 0/100, judged
	@$(BIN)/python -m scripts.lab run

rollout: $(VENV)/.lab ## Release a canary in the lab, step by step, by verdicts
	@$(BIN)/python -m scripts.lab rollout

course: $(VENV)/.lab ## Learn canary releases in steps that check themselves
	@$(BIN)/python -m scripts.course

hand-in: $(VENV)/.lab ## Write what was done in the course into a file, NAME=you
	@$(BIN)/python -m scripts.course $(if $(NAME),--name "$(NAME)") hand-in

install: $(VENV)/.lab ## Install what the lab needs into .venv

test: $(VENV)/.test lint ## Run the linters and the tests (7 minutes)
	$(BIN)/python -m pytest -n auto

live: $(VENV)/.test ## Run the long tests of real processes (5 minutes)
	$(BIN)/python -m pytest -n auto -m live

documents: $(VENV)/.test ## Do what README and pages show, and compare (2 minutes)
	$(BIN)/python -m pytest -n auto -m documents tests/docs tests/loadtest

course-test: $(VENV)/.test ## Do each step of the course as a learner, and compare
	$(BIN)/python -m pytest -n auto -m course tests/course

course-cluster: $(VENV)/.test ## Do the course's steps on a cluster as a learner (Docker)
	$(BIN)/python -m pytest -m course_cluster --exitfirst tests/course/test_cluster_steps.py

course-mistakes: $(VENV)/.test ## Make the mistakes that instructor.md names, and compare
	$(BIN)/python -m pytest -n auto -m mistakes tests/course

rates: $(VENV)/.test ## Simulate how often findings are wrong (4 minutes)
	$(BIN)/python -m pytest -n auto -m rates tests/loadtest tests/rollout tests/course

pythons: ## Run lab, load test and judge on each supported Python
	scripts/setup/pythons.sh

images: $(VENV)/.test ## Build and test images and Compose (Docker; 2 minutes)
	scripts/cluster/build-images.sh
	$(BIN)/python -m pytest -m docker tests/images tests/compose

cluster-up: ## Create a cluster with the images (Docker, kind, kubectl)
	scripts/cluster/up.sh
	scripts/cluster/build-images.sh --missing
	scripts/cluster/load-images.sh

cluster-down: ## Delete that cluster
	scripts/cluster/down.sh

# Each step depends on the one before: after a failure the rest would prove nothing.
# LOAD_TOOLS=yes also runs the recipes of loadtest/recipes.md, with load tools that it builds by Go.
e2e: $(VENV)/.test $(if $(LOAD_TOOLS),$(VENV)/.load-tools) ## Run all flows under load on a new cluster (35 minutes)
	$(BIN)/python -m pytest -m "e2e$(if $(LOAD_TOOLS),, and not load_tools)" --exitfirst tests/e2e

engines: $(VENV)/.test ## Release with Argo Rollouts and Flagger (35 minutes)
	$(BIN)/python -m pytest -m engines --exitfirst tests/e2e/test_with_engines.py

engines-smoke: $(VENV)/.test ## The two releases of each engine that make e2e runs, too
	$(BIN)/python -m pytest -m "engines and e2e" --exitfirst tests/e2e/test_with_engines.py

browser: $(VENV)/.browser ## Test the pages in a real browser (Chromium; 2 minutes)
	$(BIN)/python -m pytest -m browser tests/browser

pictures: $(VENV)/.browser ## Take the documents' pictures again, with those tests
	UPDATE_PICTURES=1 $(BIN)/python -m pytest -m browser tests/browser

monitoring: $(VENV)/.test ## Test rules, alerts, dashboard (Prometheus; 3 minutes)
	$(BIN)/python -m pytest -m prometheus tests/monitoring

bundle: $(VENV)/.lab ## Pack images and wheels into FILE=... for offline use
	@scripts/setup/bundle.sh pack "$(FILE)"

offline: $(VENV)/.test ## Follow a bundle in a room without a network (15 minutes)
	$(BIN)/python -m pytest -m offline --exitfirst tests/e2e/test_without_a_network.py

bench: $(VENV)/.test ## Measure every part, write docs/benchmarks.md (20 minutes)
	@[ -d $(VENV)/fast-parser ] || $(PIP_INSTALL) --target $(VENV)/fast-parser -r scripts/bench/requirements.txt \
	  || echo "gunicorn's C parser could not be built; continuing without it" >&2
	$(BIN)/python -m scripts.bench

lint: $(VENV)/.test ## Check style, format, types and layers only
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	PYTHONPATH=services:loadtest $(BIN)/lint-imports --no-cache
	$(BIN)/codespell
	$(BIN)/yamllint --strict .
	$(BIN)/shellcheck --external-sources .ci/run scripts/*/*.sh
	$(BIN)/hadolint services/micro_api/Dockerfile loadtest/Dockerfile scripts/lab/Dockerfile

workflow: $(VENV)/.test ## Check the workflows with actionlint (Go)
	@command -v go >/dev/null || { echo "make workflow: go is not on the PATH: https://go.dev/doc/install" >&2; exit 1; }
	go run $(ACTIONLINT) -shellcheck $(BIN)/shellcheck -pyflakes= .github/workflows/*.yml docs/ci/*.yml

format: $(VENV)/.test ## Format every Python file
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

# All parts are resolved together, then each gets its own subset: they agree, and each can be installed alone.
lock: ## Write the hashed requirements files again (uv)
	@command -v uv >/dev/null || { echo "make lock: uv is not on the PATH; install it with: pip install uv" >&2; exit 1; }
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate -o tests/requirements.txt tests/requirements.in
	for part in services/micro_api loadtest scripts/lab scripts/bench tests/browser; do \
	  uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate -c tests/requirements.txt -o $$part/requirements.txt $$part/requirements.in || exit; \
	done

clean: ## Stop the lab, remove all that was made, in Docker too
	@if [ -e .lab/state.json ]; then \
	  [ -x $(BIN)/python ] || { echo "make clean: a lab may be running, and $(VENV), which can stop it, is missing: run make install first" >&2; exit 1; }; \
	  $(BIN)/python -m scripts.lab down; \
	fi
	@for made in $(MADE) $$(find . -path ./$(VENV) -prune -o -type d -name __pycache__ -prune -print); do \
	  if [ -e $$made ] || [ -L $$made ]; then echo "Removing $$made"; rm -rf $$made; fi; \
	done
	@scripts/setup/clean.sh

$(BIN)/python:
	@scripts/setup/make-venv.sh $(VENV) $(PYTHON)

$(VENV)/.lab: $(LOCKS) | $(BIN)/python
	@$(BIN)/python -m scripts.setup.platforms
	@echo "Installing the lab into $(VENV) (half a minute, once)"
	@$(PIP_INSTALL) $(addprefix -r ,$(LOCKS)) || $(NOT_INSTALLED)
	@touch $@

$(VENV)/.test: $(VENV)/.lab tests/requirements.txt
	@echo "Installing the test tools into $(VENV)"
	@$(PIP_INSTALL) -r tests/requirements.txt || $(NOT_INSTALLED)
	@touch $@

$(VENV)/.load-tools: scripts/setup/load-tools.sh | $(BIN)/python
	@scripts/setup/load-tools.sh $(VENV)/load-tools
	@touch $@

$(VENV)/.browser: $(VENV)/.test tests/browser/requirements.txt
	@echo "Installing the browser tests' tools into $(VENV)"
	@$(PIP_INSTALL) -r tests/browser/requirements.txt || $(NOT_INSTALLED)
	@touch $@
