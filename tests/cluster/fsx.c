/* fsx.c -- fsx FILE REFERENCE OPERATIONS SEED [SIZE_MAX] : the same random operations on a file in a mount and on
 * a local one, whose bytes have to stay the same.
 *
 * Reads and writes of any length anywhere, through descriptors and through mappings, appends, cuts and
 * stretches, holes, zeroed ranges, copies inside the file, fsync, and closing and opening again.  Each read
 * is compared, and the whole file at every opening.  Prints the seed and the last operations of a run that
 * failed; the same seed does the same again.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/falloc.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { IO_MAX = 64 << 10, BIG_IO_MAX = 3 << 20, STORY = 24, PAGE = 4096 };

static struct {
    const char *path[2]; /* the mount's, and the local one */
    int fd[2];
    bool append;
    uint64_t size, size_max, random;
    long op;
    unsigned long seed;
    char story[STORY][128];
    char *bytes, *other;
} x;

static void tell(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void tell(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(x.story[x.op % STORY], sizeof x.story[0], fmt, ap);
    va_end(ap);
}

static void die(const char *what, int e)
{
    fprintf(stderr, "fsx: seed %lu, operation %ld: %s%s%s\n", x.seed, x.op, what, e ? ": " : "",
            e ? strerror(e) : "");
    for (long i = x.op >= STORY ? x.op - STORY + 1 : 0; i <= x.op; i++)
        fprintf(stderr, "  %ld %s\n", i, x.story[i % STORY]);
    exit(1);
}

static uint64_t chance(uint64_t n) /* 0 .. n-1 */
{
    x.random ^= x.random << 13;
    x.random ^= x.random >> 7;
    x.random ^= x.random << 17;
    return n ? x.random % n : 0;
}

static void fill(char *to, size_t n)
{
    for (size_t i = 0; i < n; i++)
        to[i] = (char)(chance(256));
}

static uint64_t length(int which)
{
    struct stat st;

    if (fstat(x.fd[which], &st) < 0)
        die("fstat", errno);
    return (uint64_t)st.st_size;
}

static void check_length(void)
{
    uint64_t got = length(0);

    if (got != x.size) {
        char text[96];

        snprintf(text, sizeof text, "length is %" PRIu64 ", not %" PRIu64, got, x.size);
        die(text, 0);
    }
}

static void same(const char *what, uint64_t at, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (x.bytes[i] != x.other[i]) {
            char text[128];

            snprintf(text, sizeof text, "%s: byte %" PRIu64 " is %02x, not %02x", what, at + i,
                     (unsigned char)x.bytes[i], (unsigned char)x.other[i]);
            die(text, 0);
        }
}

/* Reads the same of both. */
static size_t read_both(uint64_t at, size_t n)
{
    char *to[2] = {x.bytes, x.other};
    size_t got[2];

    for (int w = 0; w < 2; w++) {
        got[w] = 0;
        while (got[w] < n) {
            ssize_t k = pread(x.fd[w], to[w] + got[w], n - got[w], (off_t)(at + got[w]));

            if (k < 0)
                die("pread", errno);
            if (k == 0)
                break;
            got[w] += (size_t)k;
        }
    }
    if (got[0] != got[1])
        die("a read ends elsewhere", 0);
    return got[0];
}

static size_t some(void)
{
    return 1 +
           (size_t)(chance(50) == 0 ? chance(BIG_IO_MAX) : chance(chance(3) ? 3 * PAGE : IO_MAX));
}

static size_t within(uint64_t *at, size_t n) /* of the file as it is */
{
    *at = chance(x.size);
    return n < x.size - *at ? n : (size_t)(x.size - *at);
}

static void open_both(int flags)
{
    x.append = flags & O_APPEND;
    for (int w = 0; w < 2; w++)
        if ((x.fd[w] = open(x.path[w], O_RDWR | O_CREAT | flags, 0644)) < 0)
            die("open", errno);
}

static void check_all(void)
{
    check_length();
    for (uint64_t at = 0; at < x.size; at += BIG_IO_MAX)
        same("whole file", at, read_both(at, BIG_IO_MAX));
}

/* ---- operations ---- */

static void do_read(void)
{
    uint64_t at = chance(x.size + PAGE);
    size_t n = some();

    tell("read %zu at %" PRIu64, n, at);
    same("read", at, read_both(at, n));
}

static void do_write(void)
{
    uint64_t at = x.append ? x.size : chance(chance(4) ? x.size + 1 : x.size_max);
    size_t n = some();

    if (at + n > x.size_max)
        return;
    fill(x.bytes, n);
    tell("write %zu at %" PRIu64 "%s", n, at, x.append ? " (append)" : "");
    for (int w = 0; w < 2; w++) {
        ssize_t k = x.append ? write(x.fd[w], x.bytes, n) : pwrite(x.fd[w], x.bytes, n, (off_t)at);

        if (k != (ssize_t)n)
            die("write", k < 0 ? errno : 0);
    }
    x.size = length(1);
    check_length();
}

static void do_truncate(void)
{
    uint64_t to = chance(chance(2) ? x.size + 1 : x.size_max);

    tell("truncate to %" PRIu64 ", was %" PRIu64, to, x.size);
    for (int w = 0; w < 2; w++)
        if ((chance(2) ? ftruncate(x.fd[w], (off_t)to) : truncate(x.path[w], (off_t)to)) < 0)
            die("truncate", errno);
    x.size = to;
    check_length();
}

static void do_fallocate(void)
{
    static const int modes[] = {0, FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                                FALLOC_FL_ZERO_RANGE, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE};
    int mode = modes[chance(5)];
    uint64_t at = chance(x.size + PAGE);
    size_t n = some();

    if (at + n > x.size_max)
        return;
    tell("fallocate %d: %zu at %" PRIu64, mode, n, at);
    for (int w = 0; w < 2; w++)
        if (fallocate(x.fd[w], mode, (off_t)at, (off_t)n) < 0)
            die("fallocate", errno);
    x.size = length(1);
    check_length();
}

static void do_map(void)
{
    uint64_t at;
    size_t n = within(&at, some()), skip = at % PAGE;
    bool writes = chance(2);

    if (n == 0)
        return;
    tell("%s %zu at %" PRIu64 " through a mapping", writes ? "write" : "read", n, at);
    fill(x.bytes, writes ? n : 0);
    for (int w = 0; w < 2; w++) {
        char *p = mmap(NULL, n + skip, PROT_READ | (writes ? PROT_WRITE : 0), MAP_SHARED, x.fd[w],
                       (off_t)(at - skip));

        if (p == MAP_FAILED)
            die("mmap", errno);
        if (writes)
            memcpy(p + skip, x.bytes, n);
        else
            memcpy(w ? x.other : x.bytes, p + skip, n);
        if (writes && chance(3) == 0 && msync(p, n + skip, MS_SYNC) < 0)
            die("msync", errno);
        munmap(p, n + skip);
    }
    if (!writes)
        same("mapping", at, n);
}

static void do_copy(void)
{
    uint64_t from, to = chance(x.size);
    size_t n = within(&from, some());

    if (n == 0 || to + n > x.size_max || (from < to + n && to < from + n) || x.append)
        return;
    tell("copy %zu from %" PRIu64 " to %" PRIu64, n, from, to);
    for (int w = 0; w < 2; w++) {
        off_t a = (off_t)from, b = (off_t)to;

        for (size_t left = n; left > 0;) {
            ssize_t k = copy_file_range(x.fd[w], &a, x.fd[w], &b, left, 0);

            if (k <= 0)
                die("copy_file_range", k < 0 ? errno : 0);
            left -= (size_t)k;
        }
    }
    x.size = length(1);
    check_length();
}

static void do_sync(void)
{
    tell("fsync");
    if ((chance(2) ? fsync(x.fd[0]) : fdatasync(x.fd[0])) < 0)
        die("fsync", errno);
}

static void do_reopen(void)
{
    tell("close and open");
    for (int w = 0; w < 2; w++)
        if (close(x.fd[w]) < 0)
            die("close", errno);
    open_both(chance(4) == 0 ? O_APPEND : 0);
    check_all();
}

static void do_empty(void)
{
    tell("open with O_TRUNC");
    for (int w = 0; w < 2; w++)
        close(x.fd[w]);
    open_both(O_TRUNC);
    x.size = 0;
    check_length();
}

static void do_rename(void)
{
    char other[4096];

    tell("rename to and fro");
    snprintf(other, sizeof other, "%s.renamed", x.path[0]);
    if (rename(x.path[0], other) < 0 || rename(other, x.path[0]) < 0)
        die("rename", errno);
}

int main(int argc, char **argv)
{
    static const struct {
        void (*run)(void);
        unsigned weight;
    } ops[] = {{do_read, 30}, {do_write, 34}, {do_truncate, 6}, {do_fallocate, 5}, {do_map, 16},
               {do_copy, 4},  {do_sync, 3},   {do_reopen, 2},   {do_empty, 1},     {do_rename, 1}};
    long count = argc > 3 ? atol(argv[3]) : 0;

    if (argc < 5) {
        fputs("fsx FILE REFERENCE OPERATIONS SEED [SIZE_MAX]\n", stderr);
        return 2;
    }
    x.path[0] = argv[1];
    x.path[1] = argv[2];
    x.seed = strtoul(argv[4], NULL, 10);
    x.random = x.seed * 0x9E3779B97F4A7C15u + 1;
    x.size_max = argc > 5 ? strtoull(argv[5], NULL, 10) : 4 << 20;
    x.bytes = malloc(BIG_IO_MAX + PAGE);
    x.other = malloc(BIG_IO_MAX + PAGE);
    if (!x.bytes || !x.other)
        return 2;
    open_both(O_TRUNC);
    for (x.op = 0; x.op < count; x.op++) {
        unsigned pick = (unsigned)chance(102), i = 0;

        for (; pick >= ops[i].weight; pick -= ops[i++].weight)
            ;
        tell("nothing");
        ops[i].run();
    }
    do_reopen();
    return 0;
}
