#!/bin/bash
# docs/PROTOCOLS.md names every method that Hadoop has, and says of each truly whether it is there.
. "$(dirname "$0")/../lib/script.sh"
tools/protocol-table --check > "$T/differ" 2> "$T/why"
case $? in
  0) pass "every method of Hadoop's protocols is in docs/PROTOCOLS.md, with what the code has of it" ;;
  3) skip "methods in docs/PROTOCOLS.md: $(cat "$T/why")" ;;
  *) fail "docs/PROTOCOLS.md is up to date (tools/protocol-table prints it anew): $(head -n 3 "$T/differ" "$T/why" | tr '\n' ';')" ;;
esac
