#!/bin/bash
# robust.sh -- everything that looks for mistakes, for ROBUST_MINUTES (60), and at the end its numbers: operations tried, faults
# dealt by kind, bytes acknowledged and lost, crashes, hangs, inputs of each fuzz target, coverage.  `make robust` calls it.
# SEED=n begins the random runs there; else each has seeds of its own.
set -u
ROOT=${ROOT:-$(cd "$(dirname "$0")/../.." && pwd)}
cd "$ROOT" || exit 2
export ROOT B=${B:-build}
minutes=${ROBUST_MINUTES:-60}
share=$((minutes * 60 / 4)) # seconds for each of the four that last as long as they are let
out=$(mktemp -d "${TMPDIR:-/tmp}/ashlar-robust.XXXXXX")
trap 'rm -rf "$out"' EXIT
make -s all aids "$B/tests/unit-model" "$B/tests/unit-sim" || exit 2
failed=0
step() { # step NAME COMMAND... : its output is shown and kept
  local name=$1
  shift
  echo "==== $name"
  "$@" > "$out/$name" 2>&1 || { failed=$((failed + 1)); echo "FAIL robust.$name: exit $?"; }
  grep -E '^(FAIL|SEED)|calls in|hours:|^faults:|operations tried|inputs|%' "$out/$name"
}
first=${SEED:-$((RANDOM * 32768 + RANDOM + 1000))}
echo "the random runs begin with seed $first"
# some 70,000 calls and 100 simulated hours a second of each processor, on a machine with nothing else to do
step model env FIRST_SEED="$first" MODEL_CALLS=$((share * 40000)) "$B/tests/unit-model"
step sim env FIRST_SEED="$first" SIM_HOURS=$((share * 60)) "$B/tests/unit-sim"
step faults env SEED="$first" FAULT_SECONDS=$share tests/cluster/faults.py
targets=$(find tests/fuzz -name 'fuzz_*.c' | wc -l)
step fuzz make -s fuzz FUZZ_SECONDS=$((share / targets + 1))
step cover make -s cover
number() { sed -nE "s/.*$1.*/\\1/p" "$out/$2" | tail -n 1; }
echo
echo "operations tried        $(($(number '^([0-9]+) calls in' model) + $(number 'operations tried ([0-9]+)' faults)))"
echo "simulated hours         $(number '^([0-9]+) hours:' sim)"
echo "faults, simulated       $(sed -n 's/^faults: //p' "$out/sim")"
echo "faults, real processes  $(number 'faults (\{.*\}); dealt' faults), by disks and networks $(number 'by the library (\{[^}]*\})' faults)"
echo "bytes acknowledged      $(number 'bytes acknowledged ([0-9]+)' faults)"
echo "bytes lost              $(grep -cE '^FAIL.*(acknowledged|other bytes)' "$out/faults") files' worth"
echo "crashes                 $(cat "$out"/* | grep -cE 'FATAL must|AddressSanitizer|libFuzzer: deadly')"
echo "hangs                   $(grep -cE '^FAIL.*hang' "$out/faults")"
echo "fuzz inputs             $(sed -nE 's/^PASS fuzz\.([a-z_]+): ([0-9]+).*/\1 \2,/p' "$out/fuzz" | tr '\n' ' ')"
grep '%' "$out/cover"
echo "$failed of 5 failed"
[ $failed -eq 0 ]
