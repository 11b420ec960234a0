#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Installs libquic below a directory of its own and uses it as a stranger
# would: C++ and C by pkg-config, shared and static.  Says ok or not ok a line.
#
# usage: install_test.sh BUILD_DIRECTORY

set -u
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
out=$(cd "$1" && pwd)
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
failed=0

check() {
	name=$1
	shift
	if "$@" >"$root/log" 2>&1; then
		echo "ok $name"
	else
		echo "not ok $name - $(tr '\n' ' ' <"$root/log" | tail -c 300)"
		failed=1
	fi
}

lib() {
	${MAKE:-make} -C "$here/../../libquic" BUILD="$out" PREFIX=/usr LIBDIR=/usr/lib \
		DESTDIR="$root/dest" "$@"
}

export PKG_CONFIG_PATH="$root/dest/usr/lib/pkgconfig" PKG_CONFIG_SYSROOT_DIR="$root/dest"
# /usr/include and /usr/lib of the sysroot are not the system's.
export PKG_CONFIG_ALLOW_SYSTEM_CFLAGS=1 PKG_CONFIG_ALLOW_SYSTEM_LIBS=1

flags() { pkg-config "$1" libquic; }

compile() {
	compiler=$1
	shift
	# A sysroot's gnutls is the system's own: not in the path of the sysroot.
	$compiler -Wall -Wextra -Werror "$@" -I"$root/dest/usr/include" -L"$root/dest/usr/lib"
}

exported() {
	nm -D --defined-only "$root/dest/usr/lib/libquic.so" | awk '$2 == "T" { print $3 }' |
		grep -v '^quic_.*@@LIBQUIC_1.0$' && return 1
	return 0
}

has_man() {
	sed -n 's/^\t\(quic_.*\);/\1/p' "$here/../../libquic/libquic.map" | while read -r f; do
		[ -e "$root/dest/usr/share/man/man3/$f.3" ] || { echo "no page $f"; exit 1; }
		grep -q "$f" "$here/../../man/libquic.3" || { echo "$f not described"; exit 1; }
	done
}

nothing_left() { [ -z "$(find "$root/dest" -type f -o -type l)" ]; }

check install lib -s install
check pkgconfig_cflags sh -c 'pkg-config --cflags libquic | grep -q "$1/usr/include"' - "$root/dest"
check pkgconfig_libs sh -c 'pkg-config --libs libquic | grep -q -e "-lquic.*-lgnutls"'
check pkgconfig_version pkg-config --atleast-version 1.0 libquic
check cxx_compile compile "${CXX:-c++}" -o "$root/cxx" "$here/header_test.cc" -lquic -lgnutls
check cxx_run env LD_LIBRARY_PATH="$root/dest/usr/lib" "$root/cxx"
check cxx_pedantic compile "${CXX:-c++}" -std=c++11 -o "$root/cxx11" "$here/header_test.cc" \
	-lquic -lgnutls
check static_compile compile "${CXX:-c++}" -o "$root/static" "$here/header_test.cc" \
	"$root/dest/usr/lib/libquic.a" -lgnutls
check static_run "$root/static"
check soname sh -c 'readelf -d "$1" | grep -q "SONAME.*libquic.so.1]"' - \
	"$root/dest/usr/lib/libquic.so"
check exported_names exported
check man_pages has_man
check uninstall lib -s uninstall
check uninstall_all nothing_left
exit $failed
