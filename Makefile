# Purser's build. `make help` lists what there is; CONTRIBUTING.md says how it is meant.

ifeq ($(origin CC),default)
CC = gcc
endif
BUILD = build
# How it is built: HARDENED as it is delivered, SANITIZED, COVERED or FUZZED for tests.
BUILT = HARDENED
export PORT RUN_DIR DATABASE_URL IMAGE TAG DIGEST SINCE FROM TO REGISTRY BRANCH REMOTE ROUNDS FAULTS MINUTES SECONDS

# Debian keeps libpq's header in a folder of its own.
CPPFLAGS = -D_GNU_SOURCE -Ifcgi -I/usr/include/postgresql
CFLAGS = -std=c17 -g $($(BUILT)) -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla
HARDENED = -O2 -fPIE -fstack-protector-strong -fstack-clash-protection -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3
SANITIZED = -O1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
COVERED = -O0 --coverage -fprofile-update=atomic
FUZZED = $(SANITIZED) -fsanitize=fuzzer-no-link
LDFLAGS = $(if $(filter HARDENED,$(BUILT)),-pie,$($(BUILT))) -Wl,-z,relro,-z,now,-z,noexecstack
LDLIBS = -lfcgi -lpq -ljson-c -lcrypto -lm

SQL = $(wildcard schema/*.sql)
OBJECTS = $(patsubst fcgi/%.c,$(BUILD)/%.o,$(wildcard fcgi/*.c)) $(BUILD)/embedded.o
TESTS = $(patsubst tests/unit/%.c,$(BUILD)/tests/%,$(wildcard tests/unit/test_*.c))
HELPERS = $(patsubst tests/unit/%.c,$(BUILD)/tests/%.o,$(filter-out tests/unit/test_%,$(wildcard tests/unit/*.c)))
# The one version that both Debian 12 and 13 have; others break lines elsewhere.
CLANG_FORMAT = clang-format-19
FORMATTED = $(wildcard fcgi/*.[ch] tests/*/*.[ch])

PARALLEL = $(MAKE) --no-print-directory -j $(shell nproc)

.DELETE_ON_ERROR:
.SECONDARY:
# Every target with a ## line is a name, not a file.
.PHONY: tests fuzzers gcc clang asan covered FORCE $(shell sed -n '/## /s/^\([a-z -]*\):.*/\1/p' Makefile)

all: $(BUILD)/purser ## build the program, build/purser

# --- the program ---

$(BUILD)/purser: $(OBJECTS)
	@echo "  LINK  $@"
	@$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(BUILD)/%.o: fcgi/%.c $(BUILD)/flags.text
	@echo "  CC    $@"
	@$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/version.o: CPPFLAGS += -DPURSER_VERSION='"$(shell cat VERSION)"' -DPURSER_REVISION='"$(REVISION)"'
$(BUILD)/version.o: VERSION $(BUILD)/revision.text

# The SQL files travel inside the program.
$(BUILD)/embedded.c: schema/embed $(SQL) $(BUILD)/flags.text
	@echo "  SQL   $@"
	@schema/embed $@

$(BUILD)/embedded.o: $(BUILD)/embedded.c
	@echo "  CC    $@"
	@$(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

# Files that change only when their text does: what was built with other flags or from another commit is built again.
REVISION = $(or $(shell git -c safe.directory='*' rev-parse --short HEAD 2>/dev/null),unknown)
$(BUILD)/flags.text: TEXT = $(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS)
$(BUILD)/revision.text: TEXT = $(REVISION)
$(BUILD)/%.text: FORCE
	@mkdir -p $(BUILD)/tests
	@echo '$(TEXT)' | cmp -s - $@ || echo '$(TEXT)' >$@

-include $(wildcard $(BUILD)/*.d $(BUILD)/tests/*.d)

# What nginx serves by itself: the contract and its page.
www: build/www/complete ## lay out what nginx serves by itself, build/www

build/www/complete: openapi.yaml $(wildcard nginx/docs/*)
	@install/packages docs
	@echo "  WWW   build/www"
	@mkdir -p build
	@nginx/docs/build build/www
	@touch $@

# --- the tests ---

tests: $(TESTS)

$(BUILD)/tests/%.o: tests/unit/%.c $(BUILD)/flags.text
	@echo "  CC    $@"
	@$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

# A test whose first lines are like "// wrap: malloc calloc" stands between the program and these functions (ld --wrap).
$(BUILD)/tests/test_%: $(BUILD)/tests/test_%.o $(HELPERS) $(filter-out $(BUILD)/main.o,$(OBJECTS))
	@echo "  LINK  $@"
	@$(CC) $(CFLAGS) $(LDFLAGS) $(call wraps,tests/unit/test_$*.c) -o $@ $^ $(LDLIBS) -lcmocka
, := ,
wraps = $(addprefix -Wl$(,)--wrap=,$(shell sed -n '/^.. wrap:/!q;s|^// wrap:||p' $(1)))

# The fuzz targets: tests/fuzz/README.md.
FUZZERS = $(patsubst tests/fuzz/fuzz_%.c,$(BUILD)/%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_HELPERS = $(patsubst tests/fuzz/%.c,$(BUILD)/tests/%.o,$(filter-out tests/fuzz/fuzz_%,$(wildcard tests/fuzz/*.c)))

fuzzers: $(FUZZERS)

$(BUILD)/tests/%.o: tests/fuzz/%.c $(BUILD)/flags.text
	@echo "  CC    $@"
	@$(CC) $(CPPFLAGS) -Itests/unit $(CFLAGS) -MMD -MP -c -o $@ $<

$(FUZZERS): $(BUILD)/%: $(BUILD)/tests/fuzz_%.o $(FUZZ_HELPERS) $(BUILD)/tests/peer.o $(filter-out $(BUILD)/main.o,$(OBJECTS))
	@echo "  LINK  $@"
	@$(CC) $(CFLAGS) $(LDFLAGS) -fsanitize=fuzzer $(call wraps,tests/fuzz/fuzz_$*.c) $(call wraps,tests/fuzz/inside.c) \
		-o $@ $^ $(LDLIBS) -lcmocka

gcc clang:
	@$(MAKE) --no-print-directory BUILD=build/$@ CC=$@ all tests
asan:
	@$(MAKE) --no-print-directory BUILD=build/asan CC=gcc BUILT=SANITIZED all tests
covered:
	@$(MAKE) --no-print-directory BUILD=build/covered CC=gcc BUILT=COVERED all tests

test: ## install what is missing, run every test of the program: gcc, clang, ASan + UBSan
	@install/packages test
	@$(PARALLEL) gcc clang asan
	@tests/run unit gateway system chaos

test-unit test-gateway test-system test-chaos: test-%: ## one kind of tests, with gcc's build (VARIANT=clang or asan: another)
	@install/packages test
	@$(PARALLEL) $(or $(VARIANT),gcc)
	@tests/run --variant $(or $(VARIANT),gcc) $*

test-contract: ## test that the service and its contract agree: examples, the page in a browser, a generated client
	@install/packages contract
	@$(PARALLEL) $(or $(VARIANT),gcc) www
	@tests/run --variant $(or $(VARIANT),gcc) contract

# --- the tests that go on for as long as they are told to ---

chaos: ## break everything under load, ROUNDS=1 times, and print what clients saw (FAULTS="name…": these alone)
	@install/packages chaos
	@$(PARALLEL) $(or $(VARIANT),gcc) www
	@BINARY=build/$(or $(VARIANT),gcc)/purser tests/chaos/run

soak: ## load and faults for MINUTES=60; memory and descriptors must stay as they are
	@install/packages chaos
	@$(PARALLEL) $(or $(VARIANT),gcc) www
	@BINARY=build/$(or $(VARIANT),gcc)/purser tests/chaos/soak

fuzz: ## feed what is read from outside with generated input, each of TARGETS= for SECONDS=20
	@install/packages fuzz
	@$(PARALLEL) BUILD=build/fuzz CC=clang BUILT=FUZZED fuzzers
	@tests/fuzz/run $(TARGETS)

fuzz-afl: ## the same by AFL++ instead of libFuzzer
	@install/packages afl
	@$(PARALLEL) BUILD=build/afl CC=afl-clang-fast BUILT=FUZZED fuzzers
	@tests/fuzz/run --afl $(TARGETS)

coverage: ## which lines and branches of fcgi/ the tests run: build/covered/report; fails below 90 and 80 %
	@install/packages coverage
	@$(PARALLEL) covered
	@tests/coverage

valgrind: ## the gateway's tests with the worker under valgrind
	@install/packages valgrind
	@$(PARALLEL) gcc
	@tests/run --variant valgrind gateway

# --- running it ---

run: ## install what is missing, build, run everything on PORT (8080) until Ctrl-C
	@install/packages run
	@$(PARALLEL) all www
	@supervisord/run run

up: ## the same in the background; returns when it is ready
	@install/packages run
	@$(PARALLEL) all www
	@supervisord/run up

down: ## stop what `make up` started
	@supervisord/run down

bench: ## measure Purser and its peers side by side
	@install/packages bench
	@$(PARALLEL) all
	@tests/bench/run

# --- from a commit to running containers: install/README.md ---

image: ## build the container images from the last commit; print and check their sizes (IMAGE=purser or postgres0, TAG=local)
	@install/image build

test-stack: ## test the images, compose and the playbook on the container engine that runs here
test-cluster: ## test the manifests with a real API server, and the images on a node of it
test-pipeline: ## test the way from a commit to an overlay, with a registry of the tests' own, and the workflow files
test-stack test-cluster test-pipeline: test-%:
	@install/packages $*
	@tests/run $*

manifests: ## write install/*.yaml with kustomize
	@install/manifests write

check-manifests: ## fail when install/*.yaml is not what kustomize writes, or a check of the manifests finds something
	@install/manifests check

changed: ## say whether files of IMAGE= (both) have changed SINCE= a commit (the one in the dev overlay)
	@install/packages delivery
	@install/changed $(if $(OUTPUT),--output "$(OUTPUT)") || [ $$? -eq 1 ]

push: ## push IMAGE=, built and tested from this commit, to REGISTRY=, tagged TAG=main-<sha>
	@install/packages delivery
	@install/push push

join: ## make one TAG= of IMAGE= in REGISTRY= of TAG=-amd64 and TAG=-arm64
	@install/packages delivery
	@install/push join

pull: ## fetch IMAGE= as dev has it, for tests of the other one
	@install/packages delivery
	@install/push pull

release: ## put TAG= (and DIGEST=) of IMAGE= (purser) into its overlay and its install file
	@install/packages delivery
	@install/release set

promote: ## make the version TO= of the tested images FROM=, without building, and release it
	@install/packages delivery
	@install/release promote

commit-release commit-promote: commit-%: ## the same on the newest BRANCH= (main), committed and pushed to REMOTE= (origin)
	@install/packages delivery
	@install/commit $*

# --- the house ---

lint: ## the formatting, and both compilers' warnings
	@install/packages lint
	@echo "Checking the formatting."
	@$(CLANG_FORMAT) --dry-run --Werror $(FORMATTED)
	@$(PARALLEL) gcc clang

format: ## format the C files
	@install/packages lint
	$(CLANG_FORMAT) -i $(FORMATTED)

clean: ## remove what was built (not the data in .run/)
	rm -rf build

help: ## this list
	@awk -F ':.*## ' '/^[a-z -]+:.*## / { printf "make %-40s %s\n", $$1, $$2 }' Makefile
