#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# libquic-openssl in a Debian 13 root: libquic's tests, socket tests, libquic on the other side
set -euo pipefail
. "$(dirname "$(realpath "$0")")/lib.sh"

have_component tests/libquic/cross/run
in_root() { "$vm/trixie-root" --run "$@"; }

make -s libquic
scripts/kmod-build 6.12
in_root make -s libquic-openssl
status=0
in_root make -s -C tests/libquic TLS=openssl check || status=1
make -s -C tests/libquic cross
in_root make -s -C tests/libquic TLS=openssl cross
in_root make -s -C tests/net TLS=openssl openssl
machine openssl "$vm/qemu-run" -t 1500 -m 3072 6.12 tests/suites/in-vm-openssl
exit $status
