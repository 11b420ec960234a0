#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# socket tests against the module in Debian's stock kernel 6.12
set -euo pipefail
. "$(dirname "$(realpath "$0")")/lib.sh"

stock 6.12
