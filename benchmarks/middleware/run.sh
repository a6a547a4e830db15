#!/bin/sh
# Measures every peer side by side and writes results.txt.
#
#   ./run.sh                     the whole of it
#   COUNT=3 ./run.sh             fewer rounds (default 7; the medians are over the rounds)
#   BENCHTIME=100ms ./run.sh     shorter (default 200ms a benchmark)
#   ONLY=Serve ./run.sh          one of Serve, Rules, Loopback, Select, Primitive; to the terminal alone
#
# Each round runs every benchmark once, so that peers that are compared are
# measured minutes apart at most and a slow spell of the machine falls on all.
# The raw output is kept in results.raw.txt.gz, in the form that benchstat reads:
#
#   gzip -dc results.raw.txt.gz >old.txt
#   go run golang.org/x/perf/cmd/benchstat@latest -col /peer old.txt
set -eu
cd "$(dirname "$0")"
COUNT=${COUNT:-7}
BENCHTIME=${BENCHTIME:-200ms}
ONLY=${ONLY:-}

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
go test -c -o "$tmp/peerbench.test" .
go build -o "$tmp/peertable" ./peertable

raw=$tmp/raw.txt
: >"$raw"
bench() { # bench PATTERN BENCHTIME
	"$tmp/peerbench.test" -test.run '^$' -test.bench "$1" -test.benchtime "$2" -test.timeout 60m >>"$raw" 2>"$tmp/err" ||
		{ cat "$tmp/err" >&2; tail -n 5 "$raw" >&2; exit 1; }
}
i=1
while [ "$i" -le "$COUNT" ]; do
	echo "round $i of $COUNT" >&2
	case $ONLY in
	'')
		bench '^BenchmarkServe$' "$BENCHTIME"
		bench '^BenchmarkRules$' "$BENCHTIME"
		bench '^BenchmarkLoopback$' 500ms
		bench '^BenchmarkSelect' 50ms
		bench '^BenchmarkPrimitive$' 100ms
		;;
	*) bench "^Benchmark$ONLY" "$BENCHTIME" ;;
	esac
	i=$((i + 1))
done
"$tmp/peertable" "$raw" >"$tmp/tables"
if [ -n "$ONLY" ]; then
	cat "$tmp/tables"
	exit
fi
PEERBENCH_BEHAVIOUR="$tmp/behaviour" "$tmp/peerbench.test" -test.run '^Test(Storm|Behaviour)' -test.timeout 30m -long >"$tmp/err" ||
	{ cat "$tmp/err" >&2; exit 1; }
{
	echo "# peerbench results"
	echo
	echo "- $(go version)"
	echo "- CPU: $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo 2>/dev/null | head -n 1), $(getconf _NPROCESSORS_ONLN) cores, $(uname -sm)"
	echo "- clock source: $(cat /sys/devices/system/clocksource/clocksource0/current_clocksource 2>/dev/null || echo unknown)"
	echo "- date: $(date -u +%Y-%m-%d), rounds: $COUNT, time per benchmark: $BENCHTIME"
	echo "- peers:"
	go list -m -f '{{if not (or .Main .Indirect .Replace)}}  - {{.Path}} {{.Version}}{{end}}' all | grep . | sed 's/^/  /'
	cat "$tmp/tables"
	cat "$tmp/behaviour"
} >results.txt
gzip -9nc "$raw" >results.raw.txt.gz
cat results.txt
