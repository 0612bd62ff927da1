# ktstr: everything that a fresh clone needs, each step idempotent.
#
#   make demo    install what is missing, build, get a kernel, run Scenarios/smoke.json
#   make test    all tests, those that boot guests included
#
# Nothing outside the checkout changes but packages and ~/.cache/ktstr.

SHELL := /bin/bash
.DEFAULT_GOAL := build

KTSTR := .build/release/ktstr
INIT := guest-init/.build/release/guest-init
SUITE ?=
# What the unit tests said, for `make parity`; `make unit` leaves it here.
UNIT_RESULTS := .build/unit-tests.jsonl
EVENTS = --event-stream-version 6.3 --event-stream-output-path
# Results to judge in place of a new run of the core's tests.
RESULTS ?=

# What the harness needs to run, to build and to be tested, as Debian package names.
RUN_PACKAGES := qemu-system-x86 busybox-static xz-utils lz4 zstd gzip bzip2
BUILD_PACKAGES := gcc libc6-dev liburing-dev libelf-dev pkg-config
TEST_PACKAGES := cpio gnupg util-linux qemu-utils valgrind user-mode-linux python3 \
  python3-jsonschema acpica-tools fio rt-tests

SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)

.PHONY: build packages demo clients test test-all unit guest-tests test-qemu10 test-kvm kernel kernels lint format bench bench-init bench-run clean \
  help parity sanitize fuzz fuzz-short bench-rings bench-backend bench-block check-instructions \
  integrity corebench bench-boot bench-boot-host schedulers test-schedulers \
  check-scenarios

help: ## Says what there is to make.
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

packages: ## Installs the Debian packages that are missing.
	@missing=""; \
	for package in $(RUN_PACKAGES) $(BUILD_PACKAGES) $(TEST_PACKAGES); do \
	  dpkg-query -W -f '$${Status}' $$package 2>/dev/null | grep -q 'ok installed' \
	    || missing="$$missing $$package"; \
	done; \
	if [ -n "$$missing" ]; then \
	  echo "installing:$$missing"; \
	  $(SUDO) apt-get update -q=2 \
	    && $(SUDO) env DEBIAN_FRONTEND=noninteractive \
	      apt-get install -y -q=2 --no-install-recommends $$missing; \
	fi
	@command -v swift >/dev/null \
	  || { echo "swift is not in PATH: install the Swift 6.3 toolchain, see README.md" >&2; exit 1; }

build: ## Builds .build/release/ktstr and the guest's init beside it.
	swift build -c release --product ktstr --static-swift-stdlib
	swift build -c release --package-path guest-init
	@cmp -s $(INIT) .build/release/ktstr-guest-init \
	  || cp $(INIT) .build/release/ktstr-guest-init

kernel: build ## Fetches the kernel of this Debian release, once.
	@$(KTSTR) kernel list --quiet | grep -q . || $(KTSTR) kernel fetch $(SUITE)

kernels: build ## Fetches the kernels that the tests run on: old, stable and newest.
	@for suite in bookworm trixie trixie-backports trixie-backports/6.18; do $(KTSTR) kernel fetch $$suite || exit 1; done

demo: packages kernel ## Runs Scenarios/smoke.json on a real guest.
	$(KTSTR) test Scenarios/smoke.json

test: packages unit guest-tests ## All tests.

unit: ## Tests of each module; no guest is booted.
	@mkdir -p .build && rm -f $(UNIT_RESULTS)
	swift test --disable-xctest --skip GuestTests $(EVENTS) $(UNIT_RESULTS)
	KTSTR_GUEST_TESTS=1 swift test --disable-xctest --package-path guest-init \
	  --scratch-path guest-init/.build-tests

guest-tests: kernels clients schedulers ## Tests that boot real guests with .build/release/ktstr.
	KTSTR_BINARY=$(CURDIR)/$(KTSTR) swift test --disable-xctest --no-parallel --filter GuestTests

test-all: export KTSTR_ALL_SCENARIOS = 1
test-all: test ## All tests, and every shipped scenario instead of a third of them.

test-qemu10: kernels ## The shipped scenarios on a private QEMU 10 from Debian trixie.
	.ci/fetch-qemu .build/qemu10 trixie
	PATH=$(CURDIR)/.build/qemu10/bin:$$PATH $(KTSTR) doctor
	PATH=$(CURDIR)/.build/qemu10/bin:$$PATH KTSTR_BINARY=$(CURDIR)/$(KTSTR) \
	  swift test --disable-xctest --no-parallel --filter ShippedScenarioTests

# Kernels that our own engine is verified with, oldest first.
NESTED_KERNELS = $(shell ls $${XDG_CACHE_HOME:-$$HOME/.cache}/ktstr/kernels 2>/dev/null | grep -E '^6\.(1|12|18)\.' | sort -V)

test-kvm: kernels ## Our own engine with stock kernels, in guests of the software CPU.
	swift build -c release --product ktstr-bootbench --static-swift-stdlib
	.ci/test-kvm $(KTSTR) .build/release/ktstr-bootbench $(NESTED_KERNELS)

# Objects are built with the types of one kernel, and run on all.
SCX_KERNEL := 6.18
STORE = $${XDG_CACHE_HOME:-$$HOME/.cache}/ktstr/kernels

$(KTSTR):
	$(MAKE) build

schedulers: $(KTSTR) ## BPF schedulers and their loader, in .build/schedulers.
	.ci/fetch-libbpf .build/libbpf
	@$(KTSTR) kernel list --quiet | grep -q '^$(SCX_KERNEL)\.' \
	  || $(KTSTR) kernel fetch trixie-backports/$(SCX_KERNEL)
	@$(MAKE) --no-print-directory -C Schedulers OUT=$(CURDIR)/.build/schedulers \
	  SYSROOT=$(CURDIR)/.build/libbpf \
	  BTF=$$(ls -d $(STORE)/$(SCX_KERNEL).*/btf | sort -V | tail -n 1)

test-schedulers: schedulers ## Loads each scheduler into a kernel, and looks at what becomes of it.
	.ci/test-schedulers $(KTSTR) $(SCX_KERNEL)

check-scenarios: build ## Validates Scenarios/ by `ktstr schema`, with a validator that is not ours.
	.ci/check-scenarios $(KTSTR)

parity: ## Which statements of docs/parity.md have a passing test; fails on one that has none.
	.ci/parity --self-test
ifeq ($(RESULTS),)
	@mkdir -p .build-core && rm -f .build-core/results.jsonl
	-KTSTR_ROOMS=core swift test --scratch-path .build-core --disable-xctest \
	  $(EVENTS) .build-core/results.jsonl
endif
	.ci/parity $(or $(RESULTS),.build-core/results.jsonl)

sanitize: ## The core's unit tests under the thread and the address sanitizer, leaks included.
	.ci/sanitize thread address

fuzz: ## Fuzzes the core: 10^7 operations or 10 CPU minutes for each target.
	.ci/fuzz full $(TARGETS)

fuzz-short: ## Fuzzes the core for 60 CPU seconds in all.
	.ci/fuzz short $(TARGETS)

clients: ## Foreign vhost-user frontends for the tests of `ktstr blk`, from other Debian suites.
	.ci/fetch-clients .build/clients

lint: ## Format, warnings and undeclared imports.
	swift format lint --strict -r Package.swift Sources Tests guest-init/Package.swift guest-init/Sources guest-init/Tests
	swift build --explicit-target-dependency-import-check error

format: ## Formats all Swift sources.
	swift format -i -r Package.swift Sources Tests guest-init/Package.swift guest-init/Sources guest-init/Tests

bench: bench-run bench-rings bench-block bench-backend ## All benchmarks, one after the other.

bench-run: kernel ## Where the time of a run goes, medians of several.
	swift build -c release --product ktstr-bench --static-swift-stdlib
	.build/release/ktstr-bench $(KTSTR) Scenarios/smoke.json

bench-init: ## What init's samples cost on this machine, and how far apart workers start; as root.
	KTSTR_GUEST_BENCH=1 swift build -c release --package-path guest-init \
	  --scratch-path guest-init/.build-bench
	for kind in processes threads; do \
	  .ci/bench-init guest-init/.build-bench/release/guest-bench 64 5 1 $$kind || exit 1; done
	.ci/bench-init guest-init/.build-bench/release/guest-bench 16 1 20 processes

bench-boot: kernels ## Boots on our own engine beside Debian's QEMU with KVM, in one nested guest.
	swift build -c release --product ktstr-bootbench --static-swift-stdlib
	.ci/bench-boot $(KTSTR) .build/release/ktstr-bootbench 6.1 $(firstword $(NESTED_KERNELS))

# The kernel of trixie, and an initramfs that was made for it.
HOST_KERNEL = $(firstword $(wildcard $(HOME)/.cache/ktstr/kernels/6.12*/vmlinux))
HOST_INITRAMFS = $(firstword $(wildcard $(HOME)/.cache/ktstr/kernels/.bases/6.12*.cpio))

bench-boot-host: build ## What a guest of our own engine costs the host before its first instruction.
	swift build -c release --product ktstr-bench --static-swift-stdlib
	.build/release/ktstr-bench boot-host $(CURDIR)/$(KTSTR) $(HOST_KERNEL) $(HOST_INITRAMFS)

# The core alone, in a place of its own.
COREBENCH := .build-core/release/ktstr-corebench

corebench:
	KTSTR_ROOMS=core swift build -c release --scratch-path .build-core --product ktstr-corebench

bench-rings: corebench ## Nanoseconds of what a device does with rings and guest memory.
	$(COREBENCH) rings

check-instructions: corebench ## Holds the same, counted by callgrind, to Tests/Thresholds/rings.json.
	.ci/check-instructions $(COREBENCH)

bench-backend: build corebench ## Our disk beside qemu-storage-daemon's, driven by the same client.
	$(COREBENCH) backend --ktstr $(KTSTR)

bench-block: corebench ## Nanoseconds of requests through the whole block device.
	$(COREBENCH) block

integrity: corebench ## A million random disk requests against a model, with faults, over both engines.
	$(COREBENCH) integrity

clean: ## Removes what was built.
	rm -rf .build .build-* guest-init/.build guest-init/.build-tests
