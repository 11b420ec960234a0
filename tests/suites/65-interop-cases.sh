#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# the cases of the public interop runner, each with one or two peers, in virtual time
set -euo pipefail
. "$(dirname "$(realpath "$0")")/lib.sh"

have_component tests/interop/runner/interop
make -s -C tests/interop/forward check
tests/interop/runner/rules_test.py
tests/interop/runner/runner_test.py
debug_kernel
tests/interop/runner/prepare
tests/interop/runner/interop --short
