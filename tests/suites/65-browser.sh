#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Chromium on this machine, over HTTP/3, from a server in the machine with the module
set -euo pipefail
. "$(dirname "$(realpath "$0")")/lib.sh"

have_component tests/browser/drive
for program in chromium chromedriver; do
	[ -x "/usr/bin/$program" ] || { skip browser "$program is not installed (scripts/setup browser)"; exit 0; }
done
/usr/bin/python3 -c 'import selenium' || { skip browser "python3-selenium is not installed"; exit 0; }

scripts/kmod-build 6.12
make -s libquic
make -s -C tests/interop BUILD="$build"
out=$build/browser
rm -rf "$out"
mkdir -p "$out"
tests/browser/site "$out"
"$vm/certs" "$out/certs" >/dev/null 2>&1

"$vm/qemu-run" -t 900 -u 4433 -o "$out" 6.12 tests/browser/guest &
machine=$!
end=$((SECONDS + 240))
until [ -e "$out/ready" ] || [ -e "$out/rc" ] || [ $SECONDS -gt $end ]; do sleep 0.2; done
status=0
if [ -e "$out/ready" ]; then
	timeout -k 10 840 tests/browser/drive "$out" "$out/page.png" 2>"$out/drive.log" || status=$?
fi
touch "$out/stop"
machine browser wait $machine
if [ $status != 0 ] || ! [ -e "$out/page.png" ]; then
	tail "$out/drive.log" "$out/server.log" || true
	not_ok browser "the driver ended with status $status"
fi
