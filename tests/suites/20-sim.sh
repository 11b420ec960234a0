#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# the deterministic network simulator, core against core
set -euo pipefail
. "$(dirname "$(realpath "$0")")/lib.sh"

have_component tests/Makefile
make -s -C tests sim SEEDS=200
