# SPDX-License-Identifier: GPL-2.0-or-later
#
# Sourced by qemu-run and uml-run: their common options, the job file, the verdict.

. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/common.sh"

vm=$top/tests/vm

# Whoever starts a machine takes it along when it ends, however it ends: the script dies
# with its caller, and the machine with the script.
[ -n "${QUIC_VM_TIED:-}" ] || QUIC_VM_TIED=$$ exec setpriv --pdeathsig TERM "$0" "$@"
unset QUIC_VM_TIED

timeout=120 memory=2048 cpus=2 out= interactive= no_scan= no_leaks= modules= extra_append= time_travel= udp_port=

usage() {
	sed -n '/^# [a-z-]*run /,/^[^#]/{s/^# \?//p}' "$0"
	exit 2
}

# parse_options "$@" - leaves the command in the array `command`
parse_options() {
	local option
	while getopts 't:m:s:o:a:u:iLST' option; do
		case $option in
		t) timeout=$OPTARG ;;
		m) memory=$OPTARG ;;
		s) cpus=$OPTARG ;;
		o) out=$OPTARG ;;
		a) extra_append=$OPTARG ;;
		u) udp_port=$OPTARG ;;
		i) interactive=yes ;;
		L) no_leaks=yes ;;
		S) no_scan=yes ;;
		T) time_travel=yes ;;
		*) usage ;;
		esac
	done
	shift $((OPTIND - 1))
	command=("$@")
}

# SCRIPT may be a file, or -c COMMAND. Bash takes both.
check_command() {
	[ ${#command[@]} -gt 0 ] || usage
	[ "${command[0]}" = -c ] || [ -r "${command[0]}" ] || die "no such script: ${command[0]}"
}

prepare_out() {
	mkdir -p "$build/vm"
	[ -n "$out" ] || { out=$(mktemp -d "$build/vm/run.XXXXXX"); own_out=yes; }
	mkdir -p "$out"
	out=$(realpath "$out")
	rm -f "$out"/{started,rc,dmesg,kmemleak,console,udp-port}
}

# job MACHINE TTY - the file that guest-init reads
job() {
	job=$out/job
	{
		printf 'job_machine=%q job_tty=%q job_out=%q job_cwd=%q job_build=%q\n' "$1" "$2" "$out" "$PWD" "$build"
		printf 'job_timeout=%q job_interactive=%q job_term=%q job_no_leaks=%q job_modules=%q job_udp_port=%q\n' \
			"$timeout" "$interactive" "${TERM:-}" "$no_leaks" "$modules" "$udp_port"
		printf 'job_stty=%q\n' "$([ -z "$interactive" ] || stty size 2>/dev/null | awk '{ print "rows", $1, "cols", $2 }')"
		printf 'job_command=('
		printf '%q ' "${command[@]}"
		printf ')\n'
	} >"$job"
}

show_console() {
	sed -u -e 's/\r//g' -e '/sysrq: Power Off$/d' -e '/reboot: Power down$/d' | tee "$out/console"
}

# run_machine LIMIT COMMAND... - what its console shows is streamed, and kept. With a LIMIT
# for the way to guest-init: false if it has not got there in so many seconds.
run_machine() {
	local limit=$1 begin=$SECONDS console screen machine status=0
	shift
	exec {console}> >(show_console)
	screen=$!
	setpriv --pdeathsig TERM timeout -k 5 $((timeout + 60 + limit)) \
		setpriv --pdeathsig KILL "$@" </dev/null >&"$console" 2>&1 &
	machine=$!
	exec {console}>&-
	while [ "$limit" != 0 ] && [ ! -e "$out/started" ] && kill -0 $machine 2>/dev/null; do
		if [ $((SECONDS - begin)) -ge "$limit" ]; then
			kill $machine
			status=1
			break
		fi
		sleep 0.2
	done
	wait $machine || true
	wait "$screen" || true
	return $status
}

# verdict - exits with the script's status, or 1 for a report of the kernel, 99 for no end
verdict() {
	local rc bad=
	rc=$(cat "$out/rc" 2>/dev/null || true)
	if [ -z "$rc" ]; then
		say "the machine ended or was stopped before the script did"
		bad=99
	fi
	if [ -z "$no_scan" ]; then
		if [ -e "$out/dmesg" ]; then
			"$vm/scan" "$out/dmesg" $([ ! -e "$out/kmemleak" ] || echo "$out/kmemleak") || bad=${bad:-1}
		else
			"$vm/scan" "$out/console" || bad=${bad:-1}
		fi
	fi
	[ -z "${own_out:-}" ] || rm -rf "$out"
	[ "${rc:-0}" = 0 ] || exit "$rc"
	exit "${bad:-0}"
}
