#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# socket tests against the module in the debug kernel, and failed allocations
set -euo pipefail
. "$(dirname "$(realpath "$0")")/lib.sh"

have_component tests/net/list
debug_kernel
scripts/kmod-build uml
make -s libquic tools
make -s -C tests/net all
machine debug-net "$vm/uml-run" -t 1500 tests/suites/in-vm-net debug
machine debug-net-virtual "$vm/uml-run" -T -t 500 tests/suites/in-vm-net virtual
