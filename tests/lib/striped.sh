# striped.sh -- sourced after java_namenode.sh: striped files written, damaged and read again.
#
#   units_of PATH        sets GROUPS_OF to the ids of its block groups
#   damage HOW ID UNITS  deletes internal blocks of the group, or flips a byte of each (HOW: gone, flipped)
#   both_read N PATH     ours and Java read the first N bytes of $T/data there
#   write_and_die PATH N   a writer is killed after a third of the first N bytes of $T/data
#   recover PATH           has the file closed; its length
# shellcheck shell=bash
declare -A K M CODED
probe=$ROOT/$B/tests/cluster/libdfs_probe
while read -r name k m; do
  K[$name]=$k M[$name]=$m
done << 'P'
RS-6-3-1024k 6 3
RS-3-2-1024k 3 2
RS-10-4-1024k 10 4
XOR-2-1-1024k 2 1
RS-LEGACY-6-3-1024k 6 3
P

units_of() { # units_of PATH
  ask blocks "$1" || return 1
  GROUPS_OF=()
  local w
  for w in $REPLY; do case $w in -*) GROUPS_OF+=("$w") ;; esac; done
}
block_file() { find "$T"/d*/current -path '*finalized*' -name "blk_$1"; }
flip() { # flip FILE: one bit of one byte
  python3 - "$1" << 'P'
import os, random, sys
n = os.path.getsize(sys.argv[1])
at = random.randrange(n)
with open(sys.argv[1], "r+b") as f:
    f.seek(at)
    b = f.read(1)[0] ^ 1 << random.randrange(8)
    f.seek(at)
    f.write(bytes([b]))
P
}
damage() { # damage gone|flipped GROUP UNIT...
  local how=$1 group=$2 u f
  shift 2
  for u in "$@"; do
    for f in $(block_file $((group + u))); do # none, when the unit has no bytes
      if [ "$how" = gone ]; then rm "$f" "$f"_*.meta; else flip "$f"; fi
    done
  done
}
ours_reads() { # ours_reads N PATH
  "$dfs" -cat "$2" 2> "$T/cat.err" | cmp -s - <(head -c "$1" "$T/data")
}
java_reads() { # java_reads N PATH
  ask read "$T/data" "$1" "$2" && [ "$REPLY" = same ]
}
both_read() { # both_read N PATH
  ours_reads "$1" "$2" || { WHY="ours reads $2: $(tail -n 1 "$T/cat.err")"; return 1; }
  java_reads "$1" "$2" || { WHY="Java reads $2: $REPLY"; return 1; }
}
# Every set of 1 to M of K+M units, a line each; all of them, or so many picked by chance.
unit_sets() { # unit_sets K M [HOW-MANY]
  python3 - "$@" << 'P'
import itertools, random, sys
k, m = int(sys.argv[1]), int(sys.argv[2])
sets = [c for n in range(1, m + 1) for c in itertools.combinations(range(k + m), n)]
if len(sys.argv) > 3 and int(sys.argv[3]) < len(sets):
    full = [c for c in sets if len(c) == m]
    most = int(sys.argv[3])
    sets = random.sample(full, min(len(full), most - most // 3)) + random.sample([c for c in sets if len(c) < m] or full, most // 3)
for c in sets:
    print(*c)
P
}
sizes_of() { # sizes_of K: around every boundary, with cells of 1 MiB and blocks of 2 cells
  local k=$1 cell=1048576
  echo 0 1 $((cell - 1)) $cell $((cell + 1)) $((k * cell - 1)) $((k * cell)) $((k * cell + 1)) \
    $((2 * k * cell - 1)) $((2 * k * cell)) $((2 * k * cell + 1)) $((4 * k * cell + cell + 7))
}
start_policies() { # start_policies NAME...: each has the directory /NAME
  local p
  for p in "$@"; do
    ask policy "$p" "/$p" || { fail "a policy is set: $REPLY"; exit 1; }
  done
}
# Loses units of a file's groups, in all the ways or by chance, and has it read after each. Java shuns a datanode in all
# groups when one of its units is gone, and then misses others that are there: it reads with units of one group lost.
lose_and_read() { # lose_and_read POLICY [HOW-MANY]
  local p=$1 set how n path i=0 bad=0 g WHY=
  n=$((${K[$p]} * 2 * 1048576 + ${K[$p]} * 1048576 / 2 + 4321))
  while read -r set; do
    for how in gone flipped; do
      path=/$p/lost$((i++))
      if [ $((i % 2)) = 0 ]; then
        head -c $n "$T/data" | "$dfs" -put - "$path" 2> "$T/cat.err" || { WHY=$(cat "$T/cat.err"); bad=1; break 2; }
      else
        ask write "$T/data" $n "$path" || { WHY=$REPLY; bad=1; break 2; }
      fi
      units_of "$path" || { WHY=$REPLY; bad=1; break 2; }
      # shellcheck disable=SC2086
      damage $how "${GROUPS_OF[0]}" $set
      both_read $n "$path" || { WHY="$WHY ($how: $set)"; bad=1; break 2; }
      # shellcheck disable=SC2086
      for g in "${GROUPS_OF[@]:1}"; do damage $how "$g" $set; done
      ours_reads $n "$path" || { WHY="ours reads $path: $(tail -n 1 "$T/cat.err") ($how in each group: $set)"; bad=1; break 2; }
      "$dfs" -rm -skipTrash "$path" > /dev/null 2>&1
    done
  done < <(unit_sets "${K[$p]}" "${M[$p]}" ${2:+"$2"})
  if [ $bad = 0 ]; then pass "$p: ours and Java read with units gone and flipped, $i ways"; else fail "$p: $WHY"; fi
}
# Every size by either writer, read by both.
write_and_read() { # write_and_read POLICY SIZE...
  local p=$1 n bad=0 WHY=
  shift
  for n in "$@"; do
    ask write "$T/data" "$n" "/$p/java$n" || { WHY="Java writes $n bytes: $REPLY"; bad=1; break; }
    head -c "$n" "$T/data" | "$dfs" -put - "/$p/ours$n" 2> "$T/cat.err" || { WHY="ours writes $n bytes: $(cat "$T/cat.err")"; bad=1; break; }
    both_read "$n" "/$p/java$n" || { bad=1; break; }
    both_read "$n" "/$p/ours$n" || { bad=1; break; }
  done
  if [ $bad = 0 ]; then pass "$p: $# sizes written and read by both"; else fail "$p: $WHY"; fi
}

# The checksums of a file by either writer, both kinds, asked by both: one answer, and the composite one that of a copy
# that is not striped.
one_checksum() { # one_checksum PATH [PLAIN-PATH]
  local a b
  ask checksum "$1" || { WHY=$REPLY; return 1; }
  a=$REPLY b=$("$dfs" -checksum "$1" 2> "$T/cat.err" | cut -f 2,3 | tr '\t' ' ')
  [ "$a" = "$b" ] || { WHY="$1: Java says $a, ours $b $(tail -n 1 "$T/cat.err")"; return 1; }
  ask composite "$1" || { WHY=$REPLY; return 1; }
  a=$REPLY b=$("$dfs" -D dfs.checksum.combine.mode=COMPOSITE_CRC -checksum "$1" 2> "$T/cat.err" | cut -f 2,3 | tr '\t' ' ')
  [ "$a" = "$b" ] || { WHY="$1: Java says $a, ours $b $(tail -n 1 "$T/cat.err")"; return 1; }
  [ -z "${2:-}" ] && return 0
  b=$("$dfs" -D dfs.checksum.combine.mode=COMPOSITE_CRC -checksum "$2" 2> "$T/cat.err" | cut -f 2,3 | tr '\t' ' ')
  [ "$a" = "$b" ] || { WHY="$1: $a striped, $b replicated"; return 1; }
}

# A writer is killed after a third of so many bytes; what it has sent of them is in sockets and on disks.
write_and_die() { # write_and_die PATH BYTES
  local out in w line
  head -c "$2" "$T/data" > "$T/part"
  coproc W { exec "$probe" steps "$T/part" "$1" 2> "$T/probe.err"; }
  w=$W_PID in=${W[1]} out=${W[0]}
  echo go >&"$in"
  read -r -t 120 -u "$out" line || fail "a third of $1 is written: $(cat "$T/probe.err")"
  kill -KILL "$w"
  wait "$w" 2> /dev/null
}
recover() { timeout "$(patience 120)" "$probe" recover "$1" 2> "$T/recover.err"; }
# The numbers of the datanodes that have a cell at least of the newest group that is being written.
newest_holders() {
  find "$T"/d*/current -path '*rbw*' -name 'blk_-*' ! -name '*.meta' -size +1000k | python3 -c '
import re, sys
units = [tuple(map(int, re.search(r"/d(\d+)/.*blk_(-\d+)$", line).groups())) for line in sys.stdin]
newest = max((b >> 4 for _, b in units), default=0)
for n in sorted({n for n, b in units if b >> 4 == newest}):
    print(n)'
}
