# `make help` lists the targets. Everything runs from .venv, which `make install` makes from the lock.
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
CORES ?= all
MINUTES ?= 45
CASES ?= 700
export PYTHONPATH := src
# One thread per process: pytest and Snakemake already run processes side by side.
export OMP_NUM_THREADS := 1
export MKL_NUM_THREADS := 1
PYTEST := $(BIN)/python -m pytest

.PHONY: help install quick smoke kitchen all verify archive docs agreement screenshots bench test test-slow faults fuzz remotes slurm slurm-install check audit format lock licences clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

install: .venv/installed ## make .venv from the lock (instant when it is there)

.venv/installed: requirements-torch.txt requirements.lock pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps -r requirements-torch.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	$(BIN)/pip check || $(BIN)/pip install --quiet -r requirements-torch.txt  # a CUDA build needs its own libraries
	$(BIN)/pip check
	touch $@

quick: install ## data, training, evaluation and report of suite `quick` (minutes, offline)
	@workflow/run quick --cores '$(CORES)'
	@echo "$$($(BIN)/qdot places reports)/quick/index.html"

smoke: install ## the same of suite `tiny` (under 2 minutes; its scores mean nothing)
	@workflow/run tiny --cores '$(CORES)'
	@echo "$$($(BIN)/qdot places reports)/tiny/index.html"

kitchen: install ## suite `kitchen`: the real D4RL file (downloaded, or from QDOT_D4RL_MIRROR)
	@workflow/run kitchen --cores '$(CORES)'
	@echo "$$($(BIN)/qdot places reports)/kitchen/index.html"

all: install ## the active suite of params.yaml
	@workflow/run all --cores '$(CORES)'

verify: install ## hold the runs here against docs/results (SUITE=quick: one suite)
	$(BIN)/qdot verify $(if $(SUITE),'$(SUITE)')

archive: install ## pack code, results, policies and collected data for a reviewer: dist/qdot.tar.gz
	$(BIN)/qdot archive dist/qdot.tar.gz

faults: export PYTHONPATH := src:benchmarks
faults: SUITE ?= tiny
faults: install ## kill -9 at drawn instants, go on, compare: tiny 60 + 20 + 150, SUITE=quick 20 (MINUTES=45 each; a rerun goes on)
	$(if $(filter tiny,$(SUITE)),$(BIN)/python benchmarks/faults/run.py --training --kills 60 --minutes '$(MINUTES)')
	$(if $(filter tiny,$(SUITE)),$(BIN)/python benchmarks/faults/run.py --training --compiled --kills 20 --minutes '$(MINUTES)')
	$(BIN)/python benchmarks/faults/run.py --suite '$(SUITE)' $(if $(filter tiny,$(SUITE)),--kills 150,--kills 20 --within 180) --minutes '$(MINUTES)'
	$(BIN)/python benchmarks/faults/page.py

docs: .venv-docs/installed ## the documentation as a site, with the API from docstrings: site/index.html
	NO_MKDOCS_2_WARNING=1 .venv-docs/bin/mkdocs build --quiet --strict

.venv-docs/installed: docs/requirements.txt
	test -x .venv-docs/bin/python || $(PYTHON) -m venv .venv-docs
	.venv-docs/bin/pip install --quiet --disable-pip-version-check --no-deps -r $<
	.venv-docs/bin/pip check
	touch $@

define peers  # an environment of its own, $(1), from the requirements $(2)
test -x $(1)/bin/python || $(PYTHON) -m venv $(1)
$(1)/bin/pip install --quiet --disable-pip-version-check --no-deps -r requirements-torch.txt
$(1)/bin/pip install --quiet --disable-pip-version-check --no-deps -r $(2)
$(1)/bin/pip check || $(1)/bin/pip install --quiet -r requirements-torch.txt  # as above
$(1)/bin/pip check
touch $@
endef

agreement: export PYTHONPATH := src:benchmarks
agreement: install .venv-agreement/installed ## step parity and scores beside d3rlpy (MINUTES=45; a rerun goes on)
	$(BIN)/python benchmarks/agreement/study.py --minutes '$(MINUTES)' --cores $(CORES:all=$$(nproc))

.venv-agreement/installed: requirements-torch.txt benchmarks/agreement/requirements.txt
	$(call peers,.venv-agreement,benchmarks/agreement/requirements.txt)

screenshots: export PYTHONPATH := src:tests
screenshots: install ## pictures of the report for docs/screenshots (needs chromium)
	$(BIN)/python tests/browser/screenshots.py

bench: export PYTHONPATH := src:benchmarks:benchmarks/agreement
bench: install .venv-bench/installed ## speed beside peers, on an idle machine; docs/performance.md is written from it
	.venv-bench/bin/python benchmarks/speed/training.py
	.venv-bench/bin/python benchmarks/speed/family.py
	.venv-bench/bin/python benchmarks/speed/gpu.py
	.venv-bench/bin/python benchmarks/speed/growth.py
	.venv-bench/bin/python benchmarks/speed/alone.py
	$(BIN)/python benchmarks/speed/preparing.py
	$(BIN)/python benchmarks/speed/fits.py
	$(BIN)/python benchmarks/evaluation/rates.py
	$(BIN)/python benchmarks/speed/page.py

.venv-bench/installed: requirements-torch.txt benchmarks/agreement/requirements.txt benchmarks/speed/requirements.txt
	$(call peers,.venv-bench,benchmarks/speed/requirements.txt)

test: install ## the tests (20 minutes on two cores)
	$(PYTEST) -n 2 --dist loadfile -m "not slow"

test-slow: install ## the long tests
	$(PYTEST) -n 2 --dist loadfile -m slow

fuzz: TABLE ?= docs/security-fuzz.csv
fuzz: install ## damaged files before every reader (CASES=700 each: five minutes; TABLE= keeps no table; a rerun goes on)
	PYTHONPATH=src:tests $(BIN)/python -m fuzz.drive --cases '$(CASES)' $(if $(TABLE),--table '$(TABLE)')

slurm: SUITE ?= tiny
slurm: slurm-install ## tests/slurm on a Slurm of this machine (root; slurm-wlm, munge); SUITE=quick: 40 minutes; its log is kept
	QDOT_REQUIRE=slurm QDOT_SLURM_SUITE='$(SUITE)' QDOT_SLURM_LOG=benchmarks/results/slurm-'$(SUITE)'-"$$(date -u +%F)".txt $(PYTEST) tests/slurm

remotes: install .venv-remotes/installed ## DVC's remotes against servers on this machine (docs/remotes.md); its log is kept
	QDOT_REQUIRE=remotes,ssh,webdav,s3,http QDOT_REMOTES_LOG=benchmarks/results/remotes-"$$(date -u +%F)".txt $(PYTEST) tests/remotes

# No torch in it; s3rver, the S3 server of the tests, where npm is.
.venv-remotes/installed: requirements-remotes.txt
	test -x .venv-remotes/bin/python || $(PYTHON) -m venv .venv-remotes
	.venv-remotes/bin/pip install --quiet --disable-pip-version-check --no-deps -r requirements-remotes.txt
	.venv-remotes/bin/pip check
	! command -v npm >/dev/null || npm install --silent --prefix .venv-remotes s3rver@3.7.1
	touch $@

slurm-install: install .plugins/installed ## Snakemake's executor for Slurm, in .plugins (docs/cluster.md)

# No environment of its own: two packages beside those of .venv, which Python finds where PYTHONPATH names the folder.
.plugins/installed: requirements-slurm.txt
	rm -rf .plugins
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --target .plugins -r $<
	touch $@

check: install audit ## ruff, snakefmt, mypy, snakemake --lint, known vulnerabilities
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile workflow
	$(BIN)/mypy
	$(BIN)/snakemake --lint

audit: install ## known vulnerabilities of pinned packages, where their service answers
	$(BIN)/python .ci/audit.py requirements-torch.txt requirements.lock requirements-slurm.txt
	$(BIN)/python .ci/audit.py requirements-remotes.txt
	$(BIN)/python .ci/audit.py docs/requirements.txt

format: install ## format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/snakefmt Snakefile workflow

lock: ## resolve requirements.in anew (needs uv)
	uv pip compile requirements.in --generate-hashes --python-version 3.11 \
	  --python-platform x86_64-manylinux_2_28 --no-header --quiet -o requirements.lock

licences: install ## docs/licences.md, from what is installed
	$(BIN)/python .ci/licences.py requirements-torch.txt requirements.lock > docs/licences.md

clean: ## delete results, reports and logs in this folder (not the data; nothing that is placed elsewhere)
	rm -rf results reports/build logs .snakemake
