#!/bin/bash
# Every fuzz target gets its corpus, each input also cut and changed at every byte.
set -u
cd "${ROOT:-$(dirname "$0")/../..}" || exit 2
B=${B:-build}
if ! ls "$B"/tests/fuzz/fuzz_* > /dev/null 2>&1; then
  echo "SKIP fuzz corpus: no targets in $B/tests/fuzz (make fuzz-targets)"
  exit 0
fi
exec tests/fuzz/run regress
