#!/bin/bash
# long: begins first
# random_namespace.sh -- a random driver (java/RandomNamespace.java) makes a store by every call that changes one, on Hadoop's namenode
# and on ours; after a kill -9 both read it, and what a client learns of each entry, now and in each snapshot, is compared line by
# line (java/NamespaceDump.java); then the images that both save of it.
# Hadoop makes it here, ours in random_namespace_ours.sh. SEED, ENTRIES, THREADS; MADE, a name directory that is taken instead; tests/heavy/random_namespace_wide.sh runs it with 200,000 entries.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/script.sh"
if ! have_java; then
  skip "random namespace: no Java or no Hadoop jars (HADOOP_LIB)"
  exit 0
fi
. tests/lib/turns.sh
SEED=${SEED:-$RANDOM} ENTRIES=${ENTRIES:-800} THREADS=${THREADS:-4}
echo "    SEED=$SEED ENTRIES=$ENTRIES"
export JAVA_NAMENODE=LinkingNamenode
java_build tests/compat/java/{LinkingNamenode,RandomNamespace}.java tests/compat/java/NamespaceDump.java

dump() { # dump ours|java NAME_DIR FILE: what a client sees of that directory through that namenode
  turns_configure "$2" dfs.namenode.accesstime.precision 0
  start "$1" || exit 1
  java_main NamespaceDump "$FS_URI" "$3.raw" 2> "$T/dump.err" || fail "the dump of $1: $(grep -m 1 Exception "$T/dump.err")"
  sort "$3.raw" > "$3"
  rm "$3.raw"
}
save() { "$dfs" admin -safemode enter && "$dfs" admin -saveNamespace && "$dfs" admin -safemode leave; }
saved_xml() { # saved_xml NAME_DIR FILE: the image that is newest there, without its order and without what is each namenode's own
  check "Hadoop's viewer reads the image" image_xml "$(newest_image "$1")" "$2.raw"
  python3 tests/lib/image_normal.py "$2.raw" > "$2"
  rm -f "$2.raw"
}
compare() { # compare SENTENCE COMMAND FILE FILE: the command prints in what they differ
  if "${@:2}" > "$T/differ"; then pass "$1"; else
    fail "$1: SEED=$SEED: $(grep -c '^[<>]' "$T/differ") lines differ"
    grep '^[<>]' "$T/differ" | head -n "${SHOW:-12}" | cut -c1-400 >&2
  fi
  grep '^    ' "$T/differ"
}

drive() { # drive ours|java: makes the store $T/made
  local never=none
  if [ "$1" = ours ]; then never=token,token-renew-cancel,createSymlink; fi # no tokens; links no more than Hadoop has by itself
  rm -rf "$T/made" "$T"/d[0-9]
  turns_configure "$T/made" dfs.namenode.delegation.token.always-use true
  "$ROOT/$B/bin/namenode" --config "$T/conf" -format -force > "$T/format.log" 2>&1 || fail "formats: $(tail -n 1 "$T/format.log")"
  start "$1" || exit 1
  turns_datanodes 3
  WHY=1 java_main RandomNamespace "$FS_URI" "$SEED" "$ENTRIES" "$THREADS" "$never" > "$T/calls" 2> "$T/driver.err" ||
    { fail "the driver: $(grep -m 1 Exception "$T/driver.err")"; exit 1; }
  stop KILL
  turns_end_datanodes
  tr '\n' ' ' < "$T/calls" | fold -s -w 150 | sed 's/^/    /'
  echo
  grep ' 0$' "$T/calls" | grep -v -E "^(${never//,/|}) " | while read -r what _; do
    echo "$what: $(grep -m 1 "^$what:" "$T/driver.err")"
  done > "$T/never"
  if [ -s "$T/never" ]; then fail "every kind of call succeeds on $1: $(head -n 1 "$T/never")"; else pass "every kind of call succeeds on $1"; fi
}

turn() { # turn MAKER OTHER: what one made both show alike, from image and edits, and from the image that the other saved
  local d
  if [ -n "${MADE:-}" ]; then cp -r "$MADE" "$T/made"; else drive "$1"; fi
  for d in "$1" "$2"; do
    rm -rf "$T/on-$d"
    cp -r "$T/made" "$T/on-$d"
    dump "$d" "$T/on-$d" "$T/$d.dump"
    check "$d saves what $1 made" save
    stop
    saved_xml "$T/on-$d" "$T/$d.xml"
  done
  echo "    $(wc -l < "$T/$1.dump") lines, $(grep -c '/\.snapshot/' "$T/$1.dump") of snapshots"
  compare "what $1 made, $2 shows entry by entry as $1 does" python3 tests/lib/dump_diff.py "$T/java.dump" "$T/ours.dump"
  compare "and saves as $1 does" diff "$T/$1.xml" "$T/$2.xml"
  dump "$1" "$T/on-$2" "$T/$1.dump"
  stop
  dump "$2" "$T/on-$1" "$T/$2.dump"
  stop
  compare "and each shows of the other's image the same" python3 tests/lib/dump_diff.py "$T/java.dump" "$T/ours.dump"
}
if [ "${MAKER:-java}" = ours ]; then turn ours java; else turn java ours; fi
