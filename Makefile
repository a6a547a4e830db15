# The commands of this repository. `make` alone lists them.
#
# A machine with Go, git, make and apt (or a C compiler) is enough: the tools
# are built by the go command, at the versions below, into ./.bin.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

GO ?= go
BIN := $(CURDIR)/.bin

# Pinned, so that a check which passes today passes tomorrow.
GOFUMPT_VERSION       := v0.12.0
STATICCHECK_VERSION   := v0.8.2
GOLANGCI_LINT_VERSION := v2.15.0
ACTIONLINT_VERSION    := v1.7.12
VERSITYGW_VERSION     := v1.8.0

# A tool that an older Go built refuses newer code, so the stamps carry Go's
# version beside the tool's.
GO_VERSION    := $(shell $(GO) env GOVERSION 2>/dev/null)
GOFUMPT       := $(BIN)/.gofumpt-$(GOFUMPT_VERSION)-$(GO_VERSION)
STATICCHECK   := $(BIN)/.staticcheck-$(STATICCHECK_VERSION)-$(GO_VERSION)
GOLANGCI_LINT := $(BIN)/.golangci-lint-$(GOLANGCI_LINT_VERSION)-$(GO_VERSION)
ACTIONLINT    := $(BIN)/.actionlint-$(ACTIONLINT_VERSION)-$(GO_VERSION)
VERSITYGW     := $(BIN)/.versitygw-$(VERSITYGW_VERSION)-$(GO_VERSION)

# Modules of their own, which ./... does not reach.
MODULES := $(patsubst %/go.mod,%,$(wildcard benchmarks/*/go.mod statuspage/browsertest/go.mod))

.PHONY: help
help: ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

.PHONY: test
test: cc chromium prometheus $(VERSITYGW) ## install what the tests need and run all of them, raced and shuffled
	ROUTEWATCH_REQUIRE_S3=1 ROUTEWATCH_REQUIRE_PROMETHEUS=1 CGO_ENABLED=1 $(GO) test -race -shuffle=on -timeout 15m ./...
	CGO_ENABLED=1 $(GO) -C statuspage/browsertest test -race -shuffle=on -timeout 5m ./...

.PHONY: check
check: lint tidy test ## everything CI runs: lint, tidy and test

.PHONY: lint
lint: gofumpt vet staticcheck golangci-lint actionlint ## all linters, without the tests

.PHONY: tidy
tidy: go ## fail where a go.mod or go.sum is not what go mod tidy would write
	@for dir in . $(MODULES); do echo "$(GO) -C $$dir mod tidy -diff"; $(GO) -C $$dir mod tidy -diff; done

.PHONY: fmt
fmt: $(GOFUMPT) ## format every Go file
	$(BIN)/gofumpt -w .

.PHONY: shots
shots: go chromium ## take the pictures of the status page in docs/images anew
	$(GO) -C statuspage/browsertest test -count=1 -run '^TestShots$$' . -shots $(CURDIR)/docs/images

.PHONY: bench
bench: go ## measure the middleware beside its peers (half an hour; see benchmarks/middleware)
	./benchmarks/middleware/run.sh

.PHONY: bench-page
bench-page: go ## measure the status page and metric sync, beside their floors (on a machine that is idle)
	$(GO) test -run '^$$' -bench . -benchtime 2s ./statuspage
	$(GO) test -run '^$$' -bench Backfill -benchtime 2x ./metricsync

.PHONY: tools
tools: $(GOFUMPT) $(STATICCHECK) $(GOLANGCI_LINT) $(ACTIONLINT) $(VERSITYGW) ## build the pinned tools into ./.bin

.PHONY: clean
clean: ## remove ./.bin
	rm -rf $(BIN)

# --- the parts of lint ------------------------------------------------------

.PHONY: gofumpt vet staticcheck golangci-lint actionlint
gofumpt: $(GOFUMPT)
	@files=$$($(BIN)/gofumpt -l .); \
	if [ -n "$$files" ]; then echo "not formatted, run make fmt:"; echo "$$files"; exit 1; fi >&2

vet: go
	@for dir in . $(MODULES); do echo "$(GO) -C $$dir vet ./..."; $(GO) -C $$dir vet ./...; done

staticcheck: $(STATICCHECK)
	$(BIN)/staticcheck ./...

golangci-lint: $(GOLANGCI_LINT)
	$(BIN)/golangci-lint run --allow-parallel-runners ./...

actionlint: $(ACTIONLINT)
	$(BIN)/actionlint .github/workflows/*.yml

# --- what they stand on -----------------------------------------------------

.PHONY: go cc
go:
	@command -v $(GO) >/dev/null || \
		{ echo "make: no go command: install Go from https://go.dev/dl and put it in PATH" >&2; exit 1; }

# The race detector is linked by a C compiler.
cc: go
	@cc=$$($(GO) env CC); cc=$${cc%% *}; \
	if ! command -v "$$cc" >/dev/null && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "installing gcc: the race detector needs a C compiler"; \
		apt-get update -qq; \
		DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends gcc libc6-dev >/dev/null; \
	fi; \
	command -v "$$cc" >/dev/null || \
		{ echo "make: go test -race needs a C compiler, and there is no $$cc: sudo apt-get install gcc libc6-dev" >&2; exit 1; }

# The status page is tested in a browser. CHROMIUM names one that is elsewhere.
.PHONY: chromium
chromium:
	@found() { [ -n "$${CHROMIUM:-}" ] || command -v chromium chromium-browser google-chrome >/dev/null; }; \
	if ! found && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "installing chromium: the status page is tested in it"; \
		apt-get update -qq; \
		DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null; \
	fi; \
	found || { echo "make: the status page is tested in Chromium, and there is none: sudo apt-get install chromium" >&2; exit 1; }

# Metrics are read back from a real Prometheus. Debian's package is unpacked into
# .bin and not installed, since it would start a server now and at every boot; its
# lists are kept apart from the machine's, so that root is not needed.
.PHONY: prometheus
prometheus:
	@found() { { [ -x $(BIN)/prometheus ] && [ -x $(BIN)/promtool ]; } || \
		{ command -v prometheus && command -v promtool; } >/dev/null; }; \
	if ! found && command -v apt-get dpkg-deb >/dev/null; then \
		echo "fetching prometheus into .bin: package metricsync is tested with it"; \
		tmp=$$(mktemp -d); trap 'rm -rf "$$tmp"' EXIT; \
		mkdir -p $(BIN) $$tmp/lists/partial $$tmp/cache/archives/partial; \
		apt="apt-get -qq -o APT::Sandbox::User=root -o Dir::State::lists=$$tmp/lists -o Dir::Cache=$$tmp/cache"; \
		(cd $$tmp && { $$apt update || true; } && $$apt download prometheus && dpkg-deb -x prometheus_*.deb . && \
			mv usr/bin/prometheus usr/bin/promtool $(BIN)/) || true; \
	fi; \
	found || { echo "make: package metricsync is tested with Prometheus, and there is none: sudo apt-get install --no-install-recommends prometheus" >&2; exit 1; }

# $(call install,NAME,PACKAGE@VERSION) builds one tool; the stamp of another
# version goes, so that going back to it builds it again.
define install
	@mkdir -p $(BIN)
	GOBIN=$(BIN) GOFLAGS= $(GO) install $(2)
	@rm -f $(BIN)/.$(1)-v* && touch $@
endef

$(GOFUMPT): | go
	$(call install,gofumpt,mvdan.cc/gofumpt@$(GOFUMPT_VERSION))
$(STATICCHECK): | go
	$(call install,staticcheck,honnef.co/go/tools/cmd/staticcheck@$(STATICCHECK_VERSION))
$(GOLANGCI_LINT): | go
	$(call install,golangci-lint,github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_LINT_VERSION))
$(ACTIONLINT): | go
	$(call install,actionlint,github.com/rhysd/actionlint/cmd/actionlint@$(ACTIONLINT_VERSION))
# A real S3 server, which the tests of statuspage/s3store start.
$(VERSITYGW): | go
	$(call install,versitygw,github.com/versity/versitygw/cmd/versitygw@$(VERSITYGW_VERSION))
