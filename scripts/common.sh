# SPDX-License-Identifier: GPL-2.0-or-later
#
# Sourced by the scripts of scripts/ and tests/: where things are, and how to speak.

top=$(realpath "$(dirname "${BASH_SOURCE[0]}")/..")
build=${BUILD:-$top/build}
cache=${QUIC_CACHE:-${HOME:-/root}/.cache/quic}

say() { echo "${0##*/}: $*" >&2; }
die() { say "$*"; exit 1; }

# run_quietly LOG COMMAND... - the output goes to LOG; its end is shown on failure
run_quietly() {
	local log=$1
	shift
	mkdir -p "$(dirname "$log")"
	"$@" >"$log" 2>&1 && return 0
	tail -n 40 "$log" >&2
	die "failed: $* (log: $log)"
}

# with_progress TEXT COMMAND... - a line with the seconds every 10 s while it runs
with_progress() {
	local text=$1 start=$SECONDS pid status=0
	shift
	"$@" &
	pid=$!
	while kill -0 "$pid" 2>/dev/null; do
		for _ in {1..50}; do
			kill -0 "$pid" 2>/dev/null || break
			sleep 0.2
		done
		kill -0 "$pid" 2>/dev/null && say "$text: $((SECONDS - start)) s"
	done
	wait "$pid" || status=$?
	return "$status"
}

# archive_uri CODENAME - where this machine's apt gets that Debian suite from
archive_uri() {
	# shellcheck disable=SC2016
	apt-get indextargets --format '$(CODENAME) $(REPO_URI)' 'Created-By: Packages' |
		awk -v suite="$1" '$1 == suite { print $2; exit }'
}
