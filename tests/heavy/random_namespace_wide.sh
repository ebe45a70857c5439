#!/bin/bash
# random_namespace_wide.sh -- random_namespace.sh and random_namespace_ours.sh of 200,000 entries each.
cd "$(dirname "$0")/../.." || exit 2
export ENTRIES=${ENTRIES:-200000} THREADS=${THREADS:-8} JAVA_HEAP=${JAVA_HEAP:-1536m} START_SECONDS=300
rc=0
for maker in java ours; do
  echo "    made by $maker"
  MAKER=$maker tests/compat/random_namespace.sh || rc=1
done
exit $rc
