#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Installs libquic below a directory of its own and uses it as a stranger
# would: C and C++ by pkg-config, shared and static.  Says ok, not ok or skip a line.
#
# usage: install_test.sh BUILD_DIRECTORY gnutls|openssl

set -u
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
out=$(cd "$1" && pwd)
case $2 in
openssl) name=quic-openssl other=libquic.so tls="-lssl -lcrypto" ;;
*) name=quic other=libquic-openssl.so tls=-lgnutls ;;
esac
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
failed=0
tls_name=$2

check() {
	test=$1
	shift
	if "$@" >"$root/log" 2>&1; then
		echo "ok $test"
	else
		echo "not ok $test - $(tr '\n' ' ' <"$root/log" | tail -c 300)"
		failed=1
	fi
}

lib() {
	${MAKE:-make} -C "$here/../../libquic" TLS="$tls_name" BUILD="$out" PREFIX=/usr LIBDIR=/usr/lib \
		DESTDIR="$root/dest" "$@"
}

export PKG_CONFIG_PATH="$root/dest/usr/lib/pkgconfig" PKG_CONFIG_SYSROOT_DIR="$root/dest"
# /usr/include and /usr/lib of the sysroot are not the system's.
export PKG_CONFIG_ALLOW_SYSTEM_CFLAGS=1 PKG_CONFIG_ALLOW_SYSTEM_LIBS=1

compile() {
	compiler=$1
	shift
	# A sysroot's TLS library is the system's own: not in the path of the sysroot.
	$compiler -Wall -Wextra -Werror "$@" -I"$root/dest/usr/include" -L"$root/dest/usr/lib"
}

exported() {
	nm -D --defined-only "$root/dest/usr/lib/lib$name.so" | awk '$2 == "T" { print $3 }' |
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

# The header and its functions in C++, where there is a compiler for it
cxx() {
	command -v "${CXX:-c++}" >/dev/null || return
	check cxx_compile compile "${CXX:-c++}" $def -o "$root/cxx" "$here/header_test.cc" -l$name $tls
	check cxx_run env LD_LIBRARY_PATH="$root/dest/usr/lib" "$root/cxx"
	check cxx_pedantic compile "${CXX:-c++}" -std=c++11 $def -o "$root/cxx11" "$here/header_test.cc" \
		-l$name $tls
}

# The other library needs the header and the pages, too.
shared_stays() {
	touch "$root/dest/usr/lib/$other"
	lib -s uninstall
	[ -e "$root/dest/usr/include/netinet/quic.h" ] && [ ! -e "$root/dest/usr/lib/lib$name.so" ] &&
		lib -s install && rm "$root/dest/usr/lib/$other"
}

check install lib -s install
check pkgconfig_cflags sh -c 'pkg-config --cflags lib$2 | grep -q "$1/usr/include"' - "$root/dest" $name
check pkgconfig_libs sh -c 'pkg-config --libs lib$1 | grep -q -e "-l$1.*$2"' - $name "${tls%% *}"
check pkgconfig_version pkg-config --atleast-version 1.0 lib$name
def=$(pkg-config --cflags-only-other lib$name)
# shellcheck disable=SC2086
check c_compile compile "${CC:-cc}" $def -D_GNU_SOURCE -o "$root/c" "$here/../../examples/hello-client.c" \
	-l$name $tls
# shellcheck disable=SC2086
check static_compile compile "${CC:-cc}" $def -D_GNU_SOURCE -o "$root/static" \
	"$here/../../examples/hello-client.c" "$root/dest/usr/lib/lib$name.a" $tls
check static_run sh -c '! "$1"' - "$root/static"
cxx
check soname sh -c 'readelf -d "$1" | grep -q "SONAME.*lib$2.so.1]"' - \
	"$root/dest/usr/lib/lib$name.so" $name
check exported_names exported
check man_pages has_man
check shared_stays shared_stays
check uninstall lib -s uninstall
check uninstall_all nothing_left
exit $failed
