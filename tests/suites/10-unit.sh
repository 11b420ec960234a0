#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# unit tests of the core on this machine, under ASan and UBSan
set -euo pipefail
. "$(dirname "$(realpath "$0")")/lib.sh"

have_component tests/Makefile
make -s -C tests unit
