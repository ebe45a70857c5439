# admin_words.sh -- sourced after script.sh: our administration commands beside Hadoop's, word for word.
#
#   words_of CASES "sentence"   each line of the file CASES is a command line: `admin`, `storagepolicies`,
#       `cacheadmin` or `ec`, then its words, between tabs. Hadoop's tools run them first, on the store that start_cluster made; then `reset_store`, a
#       function of the caller, empties it, and `dfs` runs them. What they print, what they complain and how they
#       end must be the same.
# shellcheck shell=bash
words_of() {
  local cases=$1 sentence=$2 n=0 wrong=0 what got
  have_java || { skip "$sentence: no jars (HADOOP_LIB is not set)"; return; }
  command -v javac > /dev/null || { skip "$sentence: no javac"; return; }
  mkdir -p "$T/classes" "$T/theirs" "$T/mine"
  javac -nowarn -cp "$HADOOP_LIB/*" -d "$T/classes" tests/compat/AdminDriver.java 2> "$T/javac.err" ||
    { fail "$sentence: the driver does not compile: $(tail -n 3 "$T/javac.err")"; return; }
  java -Xmx512m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -cp "$T/classes:$HADOOP_CONF_DIR:$HADOOP_LIB/*" AdminDriver \
    "$cases" "$T/theirs" 2> "$T/driver.err"
  reset_store
  while IFS= read -r line; do
    IFS=$'\t' read -r -a words <<< "$line"
    "$dfs" "${words[@]}" > "$T/mine/$n.out" 2> "$T/mine/$n.err"
    echo -n $? > "$T/mine/$n.rc"
    for what in out err rc; do
      got=$(words_cut < "$T/mine/$n.$what")
      [ "$(words_cut < "$T/theirs/$n.$what")" = "$got" ] && continue
      fail "dfs ${words[*]}: $what is \"$got\", Hadoop's \"$(words_cut < "$T/theirs/$n.$what")\""
      wrong=$((wrong + 1))
    done
    n=$((n + 1))
  done < "$cases"
  if [ $wrong -eq 0 ] && [ $n -gt 0 ]; then pass "$sentence ($n command lines)"; fi
}
# What differs from run to run, and the log of Hadoop's client.
words_cut() { grep -v -e NativeCodeLoader -e '^[0-9-]* [0-9:,]* \(WARN\|INFO\)' | head -c 4000; }
