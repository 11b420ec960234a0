#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# socket tests against the module in Debian's stock kernel 6.1
set -euo pipefail
. "$(dirname "$(realpath "$0")")/lib.sh"

have_component tests/net/list
scripts/kmod-build 6.1
make -s libquic tools
make -s -C tests/net all
machine stock-6.1 "$vm/qemu-run" -t 1500 -m 3072 6.1 tests/suites/in-vm-net stock
