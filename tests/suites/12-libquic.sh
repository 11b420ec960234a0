#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# libquic against a kernel of the tests' own making, under ASan and UBSan
set -euo pipefail
. "$(dirname "$(realpath "$0")")/lib.sh"

have_component tests/libquic/Makefile
make -s libquic
make -s -C tests/libquic check
