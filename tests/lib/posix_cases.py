"""What programs ask of a file system, by call: each case does something in an empty directory and says what came of it.

A case is a function whose name is its sentence; it gets the directory and returns whatever can be printed: results, errnos
by name, bytes. What is right is what a local file system says: tests/cluster/posix.py asks both.
"""
import ctypes, errno, mmap, os, stat, fcntl

LIBC = ctypes.CDLL(None, use_errno=True)
CASES = []


def case(f):
    CASES.append(f)
    return f


def t(call, *args, **kw):
    """The result of a call, or its errno's name."""
    try:
        return call(*args, **kw)
    except OSError as e:
        return errno.errorcode.get(e.errno, e.errno)


def made(d, name, data=b"", mode=0o644):
    path = d + "/" + name
    fd = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, mode)
    os.write(fd, data)
    os.close(fd)
    return path


def content(path):
    fd = os.open(path, os.O_RDONLY)
    try:
        out = b""
        while True:
            b = os.read(fd, 1 << 20)
            if not b:
                return out
            out += b
    finally:
        os.close(fd)


def opened(path, flags, mode=0o644):
    """0 when it can be opened, which is undone; else the errno."""
    fd = t(os.open, path, flags, mode)
    if isinstance(fd, int):
        os.close(fd)
        return 0
    return fd


def mode_of(path):
    return oct(os.lstat(path).st_mode & 0o7777)


def as_user(uid, call):
    """What call() says in a process of user @uid."""
    r, w = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
        os.write(w, repr(call()).encode())
        os._exit(0)
    os.close(w)
    out = b""
    while True:
        b = os.read(r, 65536)
        if not b:
            break
        out += b
    os.close(r)
    os.waitpid(pid, 0)
    return out.decode()


def renameat2(a, b, flags):
    if LIBC.renameat2(-100, a.encode(), -100, b.encode(), flags):
        raise OSError(ctypes.get_errno(), "renameat2")
    return 0


NOREPLACE, EXCHANGE = 1, 2
NOBODY = 65534

# ---- open ----


@case
def open_creates_with_the_mode_less_the_umask(d):
    old = os.umask(0o027)
    try:
        made(d, "f", mode=0o666)
    finally:
        os.umask(old)
    return mode_of(d + "/f")


@case
def open_of_what_is_not_there(d):
    return opened(d + "/f", os.O_RDONLY), opened(d + "/no/f", os.O_CREAT | os.O_RDWR)


@case
def open_below_a_file(d):
    made(d, "f")
    return opened(d + "/f/x", os.O_RDONLY), opened(d + "/f/x", os.O_CREAT | os.O_WRONLY)


@case
def open_exclusively_what_is_there(d):
    made(d, "f")
    os.mkdir(d + "/d")
    os.symlink("nowhere", d + "/l")
    return [opened(d + n, os.O_CREAT | os.O_EXCL | os.O_RDWR) for n in ("/f", "/d", "/l")]


@case
def open_of_a_directory_for_writing(d):
    return opened(d, os.O_WRONLY), opened(d, os.O_RDWR), opened(d, os.O_RDONLY), opened(d, os.O_CREAT | os.O_RDWR)


@case
def open_of_a_file_as_a_directory(d):
    made(d, "f")
    return opened(d + "/f", os.O_RDONLY | os.O_DIRECTORY)


@case
def open_of_a_name_too_long(d):
    return (opened(d + "/" + "x" * 255, os.O_CREAT | os.O_RDWR), opened(d + "/" + "x" * 256, os.O_CREAT | os.O_RDWR),
            opened(d + "/" + "x" * 256, os.O_RDONLY), opened(d + "/x" * 2100, os.O_RDONLY))


@case
def open_follows_links_and_not_when_told(d):
    made(d, "f", b"x")
    os.symlink("f", d + "/l")
    return content(d + "/l"), opened(d + "/l", os.O_RDONLY | os.O_NOFOLLOW)


@case
def open_of_a_link_that_leads_to_itself(d):
    os.symlink("b", d + "/a")
    os.symlink("a", d + "/b")
    return opened(d + "/a", os.O_RDONLY)


@case
def open_with_trunc_empties_and_without_does_not(d):
    p = made(d, "f", b"hello")
    fd = os.open(p, os.O_WRONLY)
    os.write(fd, b"J")
    os.close(fd)
    a = content(p)
    os.close(os.open(p, os.O_WRONLY | os.O_TRUNC))
    return a, content(p), os.stat(p).st_size


@case
def a_file_without_write_permission_can_be_written_by_who_made_it(d):
    fd = os.open(d + "/f", os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o444)
    n = os.write(fd, b"once")
    os.close(fd)
    return n, mode_of(d + "/f"), content(d + "/f")


@case
def a_file_of_mode_0_is_one(d):
    fd = os.open(d + "/f", os.O_CREAT | os.O_RDWR, 0)
    os.write(fd, b"x")
    os.close(fd)
    return mode_of(d + "/f")


# ---- read and write ----


@case
def reading_a_descriptor_for_writing_and_writing_one_for_reading(d):
    p = made(d, "f", b"abc")
    w, r = os.open(p, os.O_WRONLY), os.open(p, os.O_RDONLY)
    out = t(os.read, w, 1), t(os.write, r, b"x"), t(os.pwrite, r, b"x", 0)
    os.close(w)
    os.close(r)
    return out


@case
def reading_at_and_behind_the_end(d):
    fd = os.open(made(d, "f", b"abc"), os.O_RDONLY)
    out = os.pread(fd, 10, 0), os.pread(fd, 10, 2), os.pread(fd, 10, 3), os.pread(fd, 10, 1000)
    os.close(fd)
    return out


@case
def reading_a_directory(d):
    fd = os.open(d, os.O_RDONLY)
    out = t(os.read, fd, 1)
    os.close(fd)
    return out


@case
def writing_behind_the_end_leaves_zeros(d):
    fd = os.open(d + "/f", os.O_CREAT | os.O_RDWR)
    os.pwrite(fd, b"x", 10000)
    out = os.fstat(fd).st_size, os.pread(fd, 10001, 0).count(0), os.lseek(fd, 0, os.SEEK_END)
    os.close(fd)
    return out


@case
def writing_in_the_middle_changes_just_that(d):
    p = made(d, "f", b"0123456789" * 1000)
    fd = os.open(p, os.O_RDWR)
    os.pwrite(fd, b"ABC", 5000)
    a = os.pread(fd, 9, 4997)
    os.close(fd)
    return a, content(p)[4990:5010], os.stat(p).st_size


@case
def appending_goes_to_the_end_wherever_one_is(d):
    p = made(d, "f", b"abc")
    fd = os.open(p, os.O_WRONLY | os.O_APPEND)
    os.lseek(fd, 0, os.SEEK_SET)
    os.write(fd, b"def")
    os.write(fd, b"ghi")
    os.close(fd)
    return content(p)


@case
def two_descriptors_see_each_others_writes(d):
    a = os.open(d + "/f", os.O_CREAT | os.O_RDWR)
    b = os.open(d + "/f", os.O_RDWR)
    os.write(a, b"hello")
    x = os.pread(b, 10, 0)
    os.pwrite(b, b"J", 0)
    y = os.pread(a, 10, 0), os.fstat(b).st_size
    os.close(a)
    os.close(b)
    return x, y, content(d + "/f")


@case
def a_file_larger_than_may_be(d):
    fd = os.open(d + "/f", os.O_CREAT | os.O_RDWR)
    out = t(os.pwrite, fd, b"x", (1 << 63) - 1), t(os.lseek, fd, -1, os.SEEK_SET)
    os.close(fd)
    return out


@case
def an_empty_write_makes_nothing(d):
    fd = os.open(d + "/f", os.O_CREAT | os.O_RDWR)
    out = os.pwrite(fd, b"", 100), os.fstat(fd).st_size
    os.close(fd)
    return out


@case
def a_shared_mapping_writes_the_file(d):
    p = made(d, "f", b"a" * 10000)
    fd = os.open(p, os.O_RDWR)
    m = mmap.mmap(fd, 10000)
    m[5000:5003] = b"XYZ"
    m.flush()
    a = os.pread(fd, 5, 4999)
    m.close()
    os.close(fd)
    return a, content(p)[4998:5004]


@case
def a_private_mapping_does_not(d):
    p = made(d, "f", b"a" * 5000)
    fd = os.open(p, os.O_RDONLY)
    m = mmap.mmap(fd, 5000, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_WRITE)
    m[0:3] = b"XYZ"
    out = m[0:4]
    m.close()
    os.close(fd)
    return out, content(p)[:4]


@case
def a_copy_inside_the_kernel(d):
    a = os.open(made(d, "a", b"0123456789"), os.O_RDONLY)
    b = os.open(d + "/b", os.O_CREAT | os.O_RDWR)
    n = t(os.copy_file_range, a, b, 6, 2, 3)
    out = os.pread(b, 20, 0)
    os.close(a)
    os.close(b)
    return n, out


@case
def fsync_of_files_and_directories(d):
    fd, dirfd = os.open(d + "/f", os.O_CREAT | os.O_RDWR), os.open(d, os.O_RDONLY)
    os.write(fd, b"x")
    out = t(os.fsync, fd), t(os.fdatasync, fd), t(os.fsync, dirfd)
    os.close(fd)
    os.close(dirfd)
    return out


# ---- truncate and fallocate ----


@case
def truncate_cuts_and_stretches(d):
    p = made(d, "f", b"0123456789")
    os.truncate(p, 4)
    a = content(p)
    os.truncate(p, 8)
    return a, content(p)


@case
def truncate_of_what_can_not_be(d):
    os.mkdir(d + "/d")
    made(d, "f")
    return (t(os.truncate, d + "/d", 0), t(os.truncate, d + "/no", 0), t(os.truncate, d + "/f", -1),
            t(os.truncate, d + "/f/x", 0), t(os.truncate, d + "/" + "x" * 256, 0))


@case
def ftruncate_wants_a_descriptor_for_writing(d):
    fd = os.open(made(d, "f", b"abc"), os.O_RDONLY)
    out = t(os.ftruncate, fd, 1)
    os.close(fd)
    return out


@case
def ftruncate_of_an_open_file_is_seen_at_once(d):
    p = made(d, "f", b"0123456789")
    a, b = os.open(p, os.O_RDWR), os.open(p, os.O_RDONLY)
    os.ftruncate(a, 3)
    out = os.pread(b, 10, 0), os.fstat(b).st_size, os.stat(p).st_size
    os.close(a)
    os.close(b)
    return out


@case
def fallocate_makes_room_and_holes(d):
    fd = os.open(d + "/f", os.O_CREAT | os.O_RDWR)
    os.write(fd, b"x" * 10000)
    out = [LIBC.fallocate(fd, mode, ctypes.c_long(at), ctypes.c_long(n)) for mode, at, n in
           ((0, 0, 20000), (1, 20000, 10000), (3, 100, 200), (16, 5000, 100))]
    got = os.fstat(fd).st_size, os.pread(fd, 30000, 0).count(0)
    ctypes.set_errno(0)
    bad = LIBC.fallocate(fd, 0, ctypes.c_long(0), ctypes.c_long(0)), errno.errorcode.get(ctypes.get_errno())
    os.close(fd)
    return out, got, bad


# ---- mkdir, rmdir ----


@case
def mkdir_with_the_mode_less_the_umask(d):
    old = os.umask(0o027)
    os.mkdir(d + "/d", 0o777)
    os.mkdir(d + "/s", 0o1777)
    os.umask(old)
    return mode_of(d + "/d"), mode_of(d + "/s")


@case
def mkdir_of_what_is_there_or_has_no_parent(d):
    made(d, "f")
    os.mkdir(d + "/d")
    os.symlink("nowhere", d + "/l")
    return (t(os.mkdir, d + "/f"), t(os.mkdir, d + "/d"), t(os.mkdir, d + "/l"), t(os.mkdir, d + "/no/d"),
            t(os.mkdir, d + "/f/d"), t(os.mkdir, d + "/" + "x" * 256), t(os.mkdir, d + "/."))


@case
def rmdir_of_what_can_not_be(d):
    os.makedirs(d + "/d/e")
    made(d, "f")
    return (t(os.rmdir, d + "/d"), t(os.rmdir, d + "/f"), t(os.rmdir, d + "/no"), t(os.rmdir, d + "/f/x"),
            t(os.rmdir, d + "/d/."), t(os.rmdir, d + "/d/e"), t(os.rmdir, d + "/d"))


@case
def a_directory_lists_what_is_in_it(d):
    for i in range(300):
        made(d, "f%d" % i)
    os.mkdir(d + "/d")
    os.unlink(d + "/f7")
    kinds = {e.name: e.is_dir(follow_symlinks=False) for e in os.scandir(d)}
    return len(kinds), kinds["d"], kinds["f8"], "f7" in kinds


@case
def removing_while_listing_removes_all(d):
    for i in range(500):
        made(d, "f%03d" % i)
    for e in os.scandir(d):
        os.unlink(e.path)
    return os.listdir(d)


# ---- unlink ----


@case
def unlink_of_what_can_not_be(d):
    os.mkdir(d + "/d")
    made(d, "f")
    return (t(os.unlink, d + "/d"), t(os.unlink, d + "/no"), t(os.unlink, d + "/f/x"), t(os.unlink, d + "/" + "x" * 256),
            t(os.unlink, d + "/f"), t(os.unlink, d + "/f"))


@case
def an_unlinked_file_lives_while_it_is_open(d):
    fd = os.open(made(d, "f", b"hello"), os.O_RDWR)
    os.unlink(d + "/f")
    a = os.pread(fd, 10, 0), os.pwrite(fd, b"J", 0), os.pread(fd, 10, 0), os.fstat(fd).st_nlink
    b = os.listdir(d), os.path.exists(d + "/f")
    os.ftruncate(fd, 2)
    c = os.fstat(fd).st_size
    os.close(fd)
    return a, b, c, os.listdir(d)


@case
def a_directory_of_unlinked_open_files_can_go(d):
    os.mkdir(d + "/d")
    fd = os.open(made(d, "d/f", b"hello"), os.O_RDONLY)
    os.unlink(d + "/d/f")
    out = t(os.rmdir, d + "/d"), os.pread(fd, 10, 0)
    os.close(fd)
    return out, os.listdir(d)


@case
def unlink_of_a_link_leaves_what_it_leads_to(d):
    made(d, "f", b"x")
    os.symlink("f", d + "/l")
    os.unlink(d + "/l")
    return os.listdir(d)


# ---- rename ----


@case
def rename_moves_and_replaces(d):
    made(d, "a", b"a")
    made(d, "b", b"b")
    os.mkdir(d + "/d")
    os.rename(d + "/a", d + "/b")
    os.rename(d + "/b", d + "/d/c")
    return sorted(os.listdir(d)), content(d + "/d/c")


@case
def rename_of_kinds_that_do_not_fit(d):
    made(d, "f")
    os.mkdir(d + "/e")
    os.makedirs(d + "/full/x")
    return (t(os.rename, d + "/f", d + "/e"), t(os.rename, d + "/e", d + "/f"), t(os.rename, d + "/e", d + "/full"),
            t(os.rename, d + "/no", d + "/x"), t(os.rename, d + "/f", d + "/no/x"), t(os.rename, d + "/f", d + "/f/x"),
            t(os.rename, d + "/full", d + "/e"), sorted(os.listdir(d)))


@case
def rename_into_itself(d):
    os.makedirs(d + "/a/b")
    made(d, "f", b"x")
    return (t(os.rename, d + "/a", d + "/a/b/c"), t(os.rename, d + "/a/b", d + "/a"), t(os.rename, d + "/f", d + "/f"),
            content(d + "/f"))


@case
def rename_to_a_name_too_long(d):
    made(d, "f")
    return t(os.rename, d + "/f", d + "/" + "x" * 256), t(os.rename, d + "/" + "x" * 256, d + "/y"), os.listdir(d)


@case
def rename_that_may_not_replace(d):
    made(d, "a", b"a")
    made(d, "b", b"b")
    return t(renameat2, d + "/a", d + "/b", NOREPLACE), t(renameat2, d + "/a", d + "/c", NOREPLACE), sorted(os.listdir(d))


@case
def rename_that_exchanges(d):
    made(d, "a", b"a")
    os.mkdir(d + "/b")
    made(d, "b/x")
    out = (t(renameat2, d + "/a", d + "/b", EXCHANGE), t(renameat2, d + "/a", d + "/no", EXCHANGE),
           t(renameat2, d + "/a", d + "/b", EXCHANGE | NOREPLACE))
    return out, os.listdir(d + "/a"), content(d + "/b")


@case
def a_file_replaced_while_open_can_be_read_on(d):
    fd = os.open(made(d, "b", b"old"), os.O_RDONLY)
    os.rename(made(d, "a", b"new"), d + "/b")
    out = os.pread(fd, 10, 0), content(d + "/b")
    os.close(fd)
    return out, os.listdir(d)


@case
def a_file_renamed_while_it_is_written_goes_on(d):
    fd = os.open(d + "/a", os.O_CREAT | os.O_WRONLY)
    os.write(fd, b"one ")
    os.rename(d + "/a", d + "/b")
    os.write(fd, b"two")
    os.close(fd)
    return os.listdir(d), content(d + "/b")


@case
def a_directory_renamed_under_an_open_file(d):
    os.mkdir(d + "/x")
    fd = os.open(d + "/x/f", os.O_CREAT | os.O_RDWR)
    os.write(fd, b"one ")
    os.rename(d + "/x", d + "/y")
    os.write(fd, b"two")
    os.fsync(fd)
    os.pwrite(fd, b"O", 0)
    os.close(fd)
    return content(d + "/y/f")


# ---- links ----


@case
def a_symbolic_link_keeps_its_target(d):
    os.symlink("../some/where else", d + "/l")
    st = os.lstat(d + "/l")
    return (os.readlink(d + "/l"), stat.S_ISLNK(st.st_mode), st.st_size, t(os.stat, d + "/l"),
            t(os.symlink, "x", d + "/l"), [e.is_symlink() for e in os.scandir(d)])


@case
def a_symbolic_link_to_nothing_much(d):
    made(d, "f")
    return t(os.symlink, "", d + "/e"), t(os.readlink, d + "/f"), t(os.readlink, d), t(os.symlink, "x", d + "/f/l"), \
        t(os.symlink, "x", d + "/no/l"), t(os.symlink, "y" * 4095, d + "/long"), t(os.symlink, "x", d + "/" + "x" * 256)


@case
def a_link_to_a_directory_is_gone_through(d):
    os.mkdir(d + "/d")
    made(d, "d/f", b"x")
    os.symlink("d", d + "/l")
    return content(d + "/l/f"), os.listdir(d + "/l"), t(os.rmdir, d + "/l"), t(os.rename, d + "/l", d + "/m"), os.readlink(d + "/m")


@case
def a_hard_link(d):
    made(d, "f", b"x")
    return t(os.link, d + "/f", d + "/g"), t(os.link, d + "/no", d + "/h"), t(os.link, d, d + "/i")


@case
def devices_pipes_and_sockets(d):
    return t(os.mkfifo, d + "/p"), t(os.mknod, d + "/b", 0o600 | stat.S_IFBLK, 0), t(os.mknod, d + "/s", 0o600 | stat.S_IFSOCK)


@case
def mknod_of_a_plain_file(d):
    os.mknod(d + "/f", 0o640 | stat.S_IFREG)
    return mode_of(d + "/f"), os.stat(d + "/f").st_size, t(os.mknod, d + "/f", 0o640 | stat.S_IFREG)


# ---- attributes ----


@case
def chmod_sets_all_bits_that_there_are(d):
    made(d, "f")
    os.mkdir(d + "/d")
    out = []
    for mode in (0, 0o1, 0o777, 0o644):
        os.chmod(d + "/f", mode)
        out.append(mode_of(d + "/f"))
    os.chmod(d + "/d", 0o1777)
    return out, mode_of(d + "/d"), t(os.chmod, d + "/no", 0), t(os.chmod, d + "/f/x", 0)


@case
def chmod_of_set_user_id(d):
    made(d, "f")
    return t(os.chmod, d + "/f", 0o4755), mode_of(d + "/f")


@case
def chown_changes_owner_and_group(d):
    made(d, "f")
    os.chown(d + "/f", 1, 2)
    a = os.stat(d + "/f")
    os.chown(d + "/f", -1, 3)
    b = os.stat(d + "/f")
    os.chown(d + "/f", 4, -1)
    c = os.stat(d + "/f")
    os.chown(d + "/f", 123456, 123457)
    e = os.stat(d + "/f")
    return [(s.st_uid, s.st_gid) for s in (a, b, c, e)], t(os.chown, d + "/no", 0, 0)


@case
def times_are_set_to_the_millisecond(d):
    p = made(d, "f", b"x")
    os.utime(p, ns=(1234567890123000000, 1400000000456000000))
    st = os.stat(p)
    return st.st_mtime_ns, st.st_atime_ns


@case
def times_are_set_to_the_nanosecond(d):
    p = made(d, "f", b"x")
    os.utime(p, ns=(1234567890123456789, 1234567890123456789))
    return os.stat(p).st_mtime_ns


@case
def times_before_1970(d):
    p = made(d, "f", b"x")
    os.utime(p, (-1000, -1000))
    return os.stat(p).st_mtime


@case
def times_of_a_directory(d):
    os.mkdir(d + "/d")
    os.utime(d + "/d", (1000000000, 1000000000))
    return os.stat(d + "/d").st_mtime


@case
def times_set_through_a_descriptor_stay_after_its_close(d):
    fd = os.open(d + "/f", os.O_CREAT | os.O_WRONLY)
    os.write(fd, b"x")
    os.utime(fd, (1000000000, 1000000000))
    a = os.stat(d + "/f").st_mtime
    os.close(fd)
    return a, os.stat(d + "/f").st_mtime


@case
def a_write_changes_the_time_of_modification(d):
    p = made(d, "f", b"x")
    os.utime(p, (1000, 1000))
    fd = os.open(p, os.O_WRONLY | os.O_APPEND)
    os.write(fd, b"x")
    os.close(fd)
    return os.stat(p).st_mtime > 1e9


@case
def a_change_of_mode_changes_the_time_of_change(d):
    p = made(d, "f", b"x")
    os.utime(p, (1000, 1000))
    os.chmod(p, 0o600)
    return os.stat(p).st_ctime > 1e9, os.stat(p).st_mtime


@case
def a_new_name_changes_the_directorys_time(d):
    os.mkdir(d + "/d")
    os.utime(d + "/d", (1000, 1000))
    made(d, "d/f")
    a = os.stat(d + "/d").st_mtime > 1e9
    os.utime(d + "/d", (1000, 1000))
    os.unlink(d + "/d/f")
    return a, os.stat(d + "/d").st_mtime > 1e9


@case
def kinds_and_sizes(d):
    os.mkdir(d + "/d")
    p = made(d, "f", b"x" * 1000)
    st = os.stat(p)
    return (stat.S_ISDIR(os.stat(d + "/d").st_mode), stat.S_ISREG(st.st_mode), st.st_size, st.st_nlink,
            t(os.stat, d + "/no"), t(os.stat, d + "/f/x"), t(os.stat, d + "/" + "x" * 256), st.st_ino == os.stat(p).st_ino)


@case
def an_inode_keeps_its_number(d):
    p = made(d, "f", b"x" * 5000)
    a = os.stat(p).st_ino
    fd = os.open(p, os.O_RDWR)
    os.pwrite(fd, b"y", 100)
    os.fsync(fd)
    os.close(fd)
    os.rename(p, d + "/g")
    os.truncate(d + "/g", 50)
    return os.stat(d + "/g").st_ino == a


# ---- extended attributes ----


@case
def extended_attributes_are_set_listed_and_removed(d):
    p = made(d, "f")
    os.setxattr(p, "user.a", b"1")
    os.setxattr(p, "user.b", b"\0\1\2")
    a = sorted(os.listxattr(p)), os.getxattr(p, "user.a"), os.getxattr(p, "user.b")
    os.removexattr(p, "user.a")
    os.setxattr(p, "user.b", b"")
    return a, os.listxattr(p), os.getxattr(p, "user.b")


@case
def extended_attributes_that_can_not_be(d):
    p = made(d, "f")
    os.setxattr(p, "user.a", b"1")
    return (t(os.setxattr, p, "user.a", b"2", os.XATTR_CREATE), t(os.setxattr, p, "user.c", b"2", os.XATTR_REPLACE),
            t(os.getxattr, p, "user.no"), t(os.removexattr, p, "user.no"), t(os.setxattr, p, "nothing.a", b"1"),
            t(os.setxattr, p, "user.", b"1"), t(os.getxattr, d + "/no", "user.a"), os.getxattr(p, "user.a"))


@case
def extended_attributes_of_directories(d):
    os.setxattr(d, "user.d", b"x")
    out = os.listxattr(d), os.getxattr(d, "user.d")
    os.removexattr(d, "user.d")
    return out, os.listxattr(d)


ACL = (b"\2\0\0\0" b"\1\0\6\0\xff\xff\xff\xff" b"\2\0\7\0\1\0\0\0" b"\4\0\4\0\xff\xff\xff\xff" b"\x08\0\5\0\3\0\0\0"
       b"\x10\0\7\0\xff\xff\xff\xff" b"\x20\0\4\0\xff\xff\xff\xff")


@case
def an_acl_comes_back_as_it_was_set(d):
    p = made(d, "f")
    os.setxattr(p, "system.posix_acl_access", ACL)
    a = os.getxattr(p, "system.posix_acl_access") == ACL, mode_of(p), "system.posix_acl_access" in os.listxattr(p)
    os.removexattr(p, "system.posix_acl_access")
    return a, t(os.getxattr, p, "system.posix_acl_access"), mode_of(p)


@case
def a_default_acl_is_inherited(d):
    os.mkdir(d + "/d")
    os.setxattr(d + "/d", "system.posix_acl_default", ACL)
    os.setxattr(d + "/d", "system.posix_acl_access", ACL)
    a = os.getxattr(d + "/d", "system.posix_acl_default") == ACL, os.getxattr(d + "/d", "system.posix_acl_access") == ACL
    old = os.umask(0o077)
    made(d, "d/f", mode=0o666)
    os.mkdir(d + "/d/e", 0o777)
    os.umask(old)
    b = mode_of(d + "/d/f"), mode_of(d + "/d/e"), os.getxattr(d + "/d/e", "system.posix_acl_default") == ACL
    os.removexattr(d + "/d", "system.posix_acl_default")
    return a, b, t(os.getxattr, d + "/d", "system.posix_acl_default"), os.getxattr(d + "/d", "system.posix_acl_access") == ACL


@case
def acls_that_can_not_be(d):
    p = made(d, "f")
    return (t(os.setxattr, p, "system.posix_acl_default", ACL), t(os.setxattr, p, "system.posix_acl_access", ACL[:7]),
            t(os.setxattr, p, "system.posix_acl_access", b"\3" + ACL[1:]), t(os.getxattr, p, "system.posix_acl_access"))


# ---- permissions ----


@case
def others_may_only_what_the_mode_says(d):
    os.chmod(d, 0o755)
    made(d, "secret", b"x", 0o600)
    made(d, "public", b"x", 0o644)
    os.mkdir(d + "/closed", 0o700)
    made(d, "closed/f", b"x")
    return as_user(NOBODY, lambda: (
        opened(d + "/secret", os.O_RDONLY), opened(d + "/secret", os.O_WRONLY), opened(d + "/public", os.O_RDONLY),
        opened(d + "/public", os.O_WRONLY), opened(d + "/public", os.O_RDWR), opened(d + "/new", os.O_CREAT | os.O_WRONLY),
        opened(d + "/closed/f", os.O_RDONLY), t(os.listdir, d + "/closed"), t(os.stat, d + "/closed/f"),
        t(os.mkdir, d + "/newdir"), t(os.unlink, d + "/public"), t(os.rename, d + "/public", d + "/p"),
        t(os.rmdir, d + "/closed"), t(os.symlink, "x", d + "/l"), t(os.truncate, d + "/public", 0)))


@case
def others_may_not_change_attributes(d):
    os.chmod(d, 0o755)
    made(d, "f", b"x", 0o666)
    return as_user(NOBODY, lambda: (
        t(os.chmod, d + "/f", 0o777), t(os.chown, d + "/f", NOBODY, -1), t(os.utime, d + "/f", (1, 1)),
        t(os.setxattr, d + "/f", "trusted.x", b"1")))


@case
def others_may_write_what_is_theirs(d):
    os.chmod(d, 0o777)

    def work():
        made(d, "mine", b"one")
        fd = os.open(d + "/mine", os.O_RDWR)
        os.pwrite(fd, b"X", 1)
        os.close(fd)
        os.chmod(d + "/mine", 0o600)
        return content(d + "/mine"), os.stat(d + "/mine").st_uid, t(os.chown, d + "/mine", 0, -1), opened(d + "/mine", os.O_RDONLY)
    return as_user(NOBODY, work)


@case
def a_sticky_directory_keeps_names_for_their_owners(d):
    os.chmod(d, 0o1777)
    made(d, "f", b"x", 0o666)
    return as_user(NOBODY, lambda: (t(os.unlink, d + "/f") in ("EPERM", "EACCES"), t(os.rename, d + "/f", d + "/g") in ("EPERM", "EACCES"),
                                    t(made, d, "mine"), t(os.unlink, d + "/mine")))


@case
def access_says_what_open_would(d):
    os.chmod(d, 0o755)
    made(d, "f", b"x", 0o640)
    made(d, "r", b"x", 0o604)
    return as_user(NOBODY, lambda: [os.access(d + n, w) for n in ("/f", "/r", "", "/no") for w in (os.F_OK, os.R_OK, os.W_OK, os.X_OK)])


# ---- locks ----


@case
def locks_keep_others_out(d):
    a, b = os.open(made(d, "f", b"x" * 100), os.O_RDWR), os.open(d + "/f", os.O_RDWR)
    fcntl.flock(a, fcntl.LOCK_EX)
    x = t(fcntl.flock, b, fcntl.LOCK_EX | fcntl.LOCK_NB)
    fcntl.flock(a, fcntl.LOCK_UN)
    y = t(fcntl.flock, b, fcntl.LOCK_SH | fcntl.LOCK_NB), t(fcntl.flock, a, fcntl.LOCK_SH | fcntl.LOCK_NB)
    fcntl.lockf(a, fcntl.LOCK_EX, 10, 0)

    def other():
        fd = os.open(d + "/f", os.O_RDWR)
        return t(fcntl.lockf, fd, fcntl.LOCK_EX | fcntl.LOCK_NB, 10, 5), t(fcntl.lockf, fd, fcntl.LOCK_EX | fcntl.LOCK_NB, 10, 50)
    z = as_user(0, other)
    os.close(a)
    os.close(b)
    return x, y, z


# ---- names ----


@case
def names_of_many_kinds(d):
    names = ["a b", "a\nb", "-", "\u00e4\u00f6", "\u4e2d\u6587", "\U0001f600", "a%2Fb", "*", "?", "{x}", "\\", "'", '"', ".x", "..x", "x.", "a\x01b"]
    for n in names:
        made(d, n, n.encode())
    return sorted(os.listdir(d)) == sorted(names), all(content(d + "/" + n) == n.encode() for n in names)


@case
def a_name_with_a_colon(d):
    return opened(d + "/a:b", os.O_CREAT | os.O_RDWR), t(os.mkdir, d + "/c:d")


@case
def a_name_that_is_not_utf8(d):
    return opened(d.encode() + b"/\xff\xfe", os.O_CREAT | os.O_RDWR), t(os.stat, d.encode() + b"/\xc3\x28")


@case
def a_deep_tree(d):
    fd = os.open(d, os.O_RDONLY)
    for i in range(60):
        os.mkdir("x" * 100, dir_fd=fd)
        deeper = os.open("x" * 100, os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = deeper
    f = os.open("f", os.O_CREAT | os.O_RDWR, dir_fd=fd)
    os.write(f, b"deep")
    out = os.pread(f, 10, 0), os.listdir(fd)
    os.close(f)
    os.close(fd)
    return out
