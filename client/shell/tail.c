/* tail.c -- dfs tail: the last KiB of a file, and with -f what comes after it. */
#include <inttypes.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "client/shell/shell.h"

enum { TAIL_BYTES = 1024, SLEEP_MS = 5000, PIECE = 64 << 10 };

/* Prints from @offset to the end, as it is now; the new end, or -ERR_X. */
static int64_t print_from(struct item *it, uint64_t offset, struct err *err)
{
    static char bytes[PIECE];
    struct dfs_file *f;
    ssize_t n = 0;
    int rc = dfs_open(it->store->dfs, it->path, &f, err);

    if (rc < 0)
        return rc;
    if (offset > dfs_length(f)) /* it was cut since */
        offset = dfs_length(f);
    while ((n = dfs_pread(f, bytes, sizeof bytes, offset, err)) > 0) {
        fwrite(bytes, 1, (size_t)n, stdout);
        offset += (uint64_t)n;
    }
    dfs_close(f, NULL);
    fflush(stdout);
    return n < 0 ? n : (int64_t)offset;
}

static int print_local(struct item *it, uint64_t offset, struct err *err)
{
    static char bytes[PIECE];
    struct stream from;
    ssize_t n;
    int rc = store_open(it->store, it->path, &from, err);

    if (rc < 0)
        return rc;
    lseek(from.fd, (off_t)offset, SEEK_SET);
    while ((n = stream_read(&from, bytes, sizeof bytes, err)) > 0)
        fwrite(bytes, 1, (size_t)n, stdout);
    stream_close(&from, NULL);
    return (int)n;
}

static int print_tail(struct shell *sh, struct item *it)
{
    const char *text = sh_value(sh, "s");
    long pause = text && *text ? atol(text) : SLEEP_MS;
    struct timespec ts = {.tv_sec = pause / 1000, .tv_nsec = pause % 1000 * 1000000};
    uint64_t length = it->stat.length;
    struct err err;
    int64_t at;

    if (item_is_dir(it))
        return sh_fail(sh, "`%s': Is a directory", it->shown);
    length = length > TAIL_BYTES ? length - TAIL_BYTES : 0;
    if (!it->store->dfs)
        return print_local(it, length, &err) < 0 ? sh_fail_err(sh, &err) : 0;
    at = print_from(it, length, &err);
    while (at >= 0 && sh_has(sh, "f")) {
        nanosleep(&ts, NULL);
        at = print_from(it, (uint64_t)at, &err);
    }
    return at < 0 ? sh_fail_err(sh, &err) : 0;
}

int cmd_tail(struct shell *sh, char **args, int count)
{
    return each_item(sh, args, count, print_tail, NULL);
}
