#!/bin/bash
# contract.sh -- Hadoop's own FileSystem contract tests, unmodified, by its own client: what passes and what is skipped
# is what a real Hadoop 3.4.2 passes and skips. The tests come from $ASHLAR_SHARED, their jars from Maven.
# long: begins first
. "$(dirname "$0")/../lib/script.sh"
. "$(dirname "$0")/../lib/contract.sh"
want="284 passed, 0 failed, 3 skipped"
contract_suite contract
while read -r line; do fail "${line#FAIL }"; done < <(grep '^FAIL' "$T/suite.out")
got=$(tail -n 1 "$T/suite.out")
if [ "$got" = "$want" ]; then pass "the contract suite: $got, as against Hadoop"; else fail "the contract suite: $got; against Hadoop $want"; fi
