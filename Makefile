# Everything that a person or a CI runs. Needs Swift 6.3 and, for `deps`, apt; see `make help`.
#
#   make run  ARGS="--listen 127.0.0.1:8080"     more flags for the gateway
#   make test TESTARGS="--filter GitProtocol"    more flags for swift test
#   make fuzz FUZZ_SECONDS=300                   longer for each target
#   make bench BENCH_ARGS="--only big"           more flags for the benchmark
#   make image-test IMAGE_ARGS="--binary FILE"   the images around a program that is there already

SHELL := /bin/bash
.DEFAULT_GOAL := help

PACKAGES := libcrypt-dev libnghttp2-dev libssl-dev zlib1g-dev pkg-config git openssl
TEST_PACKAGES := curl nghttp2-client
PYTHON_PACKAGES := python3-venv
IMAGE_PACKAGES := binutils debootstrap git openssl python3
DEPLOY_PACKAGES := binutils openssl shellcheck systemd
GATEWAY  := .build/release/artifacts-gateway
PROPERTY_TOOLS := .build/property-tests
DEPLOY_TOOLS := .build/deploy-tools
AS_ROOT  := $(if $(filter-out 0,$(shell id -u)),sudo)
DATA_DIR ?= $(CURDIR)/artifacts-data
ARGS     ?=
TESTARGS ?=
BENCH_ARGS ?=
IMAGE_ARGS ?=
FUZZ_SECONDS ?= 60
FUZZ_TARGETS ?=

.PHONY: help run demo test properties deploy-check image-test machine-test fuzz bench bench-access bench-cache bench-idle man lint build deps clean

help: ## Say what the targets do
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: build ## Build and start the gateway in local mode on 127.0.0.1:7080, in the foreground
	@exec $(GATEWAY) serve --local --data-dir '$(DATA_DIR)' $(ARGS)

demo: build ## Do the main job once, unattended: create, clone, push, clone again, compare, stop
	@Tests/Demo/run.sh $(GATEWAY)

test: deps ## Run every test; with TESTARGS, those of Swift
	@deploy/install-packages.sh $(TEST_PACKAGES)
	@mkdir -p .build
ifeq ($(strip $(TESTARGS)),)
	swift build --build-tests
	@Tests/run.sh
	@$(MAKE) --no-print-directory properties deploy-check
else
	swift test --no-parallel $(TESTARGS)
endif

properties: deps $(PROPERTY_TOOLS)/installed ## Hold the admin API against its OpenAPI document, and the metrics against Prometheus's client
	swift build --product artifacts-gateway
	$(PROPERTY_TOOLS)/bin/python Tests/PropertyTests/run.py .build/debug/artifacts-gateway
	$(PROPERTY_TOOLS)/bin/python Tests/PropertyTests/metrics.py .build/debug/artifacts-gateway

# From PyPI, into a folder of its own.
$(PROPERTY_TOOLS)/installed: Tests/PropertyTests/requirements.txt
	@deploy/install-packages.sh $(PYTHON_PACKAGES)
	@echo 'installing what $< names into $(PROPERTY_TOOLS)'
	@rm -rf $(PROPERTY_TOOLS) && mkdir -p .build && python3 -m venv $(PROPERTY_TOOLS)
	@$(PROPERTY_TOOLS)/bin/pip install --quiet --disable-pip-version-check --requirement $<
	@touch $@

deploy-check: deps $(DEPLOY_TOOLS)/installed ## Hold the Dockerfile and deploy/ against schemas, linters and the program
	swift build --product artifacts-gateway
	$(DEPLOY_TOOLS)/bin/python Tests/Deploy/run.py .build/debug/artifacts-gateway

# From PyPI; and promtool alone of Debian's prometheus, which would start a service.
$(DEPLOY_TOOLS)/installed: Tests/Deploy/requirements.txt
	@deploy/install-packages.sh $(DEPLOY_PACKAGES) $(PYTHON_PACKAGES)
	@echo 'installing what $< names into $(DEPLOY_TOOLS)'
	@rm -rf $(DEPLOY_TOOLS) && mkdir -p .build && python3 -m venv $(DEPLOY_TOOLS)
	@$(DEPLOY_TOOLS)/bin/pip install --quiet --disable-pip-version-check --requirement $<
	@cd $(DEPLOY_TOOLS) && { apt-get download -qq prometheus 2>/dev/null \
	  || { $(AS_ROOT) apt-get update -qq && apt-get download -qq prometheus; }; }
	@dpkg-deb --fsys-tarfile $(DEPLOY_TOOLS)/prometheus_*.deb | tar -x -C $(DEPLOY_TOOLS) --strip-components 3 ./usr/bin/promtool
	@touch $@

image-test: ## Build the images of the Dockerfile without a container engine, and run them; as root, takes minutes
	@deploy/install-packages.sh $(IMAGE_PACKAGES)
	Tests/Deploy/image.py $(IMAGE_ARGS)

machine-test: build ## Install the Debian package on a machine that systemd runs, in namespaces; as root, takes a minute
	@deploy/install-packages.sh $(IMAGE_PACKAGES)
	Tests/Deploy/machine.py $(GATEWAY)

fuzz: deps ## Fuzz what reads a peer's bytes, each target for FUZZ_SECONDS
	@Tests/Fuzz/run.sh $(FUZZ_SECONDS) $(FUZZ_TARGETS)

bench: build ## Compare with nginx and HAProxy, as far as they are installed
	@for tool in nginx haproxy wrk python3; do \
	  command -v $$tool >/dev/null || PATH=$$PATH:/usr/sbin:/sbin command -v $$tool >/dev/null \
	    || echo "$$tool is not installed; to measure with it: apt-get install $$tool"; \
	done
	@command -v python3 >/dev/null || { echo "the benchmark is a Python program" >&2; exit 2; }
	PATH=$$PATH:/usr/sbin:/sbin Tests/Bench/run.py $(BENCH_ARGS)

bench-cache: build ## Measure the pack cache beside nginx, a herd, a cold clone, and what a miss costs
	@for tool in nginx openssl cc python3; do \
	  PATH=$$PATH:/usr/sbin:/sbin command -v $$tool >/dev/null || echo "$$tool is not installed, and this measures with it"; \
	done
	PATH=$$PATH:/usr/sbin:/sbin Tests/Bench/cache.py $(BENCH_ARGS)

bench-idle: build ## Measure size, start, idle memory and that of idle connections, beside nginx
	@for tool in nginx openssl strip python3; do \
	  PATH=$$PATH:/usr/sbin:/sbin command -v $$tool >/dev/null || echo "$$tool is not installed, and this measures with it"; \
	done
	PATH=$$PATH:/usr/sbin:/sbin Tests/Bench/idle.py $(BENCH_ARGS)

bench-access: build ## Measure what asking everybody who he is costs, up to 10,000 tokens and 1,000 rules
	PATH=$$PATH:/usr/sbin:/sbin Tests/Bench/access.py $(BENCH_ARGS)

# By a tool of swift-argument-parser, which asks the program for its commands and flags.
man: deps ## Write the manual page to .build/artifacts-gateway.1
	swift build --product artifacts-gateway
	swift build --product generate-manual
	.build/debug/generate-manual .build/debug/artifacts-gateway --output-directory .build
	@echo 'wrote .build/artifacts-gateway.1; to read it: man .build/artifacts-gateway.1'

lint: ## Check the formatting
	swift format lint --strict --recursive --parallel Sources Tests Package.swift

# By the linker that comes with Swift, and without the tables that only a library needs: of symbols for others, and of
# relocations one by one, which take 24 bytes each where a bit map does (glibc 2.36 or later). lld takes a symbol from the first
# library that has it; Foundation has one of FoundationEssentials too, and brings 43 MB with it, so that one comes first.
LINKING := -Xswiftc -use-ld=lld $(addprefix -Xlinker ,--no-export-dynamic -O2 -z pack-relative-relocs -z now) \
  $(addprefix -Xswiftc ,-Xfrontend -autolink-library -Xfrontend :libFoundationEssentials.a)

build: deps ## Build for release, with Swift's libraries linked in
	swift build -c release --product artifacts-gateway --static-swift-stdlib $(LINKING)

deps: ## Install what is missing, by apt
	@deploy/install-packages.sh $(PACKAGES)

clean: ## Remove what was built; the repos of local mode stay
	rm -rf .build
