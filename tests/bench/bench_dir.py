"""bench_dir.py -- where a benchmark's clusters have their directories."""
import subprocess
import tempfile


def bench_dir(prefix, within=None):
    """A fresh directory; what is made in it is placed apart from what else is on the disk, as the directories of a disk of its own are.

    On ext4 without a journal a new file's inode is looked for in its directory's block group, past all that were deleted there in the
    last minutes: after a test that deleted some ten thousand files a datanode's part of a small file took five times the CPU. That is
    the same for every side of a comparison, and no side's doing.
    """
    d = tempfile.mkdtemp(prefix=prefix, dir=within)
    subprocess.run(["chattr", "+T", d], stderr=subprocess.DEVNULL, check=False)  # other file systems have no such thing
    return d
