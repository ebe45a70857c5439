#!/bin/bash
# mount_striped.sh -- striped files in a mount: written in order and anywhere, synced, appended to, random operations; the policy stays. And a
# replicated file below a directory with a policy stays replicated.
. "$(dirname "$0")/../lib/script.sh"
if [ ! -e /dev/fuse ] || [ "$(id -u)" != 0 ]; then
  skip "mounts: need root and /dev/fuse"
  exit 0
fi
fsx=$ROOT/$B/tests/cluster/fsx
M=$T/m P=XOR-2-1-1024k
mkdir -p "$M" "$T/stage"
end() {
  umount -l "$M" 2> /dev/null
  finish
}
trap end EXIT
start_cluster --datanodes 3 --no-jobs -D dfs.blocksize=1048576 -D dfs.replication=2
"$dfs" ec -enablePolicy -policy $P > /dev/null 2>&1
"$dfs" -mkdir /s
head -c 1500000 /dev/urandom > "$T/plain"
"$dfs" -put "$T/plain" /s/plain
"$dfs" ec -setPolicy -path /s -policy $P > /dev/null
check "a mount starts" "$ROOT/$B/bin/dfs-fuse" -o stage_dir="$T/stage" "$M"
head -c 7000001 /dev/urandom > "$T/f"
cp "$T/f" "$M/s/f"
read_back() { "$dfs" -cat "/s/$1" 2> "$T/cat.err" | cmp - "$2"; }
check "a file is written in order" read_back f "$T/f"
for at in 10 2500000 6999000; do
  printf 'here' | dd of="$M/s/f" bs=1 seek=$at conv=notrunc status=none
  printf 'here' | dd of="$T/f" bs=1 seek=$at conv=notrunc status=none
done
check "and changed in the middle" read_back f "$T/f"
echo more >> "$M/s/f"
echo more >> "$T/f"
check "appended to" read_back f "$T/f"
truncate -s 3000000 "$M/s/f" "$T/f"
check "cut" read_back f "$T/f"
exec 7> "$M/s/open"
head -c 300000 "$T/f" >&7
sync "$M/s/open"
check "what was synced is there for others" read_back open <(head -c 300000 "$T/f")
tail -c +300001 "$T/f" | head -c 2000000 >&7
exec 7>&-
check "and the rest once it is closed" read_back open <(head -c 2300000 "$T/f")
printf 'here' | dd of="$M/s/plain" bs=1 seek=1200000 conv=notrunc status=none
printf 'here' | dd of="$T/plain" bs=1 seek=1200000 conv=notrunc status=none
check "a replicated file beside them is changed" read_back plain "$T/plain"
"$fsx" "$M/s/fsx" "$T/fsx" 300 7 > "$T/fsx.out" 2>&1 && pass "random operations" || { fail "random operations: $(head -n 3 "$T/fsx.out" | tr "\n" " ")"; }
check "all stay what they were" test "$("$dfs" -ls -e /s | awk '/^-/ {print $5}' | tr '\n' ' ')" = "$P $P $P Replicated "
check "nothing hidden is left" test "$("$dfs" -ls /s | grep -c dfs-fuse)" = 0
