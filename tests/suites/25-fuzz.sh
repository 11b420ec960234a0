#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# each fuzz target over its corpus and some seconds more
set -euo pipefail
. "$(dirname "$(realpath "$0")")/lib.sh"

have_component tests/Makefile
make -s -C tests fuzz-smoke
