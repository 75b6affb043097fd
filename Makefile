# Everything a newcomer needs: `make demo` to see it, `make test` to check it. `make` lists the rest.
#
# Set-up happens once, into .venv, and leaves stamp files: what is done is not done again.
# Tools whose pinned requirements clash with ours live in environments of their own, .venv/tools/….

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-print-directory

export SAM_CLI_TELEMETRY := 0
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PYTHONUTF8 := 1
export UV_LINK_MODE := copy

# The first Python that really runs (a pyenv shim may exist and fail) and is new enough.
FIND_PYTHON = for p in python3.13 python3.12 python3.11 python3; do \
	if "$$p" -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then echo "$$p"; exit; fi; done
# BottleCRM needs a newer one than we do: one that pyenv keeps off the path will do as well.
FIND_NEWER_PYTHON = for p in python3.14 python3.13 python3.12 "$${PYENV_ROOT:-$$HOME/.pyenv}"/versions/3.1[2-9]*/bin/python; do \
	if "$$p" -c 'import sys, venv; sys.exit(sys.version_info < (3, 12))' 2>/dev/null; then echo "$$p"; exit; fi; done
PYTHON := .venv/bin/python
EMBEDDED := .venv/.stamp .venv/tools/ministack/.stamp .venv/tools/sam/.stamp

.PHONY: help
help: ## Show this list.
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' Makefile

# A helpdesk that runs in an environment of its own is installed when it is asked for.
REAL := djangohelpdesk bottlecrm
DESK := $(foreach name,$(filter $(REAL),$(subst -,,$(HELPDESK))),.venv/tools/$(name)/.stamp)
DESKS := $(foreach name,$(REAL),.venv/tools/$(name)/.stamp)

.PHONY: demo
demo: $(EMBEDDED) $(DESK) ## A busy morning, from the platforms to the helpdesk and back. STAY=1 keeps it; HELPDESK=, ONLY= choose.
	@$(PYTHON) -m sandbox.northwind.demo $(if $(STAY),--stay) $(if $(HELPDESK),--helpdesk $(HELPDESK)) \
		$(if $(ONLY),--only $(ONLY))

.PHONY: sandbox
sandbox: $(EMBEDDED) $(DESK) ## One page to write, answer and let things go wrong on, and to develop a connector against. HELPDESK=, ONLY=.
	@$(PYTHON) -m sandbox $(if $(HELPDESK),--helpdesk $(HELPDESK)) $(if $(ONLY),--only $(ONLY))

.PHONY: test
test: $(EMBEDDED) .venv/tools/checkov/.stamp $(DESKS) ## The whole gate: format, lint, types, imports, template, build, tests.
	@$(PYTHON) tools/gate.py

.PHONY: connector
connector: .venv/.stamp ## All that the gate asks of one connector, in a minute, and what it lacks: NAME=telegram.
	@PYTHONPATH=layers/deskwire:. $(PYTHON) tools/connector.py $(NAME)

.PHONY: coverage
coverage: $(EMBEDDED) $(DESKS) ## Which lines and branches the tests reach; twice the tests' time.
	@.venv/bin/pytest -n auto --maxprocesses=4 --dist=loadfile --cov --cov-report=term:skip-covered

.PHONY: fuzz
fuzz: .venv/.stamp ## A million made-up bodies through every parser. BODIES=…, SEED=… for another run.
	@PYTHONPATH=layers/deskwire:. $(PYTHON) -m tests.attacks.fuzz $(if $(BODIES),--bodies $(BODIES)) $(if $(SEED),--seed $(SEED))

.PHONY: faults
faults: .venv/.stamp ## Everyday mistakes, planted one by one, each to be caught by its tests. ONLY="second page". Half an hour.
	@PYTHONPATH=layers/deskwire:. $(PYTHON) -m tests.planted $(ONLY)

.PHONY: setup
setup: .venv/.stamp ## Install the libraries and the command `deskwire` into .venv, and nothing else.

.PHONY: simulate
simulate: .venv/.stamp ## Every crash point, pairs, random histories. DEEP=1; MIRROR=1; SEED=n tells one; ONLY="closed ticket".
	@$(PYTHON) -m tests.simulation $(if $(DEEP),--deep) $(if $(MIRROR),--mirror) $(if $(SEED),--seed $(SEED)) $(if $(ONLY),--only "$(ONLY)") \
		$(if $(START),--start $(START))

.PHONY: soak
soak: $(EMBEDDED) ## 10,000 messages while much goes wrong, then the books. MESSAGES=, SEED=. Half an hour. RATE=10 CHANNEL= floods one.
	@$(PYTHON) -m sandbox.northwind.soak $(if $(MESSAGES),--messages $(MESSAGES)) $(if $(SEED),--seed $(SEED)) \
		$(if $(RATE),--rate $(RATE)) $(if $(CHANNEL),--channel $(CHANNEL))

.PHONY: benchmarks
benchmarks: .venv/.stamp ## Lost answers, an outage, first starts: docs/figures.md. An hour.
	@$(PYTHON) -m tests.benchmarks.cold_receive --write
	@$(PYTHON) -m tests.benchmarks.first_start --write
	@$(PYTHON) -m tests.benchmarks.lost_answers --write
	@$(PYTHON) -m tests.benchmarks.outage --write

.PHONY: pictures
pictures: $(EMBEDDED) ## Take the pictures of the sandbox's page, with Debian's chromium.
	@PYTHONPATH=layers/deskwire:. $(PYTHON) tools/pictures.py

.PHONY: build
build: .venv/tools/sam/.stamp ## Build template.yaml for Lambda, into .aws-sam (what `sam deploy` takes).
	@.venv/tools/sam/bin/sam build

.PHONY: format
format: .venv/.stamp ## Format the code and fix what can be fixed by itself.
	@.venv/bin/ruff format --quiet
	@.venv/bin/ruff check --fix

.PHONY: lock
lock: .venv/bin/uv ## Renew the locked requirements after a change of the groups in pyproject.toml.
	@UV=.venv/bin/uv tools/lock

.PHONY: clean
clean: ## Remove everything that was built or installed.
	@rm -rf .venv .aws-sam .sandbox .coverage .coverage.* .hypothesis .mypy_cache .pytest_cache .ruff_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# ------------------------------------------------------------------------------------------------------- set-up
.venv/bin/python:
	@python=$$($(FIND_PYTHON)); \
	if [ -z "$$python" ]; then \
		echo "Deskwire needs Python 3.11 or newer, with its venv module; none of python3.13, python3.12, python3.11," >&2; \
		echo "python3 is one that runs. On Debian: apt-get install python3 python3-venv" >&2; exit 1; fi; \
	echo "· making .venv with $$($$python --version)"; \
	"$$python" -m venv .venv || { echo "On Debian: apt-get install python3-venv" >&2; exit 1; }

# uv installs in seconds what takes pip minutes. Where it cannot (a company's own index that only pip is set up for, a
# platform it is not built for), pip does it.
.venv/bin/uv: requirements/uv.txt | .venv/bin/python
	@$(PYTHON) -m pip install --quiet --quiet --no-deps --require-hashes --requirement $< || true
	@[ -x $@ ] || { printf '#!/bin/sh\nexit 1\n' > $@; chmod +x $@; }
	@touch $@

# $(call install,<environment>,<locked requirements>)
install = .venv/bin/uv pip install --quiet --no-deps --require-hashes --python $(1)/bin/python --requirement $(2) \
	2>/dev/null || $(PYTHON) -m pip --python $(1)/bin/python install --quiet --quiet --no-deps --require-hashes \
	--requirement $(2)

.venv/.requirements: requirements/development.txt .venv/bin/uv
	@echo "· installing libraries and tools into .venv (once)"
	@$(call install,.venv,$<)
	@touch $@

.venv/.stamp: .venv/.requirements pyproject.toml
	@$(PYTHON) -m pip install --quiet --quiet --no-deps --no-build-isolation --editable .
	@touch $@

.venv/tools/%/.stamp: requirements/%.txt .venv/bin/uv
	@echo "· installing $* into .venv/tools/$* (once)"
	@rm -rf .venv/tools/$*
	@$(PYTHON) -m venv --without-pip .venv/tools/$*
	@$(call install,.venv/tools/$*,$<)
	@touch $@

# Without such a Python its tests are skipped, and its sandbox says so; no stamp is left, so it is tried again next time.
.venv/tools/bottlecrm/.stamp: requirements/bottlecrm.txt .venv/bin/uv
	@python=$$($(FIND_NEWER_PYTHON)); \
	if [ -z "$$python" ]; then \
		echo "· BottleCRM needs Python 3.12 or newer, with its venv module: none is here, its tests are skipped" >&2; exit; fi; \
	echo "· installing bottlecrm into .venv/tools/bottlecrm (once)"; \
	rm -rf .venv/tools/bottlecrm; "$$python" -m venv --without-pip .venv/tools/bottlecrm || exit; \
	$(call install,.venv/tools/bottlecrm,$<) || exit; touch $@

.PHONY: care
care: .venv/.stamp ## The judgement of messages, measured: DATA=folder (docs/care.md says what it holds).
	@PYTHONPATH=layers/deskwire:. $(PYTHON) tools/care_measure.py $(DATA)

.PHONY: answers
answers: .venv/.stamp ## Declared answers, measured on labelled questions: DATA=folder (docs/care.md says what it holds).
	@PYTHONPATH=layers/deskwire:. $(PYTHON) tools/answers_measure.py $(DATA)

.PHONY: care-model
care-model: ## Train the tables of care/ again: LINGUA= XED= WORDS= FILMS= INTERFACES= (docs/care.md); needs numpy, scipy and babel.
	@PYTHONPATH=layers/deskwire:. python3 tools/care_model.py --lingua $(LINGUA) --xed $(XED) --words $(WORDS) --films $(FILMS) \
		--interfaces $(INTERFACES)
