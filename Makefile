# Everything needs Go and nothing else, but `make browser`, which needs chromium, and `make interop`. `make help` lists the targets.
GOLANGCI_LINT_VERSION := v2.15.0
TOOLS := $(CURDIR)/bin/tools
# Modules of their own keep what only tests and tools need out of the main one.
MODULES := . test/e2e/interop test/contract test/e2e/browser

.DEFAULT_GOAL := help
.PHONY: help run build test generate verify contract-diff lint fuzz crash siege bench interop browser clean $(TOOLS)/contract

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## Start a server on http://127.0.0.1:8080 that keeps its data in trusthub.db
	go run ./cmd/trusthub serve

build: ## Build bin/trusthub
	go build -trimpath -ldflags '-s -w' -o bin/trusthub ./cmd/trusthub

# The race detector watches everything but SQLite, which is C translated to Go: instrumented, it takes ten times as long, and no race
# of ours is in it. Many tests wait more than they compute, so more of them run at a time than there are cores. vet and the attacks of
# test/e2e/siege, which measure the program as it is built for use, are steps of their own in .ci/run.
RACE := -race -gcflags=modernc.org/sqlite/lib=-race=false -gcflags=modernc.org/libc=-race=false
test: ## Run the tests, with the race detector
	go test $(RACE) -vet=off -parallel 4 $$(go list ./... | grep -v /test/e2e/siege)

generate: ## Make the Go code from openapi.yaml
	go generate ./...

verify: generate $(TOOLS)/contract ## Fail if generated code or go.mod is not what is committed; lint the contract, look for breaks
	@set -e; for module in $(MODULES); do echo "go -C $$module mod tidy"; go -C $$module mod tidy; done
	@changed=$$(git status --porcelain -- gen api/client/operations.gen.go api/testdata $(foreach m,$(MODULES),$(m)/go.mod $(m)/go.sum)); \
	if [ -n "$$changed" ]; then \
		echo "not as generated; run 'make verify' and commit:"; echo "$$changed"; git diff --stat; exit 1; \
	fi
	go -C test/contract test -race ./...
	$(TOOLS)/contract lint
	$(TOOLS)/contract released

contract-diff: $(TOOLS)/contract ## Print on what openapi.yaml and the contract PUBLISHED=path differ; fail if that is not intended
	$(if $(PUBLISHED),,$(error which contract? make contract-diff PUBLISHED=path))
	$(TOOLS)/contract diff $(PUBLISHED)

$(TOOLS)/contract:
	go -C test/contract build -o $@ .

lint: $(TOOLS)/golangci-lint-$(GOLANGCI_LINT_VERSION) ## Run the linters
	@set -e; for module in $(MODULES); do echo "lint $$module"; (cd $$module && $< run --config $(CURDIR)/.golangci.yml ./...); done

$(TOOLS)/golangci-lint-$(GOLANGCI_LINT_VERSION):
	GOBIN=$(TOOLS) go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_LINT_VERSION)
	mv $(TOOLS)/golangci-lint $@

interop: ## Let the official SDKs for Go and Node.js, and the examples, use the server; needs npm and python3
	npm --prefix examples/node ci --silent
	cd test/e2e/interop && go test -race -count=1 ./... # the cache does not see that the server changed

browser: ## Let chromium use the API reference at /docs, call the server from another origin, and attack it from other sites
	cd test/e2e/browser && go test -race -count=1 ./...

# What runs beside a request makes coverage differ from run to run: minimizing for it would take most of the whole server's time.
FUZZTIME ?= 1m
fuzz: ## Throw arbitrary input at the edge, at evaluations, and at the whole server on each engine, for FUZZTIME each
	@set -e; for target in FuzzRequest FuzzObject; do \
		echo "fuzz $$target"; \
		go test ./api -run '^$$' -fuzz $$target -fuzztime $(FUZZTIME) -fuzzminimizetime 100x; \
	done
	go test ./internal/retryafter -run '^$$' -fuzz FuzzParse -fuzztime $(FUZZTIME) -fuzzminimizetime 100x
	@set -e; for target in FuzzEvaluate FuzzOptionalFields; do \
		echo "fuzz $$target"; \
		go test ./internal/trust/catalog -run '^$$' -fuzz $$target -fuzztime $(FUZZTIME) -fuzzminimizetime 100x; \
	done
	@set -e; for target in FuzzServerSQLite FuzzServerPostgres; do \
		echo "fuzz $$target"; \
		go test ./internal/hub -run '^$$' -fuzz "$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 100x; \
	done

crash: ## Kill the server with -9 for 200 rounds and look for what was lost, halved or sent twice; walk 10,000 steps, and 10,000 sequences
	TRUSTHUB_CRASH_ROUNDS=200 go test ./test/e2e/crash -count=1 -timeout 60m -v
	TRUSTHUB_CHURN=10000 go test ./internal/store -run TestPagesAreStable -v
	TRUSTHUB_WALK_STEPS=10000 go test ./internal/jobs -run TestRandomWalk -v
	TRUSTHUB_CONTENTS_WALKS=10000 go test ./internal/hub -run TestRandomContents -timeout 60m -v

SIEGE ?= full
siege: ## Attack the server as one caller who would harm the others, at full size (SIEGE=share: a share of it)
	TRUSTHUB_SIEGE=$(SIEGE) go test ./test/e2e/siege -count=1 -timeout 60m -v

bench: ## Print the table of docs/benchmarks.md; takes 5 to 15 minutes (BENCHFLAGS=--quick: half a minute)
	go run ./test/bench $(BENCHFLAGS)

clean: ## Remove what was built
	rm -rf bin
