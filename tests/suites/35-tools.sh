#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# the tools on this machine: options, messages, exit codes, loads over TCP
set -euo pipefail
. "$(dirname "$(realpath "$0")")/lib.sh"

make -s libquic tools
tests/tools/host
