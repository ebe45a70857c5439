# contract.sh -- sourced after script.sh: Hadoop's own client test classes, unmodified, against a cluster of ours.
#
#   contract_suite SUITE    runs contract|wide of peers/contract; $T/suite.out is what it says, $T/work/contract-report.txt
#                           has a line a test. Ends the script with a skip where something for it is missing.
# shellcheck shell=bash
contract_suite() {
  local run=$SHARED/peers/contract/run
  if ! have_java || ! command -v javac mvn > /dev/null; then
    skip "the $1 suite: no Java, no Maven or no Hadoop jars (HADOOP_LIB)"
    exit 0
  fi
  if [ ! -x "$run" ]; then
    skip "the $1 suite: no $run"
    exit 0
  fi
  # on one host: tests compare lists of hosts, and those of equally near replicas come in any order
  start_cluster --datanodes 9 --one-host --no-jobs -D dfs.namenode.fs-limits.min-block-size=0
  export WEBHDFS
  maven_in_turn
  WORK=$T/work SUITE=$1 EXT_DATANODES=9 "$run" > "$T/suite.out" 2>&1
  if grep -q '^FAIL maven' "$T/suite.out"; then
    skip "the $1 suite: Maven has not its jars"
    exit 0
  fi
}
