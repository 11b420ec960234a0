# SPDX-License-Identifier: GPL-2.0-or-later
#
# Sourced by the peers: how the runner speaks to a peer, the same for all of them.
#
#   NAME --capabilities   lines "ROLE: ALPN...", "case ROLE CASE unsupported REASON" and
#                         "case ROLE CASE fails THIRD REASON"
#   NAME                  run, by the environment of the public runner: ROLE, TESTCASE,
#                         REQUESTS, SSLKEYLOGFILE, QLOGDIR, CLIENT_PARAMS, SERVER_PARAMS;
#                         and, for want of containers, WWW, DOWNLOADS, CERTS (folders;
#                         the last with cert.pem, priv.key, ca.pem), ALPN, and PREFERRED
#                         (a server's other addresses, for the case connectionmigration)
#
# Exit status: 0 done, 1 failed, 127 not supported. A server has UDP port 443 of all
# addresses and runs until SIGTERM. All runs in the test machine, as root, in the
# namespace of its role.
#
# A peer says what it has (speaks), what it has not (lacks), what it does wrong (fails), defines
# run_client and run_server, and ends with `peer_main "$@"`.
set -euo pipefail
peers=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
. "$peers/../../../scripts/common.sh"

testcases="handshake transfer longrtt chacha20 multiplexing retry resumption zerortt http3 blackhole
	keyupdate ecn amplificationlimit handshakeloss transferloss handshakecorruption
	transfercorruption multiconnect ipv6 v2 rebind-port rebind-addr connectionmigration
	goodput crosstraffic"
capabilities=()
export WWW=${WWW:-/www} DOWNLOADS=${DOWNLOADS:-/downloads} CERTS=${CERTS:-/certs}
TESTCASE=${TESTCASE:-} ALPN=${ALPN:-hq-interop}

# speaks client|server ALPN...
speaks() { capabilities+=("$1: ${*:2}"); }

# lacks client|server|both CASE[,CASE...] REASON
lacks() {
	local role case
	for role in client server; do
		[ "$1" = "$role" ] || [ "$1" = both ] || continue
		for case in ${2//,/ }; do
			capabilities+=("case $role $case unsupported $3")
		done
	done
}

# fails client|server CASE[,CASE...] THIRD REASON - a fault of its own, and its reason. What fails is
# tried with others in our place anyway; here with THIRD alone, which may be the other end of the same
# peer. If it passes, the fault is ours.
fails() {
	local case
	for case in ${2//,/ }; do
		capabilities+=("case $1 $case fails $3 ${*:4}")
	done
}

unsupported() {
	say "$*"
	exit 127
}

check_supported() {
	local line has_role=
	case " ${testcases//[$'\n\t']/ } " in
	*" $TESTCASE "*) ;;
	*) unsupported "no such test case: $TESTCASE" ;;
	esac
	for line in "${capabilities[@]}"; do
		case "$line " in
		"case $ROLE $TESTCASE unsupported "*) unsupported "${line#* unsupported }" ;;
		"$ROLE:"*" $ALPN "*) has_role=yes ;;
		esac
	done
	[ -n "$has_role" ] || unsupported "no $ROLE of $ALPN"
}

# trixie COMMAND... - replaces this process by one in the Debian 13 root: TRIXIE, if it is ready to
# be entered. To make it ready takes thirty forks, which are slow in User Mode Linux.
trixie() {
	[ -z "${TRIXIE:-}" ] || exec chroot "$TRIXIE" /usr/bin/env -C "$PWD" "$@"
	exec "$top/tests/vm/trixie-root" --enter "$@"
}

# in_trixie COMMAND... - the same, and comes back
in_trixie() { (trixie "$@"); }

# host_of URL, port_of URL; an IPv6 address keeps its brackets
host_of() {
	local authority=${1#*://}
	authority=${authority%%/*}
	case $authority in
	\[*) echo "${authority%]*}]" ;;
	*) echo "${authority%%:*}" ;;
	esac
}

port_of() {
	local authority=${1#*://}
	authority=${authority%%/*}
	case $authority in
	*]:* | [!\[]*:*) echo "${authority##*:}" ;;
	*) echo 443 ;;
	esac
}

# all_downloaded - is there a file for each URL? Not every client's exit status says so.
all_downloaded() {
	local url
	# Without a subshell: there may be 2000, and a fork is slow in User Mode Linux.
	for url in "${urls[@]}"; do
		[ -e "$DOWNLOADS/${url##*/}" ] || die "${url##*/} was not downloaded"
	done
}

peer_main() {
	if [ "${1:-}" = --capabilities ]; then
		printf '%s\n' "${capabilities[@]}"
		exit 0
	fi
	check_supported
	read -r -d '' -a urls <<<"${REQUESTS:-}" || true
	case $ROLE in
	client)
		[ ${#urls[@]} -gt 0 ] || die "a client needs REQUESTS"
		run_client
		;;
	server) run_server ;;
	*) die "ROLE is client or server" ;;
	esac
}
