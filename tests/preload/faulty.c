/* faulty.c -- a library that is loaded before a daemon's own (LD_PRELOAD) and lets its disk and network fail.
 *
 *   FAULTY_DIR=DIR   DIR/control says what fails, a line each: KIND ONE_IN PART. One in so many of the calls on
 *                    files whose path holds PART fails, by chance; it is read again when it changes.
 *                    "power 1 PART" keeps what it takes to undo everything that was not synced below
 *                    PART in DIR/undo.NODE, for tests/preload/power_loss.py; from the start on.
 *   FAULTY_SEED=n    chance begins with it
 *
 *   eio-read eio-write eio-sync   that call fails so            enospc   writing, making
 *   short                         half of the bytes are written erofs    whatever changes something
 *   flip                          a bit of what is written is another
 *   reset                         a connection ends             hole     what is sent on it goes nowhere from now on
 *
 * Each fault dealt is a line in DIR/dealt.NODE. NODE is the daemon's name in tools/cluster.
 *
 * Undo entries, in the order of the calls, before the call itself: a line
 *   W inode offset old_size n\n and the n bytes that were there   S inode   C path   U path saved   R from saved to
 *   T inode old_size n\n and bytes    M path   D path   Y directory (synced)
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { FDS = 65536, RULES = 32, LOOK_MS = 50 };

enum kind {
    EIO_READ,
    EIO_WRITE,
    EIO_SYNC,
    NO_SPACE,
    SHORT_WRITE,
    READ_ONLY,
    FLIP,
    RESET,
    HOLE,
    POWER,
    KINDS
};
static const char *const kind_names[KINDS] = {"eio-read", "eio-write", "eio-sync", "enospc",
                                              "short",    "erofs",     "flip",     "reset",
                                              "hole",     "power"};

static struct rule {
    enum kind kind;
    unsigned one_in;
    char part[200];
} rules[RULES];
static int rule_count;
static const char *dir;
static char node[64];
static char *paths[FDS]; /* of files that are open for writing or reading */
static bool holes[FDS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int undo_fd = -1, dealt_fd = -1;
static uint64_t state, looked_ms, saved_count;
static struct timespec control_time;
static __thread bool inside; /* our own calls are not looked at */

#define REAL(type, name, ...)                                                                      \
    static type (*real_##name)(__VA_ARGS__);                                                       \
    if (!real_##name)                                                                              \
        real_##name = (type(*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name);

/* ---- rules ---- */

static uint64_t mono_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void read_rules(void)
{
    char path[600], name[32];
    struct rule r;
    struct stat st;
    FILE *f;

    snprintf(path, sizeof path, "%s/control", dir);
    if (stat(path, &st) < 0 ||
        (st.st_mtim.tv_sec == control_time.tv_sec && st.st_mtim.tv_nsec == control_time.tv_nsec))
        return;
    control_time = st.st_mtim;
    rule_count = 0;
    f = fopen(path, "r");
    while (f && rule_count < RULES && fscanf(f, "%31s %u %199s", name, &r.one_in, r.part) == 3)
        for (r.kind = 0; r.kind < KINDS; r.kind++)
            if (strcmp(kind_names[r.kind], name) == 0)
                rules[rule_count++] = r;
    if (f)
        fclose(f);
}

static void open_logs(void)
{
    char path[600];

    snprintf(path, sizeof path, "%s/undo.%s", dir, node);
    undo_fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    snprintf(path, sizeof path, "%s/dealt.%s", dir, node);
    dealt_fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
}

static void in_child(void)
{
    pthread_mutex_init(&lock, NULL);
}

/* With the lock. */
static bool begin(void)
{
    static bool tried;
    const char *as = getenv("ASHLAR_CLUSTER_NODE"), *seed = getenv("FAULTY_SEED");

    if (!tried) {
        tried = true;
        dir = getenv("FAULTY_DIR");
        snprintf(node, sizeof node, "%s", as && strrchr(as, '/') ? strrchr(as, '/') + 1 : "?");
        state = (seed ? strtoull(seed, NULL, 10) : 1) * 2654435761u + (uint64_t)getpid();
        if (!dir || !as) {
            dir = NULL;
            return false;
        }
        open_logs();
        pthread_atfork(NULL, NULL, in_child);
    }
    if (!dir)
        return false;
    if (mono_ms() - looked_ms >= LOOK_MS) {
        looked_ms = mono_ms();
        read_rules();
    }
    return true;
}

static bool matches(enum kind kind, const char *path, bool by_chance)
{
    for (int i = 0; i < rule_count; i++) {
        if (rules[i].kind != kind || (path && !strstr(path, rules[i].part)))
            continue;
        if (!path && !strstr(node, rules[i].part))
            continue;
        state = state * 6364136223846793005u + 1442695040888963407u;
        if (!by_chance || (unsigned)(state >> 33) % rules[i].one_in == 0)
            return true;
    }
    return false;
}

/* @path NULL: a connection of the node. */
static bool deals(enum kind kind, const char *path)
{
    bool yes = false;

    if (inside)
        return false;
    pthread_mutex_lock(&lock);
    inside = true;
    if (begin() && matches(kind, path, true)) {
        char line[700];
        int n = snprintf(line, sizeof line, "%s %s\n", kind_names[kind], path ? path : "-");

        yes = write(dealt_fd, line, (size_t)n) == n;
    }
    inside = false;
    pthread_mutex_unlock(&lock);
    return yes;
}

static bool fails(enum kind kind, const char *path, int code)
{
    if (!path || !deals(kind, path))
        return false;
    errno = code;
    return true;
}

/* ---- undoing ---- */

static bool keeps(const char *path)
{
    bool yes;

    if (inside || !path)
        return false;
    pthread_mutex_lock(&lock);
    inside = true;
    yes = begin() && matches(POWER, path, false);
    inside = false;
    pthread_mutex_unlock(&lock);
    return yes;
}

static void note(const void *bytes, size_t n, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static void note(const void *bytes, size_t n, const char *fmt, ...)
{
    char head[2400];
    struct iovec iov[2] = {{head, 0}, {(void *)(uintptr_t)bytes, n}};
    bool before = inside;
    va_list ap;

    va_start(ap, fmt);
    iov[0].iov_len = (size_t)vsnprintf(head, sizeof head, fmt, ap);
    va_end(ap);
    inside = true;
    pthread_mutex_lock(&lock);
    if (undo_fd >= 0 && writev(undo_fd, iov, bytes ? 2 : 1) < 0) {
        open_logs(); /* a forked child closes all that it does not know */
        if (writev(undo_fd, iov, bytes ? 2 : 1) < 0)
            abort(); /* what can't be undone must not be done */
    }
    pthread_mutex_unlock(&lock);
    inside = before;
}

/* What is in the file where it is going to be written, or cut off. */
static void note_bytes(char type, int fd, uint64_t at, uint64_t n)
{
    struct stat st;
    uint8_t *old = NULL;
    uint64_t have = 0;

    if (fstat(fd, &st) < 0)
        return;
    if (at < (uint64_t)st.st_size)
        have = (uint64_t)st.st_size - at < n ? (uint64_t)st.st_size - at : n;
    inside = true;
    if (have && (old = malloc(have))) {
        /* the descriptor may be for writing only */
        char self[64];
        int in;

        snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
        in = open(self, O_RDONLY | O_CLOEXEC);
        if (in < 0 || pread(in, old, have, (off_t)at) != (ssize_t)have)
            have = 0;
        if (in >= 0)
            close(in);
    }
    inside = false;
    note(old, have, "%c %llu %llu %llu %llu\n", type, (unsigned long long)st.st_ino,
         (unsigned long long)at, (unsigned long long)st.st_size, (unsigned long long)have);
    free(old);
}

/* Keeps what @path names under another name; "-" when there is nothing. */
static void save_name(const char *path, char out[700])
{
    strcpy(out, "-");
    snprintf(out, 700, "%s/saved.%s.%d.%llu", dir, node, (int)getpid(),
             (unsigned long long)__atomic_add_fetch(&saved_count, 1, __ATOMIC_RELAXED));
    if (link(path, out) < 0)
        strcpy(out, "-");
}

/* ---- files ---- */

static const char *path_of(int fd)
{
    return fd >= 0 && fd < FDS ? paths[fd] : NULL;
}

static int opened(int fd, const char *path)
{
    if (fd >= 0 && fd < FDS && !inside) {
        char full[4200] = "";

        if (*path != '/' && getcwd(full, 4000))
            strcat(full, "/");
        strncat(full, path, 4000 - strlen(full) % 4000);
        free(paths[fd]);
        paths[fd] = strdup(full);
        holes[fd] = false;
    }
    return fd;
}

static int open_as(const char *path, int flags, mode_t mode)
{
    bool changes = (flags & O_ACCMODE) != O_RDONLY || (flags & O_CREAT), missing;
    struct stat st;
    int fd;
    REAL(int, open, const char *, int, ...)

    if (inside)
        return real_open(path, flags, mode);
    if (changes &&
        (fails(READ_ONLY, path, EROFS) || ((flags & O_CREAT) && fails(NO_SPACE, path, ENOSPC))))
        return -1;
    missing = (flags & O_CREAT) && lstat(path, &st) < 0;
    if (missing && keeps(path))
        note(NULL, 0, "C %s\n", path);
    fd = opened(real_open(path, flags, mode), path);
    if (fd >= 0 && (flags & O_TRUNC) && !missing && keeps(path))
        note_bytes('T', fd, 0,
                   0); /* nothing of ours is overwritten so: what was there is not kept */
    return fd;
}

int open(const char *path, int flags, ...)
{
    mode_t mode = 0;
    va_list ap;

    va_start(ap, flags);
    if (flags & (O_CREAT | O_TMPFILE))
        mode = va_arg(ap, mode_t);
    va_end(ap);
    return open_as(path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
    mode_t mode = 0;
    va_list ap;

    va_start(ap, flags);
    if (flags & (O_CREAT | O_TMPFILE))
        mode = va_arg(ap, mode_t);
    va_end(ap);
    return open_as(path, flags, mode);
}

int close(int fd)
{
    REAL(int, close, int)

    if (!inside && fd >= 0 && fd < FDS) {
        free(paths[fd]);
        paths[fd] = NULL;
        holes[fd] = false;
    }
    return real_close(fd);
}

ssize_t pread(int fd, void *buf, size_t n, off_t at)
{
    REAL(ssize_t, pread, int, void *, size_t, off_t)

    return fails(EIO_READ, path_of(fd), EIO) ? -1 : real_pread(fd, buf, n, at);
}

static bool write_fails(const char *path)
{
    return fails(EIO_WRITE, path, EIO) || fails(NO_SPACE, path, ENOSPC) ||
           fails(READ_ONLY, path, EROFS);
}

ssize_t pwrite(int fd, const void *buf, size_t n, off_t at)
{
    const char *path = path_of(fd);
    uint8_t *other;
    ssize_t k;
    REAL(ssize_t, pwrite, int, const void *, size_t, off_t)

    if (!path || inside)
        return real_pwrite(fd, buf, n, at);
    if (write_fails(path))
        return -1;
    if (n > 1 && deals(SHORT_WRITE, path))
        n /= 2;
    if (keeps(path))
        note_bytes('W', fd, (uint64_t)at, n);
    if (n == 0 || !deals(FLIP, path) || !(other = malloc(n)))
        return real_pwrite(fd, buf, n, at);
    memcpy(other, buf, n);
    other[n / 3] ^= 1;
    k = real_pwrite(fd, other, n, at);
    free(other);
    return k;
}

ssize_t pwritev(int fd, const struct iovec *iov, int count, off_t at)
{
    const char *path = path_of(fd);
    size_t all = 0;
    REAL(ssize_t, pwritev, int, const struct iovec *, int, off_t)

    if (!path || inside)
        return real_pwritev(fd, iov, count, at);
    if (write_fails(path))
        return -1;
    if (count > 1 && deals(SHORT_WRITE, path))
        count = 1;
    for (int i = 0; i < count; i++)
        all += iov[i].iov_len;
    if (keeps(path))
        note_bytes('W', fd, (uint64_t)at, all);
    if (count == 1 && all > 0 && deals(FLIP, path))
        return pwrite(fd, iov->iov_base, iov->iov_len, at);
    return real_pwritev(fd, iov, count, at);
}

int ftruncate(int fd, off_t size)
{
    const char *path = path_of(fd);
    REAL(int, ftruncate, int, off_t)

    if (path && !inside && (fails(EIO_WRITE, path, EIO) || fails(READ_ONLY, path, EROFS)))
        return -1;
    if (path && !inside && keeps(path))
        note_bytes('T', fd, (uint64_t)size, UINT64_MAX);
    return real_ftruncate(fd, size);
}

static void synced(int fd)
{
    const char *path = path_of(fd);
    struct stat st;

    if (!path || !keeps(path) || fstat(fd, &st) < 0)
        return;
    if (S_ISDIR(st.st_mode))
        note(NULL, 0, "Y %s\n", path);
    else
        note(NULL, 0, "S %llu\n", (unsigned long long)st.st_ino);
}

int fdatasync(int fd)
{
    int rc;
    REAL(int, fdatasync, int)

    if (!inside && fails(EIO_SYNC, path_of(fd), EIO))
        return -1;
    rc = real_fdatasync(fd);
    if (rc == 0 && !inside)
        synced(fd);
    return rc;
}

int fsync(int fd)
{
    int rc;
    REAL(int, fsync, int)

    if (!inside && fails(EIO_SYNC, path_of(fd), EIO))
        return -1;
    rc = real_fsync(fd);
    if (rc == 0 && !inside)
        synced(fd);
    return rc;
}

/* ---- names ---- */

int rename(const char *from, const char *to)
{
    char saved[700];
    REAL(int, rename, const char *, const char *)

    if (!inside && (fails(EIO_WRITE, to, EIO) || fails(READ_ONLY, to, EROFS)))
        return -1;
    if (!inside && keeps(to)) {
        save_name(to, saved);
        note(NULL, 0, "R %s %s %s\n", from, saved, to);
    }
    return real_rename(from, to);
}

int unlink(const char *path)
{
    char saved[700];
    REAL(int, unlink, const char *)

    if (!inside && (fails(EIO_WRITE, path, EIO) || fails(READ_ONLY, path, EROFS)))
        return -1;
    if (!inside && keeps(path)) {
        save_name(path, saved);
        note(NULL, 0, "U %s %s\n", path, saved);
    }
    return real_unlink(path);
}

int mkdir(const char *path, mode_t mode)
{
    struct stat st;
    REAL(int, mkdir, const char *, mode_t)

    if (!inside && (fails(NO_SPACE, path, ENOSPC) || fails(READ_ONLY, path, EROFS)))
        return -1;
    if (!inside && keeps(path) && lstat(path, &st) < 0)
        note(NULL, 0, "M %s\n", path);
    return real_mkdir(path, mode);
}

/* ---- connections ---- */

static bool is_socket(int fd)
{
    struct stat st;

    return fd >= 0 && fd < FDS && !inside && !paths[fd] && fstat(fd, &st) == 0 &&
           S_ISSOCK(st.st_mode);
}

/* 1: it goes nowhere, -1: it has ended, 0: go on. */
static int send_fails(int fd)
{
    if (!dir && inside)
        return 0;
    if (!is_socket(fd))
        return 0;
    if (holes[fd])
        return 1;
    if (deals(RESET, NULL)) {
        shutdown(fd, SHUT_RDWR);
        errno = ECONNRESET;
        return -1;
    }
    holes[fd] = deals(HOLE, NULL);
    return holes[fd];
}

ssize_t write(int fd, const void *buf, size_t n)
{
    const char *path = path_of(fd);
    int how = path ? 0 : send_fails(fd);
    REAL(ssize_t, write, int, const void *, size_t)

    if (path && !inside && write_fails(path))
        return -1;
    return how < 0 ? -1 : how > 0 ? (ssize_t)n : real_write(fd, buf, n);
}

ssize_t writev(int fd, const struct iovec *iov, int count)
{
    int how = path_of(fd) ? 0 : send_fails(fd);
    ssize_t all = 0;
    REAL(ssize_t, writev, int, const struct iovec *, int)

    for (int i = 0; i < count; i++)
        all += (ssize_t)iov[i].iov_len;
    return how < 0 ? -1 : how > 0 ? all : real_writev(fd, iov, count);
}

ssize_t send(int fd, const void *buf, size_t n, int flags)
{
    int how = send_fails(fd);
    REAL(ssize_t, send, int, const void *, size_t, int)

    return how < 0 ? -1 : how > 0 ? (ssize_t)n : real_send(fd, buf, n, flags);
}

ssize_t sendmsg(int fd, const struct msghdr *m, int flags)
{
    int how = send_fails(fd);
    ssize_t all = 0;
    REAL(ssize_t, sendmsg, int, const struct msghdr *, int)

    for (size_t i = 0; i < m->msg_iovlen; i++)
        all += (ssize_t)m->msg_iov[i].iov_len;
    return how < 0 ? -1 : how > 0 ? all : real_sendmsg(fd, m, flags);
}

ssize_t sendfile(int out, int in, off_t *at, size_t n)
{
    const char *path = path_of(in);
    int how = send_fails(out);
    REAL(ssize_t, sendfile, int, int, off_t *, size_t)

    if (path && !inside && fails(EIO_READ, path, EIO))
        return -1;
    if (how == 0)
        return real_sendfile(out, in, at, n);
    if (how > 0 && at)
        *at += (off_t)n;
    return how < 0 ? -1 : (ssize_t)n;
}
