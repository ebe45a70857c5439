#!/bin/bash
# contract_wide.sh -- some sixty more of Hadoop's own client test classes, unmodified, by its own client: each test
# passes, or is left out by the stand-in for its cluster, as it is against a real Hadoop 3.4.2 (tests/golden/contract_wide.txt).
# Many minutes: 22 on two busy cores. Two tests of hedged reads count threads of their own client and fail now and then
# against either; what fails is run a second time.
. "$(dirname "$0")/../lib/script.sh"
. "$(dirname "$0")/../lib/contract.sh"
suite() {
  contract_suite wide
  awk '/^(PASS|FAIL|SKIP) /{ print $1, $2 }' "$T/work/contract-report.txt" | sort -u > "$T/got"
}
sort tests/golden/contract_wide.txt > "$T/want"
suite
again=$(comm -23 "$T/want" "$T/got" | grep -o 'TestPread\.[^ ]*')
if [ -n "$again" ]; then
  cp -r "$SHARED/peers/contract" "$T/contract"
  grep '\.TestPread$' "$SHARED/peers/contract/java/classes.txt" > "$T/contract/java/classes.txt"
  WORK=$T/work SUITE=wide EXT_DATANODES=9 "$T/contract/run" > "$T/again.out" 2>&1
  awk '/^(PASS|FAIL|SKIP) /{ print $1, $2 }' "$T/work/contract-report.txt" | sort -u > "$T/second"
  for name in $again; do
    if grep -q "^PASS $name\$" "$T/second"; then sed -i "s/^FAIL $name\$/PASS $name/" "$T/got"; fi
  done
  sort -u -o "$T/got" "$T/got"
fi
while read -r was name; do
  got=$(grep " $name\$" "$T/got" | cut -d' ' -f1)
  fail "$name: ${got:-not there}, against Hadoop $was: $(grep -m 1 -F "FAIL $name " "$T/suite.out" | cut -c 1-300)"
done < <(comm -23 "$T/want" "$T/got")
while read -r class; do # how many of each class did as they do against Hadoop
  of() { grep -c " $class\\." "$1"; }
  same=$(comm -12 "$T/want" "$T/got" | grep -c " $class\\.")
  if [ "$same" = "$(of "$T/want")" ]; then pass "$class: all $same as against Hadoop"; fi
done < <(cut -d' ' -f2 "$T/want" | cut -d. -f1 | sort -u)
