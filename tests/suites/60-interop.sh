#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# a stranger on the other side: ngtcp2 of Debian 13, both roles, over real UDP
set -euo pipefail
. "$(dirname "$(realpath "$0")")/lib.sh"

have_component tests/interop/run
trixie=$("$vm/trixie-root")
scripts/kmod-build 6.12
make -s libquic
make -s -C tests/interop BUILD="$build"
machine interop "$vm/qemu-run" -t 900 6.12 tests/interop/run "$trixie"
