#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# the core's unit tests as KUnit inside the debug kernel
set -euo pipefail
. "$(dirname "$(realpath "$0")")/lib.sh"

have_component net/quic/Kbuild
debug_kernel
scripts/kmod-build uml kunit
module=$build/kmod-uml-kunit/quic.ko
have_component "$module"
machine debug-kunit "$vm/uml-run" -T -t 900 tests/suites/in-vm-kunit "$module"
