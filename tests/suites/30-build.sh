#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# the module for both stock kernels, libquic, the tools, make install
set -euo pipefail
. "$(dirname "$(realpath "$0")")/lib.sh"

# A compiler's warning is a failure.
quiet_module() {
	local output
	output=$(scripts/kmod-build "$@" 2>&1) || { echo "$output"; return 1; }
	! grep -i 'warning' <<<"$output"
}

# Each file says its licence, and the right one for where it is.
licences() {
	local file want bad=0
	while read -r file; do
		case $file in
		LICENSES/* | *.md | *.patch | *.gitignore | */captures/*) continue ;;
		include/uapi/*) want='GPL-2.0-or-later WITH Linux-syscall-note' ;;
		libquic/* | include/netinet/* | man/libquic.3) want=LGPL-2.1-or-later ;;
		*) want=GPL-2.0-or-later ;;
		esac
		head -n 3 "$file" | grep -qE "SPDX-License-Identifier: $want( \*/)?$" && continue
		echo "$file is not marked as $want"
		bad=1
	done < <(git ls-files)
	[ $bad = 0 ]
}

have_component net/quic/Kbuild
status=0
if git rev-parse --verify -q HEAD >/dev/null 2>&1; then
	check licences licences || status=1
else
	skip licences "no git repository here"
fi
for series in 6.1 6.12; do
	check "module-$series" quiet_module "$series" || status=1
done
check libquic make -s libquic || status=1
check tools make -s tools || status=1
check libquic-tests make -s -C tests/net all || status=1

stage=$build/stage
rm -rf "$stage"
kver=$(tests/vm/kernel release 6.1)
check install make -s install KVER="$kver" DESTDIR="$stage" PREFIX=/usr || status=1
for file in "lib/modules/$kver/extra/quic.ko" usr/include/linux/quic.h usr/include/netinet/quic.h \
	usr/lib/libquic.so usr/lib/libquic.a usr/lib/pkgconfig/libquic.pc usr/share/man/man7/quic.7 \
	usr/share/man/man3/libquic.3 usr/share/man/man1/qcat.1 usr/share/man/man1/qperf.1 usr/bin/qcat usr/bin/qperf \
	usr/bin/quicize usr/lib/quicize/libquicize.so usr/bin/qstat usr/bin/qlog; do
	check "installed-$file" test -s "$stage/$file" || status=1
done
check uninstall make -s uninstall KVER="$kver" DESTDIR="$stage" PREFIX=/usr || status=1
left=$(find "$stage" -type f -o -type l)
check "nothing-left-after-uninstall" test -z "$left" || { echo "$left"; status=1; }
exit $status
