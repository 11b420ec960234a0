#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# iperf3, nc, curl and redis over QUIC by quicize, in both stock kernels
set -euo pipefail
. "$(dirname "$(realpath "$0")")/lib.sh"

make -s libquic tools
for series in ${QUICIZE_KERNELS:-6.1 6.12}; do
	scripts/kmod-build "$series"
	machine "quicize-$series" "$vm/qemu-run" -t 400 "$series" tests/tools/quicize
done
