# script.sh -- sourced by script tests: results, a scratch directory, a cluster, Java's shell.
#
#   . tests/lib/script.sh           (from the top of the tree; ROOT and B are set by tests/run)
#   start_cluster --datanodes 3     FS_URI, HADOOP_CONF_DIR, PID_... are then set; ended at exit
#   check "a sentence" command...   PASS or FAIL by the command's exit code
#   same "a sentence" FILE FILE     PASS when the files are equal
# shellcheck shell=bash
set -u
# shellcheck source=tests/lib/ports.sh
. "$(dirname "${BASH_SOURCE[0]}")/ports.sh"
# shellcheck source=tests/lib/patience.sh
. "$(dirname "${BASH_SOURCE[0]}")/patience.sh"
ROOT=${ROOT:-$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)}
cd "$ROOT" || exit 2
B=${B:-build}
export B
dfs=$ROOT/$B/bin/dfs job=$ROOT/$B/bin/job
SHARED=${ASHLAR_SHARED:-$ROOT/../shared}
T=$(mktemp -d "${TMPDIR:-/tmp}/ashlar-script.XXXXXX")
failures=0

pass() { echo "PASS $*"; }
fail() {
  echo "FAIL $*"
  failures=$((failures + 1))
}
skip() { echo "SKIP $*"; }

check() { # check SENTENCE COMMAND...
  local what=$1
  shift
  if "$@" > "$T/check.out" 2>&1; then pass "$what"; else
    fail "$what: $* ended with $?: $(tail -n 3 "$T/check.out" | tr '\n' ' ')"
  fi
}
refuse() { # refuse SENTENCE PATTERN COMMAND... : fails, and says PATTERN
  local what=$1 pattern=$2
  shift 2
  if "$@" > "$T/check.out" 2>&1; then
    fail "$what: succeeded"
  elif grep -q -- "$pattern" "$T/check.out"; then
    pass "$what"
  else fail "$what: said \"$(tail -n 3 "$T/check.out" | tr '\n' ' ')\", expected \"$pattern\""; fi
}
same() { # same SENTENCE FILE FILE
  if cmp -s "$2" "$3"; then pass "$1"; else fail "$1: $(cmp "$2" "$3" 2>&1 | head -n 1)"; fi
}
# Waits up to SECONDS, on an idle machine, for a command to succeed; for events that have no better sign.
until_ok() { # until_ok SECONDS COMMAND...
  local end
  end=$((SECONDS + $(patience "$1")))
  shift
  until "$@" > /dev/null 2>&1; do
    [ $SECONDS -lt $end ] || return 1
    sleep 0.05
  done
}

C=$T/cluster
start_cluster() {
  local vars
  if ! vars=$(tools/cluster start "$C" "$@" 2> "$T/start.err"); then
    fail "a cluster starts: $(tail -n 5 "$T/start.err" | tr '\n' ' ')"
    exit 1
  fi
  eval "$vars"
  export HADOOP_CONF_DIR FS_URI
}
cluster() { tools/cluster "$1" "$C" "${@:2}"; }

# From here on `mvn` waits for its turn: two at a time spoil each other's repository of jars.
maven_in_turn() {
  local mvn lock=${XDG_CACHE_HOME:-$HOME/.cache}/ashlar/maven.lock
  mvn=$(command -v mvn) || return
  [ "$mvn" != "$T/bin/mvn" ] || return 0 # in turn already: behind itself it would wait for ever
  mkdir -p "$T/bin" "${lock%/*}"
  printf '#!/bin/sh\nexec flock "%s" "%s" "$@"\n' "$lock" "$mvn" > "$T/bin/mvn"
  chmod +x "$T/bin/mvn"
  PATH=$T/bin:$PATH
}

# Java's own shell, when the jars are there.
have_java() { [ -n "${HADOOP_LIB:-}" ] && [ -d "$HADOOP_LIB" ] && command -v java > /dev/null; }
java_fs() {
  java -Xmx512m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -cp "$HADOOP_CONF_DIR:$HADOOP_LIB/*" org.apache.hadoop.fs.FsShell "$@"
}

finish() {
  if [ -e "$C/cluster.json" ] && ! tools/cluster stop "$C" 2> "$T/stop.err"; then
    fail "daemons end when they are asked to: $(tr '\n' ' ' < "$T/stop.err")"
  fi
  if [ $failures -gt 0 ] && [ -n "${KEEP:-}" ]; then echo "kept: $T"; else rm -rf "$T"; fi
  exit $((failures > 0))
}
trap finish EXIT
