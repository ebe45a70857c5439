#!/bin/bash
# migrate.sh -- `dfs migrate --check` on directories of a stopped cluster of ours: whole, damaged, of others, in use; nothing is written.
. "$(dirname "$0")/../lib/script.sh"
start_cluster --datanodes 2
head -c 300000 /dev/urandom > "$T/in"
"$dfs" -mkdir -p /a/b || fail "a directory"
"$dfs" -put "$T/in" /a/one
"$dfs" -put "$T/in" /a/b/two
"$dfs" -touchz /a/empty
NAME=$(find "$C" -path '*/current/fsimage_*' -name '*[0-9]' | head -n 1 | sed 's|/current/.*||')
mapfile -t DATA < <(find "$C" -path '*/current/BP-*/current/VERSION' | sed 's|/current/BP-.*||' | sort)

hash_of() { (cd "$1" && find . -printf '%p %s %m %T@\n' | sort && find . -type f ! -name in_use.lock | sort | xargs -r -d '\n' md5sum) | md5sum; }
said() { "$dfs" migrate --check "$@" > "$T/said" 2>&1; }
expect() { # expect SENTENCE CODE PATTERN ARGUMENT...: so it ends, and says that
  local what=$1 code=$2 pattern=$3 rc
  shift 3
  said "$@"
  rc=$?
  if [ $rc = "$code" ] && grep -q -- "$pattern" "$T/said"; then pass "$what"; else
    fail "$what: exit code $rc, not $code, or not \"$pattern\": $(tail -n 4 "$T/said" | tr '\n' ' ')"
  fi
}
expect "a directory in use is refused, and by whom" 2 "is in use by [0-9]*@" "$NAME"
cluster stop
before=$(hash_of "$C")
expect "a whole store is all well" 0 "everything is there" "$NAME" "${DATA[@]}"
check "directories and files are counted" grep -q "^  [0-9]* directories, 3 files (0 being written), 0 links, 2 blocks" "$T/said"
check "replicas too" grep -q "^  2 replicas, 0 being written, 600000 bytes; 0 without a block, 0 old or damaged" "$T/said"
expect "without data directories only names are looked at" 0 "everything is there" "$NAME"
if [ "$(hash_of "$C")" = "$before" ]; then pass "nothing was written"; else fail "nothing was written"; fi

# ---- replicas ----
fresh() { # fresh: a copy of it all, X_NAME and X_DATA
  rm -rf "$T/x"
  cp -a "$C" "$T/x"
  X_NAME=$T/x${NAME#"$C"}
  X_DATA=("$T/x${DATA[0]#"$C"}" "$T/x${DATA[1]#"$C"}")
}
blocks() { find "${X_DATA[@]}" -path '*/finalized/*' -name 'blk_*' ! -name '*.meta' | sort; }
fresh
victim=$(blocks | head -n 1)
id=$(basename "$victim")
for v in $(blocks | grep "/$id$"); do rm "$v" "$v"_*.meta; done
expect "a block without a replica is named with its file" 1 "block without a replica: ${id}_[0-9]*, 300000 bytes, of /a/" "$X_NAME" "${X_DATA[@]}"
fresh
victim=$(blocks | head -n 1)
cp "$victim" "$(dirname "$victim")/blk_999"
cp "$victim"_*.meta "$(dirname "$victim")/blk_999_1001.meta"
expect "a replica without a block is named" 1 "replica without a block: .*/blk_999: it will be deleted" "$X_NAME" "${X_DATA[@]}"
fresh
victim=$(blocks | head -n 1)
truncate -s 1000 "$victim"
expect "a replica that is too short" 1 "damaged replica: .*: 1000 bytes, the block has 300000" "$X_NAME" "${X_DATA[@]}"
fresh
victim=$(blocks | head -n 1)
truncate -s 20 "$victim"_*.meta
expect "checksums that are too short" 1 "checksums: .*meta: 20 bytes, 2351 are due" "$X_NAME" "${X_DATA[@]}"
fresh
victim=$(blocks | head -n 1)
rm "$victim"_*.meta
expect "a block file without checksums" 1 "block file without checksums: .*/blk_" "$X_NAME" "${X_DATA[@]}"
fresh
victim=$(blocks | head -n 1)
mv "$victim"_*.meta "${victim}_999.meta"
expect "a replica of an older generation" 1 "old replica: .*: generation 999, the block's is" "$X_NAME" "${X_DATA[@]}"

# ---- who they are ----
fresh
sed -i 's/^clusterID=.*/clusterID=CID-another/' "${X_DATA[0]}/current/VERSION"
expect "a data directory of another cluster" 2 "clusterID CID-another, the name directory's is CID-" "$X_NAME" "${X_DATA[@]}"
fresh
sed -i 's/^layoutVersion=.*/layoutVersion=-40/' "$X_NAME/current/VERSION"
expect "a layout too old, with the versions" 2 "layout version -40; -61 to -67 can be read" "$X_NAME"
sed -i 's/^layoutVersion=.*/layoutVersion=-99/' "$X_NAME/current/VERSION"
expect "one too new" 2 "layout version -99; -61 to -67 can be read" "$X_NAME"
fresh
sed -i 's/^layoutVersion=.*/layoutVersion=-80/' "${X_DATA[0]}/current/VERSION"
expect "a data directory too new" 2 "layout version -80; -56 and -57 can be read" "$X_NAME" "${X_DATA[@]}"
expect "what is no name directory" 2 "holds no store" "$T/conf-nowhere"
expect "a data directory that is not there" 2 "VERSION" "$X_NAME" "$T/nowhere"
fresh
mkdir "${X_DATA[0]}/current/BP-1-127.0.0.1-1"
expect "a pool of another namenode is left alone" 1 "block pool of another namenode: .*BP-1-127.0.0.1-1: it is left alone" "$X_NAME" "${X_DATA[@]}"

# ---- damage of names ----
fresh
image=$(find "$X_NAME/current" -name 'fsimage_*' ! -name '*.md5' | sort | tail -n 1)
printf 'x' | dd of="$image" bs=1 seek=60 conv=notrunc 2> /dev/null
expect "a flipped byte of the image" 2 "$(basename "$image")" "$X_NAME"
fresh
edits=$(find "$X_NAME/current" -name 'edits_*-*' -size +200c | sort | tail -n 1)
printf 'x' | dd of="$edits" bs=1 seek=100 conv=notrunc 2> /dev/null
expect "a flipped byte of the edits, with the place" 2 "$(basename "$edits"): at byte [0-9]*" "$X_NAME"

said "$NAME" --wrong
if [ $? = 3 ]; then pass "misuse is told by its code"; else fail "misuse is told by its code"; fi
