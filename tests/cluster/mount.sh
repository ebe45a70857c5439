#!/bin/bash
# mount.sh -- dfs-fuse: what two mounts and other clients see of each other, what a restart, an end and a full
# store do to it, and random operations held to a local file.
. "$(dirname "$0")/../lib/script.sh"
if [ ! -e /dev/fuse ] || [ "$(id -u)" != 0 ]; then
  skip "mounts: need root and /dev/fuse"
  exit 0
fi
fuse=$ROOT/$B/bin/dfs-fuse
fsx=$ROOT/$B/tests/cluster/fsx
M=$T/m M2=$T/m2
mkdir -p "$M" "$M2" "$T/stage"
unmount_all() {
  for m in "$M" "$M2" "$T/m3"; do umount -l "$m" 2> /dev/null; done
  finish
}
trap unmount_all EXIT
start_cluster --datanodes 2 --no-jobs -D dfs.blocksize=1048576 -D dfs.namenode.fs-limits.min-block-size=65536 -D dfs.replication=2
mount_at() { "$fuse" -o stage_dir="$T/stage" "${@:2}" "$1"; } # mount_at DIR OPTIONS...
pid_of() { pgrep -f "dfs-fuse .* $1\$"; }                     # the daemon of a mount point
is() { if [ "$2" = "$3" ]; then pass "$1"; else fail "$1: \"$2\", not \"$3\""; fi; }
blocks() { "$B/tests/cluster/libdfs_probe" blocks "$1"; }

check "a mount starts" mount_at "$M"
check "and a second one of the same store" mount_at "$M2" -o wait=5
head -c 5000001 /dev/urandom > "$T/f"
head -c 300 /dev/urandom > "$T/small"

# ---- what others see ----
cp "$T/f" "$M/f"
same "a file closed in one mount is whole in the other" "$T/f" "$M2/f"
"$dfs" -get /f "$T/got" && same "and for other clients" "$T/f" "$T/got"
exec 7> "$M/open"
printf 'first' >&7
sync "$M/open"
is "what was synced of an open file is there through the other mount" "$(cat "$M2/open")" first
is "and for other clients, with its length" "$("$dfs" -cat /open) $("$dfs" -stat %b /open)" "first 5"
printf ' second' >&7
is "its own mount sees all that was written" "$(cat "$M/open")" "first second"
exec 7>&-
is "and everybody once it is closed" "$(cat "$M2/open")" "first second"
cat "$M2/open" > /dev/null
printf 'THIRD' | dd of="$M/open" conv=notrunc status=none
is "pages that the other mount has do not outlive a close and an open" "$(cat "$M2/open")" "THIRD second"
(echo a; /bin/echo b; /bin/echo c) > "$M/shared"
is "several processes write through one descriptor" "$(tr '\n' ' ' < "$M/shared")" "a b c "

# ---- side by side: names that go and lengths that grow do not come back by a listing of a moment ago ----
mkdir "$M/side" "$T/some"
for i in {1..6}; do head -c $((i * i * 20000)) /dev/urandom > "$T/some/$i"; done
side() { # side NUMBER: a file is written under another name, read, moved over the last one, added to and read
  local r
  for r in {1..8}; do
    cp "$T/some/$1" "$M/side/.$1" && cmp "$T/some/$1" "$M/side/.$1" && mv "$M/side/.$1" "$M/side/$1" && printf x >> "$M/side/$1" &&
      (cat "$T/some/$1"; printf x) | cmp - "$M/side/$1" || echo "file $1, round $r"
  done
}
list_side() {
  for _ in {1..3000}; do
    [ ! -e "$T/side.done" ] || break
    ls -l "$M/side" > "$T/listed.$1" 2>&1
  done
}
for i in 1 2; do list_side $i & listers[i]=$!; done
for i in {1..6}; do side "$i" & sides[i]=$!; done > "$T/side.bad" 2>&1
wait "${sides[@]}"
touch "$T/side.done"
wait "${listers[@]}"
is "six write, move and append beside two that list" "$(cat "$T/side.bad")" ""

# ---- writing anywhere ----
id=$(stat -c %i "$M/f")
before=$(blocks /f)
for at in 2500000 2600000; do
  printf 'here' | dd of="$M/f" bs=1 seek=$at conv=notrunc status=none
  printf 'here' | dd of="$T/f" bs=1 seek=$at conv=notrunc status=none
done
same "bytes in the middle of a file are changed" "$T/f" "$M2/f"
is "only the block they are in is another" "$(comm -12 <(echo "$before" | sort) <(blocks /f | sort) | wc -l)" 4
is "and the inode stays" "$(stat -c %i "$M/f")" "$id"
is "nothing hidden is left" "$("$dfs" -ls / | grep -c dfs-fuse)" 0
truncate -s 1300000 "$M/f" "$T/f"
truncate -s 3000000 "$M/f" "$T/f"
same "cut and stretched" "$T/f" "$M2/f"
cluster restart namenode > /dev/null
same "the same after a restart of the namenode" "$T/f" "$M2/f"
mkdir "$M/x"
for seed in 1 2; do "$fsx" "$M/x/$seed" "$T/x$seed" 400 $seed 2> "$T/fsx$seed.err" & jobs[seed]=$!; done
for seed in 1 2; do
  if wait "${jobs[seed]}"; then pass "400 random operations (seed $seed) leave the bytes of a local file"; else
    fail "random operations: $(head -n 1 "$T/fsx$seed.err")"
  fi
done

# ---- ends and restarts ----
cat > "$T/writer.py" << 'END'
import mmap, os, sys
fd = os.open(sys.argv[1] + "/held", os.O_CREAT | os.O_RDWR)
os.write(fd, b"held")
st = os.open(sys.argv[1] + "/staged", os.O_RDWR)
os.pwrite(st, b"STAGED", 3)
mp = os.open(sys.argv[1] + "/mapped", os.O_RDWR)
m = mmap.mmap(mp, 5)
m[0:5] = b"MAPPE"
print("ready", flush=True)
sys.stdin.read()
os._exit(0)
END
echo 123456789 > "$M/staged"
echo mappedmapped > "$M/mapped"
mkfifo "$T/go"
python3 "$T/writer.py" "$M" < "$T/go" > "$T/ready" &
writer=$!
exec 8> "$T/go"
until_ok 20 grep -q ready "$T/ready"
daemon=$(pid_of "$M")
kill -TERM "$daemon"
until_ok 20 test ! -d "/proc/$daemon" || fail "SIGTERM did not end the mount"
exec 8>&-
wait $writer
umount -l "$M" 2> /dev/null
is "SIGTERM commits what is held, staged and mapped" "$("$dfs" -cat /held /staged /mapped | tr '\n' ' ')" "held123STAGED MAPPEdmapped "
mount_at "$M"
exec 7> "$M/lazy"
echo lazy >&7
umount -l "$M"
daemon=$(pid_of "$M")
exec 7>&-
until_ok 20 test ! -d "/proc/$daemon" || fail "umount -l did not end the mount"
is "after umount -l what was open is committed by its close" "$("$dfs" -cat /lazy)" lazy
mount_at "$M" -o idle=1
exec 7> "$M/idle"
echo idle >&7
closed() { [ "$("$dfs" -cat /idle 2> /dev/null)" = idle ] && "$dfs" -appendToFile /dev/null /idle; }
check "an idle descriptor holds no lease" until_ok 20 closed
echo again >&7
exec 7>&-
is "and may write on" "$("$dfs" -cat /idle | tr '\n' ' ')" "idle again "
cluster kill namenode
(stat "$M/f" && echo there > "$M/after") > "$T/waited" 2>&1 &
waiter=$!
refuse "with the namenode gone, operations fail after a set time" "Input/output error" ls "$M2/x/none"
cluster restart namenode > /dev/null
check "or go on when it comes back before" wait $waiter
is "and nothing of them is lost" "$(cat "$M2/after")" there
head -c 20000000 /dev/urandom > "$T/big"
cp "$T/big" "$M/killed" &
copy=$!
cluster kill datanode1
if wait $copy; then pass "a copy survives the death of a datanode"; else fail "a copy died with a datanode"; fi
same "and is whole" "$T/big" "$M/killed"
cluster restart datanode1 > /dev/null

# ---- what is refused ----
refuse "a name of 256 bytes is refused" "File name too long" touch "$M/$(printf 'x%.0s' $(seq 256))"
mkdir "$M/q"
"$dfs" admin -setSpaceQuota 3m /q > /dev/null
refuse "a quota of space is met by the write or the close" "Disk quota exceeded" cp "$T/big" "$M/q/f"
rm -f "$M/q/f"
"$dfs" admin -setQuota 2 /q > /dev/null
touch "$M/q/one"
refuse "and one of names by the creation" "Disk quota exceeded" touch "$M/q/two"
"$dfs" admin -allowSnapshot / > /dev/null && "$dfs" -createSnapshot / s1 > /dev/null
same "snapshots can be read" "$T/big" "$M/.snapshot/s1/killed"
refuse "and not written" "Read-only file system" touch "$M/.snapshot/s1/new"
printf 'later' | dd of="$M/killed" bs=1 seek=1500000 conv=notrunc status=none
same "nor does a change of the file change them" "$T/big" "$M/.snapshot/s1/killed"

# ---- deleted by another mount ----
"$dfs" -put "$T/f" /gone
exec 5< "$M/gone"
exec 6> "$M/going"
printf 'first' >&6
rm "$M2/gone" "$M2/going"
cat <&5 > "$T/gone" 2> /dev/null # until the datanodes have deleted it
check "what another mount deleted reads as it was, or not at all" cmp -s "$T/gone" <(head -c "$(stat -c %s "$T/gone")" "$T/f")
refuse "nor written on" "No such file or directory\|I/O error" sh -c 'printf second >&6 && sync "$0"' "$M/going"
exec 5<&- 6>&-
check "and is gone" sh -c '! test -e "$0/gone" && ! test -e "$0/going"' "$M"
flock "$M/x" true && flock -n "$M2/x" true && pass "locks are each mount's own"

# ---- mount(8), systemd ----
if command -v systemd-analyze > /dev/null; then
  check "the unit for systemd is one" systemd-analyze verify tools/store.mount
else
  skip "the unit for systemd: no systemd-analyze"
fi
if [ -e /sbin/mount.fuse.dfs ]; then
  skip "mount -t fuse.dfs: there is a mount.fuse.dfs already"
else
  ln -s "$fuse" /sbin/mount.fuse.dfs
  mkdir "$T/m3"
  check "mount -t fuse.dfs mounts a directory of the store" mount -t fuse.dfs -o ro,config="$HADOOP_CONF_DIR",_netdev "$FS_URI/x" "$T/m3"
  rm -f /sbin/mount.fuse.dfs
  is "which shows what is below it" "$(ls "$T/m3")" "$(ls "$M/x")"
  refuse "and is read-only when told so" "Read-only file system" touch "$T/m3/new"
  umount "$T/m3"
fi
