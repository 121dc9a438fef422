# What one types here. Meson and Ninja do the work; `make help` lists the targets.
BUILD = build

help: ## list these targets
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 24

deps: ## install the Debian packages that are missing
	@packaging/deps build run test

build: ## build/tsmb-server, build/tsmb-cfg, build/tsmb-status, build/tsmb-passwd
	@packaging/deps build
	@[ -f $(BUILD)/build.ninja ] || meson setup $(BUILD)
	@ninja -C $(BUILD) programs

run: build ## serve a demonstration share on 127.0.0.1:4450 (LISTEN=0.0.0.0 PORT=4450)
	@packaging/deps run
	@LISTEN='$(LISTEN)' PORT='$(PORT)' packaging/demo $(BUILD)

test: deps ## everything, in 12 minutes on two cores (GROUPS="unit peer" for a part)
	@tests/run $(GROUPS)

check: ## layout, lint, direction of includes
	@tests/run lint

sanitize: deps ## unit and peer tests under ASan + UBSan, then under TSan
	@tests/run asan tsan

conformance: deps ## smbtorture, plain, signed and encrypted, against the list of what must pass
	@tests/run conformance

fuzz: deps ## every fuzz target for SECONDS=20 each
	@FUZZ_SECONDS='$(or $(SECONDS),20)' tests/run fuzz

soak: deps ## clients and a process that contend for files, SECONDS=60, smbtorture on 8 shares, changed handshakes, under TSan
	@SOAK_SECONDS='$(or $(SECONDS),60)' tests/run soak

# Without the checks of lock order, as it would be installed.
bench-build:
	@packaging/deps build bench
	@[ -f $(BUILD)-bench/build.ninja ] || meson setup $(BUILD)-bench -Ddebug_checks=false
	@ninja -C $(BUILD)-bench programs tsmb-bench tests/bench/bench_bare

bench: bench-build ## server CPU beside Samba and a bare pipeline, as root: doc/PERFORMANCE.md, 15 minutes (QUICK=1: 2; ONLY=ROW)
	@tests/bench/run --build $(BUILD)-bench $(if $(ONLY),--only $(ONLY)) $(if $(QUICK),--quick) $(if $(QUICK)$(ONLY),,--write)

bench-scale: bench-build ## whether tsmb costs more beside more connections, files, entries, shares; draws into doc/ (QUICK=1 does not)
	@tests/bench/scale --build $(BUILD)-bench $(if $(ONLY),--only $(ONLY)) $(if $(QUICK),--quick) $(if $(QUICK)$(ONLY),,--write)

format: ## lay out all C with clang-format
	@find src tools tests -name '*.[ch]' -exec clang-format -i {} +

install: build ## programs, manual pages, systemd unit (DESTDIR= as usual)
	@meson install -C $(BUILD)

clean: ## remove what was built
	rm -rf $(BUILD) $(BUILD)-bench $(BUILD)-asan $(BUILD)-tsan $(BUILD)-fuzz

.PHONY: help deps build run test check sanitize conformance fuzz soak bench-build bench bench-scale format install clean
.DEFAULT_GOAL := help
