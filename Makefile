# The commands of this project. `make help` lists them.
.DEFAULT_GOAL := help
SHELL := /usr/bin/env bash
.SHELLFLAGS := -euo pipefail -c
DATA ?= .toolforge
SECONDS_EACH ?= 120

.PHONY: help run test conformance fuzz lint bench bench-codec bench-gateway build fmt

help: ## list the commands
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 22

run: ## build and start the whole platform here, with a tool, a job and a web service to try
	cargo build --release --bin toolforged --bin toolforge
	exec ./docs/run --data $(DATA)

build: ## build every program and test
	cargo test --workspace --no-run

test: ## install what tests need and run all of them
	./integration/setup
	./gateway/suite/setup
	cargo test --workspace --no-fail-fast

conformance: ## run protobuf's conformance suite against the codec and the running gateway
	./gateway/suite/setup
	cargo build --bin toolforged-gateway
	cargo test -p gateway-suite --test conformance

fuzz: ## fuzz the codec, routes and streams for SECONDS_EACH (120); the tests replay what it kept
	./gateway/transcode/fuzz/run $(SECONDS_EACH)

lint: ## formatting, lints and documentation, warnings refused
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --quiet

fmt: ## format the code
	cargo fmt --all

bench: ## measure, as ratios within one run
	./integration/setup
	cargo build --release --bin toolforged --bin toolforge
	./integration/bench

bench-codec: ## measure JSON to wire bytes and back against other ways
	cargo bench --manifest-path gateway/transcode/bench/Cargo.toml

bench-gateway: ## measure the gateway beside Envoy, grpc-gateway and plain forwarding
	./gateway/bench/setup
	cargo build --release -p gateway -p gateway-bench --bins
	./gateway/bench/run
