# SPDX-License-Identifier: GPL-2.0-or-later
#
# Sourced by the suites.

. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/common.sh"
cd "$top"
export BUILD=$build
vm=$top/tests/vm

ok() { echo "ok $*"; }
not_ok() { echo "not ok $1 - ${*:2}"; }
skip() { echo "skip $1 - ${*:2}"; }

# check NAME COMMAND... - one test: the command succeeds; its output only where it does not
check() {
	local name=$1 log=$build/log/check-${1//[^a-zA-Z0-9.]/-}
	shift
	mkdir -p "$build/log"
	if "$@" >"$log" 2>&1; then
		ok "$name"
	else
		tail -n 40 "$log" | sed 's/^/  /'
		not_ok "$name" "$* failed"
		return 1
	fi
}

# have_component FILE - a suite without its programs fails, it does not pass in silence
have_component() {
	[ -e "$1" ] || { not_ok "$1" "is not there"; exit 1; }
}

# debug_kernel - waits for the debug kernel that tests/run builds in the background
debug_kernel() { nice -n 5 "$vm/uml-build" >/dev/null; }

# machine NAME COMMAND... - a run in a machine that is a test in itself: the kernel is
# quiet, the module goes away, the scripts end (their own tests are counted besides)
machine() {
	local name=$1 status=0
	shift
	"$@" || status=$?
	case $status in
	0) ok "$name: the kernel reported nothing and the module was unloaded" ;;
	99) not_ok "$name" "the machine stopped before the end" ;;
	124) not_ok "$name" "took longer than its limit" ;;
	*) not_ok "$name" "status $status" ;;
	esac
}

# stock SERIES - the socket tests in Debian's kernel of that series
stock() {
	have_component tests/net/list
	scripts/kmod-build "$1"
	make -s libquic tools
	make -s -C tests/net all
	machine "stock-$1" "$vm/qemu-run" -t 1500 -m 3072 "$1" tests/suites/in-vm-net stock
}
