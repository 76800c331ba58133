# All targets need only Go, except for `make browser` (chromium), `make interop` (npm, python3) and `make deploy` (caddy, promtool,
# systemd-analyze). `make help` lists the targets.
GOLANGCI_LINT_VERSION := v2.15.0
TOOLS := $(CURDIR)/bin/tools
# Separate modules keep the dependencies of tests and tools out of the main one.
MODULES := . deploy test/e2e/interop test/contract test/e2e/browser

.DEFAULT_GOAL := help
.PHONY: help run build test race generate vendored verify contract-diff lint fuzz crash pgbouncer siege bench interop browser screenshots image release deploy clean $(TOOLS)/contract

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## Start a server on http://127.0.0.1:8080 that keeps its data in trusthub.db
	go run ./cmd/trusthub serve

build: ## Build bin/trusthub
	go build -trimpath -ldflags '-s -w' -o bin/trusthub ./cmd/trusthub

# Many tests wait more than they compute, so more of them run in parallel than there are cores. vet, and the attacks of
# test/e2e/siege, which measure the program as it is shipped, are separate steps in .ci/run.
GO_TEST := go test -vet=off -parallel 4
test: ## Run the tests
	$(GO_TEST) $$(go list ./... | grep -v /test/e2e/siege)

# The race detector checks everything except SQLite, which is C translated to Go: it would take ten times as long, and races in it
# are not ours.
RACE := -race -gcflags=modernc.org/sqlite/lib=-race=false -gcflags=modernc.org/libc=-race=false
race: ## Run the tests with the race detector, which takes twice as long
	$(MAKE) test GO_TEST='$(GO_TEST) $(RACE)'

generate: ## Generate the Go code from openapi.yaml and api/operator/openapi.yaml
	go generate ./...

# npm checks what it downloads against the registry's checksum.
IDIOMORPH := idiomorph@0.8.0
vendored: ## Check that the script that the console takes from others is the published one; needs npm
	@set -e; folder=$$(mktemp -d); trap 'rm -rf "$$folder"' EXIT; \
	(cd "$$folder" && npm pack --silent $(IDIOMORPH) >/dev/null && tar xzf *.tgz); \
	cmp "$$folder/package/dist/idiomorph.min.js" internal/console/static/idiomorph.min.js; \
	cmp "$$folder/package/LICENSE" internal/console/static/idiomorph.LICENSE; \
	echo "$(IDIOMORPH) is as published"

verify: generate $(TOOLS)/contract ## Check that generated code and go.mod are committed; lint the contracts; look for breaking changes
	@set -e; for module in $(MODULES); do echo "go -C $$module mod tidy"; go -C $$module mod tidy; done
	@changed=$$(git status --porcelain -- gen api/client/operations.gen.go api/testdata $(foreach m,$(MODULES),$(m)/go.mod $(m)/go.sum)); \
	if [ -n "$$changed" ]; then \
		echo "generated files differ; commit the result of 'make verify':"; echo "$$changed"; git diff --stat; exit 1; \
	fi
	go -C test/contract test -race ./...
	$(TOOLS)/contract lint
	$(TOOLS)/contract released

contract-diff: $(TOOLS)/contract ## Print how openapi.yaml differs from the contract PUBLISHED=path; fail on unintended differences
	$(if $(PUBLISHED),,$(error which contract? make contract-diff PUBLISHED=path))
	$(TOOLS)/contract diff $(PUBLISHED)

$(TOOLS)/contract:
	go -C test/contract build -o $@ .

lint: $(TOOLS)/golangci-lint-$(GOLANGCI_LINT_VERSION) ## Run the linters
	@set -e; for module in $(MODULES); do echo "lint $$module"; (cd $$module && $< run --config $(CURDIR)/.golangci.yml ./...); done

$(TOOLS)/golangci-lint-$(GOLANGCI_LINT_VERSION):
	GOBIN=$(TOOLS) go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_LINT_VERSION)
	mv $(TOOLS)/golangci-lint $@

interop: ## Use the server with the official SDKs for Go and Node.js, and the examples; needs npm and python3
	npm --prefix examples/node ci --silent
	cd test/e2e/interop && go test -race -count=1 ./... # the cache does not notice changes of the server

browser: ## Use the console and the API reference with chromium, call the server from another origin, and attack it from other sites; needs npm
	npm --prefix test/e2e/browser ci --silent
	cd test/e2e/browser && go test -race -count=1 ./...

screenshots: ## Write the pictures of the console's pages to docs/console; needs chromium and npm
	npm --prefix test/e2e/browser ci --silent
	mkdir -p docs/console && rm -f docs/console/*.png
	cd test/e2e/browser && TRUSTHUB_CONSOLE_PICTURES=$(CURDIR)/docs/console go test -count=1 -run '^TestAccessibility$$' .

# Coverage differs from run to run because of background work, so minimizing without a limit would take most of the time.
FUZZTIME ?= 1m
fuzz: ## Run every fuzz test for FUZZTIME
	@set -e; for package in $$(grep -rl '^func Fuzz' --include=*_test.go api internal | xargs -n1 dirname | sort -u); do \
		targets=$$(go test ./$$package -list '^Fuzz'); \
		for target in $$(echo "$$targets" | grep '^Fuzz'); do \
			echo "fuzz $$package $$target"; \
			go test ./$$package -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 100x; \
		done; \
	done

crash: ## Kill servers with -9 in 200 rounds, and while 100 programs onboard 10,000 businesses; run 10,000 random steps and sequences
	TRUSTHUB_CRASH_ROUNDS=200 go test ./test/e2e/crash -skip TestOnboarding -count=1 -timeout 60m -v
	TRUSTHUB_ONBOARD=100 go test ./test/e2e/crash -run TestOnboarding -parallel 1 -count=1 -timeout 60m -v
	TRUSTHUB_CHURN=10000 go test ./internal/store -run TestPagesAreStable -v
	TRUSTHUB_WALK_STEPS=10000 go test ./internal/jobs -run TestRandomWalk -v
	TRUSTHUB_CONTENTS_WALKS=10000 go test ./internal/hub -run TestRandomContents -timeout 60m -v

# Left out are the tests of what belongs to a session (its role, time-outs, prepared statements), and those that have a pooler anyway.
PGBOUNCER := TRUSTHUB_TEST_PGBOUNCER=1 go test -count=1 -vet=off
pgbouncer: ## Run the tests of the database, and of several servers that are killed, through PgBouncer in transaction mode
	$(PGBOUNCER) ./internal/store ./internal/hub ./internal/operator ./internal/jobs \
		-skip 'TestRoleWithoutCreate|TestStatementTimeout$$|TestPreparedOnPostgres|Pooler|/sqlite'
	$(PGBOUNCER) ./test/e2e/crash -run 'TestManyServers|TestTenServersStart'

SIEGE ?= full
siege: ## Attack the server as one caller who harms the others, at full size (SIEGE=share: a smaller size)
	TRUSTHUB_SIEGE=$(SIEGE) go test ./test/e2e/siege -count=1 -timeout 60m -v

bench: ## Print the table of docs/benchmarks.md; takes more than 30 minutes (BENCHFLAGS=--quick: a minute or two)
	go run ./test/bench $(BENCHFLAGS)

image: ## Build the container image bin/trusthub-image.tar, without Docker; `docker load` takes it
	go -C deploy run ./release image -source $(CURDIR) -out $(CURDIR)/bin/trusthub-image.tar

release: ## Build the archives of all systems, their SBOMs and SHA256SUMS in bin/release, with the version of the tag
	rm -rf bin/release
	go -C deploy run ./release archives -source $(CURDIR) -out $(CURDIR)/bin/release

deploy: ## Test releases, the image and the files of deploy and .github
	go -C deploy test -count=1 -v ./... # the cache does not notice changes of the program

clean: ## Remove what was built
	rm -rf bin
