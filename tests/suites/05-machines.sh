#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# the scripts that run virtual machines: one that hangs while booting, one whose caller is killed
set -euo pipefail
. "$(dirname "$(realpath "$0")")/lib.sh"

# In QEMU's place: each start does what the next word of $plays says.
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cat >"$dir/qemu-system-x86_64" <<'STUB'
#!/bin/bash
here=$(dirname "$0")
echo $$ >>"$here/starts"
[[ $* =~ quic_job=([^ ]+) ]]
out=$(dirname "${BASH_REMATCH[1]}")
echo "booting"
play=($(cat "$here/plays"))
case ${play[$(($(wc -l <"$here/starts") - 1))]} in
hang) exec sleep 600 ;;
begin) : >"$out/started"; echo begun; exec sleep 600 ;;
run) : >"$out/started"; : >"$out/dmesg"; echo 7 >"$out/rc"; echo done ;;
end) ;;
esac
STUB
chmod +x "$dir/qemu-system-x86_64"

starts() { wc -l <"$dir/starts"; }

# Is the process of the last start gone, if not at once?
gone() {
	for _ in {1..100}; do
		kill -0 "$(tail -n 1 "$dir/starts")" 2>/dev/null || return 0
		sleep 0.1
	done
	return 1
}

# start PLAY... - a machine that does so
start() {
	rm -f "$dir/starts"
	echo "$*" >"$dir/plays"
	PATH=$dir:$PATH ACCEL=tcg BOOT_LIMIT=2 exec "$vm/qemu-run" -t 1 6.12 -c true
}

# plays STATUS STARTS PLAY... - that is its end, after so many starts, and nothing is left
plays() {
	local status=0
	(start "${@:3}") || status=$?
	echo "status $status after $(starts) starts"
	[ "$status $(starts)" = "$1 $2" ] && gone
}

# killed SIGNAL - so is who started the machine, while that is under way
killed() {
	rm -f "$dir/starts"
	bash -c 'start begin & wait' &
	until [ -s "$dir/starts" ]; do sleep 0.1; done
	kill "-$1" $!
	wait $! 2>/dev/null || true
	gone
}

export -f start
export dir vm
status=0
check "machine ends well" plays 7 1 run || status=1
check "hung once while booting, started again" plays 7 2 hang run || status=1
check "hung twice while booting" plays 99 2 hang hang || status=1
check "ended while booting, not started again" plays 99 1 end || status=1
check "caller terminated" killed TERM || status=1
check "caller killed" killed KILL || status=1
exit $status
