#!/bin/bash
# damage.sh -- what rots or is lost on a live cluster heals, or is named: replicas, meta files, edits, images, settings.
# Prints how long each healing took, from the damage to the last whole copy.
. "$(dirname "$0")/../lib/script.sh"
probe=$ROOT/$B/tests/cluster/libdfs_probe
start_cluster --datanodes 4 --no-jobs -D dfs.replication=3 -D dfs.heartbeat.interval=1 -D dfs.datanode.directoryscan.interval=1s \
  -D dfs.namenode.redundancy.interval.seconds=1s -D dfs.blocksize=1048576 \
  -D dfs.namenode.num.checkpoints.retained=2
head -c 3000001 /dev/urandom > "$T/f"
check "a file of three blocks, three copies" "$dfs" -put "$T/f" /f

nn_metric() { curl -sf "$WEBHDFS/metrics" | sed -n "s/^$1 //p"; }
block() { "$probe" blocks /f | sed -n "$1p"; }
holder() { find "$C/data" -name "$b" -path '*finalized*' | sed "s#$C/data/##; s#/.*##" | sort | sed -n "$1p"; } # the node of its Nth replica
block_of() { find "$C/data/$1" -name "$b" -path '*finalized*'; }                                                # its file there
meta_of() { find "$C/data/$1" -name "${b}_*.meta" -path '*finalized*'; }
metas() { find "$C/data" -name "$1_*.meta" -path '*finalized*'; }
flip() { # flip FILE AT: one bit
  python3 -c 'import sys; f = open(sys.argv[1], "r+b"); f.seek(int(sys.argv[2])); b = f.read(1)[0]; f.seek(-1, 1); f.write(bytes([b ^ 4]))' "$1" "$2"
}
dd if="$T/f" bs=1048576 count=1 of="$T/f.0" status=none
whole() { # whole BLOCK: three block files that are the same, with three meta files that are the same
  local files
  mapfile -t files < <(find "$C/data" -name "$1" -path '*finalized*')
  [ ${#files[@]} = 3 ] && [ "$(metas "$1" | wc -l)" = 3 ] && [ "$(sha1sum "${files[@]}" | cut -c1-40 | sort -u | wc -l)" = 1 ] &&
    [ "$(metas "$1" | xargs sha1sum | cut -c1-40 | sort -u | wc -l)" = 1 ] && cmp -s "$T/f.0" "${files[0]}"
}
heals() { # heals SENTENCE : block 0 is whole again in time
  local start
  start=$(date +%s%N)
  if until_ok "${LIMIT:-40}" whole "$b"; then pass "$1 ($(awk -v n=$(($(date +%s%N) - start)) 'BEGIN {printf "%.1f", n / 1e9}') s)"; else
    fail "$1: $(find "$C/data" -name "$b*" -path '*finalized*' -printf '%P %s; ')"
  fi
  "$dfs" -cat /f > "$T/got" 2> /dev/null
  cmp -s "$T/f" "$T/got" || fail "$1: but it reads otherwise"
}
b=$(block 1)
check "all are whole" whole "$b"

# ---- replicas ----
n=$(holder 1)
rm "$(block_of "$n")" "$(meta_of "$n")"
heals "a replica whose files are gone is copied anew"
n=$(holder 2)
rm "$(block_of "$n")"
heals "one whose block file is gone"
n=$(holder 3)
rm "$(meta_of "$n")"
heals "one whose meta file is gone"
n=$(holder 1)
truncate -s 500000 "$(block_of "$n")"
heals "one that has become shorter"
n=$(holder 2)
cluster kill "$n"
truncate -s 700416 "$(block_of "$n")"
truncate -s $((7 + 4 * 1368)) "$(meta_of "$n")" # and the sums agree with the lie
cluster restart "$n"
heals "one that its datanode reports shorter than it was"
n=$(holder 3)
cluster kill "$n"
head -c 5000 /dev/zero >> "$(block_of "$n")"
cluster restart "$n"
heals "one that it reports longer"
n=$(holder 1)
cluster kill "$n"
flip "$(block_of "$n")" 12345
cluster restart "$n"
others=$(for i in 2 3; do holder $i; done)
before=$(nn_metric namenode_bad_replicas_total)
for o in $others; do cluster pause "$o"; done
timeout "$(patience 60)" "$dfs" -D dfs.client.socket-timeout=1000 -D dfs.client.max.block.acquire.failures=0 -cat /f > "$T/got" 2> "$T/got.err" &&
  fail "a flipped bit is not served, even if no other copy can be had"
if head -c "$(stat -c %s "$T/got")" "$T/f" | cmp -s - "$T/got"; then pass "a flipped bit is not served, even if no other copy can be had"; else fail "a flipped bit was served"; fi
for o in $others; do cluster resume "$o"; done
heals "it heals after a reader met it"
"$dfs" -D dfs.replication=1 -put "$T/f.0" /one
flip "$(find "$C/data" -name "$("$probe" blocks /one)" -path '*finalized*')" 12345
known=$(nn_metric namenode_bad_replicas_total)
"$dfs" -setrep 2 /one > "$T/setrep"
told() { [ "$(nn_metric namenode_bad_replicas_total)" -gt "$known" ]; }
check "one that nobody reads is reported by who gets a copy of it" until_ok 40 told
"$dfs" -rm -skipTrash /one > "$T/rm"
if [ "$(nn_metric namenode_bad_replicas_total)" -gt "$before" ]; then pass "and was counted"; else fail "and was not counted"; fi
reads() { "$dfs" -cat /f 2> /dev/null | cmp -s - "$T/f"; }
met() { reads || fail "$1 reaches a reader"; whole "$b"; }
n=$(holder 2)
flip "$(meta_of "$n")" 900
if until_ok 60 met "a flipped bit in a meta file"; then pass "a flipped bit in a meta file, met by readers, heals"; else fail "a flipped bit in a meta file, met by readers, heals"; fi
n=$(holder 3)
cluster kill "$n" # it keeps the files open that it has read
flip "$(meta_of "$n")" 2 # its header: what kind of sums it has
cluster restart "$n"
if until_ok 60 met "a spoilt header of a meta file"; then pass "a spoilt header of a meta file heals"; else fail "a spoilt header of a meta file heals"; fi

# ---- the namenode's files, while it serves and after ----
name=$C/data/name/current
ends_with() { # ends_with PATTERN : the namenode ends at its start and its log says so
  until_ok 20 sh -c "! kill -0 $(cat "$C/namenode.pid") 2> /dev/null" && grep -q -- "$1" "$C/namenode.log"
}
names() { for i in $(seq "$1" "$2"); do echo "/n$i"; done; }
admin() { "$dfs" admin "$@" > /dev/null 2>&1; }
save() { admin -safemode enter && admin -saveNamespace && admin -safemode leave; }
# shellcheck disable=SC2046
"$dfs" -mkdir $(names 1 50) && save && "$dfs" -mkdir $(names 51 100) && save && "$dfs" -mkdir $(names 101 150)
"$dfs" -ls -C / | sort > "$T/names"
image=$(find "$name" -name 'fsimage_*' ! -name '*.md5' | sort | tail -n 1)
cp "$image" "$T/image"
flip "$image" 400
check "a flipped bit in the image: a namenode that serves goes on" "$dfs" -ls /n1
cluster kill namenode
: > "$C/namenode.log"
cluster restart namenode
if ends_with "${image##*/}: its bytes do not give the MD5"; then pass "started again it refuses the image, and names it, as Hadoop does"; else
  fail "started again with a damaged image: $(tail -n 1 "$C/namenode.log")"
fi
cluster kill namenode
cp "$T/image" "$image"
edits=$(find "$name" -name 'edits_inprogress_*')
first=$(find "$name" -name 'edits_0*-*' | sort | tail -n 1)
cp "$first" "$T/edits"
flip "$first" $(($(stat -c %s "$first") / 2))
rm -f "$C/namenode.log"
cluster restart namenode
if ends_with "${first##*/}"; then pass "a flipped bit in edits that are needed: it does not start, and names the file"; else
  # the newest image may stand for all of that segment
  if until_ok 30 "$dfs" -ls / && "$dfs" -ls -C / | sort | cmp -s - "$T/names"; then pass "a flipped bit in edits that the image covers does no harm"; else
    fail "a flipped bit in ${first##*/}: $(tail -n 1 "$C/namenode.log")"
  fi
fi
cluster kill namenode
cp "$T/edits" "$first"
edits=$(find "$name" -name 'edits_inprogress_*' | sort | tail -n 1)
cluster restart namenode
until_ok 30 "$dfs" -mkdir -p /last1 /last2 /last3 || fail "with the edits put back it starts"
cluster kill namenode
edits=$(find "$name" -name 'edits_inprogress_*' | sort | tail -n 1)
cp "$edits" "$T/edits"
at=$(grep -abo last1 "$edits" | head -n 1 | cut -d: -f1)
flip "$edits" "$at"
rm -f "$C/namenode.log"
cluster restart namenode
if ends_with "${edits##*/}"; then pass "a flipped bit before the end of the open segment: it does not start, and names the file"; else
  fail "a flipped bit in ${edits##*/}: $(tail -n 1 "$C/namenode.log")"
fi
cp "$T/edits" "$edits"
cluster restart namenode
until_ok 30 "$dfs" -test -d /last3 || fail "with the segment put back everything is there"
until_ok 30 sh -c "'$dfs' -cat /f | cmp -s - '$T/f'"
"$dfs" -cat /f > "$T/got" 2> /dev/null
same "after all that the file is whole" "$T/f" "$T/got"

# ---- settings ----
mkdir "$T/conf"
printf '<configuration>\n<property><name>dfs.replication</name><value>3</value></property>\n' > "$T/conf/hdfs-site.xml"
for program in namenode datanode scheduler worker "dfs -ls /" "job list"; do
  # shellcheck disable=SC2086
  refuse "${program%% *} refuses settings that don't parse, and names file and line" "hdfs-site.xml.*[0-9]" timeout "$(patience 20)" "$B"/bin/$program --config "$T/conf"
done
printf '<configuration><property><name>dfs.blocksize</name><value>lots</value></property></configuration>' > "$T/conf/hdfs-site.xml"
for program in namenode datanode scheduler worker "dfs -ls /" "job list"; do
  # shellcheck disable=SC2086
  refuse "${program%% *} refuses a value of another kind, and names file and key" "hdfs-site.xml.*dfs.blocksize\|dfs.blocksize.*hdfs-site.xml" timeout "$(patience 20)" "$B"/bin/$program --config "$T/conf"
done
