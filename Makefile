# SPDX-License-Identifier: GPL-2.0-or-later
#
# QUIC sockets for Linux. `make help` lists the targets; each component has a
# makefile of its own, which takes BUILD, PREFIX and DESTDIR from here.

top     := $(CURDIR)
BUILD   ?= build
override BUILD := $(abspath $(BUILD))
PREFIX  ?= /usr/local
DESTDIR ?=
KVER    ?= $(shell uname -r)
export BUILD PREFIX DESTDIR KDIR

MODULE_DIR = $(DESTDIR)/lib/modules/$(KVER)/extra

.PHONY: all module libquic libquic-openssl tools install install-module install-openssl \
	uninstall setup demo shell check check-quick unit sim fuzz-smoke bench interop debug-kernel clean help

# The module is left out, with a word about it, where the running kernel has no headers.
all: libquic tools
	@if [ -e "/lib/modules/$(KVER)/build/Makefile" ] || [ -n "$(KDIR)" ] || \
	   [ -e "/usr/src/linux-headers-$(KVER)/Makefile" ]; then \
		scripts/kmod-build "$(KVER)"; \
	else \
		echo "*** quic.ko was NOT built: no headers for the kernel $(KVER)."; \
		echo "*** Install linux-headers-$(KVER), or name another kernel: make module KVER=..."; \
	fi

module:
	scripts/kmod-build "$(KVER)"

libquic:
	$(MAKE) -C libquic all

# The same library for OpenSSL 3.5 or later; it lives beside the other.
libquic-openssl:
	$(MAKE) -C libquic TLS=openssl all

tools: libquic
	$(MAKE) -C tools all

install: install-module
	$(MAKE) -C libquic install
	$(MAKE) -C tools install
	install -D -m 644 include/uapi/linux/quic.h "$(DESTDIR)$(PREFIX)/include/linux/quic.h"
	for page in man/*.[1-9]; do \
		[ ! -e "$$page" ] || install -D -m 644 -t "$(DESTDIR)$(PREFIX)/share/man/man$${page##*.}" "$$page"; \
	done
	[ -n "$(DESTDIR)" ] || ldconfig

install-module:
	@if [ ! -e "$(BUILD)/kmod-$(KVER)/quic.ko" ]; then \
		echo "*** no module for the kernel $(KVER) in $(BUILD)/kmod-$(KVER): run make first"; exit 1; \
	fi
	install -D -m 644 "$(BUILD)/kmod-$(KVER)/quic.ko" "$(MODULE_DIR)/quic.ko"
	[ -n "$(DESTDIR)" ] || depmod "$(KVER)"

install-openssl:
	$(MAKE) -C libquic TLS=openssl install

uninstall:
	rm -f "$(MODULE_DIR)/quic.ko"
	[ -n "$(DESTDIR)" ] || depmod "$(KVER)"
	$(MAKE) -C libquic TLS=openssl uninstall
	$(MAKE) -C libquic uninstall
	$(MAKE) -C tools uninstall
	rm -f "$(DESTDIR)$(PREFIX)/include/linux/quic.h"
	for page in man/*.[1-9]; do \
		rm -f "$(DESTDIR)$(PREFIX)/share/man/man$${page##*.}/$${page##*/}"; \
	done

setup:
	scripts/setup

demo:
	tests/vm/demo

shell:
	tests/vm/shell

check:
	tests/run

check-quick: unit sim

unit sim fuzz-smoke:
	scripts/setup build
	$(MAKE) -C tests $@

bench:
	tests/bench/run

# PEERS="quic ngtcp2" and CASES="H DC L1" choose some, KERNEL=6.12 a stock kernel.
interop:
	tests/interop/runner/prepare $(KERNEL)
	tests/interop/runner/interop --peers "$(PEERS)" --cases "$(CASES)" $(KERNEL:%=--kernel %)

debug-kernel:
	scripts/setup build test
	tests/vm/uml-build

clean:
	rm -rf "$(BUILD)"

help:
	@echo 'make                build the module for the running kernel, libquic and the tools'
	@echo 'make install        install them (PREFIX=$(PREFIX), DESTDIR=$(DESTDIR)); then: modprobe quic'
	@echo 'make uninstall      remove them again'
	@echo 'make module KVER=X  the module alone; X is a kernel release, 6.1, 6.12, or uml'
	@echo 'make libquic|tools  one component'
	@echo 'make libquic-openssl  the library for programs that use OpenSSL (3.5 or later);'
	@echo 'make install-openssl  install it, beside the other'
	@echo
	@echo 'In a virtual machine that the repository brings along (no module is loaded here):'
	@echo 'make demo           a file transfer between two namespaces, explained as it goes'
	@echo 'make shell          a prompt with the module loaded'
	@echo 'make check          every test (tests/run --list names the suites)'
	@echo 'make check-quick    unit tests and simulator on this machine alone'
	@echo 'make interop        the cases of the QUIC interop runner, against other implementations'
	@echo 'make bench          measure, write build/bench.json and docs/performance.md'
	@echo
	@echo 'make setup          install the Debian packages that all of this needs'
	@echo 'make debug-kernel   build the debug kernel into $${QUIC_CACHE:-~/.cache/quic}'
	@echo 'make clean          remove build/'
