#!/bin/bash
# The suite that a client in Go brings along (colinmarc/hdfs), run as it is against Ashlar.
# long: begins first
. "$(dirname "$0")/../lib/script.sh"
. "$(dirname "$0")/../lib/foreign.sh"
module=github.com/colinmarc/hdfs/v2
if ! go_module "$T/go" $module@v2.4.0; then
  skip "the suite of a client in Go: $why"
  exit 0
fi
from=$(cd "$T/go" && go list -m -f '{{.Dir}}' $module)
cp -r "$from" "$T/suite" && chmod -R u+w "$T/suite"
start_cluster --datanodes 3 --no-jobs
# What its tests expect to find, and the users that they come as.
"$dfs" -mkdir -p /_test
"$dfs" -chmod 777 /_test
"$dfs" -put "$T/suite/testdata/foo.txt" /_test/foo.txt
"$dfs" -D dfs.blocksize=1048576 -put "$T/suite/testdata/mobydick.txt" /_test/mobydick.txt
(cd "$T/suite" && timeout "$(patience 300)" go test -mod=mod -v -timeout "$(patience 240)s" . ./hadoopconf ./internal/... 2>&1) > "$T/go.out"
ran() { grep -cE "^ *--- $1" "$T/go.out"; }
check "the suite of a client in Go passes: $(ran PASS) passed, $(ran FAIL) failed, $(ran SKIP) skipped" \
  sh -c "[ $(ran FAIL) = 0 ] && [ $(ran PASS) -gt 100 ]"
grep -E '^ *--- (FAIL|SKIP)' "$T/go.out" >&2
exit 0
