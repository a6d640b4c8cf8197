# Bare `make` prints the targets.
.DEFAULT_GOAL := help
SHELL := /bin/bash

GO          ?= go
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
FUZZTIME    ?= 10s
SOAK        ?= 10m
BENCH       ?= .

# Packages that hold concurrency: tested under the race detector, which needs
# a C compiler. The others are tested without.
CONCURRENT := ./cmd/... ./depgraph/... ./rehydrate/... ./proxyhttp ./proxyhttp/auth ./source/...
SEQUENTIAL := ./fixtures/... ./proxyhttp/config ./proxyhttp/bind ./proxyhttp/graphview ./proxyhttp/scaffold ./sqlparse/...
CC_FOUND   := $(shell command -v "$$($(GO) env CC)" 2>/dev/null)

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
COMMIT  ?= $(shell git rev-parse --short HEAD 2>/dev/null || echo unknown)
LDFLAGS := -s -w -X main.version=$(VERSION) -X main.commit=$(COMMIT)

LISTEN ?= 127.0.0.1:8080
ADMIN  ?= 127.0.0.1:8081
SHOP   := bin/shop

# Keeps the one MariaDB that the tests share while several packages run.
HOLD := bin/mariarun -hold --

define HELLO

data at http://$(LISTEN), admin at http://$(ADMIN); Ctrl-C stops the server.

Paste into another terminal: the second GET is a hit, the PUT says how many
cached responses it affected, the GET after it shows the new name.

  curl -si 'http://$(LISTEN)/v1/users?firstName=Lane&limit=3'
  curl -si 'http://$(LISTEN)/v1/users?firstName=Lane&limit=3'
  curl -si -X PUT -d '{"firstName":"Lena"}' http://$(LISTEN)/v1/users/123-abc
  curl -si 'http://$(LISTEN)/v1/users?id=123*'
  curl -si 'http://$(LISTEN)/v1/products?category=books&minPrice=200&maxPrice=5000'
  curl -si 'http://$(LISTEN)/v1/stores?south=45&north=47&west=4&east=8'
  curl -si -d '{"userId":"123-abc","productId":4,"quantity":2}' http://$(LISTEN)/v1/checkout
  curl -si http://$(LISTEN)/v1/users/123-abc/totals
  curl -s  'http://$(ADMIN)/debug/graph?limit=5'

endef
export HELLO

.PHONY: help
help: ## list the targets (default)
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## build bin/edgecache, one static binary
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/edgecache ./cmd/edgecache

.PHONY: run
run: build ## serve the demo shop from a fresh database on LISTEN and ADMIN
	@rm -rf $(SHOP) && mkdir -p $(SHOP)
	@cp fixtures/shop/shop.yaml fixtures/shop/schema.sql $(SHOP)/
	@echo "$$HELLO"
	@EDGECACHE_LISTEN=$(LISTEN) EDGECACHE_ADMIN=$(ADMIN) exec bin/edgecache serve -c $(SHOP)/shop.yaml

.PHONY: run-mysql
run-mysql: build bin/mariarun ## the same on MariaDB: a private server, or EDGECACHE_DSN
	@mkdir -p $(SHOP)-mysql && cp fixtures/shop/shop-mysql.yaml $(SHOP)-mysql/
	@EDGECACHE_LISTEN=$(LISTEN) EDGECACHE_ADMIN=$(ADMIN) exec bin/mariarun \
	  -script fixtures/shop/schema-mysql.sql -dir $(SHOP)-mysql -- \
	  sh -c 'echo "$$HELLO"; exec bin/edgecache serve -c $(SHOP)-mysql/shop-mysql.yaml'

.PHONY: bin/mariarun
bin/mariarun:
	@$(GO) build -o $@ ./source/mysql/mariarun

.PHONY: test
test: lint bin/mariarun ## lint and all tests, those of concurrent packages with -race
ifeq ($(CC_FOUND),)
	@echo "no C compiler: the tests run without the race detector"
	$(HOLD) $(GO) test ./...
else
	$(HOLD) sh -c 'CGO_ENABLED=1 $(GO) test -race $(CONCURRENT) && $(GO) test $(SEQUENTIAL)'
endif

.PHONY: test-browser
test-browser: ## try the page of /debug/graph in a headless Chromium, installed where it may be
	@command -v chromium chromium-browser google-chrome >/dev/null || { \
	  [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null \
	    && apt-get -qq update && apt-get -qq install -y --no-install-recommends chromium fonts-dejavu-core; \
	} || { echo "make test-browser needs Chromium and could not install it: on Debian, run apt-get install chromium as root"; exit 1; }
	$(GO) vet -tags browser ./proxyhttp/graphview/browsertest
	$(GO) test -tags browser -count=1 -v ./proxyhttp/graphview/browsertest

.PHONY: test-openapi
test-openapi: ## generate a client from the demo's OpenAPI document and read the demo with it
	EDGECACHE_OPENAPI=1 $(GO) test -count=1 -v -run TestGeneratedClient ./proxyhttp

.PHONY: race
race: bin/mariarun ## all tests under the race detector
	CGO_ENABLED=1 $(HOLD) $(GO) test -race ./...

.PHONY: fuzz
fuzz: ## run every fuzz target for FUZZTIME (10s)
	@set -e; for pkg in $$($(GO) list ./...); do \
	  for target in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz' || true); do \
	    echo "$$pkg $$target"; \
	    $(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) $$pkg; \
	  done; \
	done

.PHONY: bench
bench: ## run the benchmarks that match BENCH (all)
	$(GO) test -run '^$$' -bench '$(BENCH)' -benchmem ./...

.PHONY: soak
soak: bin/mariarun ## differential, grammar, linearizability, faults and crashes at once for SOAK (10m)
	EDGECACHE_SOAK=$(SOAK) $(HOLD) $(GO) test -count=1 -timeout 0 -parallel 16 -v -run '^TestSoak$$' ./fixtures

.PHONY: lint
lint: ## go vet, gofmt and the pinned staticcheck
	$(GO) vet ./...
	@unformatted=$$(gofmt -l $$($(GO) list -f '{{.Dir}}' ./...)); \
	  if [ -n "$$unformatted" ]; then echo "run gofmt -w on:"; echo "$$unformatted"; exit 1; fi
	$(GO) run $(STATICCHECK) ./...

.PHONY: ci
ci: ## exactly what continuous integration runs
	./.ci/run

.PHONY: clean
clean: ## remove what the other targets made
	rm -rf bin
	find . -path ./.git -prune -o -type f \( -name '*.test' -o -name '*.out' \) -exec rm -f {} +
