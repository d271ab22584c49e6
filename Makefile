# SPDX-License-Identifier: Apache-2.0
# `make help` lists what there is. Both `run` and `test` install what is missing on Debian and Ubuntu.

SWIFT ?= swift
RELEASE := -c release

.PHONY: help run test build lint bench chaos fuzz package clean

help: ## This list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  make %-8s %s\n", $$1, $$2 }'

run: build ## Build, start the booking service and the sidecar, print their addresses; Ctrl-C stops both (DEMO=0: no demo traffic)
	@scripts/run

test: ## Build and run every test against the real peers
	@scripts/test

build: ## Release build of both programs in .build/release
	@scripts/install-packages build
	@$(SWIFT) build $(RELEASE) --product sidecar
	@$(SWIFT) build $(RELEASE) --product booking-service

lint: ## Formatting and style (swift format), shell scripts
	@$(SWIFT) format lint --strict --recursive Package.swift Sources Tests Benchmarks
	@for script in scripts/* Benchmarks/scraping Benchmarks/exposition Benchmarks/metrics Benchmarks/middleware Benchmarks/instructions .ci/run; do bash -n "$$script" || exit 1; done

bench: ## Our figures and the peers', in one run
	@scripts/install-packages build test bench
	@scripts/bench

chaos: ## The long runs: a thousand kills, 200 rolling restarts, hanging dependencies, ten minutes beside Prometheus
	@scripts/chaos

fuzz: ## Ten million mutated inputs each for the readers of metrics pages and for PromQL
	@scripts/install-packages build
	@scripts/fuzz

package: ## An archive with binaries that need no Swift runtime, configuration, rules and units
	@scripts/install-packages build
	@$(SWIFT) build $(RELEASE) --product sidecar
	@$(SWIFT) build $(RELEASE) --static-swift-stdlib --scratch-path .build-package --product booking-service
	@scripts/package

clean: ## Remove everything built
	@rm -rf .build .build-* Benchmarks/.build Benchmarks/.build-* sidecar-data booking.db booking.db-wal booking.db-shm
