#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# each rule of the RFCs and of the draft: the code that obeys, the test that proves it
set -euo pipefail
. "$(dirname "$(realpath "$0")")/lib.sh"

status=0
for table in docs/conformance/*.md; do
	name=$(basename "$table" .md)
	if counts=$(scripts/conformance "$table" 2>&1); then
		ok "conformance-$name"
	else
		echo "$counts"
		not_ok "conformance-$name" "the rows above"
		status=1
	fi
done
scripts/conformance || true
exit $status
