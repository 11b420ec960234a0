#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# 32-bit programs on the 64-bit stock kernels: libquic and some of the socket tests
set -euo pipefail
. "$(dirname "$(realpath "$0")")/lib.sh"

tests/net/i386
for series in 6.1 6.12; do
	scripts/kmod-build "$series"
	machine "32bit-$series" "$vm/qemu-run" -t 1000 -m 3072 "$series" tests/suites/in-vm-net 32bit \
		basic stream dgram peeloff zerocopy uring event option usual early
done
