#!/bin/bash
# mount_programs.sh -- ordinary programs in a mount: git, tar, SQLite with several writers, rsync, sed, Python's venv and pip,
# a build of this tree, fio's verification where it is installed, and long random runs; then again while datanodes die.
. "$(dirname "$0")/../lib/script.sh"
if [ ! -e /dev/fuse ] || [ "$(id -u)" != 0 ]; then
  skip "programs in a mount: need root and /dev/fuse"
  exit 0
fi
fsx=$ROOT/$B/tests/cluster/fsx
M=$T/m
mkdir -p "$M" "$T/stage"
end() {
  umount -l "$M" 2> /dev/null
  finish
}
trap end EXIT
start_cluster --datanodes 4 --no-jobs -D dfs.replication=3 -D dfs.blocksize=8388608 -D dfs.heartbeat.interval=1 \
  -D dfs.namenode.heartbeat.recheck-interval=1000
check "a mount starts" "$ROOT/$B/bin/dfs-fuse" -o stage_dir="$T/stage" "$M"
daemon=$(pgrep -f "dfs-fuse .* $M\$")
have() { command -v "$1" > /dev/null || { skip "$1: not installed"; return 1; }; }
sums() { (cd "$1" && find . -type f -print0 | sort -z | xargs -0 sha1sum); }

databases() { # four processes write one database, SQLite looks at it meanwhile
  cat > "$T/db.py" << 'END'
import multiprocessing, sqlite3, sys
path, rows = sys.argv[1], int(sys.argv[2])
def work(k):
    db = sqlite3.connect(path, timeout=120)
    for i in range(rows):
        with db:
            db.execute("insert into t values (?, ?)", (k, "x" * (i % 700)))
        if i % 10 == 0:
            assert db.execute("pragma integrity_check").fetchone()[0] == "ok"
db = sqlite3.connect(path)
db.execute("create table t (k, v)")
db.execute("create index i on t (k, v)")
db.commit()
ps = [multiprocessing.Process(target=work, args=(k,)) for k in range(4)]
[p.start() for p in ps]
[p.join() for p in ps]
n = db.execute("select count(*) from t").fetchone()[0]
assert n == 4 * rows and all(p.exitcode == 0 for p in ps), n
assert db.execute("pragma integrity_check").fetchone()[0] == "ok"
END
  python3 "$T/db.py" "$1" "$2"
}

programs() { # programs WHEN : in a directory of their own
  local d=$M/$2
  mkdir "$d"
  check "git clone $1" git clone -q "$ROOT" "$d/clone"
  check "git fsck $1" git -C "$d/clone" fsck --no-dangling
  check "git commits, gc and status $1" bash -c "cd '$d/clone' && git config user.email a@b && git config user.name a &&
    for i in 1 2 3; do echo \$i >> README.md && git commit -qam \$i || exit 1; done && git gc -q && git fsck --no-dangling && [ -z \"\$(git status --porcelain)\" ]"
  check "tar into the mount $1" bash -c "git -C '$ROOT' archive HEAD | tee '$T/tree.tar' | tar x -C '$d' --one-top-level=tree"
  mkdir -p "$T/$2"
  tar x -C "$T/$2" -f "$T/tree.tar"
  check "and out of it $1" bash -c "tar c -C '$d/tree' . | tar x -C '$T' --one-top-level='$2.back'"
  sums "$T/$2" > "$T/sums1"
  sums "$T/$2.back" > "$T/sums2"
  same "with the same bytes" "$T/sums1" "$T/sums2"
  have rsync && check "rsync, twice, the second with nothing to do $1" bash -c "rsync -a --no-g '$T/$2/' '$d/rsync/' && [ -z \"\$(rsync -ai --no-g '$T/$2/' '$d/rsync/' | grep '^>f')\" ]"
  check "sed -i $1" bash -c "cp '$ROOT/README.md' '$d/r' && sed -i 's/HDFS/hdfs/' '$d/r' && diff <(sed 's/HDFS/hdfs/' '$ROOT/README.md') '$d/r'"
  have vim && check "vim writes a file $1" bash -c "vim -u NONE -es -c '%s/hdfs/HDFS/e' -c wq '$d/r' < /dev/null; [ \$(grep -c HDFS '$d/r') -gt 0 ]"
  check "four writers of one SQLite database $1" databases "$d/db" "$3"
}

programs "" plain 25
check "a virtual environment with pip, and running it" bash -c "python3 -m venv --copies '$M/venv' && '$M/venv/bin/python' -m pip --version"
check "fifty thousand random operations by four processes" bash -c "
  mkdir '$M/fsx'; for s in 11 12 13 14; do '$fsx' '$M/fsx/'\$s '$T/fsx'\$s 12500 \$s & p=\"\$p \$!\"; done; for i in \$p; do wait \$i || exit 1; done"
have fio && check "fio writes at random and verifies" fio --name=v --directory="$M" --rw=randwrite --bs=4k-64k --size=32m --verify=crc32c \
  --do_verify=1 --fsync=200 --output="$T/fio"
mkdir "$M/build"
git -C "$ROOT" archive HEAD | tar x -C "$M/build"
check "a build of this tree" make -s -C "$M/build" -j2 B=build all
check "whose programs run" "$M/build/build/bin/namenode" --help-config
is_small() { [ "$(awk '/VmRSS/ { print $2 }' "/proc/$daemon/status")" -lt 262144 ]; }
check "the mount holds less than 256 MiB: $(awk '/VmHWM/ { print $2 }' "/proc/$daemon/status") KiB at most" is_small

# ---- and while datanodes die ----
(
  for i in 0 1 2 3 0 1 2 3; do
    tools/cluster kill "$C" datanode$i
    sleep 4 # the time for which it is away is what is being tested
    tools/cluster restart "$C" datanode$i > /dev/null
    sleep 4
  done
) &
killer=$!
programs "while datanodes die" dying 10
check "random operations while datanodes die" "$fsx" "$M/dying/fsx" "$T/fsx20" 3000 20
wait $killer
