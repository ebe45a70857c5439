# recorded.sh -- sourced after script.sh by tests that compare with what a real Hadoop answered.
#
#   recorded DRIVER GOLDEN "sentence" [start_cluster's arguments...]
#
# Compiles tests/compat/DRIVER.java, starts a cluster, runs the driver on it by Hadoop's own client, and compares
# each line that it prints with tests/golden/GOLDEN. With `capture HOST:PORT` as the script's arguments the lines
# are printed instead: so a golden file is made from a real Hadoop.
# shellcheck shell=bash
declare -a DRIVE_ARGS=() # what the driver is told beside the address
started() { :; }         # called once the cluster runs, by a script that tells the driver about it
drive() { # drive DRIVER HOST:PORT
  java -Xmx512m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -cp "$T/classes:$HADOOP_LIB/*" "$1" "$2" "${DRIVE_ARGS[@]}" 2> "$T/drive.err" |
    grep -v NativeCodeLoader
}

compiled() { # compiled DRIVER: false, with a line, when that can't be
  have_java || { skip "$1 by Hadoop's client: no jars (HADOOP_LIB is not set)"; return 1; }
  command -v javac > /dev/null || { skip "$1 by Hadoop's client: no javac"; return 1; }
  javac -nowarn -cp "$HADOOP_LIB/*" -d "$T/classes" "tests/compat/$1.java" 2> "$T/javac.err" && return 0
  fail "$1 compiles: $(tail -n 3 "$T/javac.err")"
  return 1
}

recorded() {
  local driver=$1 golden=tests/golden/$2 sentence=$3 wrong=0 lines want n=0
  shift 3
  compiled "$driver" || return
  if [ "${CAPTURE:-}" != "" ]; then
    drive "$driver" "$CAPTURE"
    return
  fi
  start_cluster "$@"
  started
  drive "$driver" "${FS_URI#hdfs://}" > "$T/ours"
  while IFS= read -r -u 3 expected; do
    n=$((n + 1))
    got=$(sed -n "${n}p" "$T/ours")
    [ "$expected" = "$got" ] && continue
    fail "line $n: Hadoop says \"$expected\", we say \"$got\""
    wrong=$((wrong + 1))
  done 3< "$golden"
  lines=$(wc -l < "$T/ours") want=$(wc -l < "$golden")
  if [ "$lines" -ne "$want" ]; then fail "all is asked: $lines answers of $want: $(tail -n 2 "$T/drive.err")"; fi
  if [ $wrong -eq 0 ] && [ "$lines" -eq "$want" ]; then pass "$sentence ($lines answers)"; fi
}

[ "${1:-}" = capture ] && CAPTURE=$2
