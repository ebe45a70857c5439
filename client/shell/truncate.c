/* truncate.c -- dfs truncate: files cut to a length. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client/shell/shell.h"

enum { POLL_MS = 100 };

static uint64_t length;

/* The cut block is whole again when the namenode lists the file with its new length, closed. */
static int wait_for(struct shell *sh, struct item *it)
{
    struct timespec ts = {.tv_nsec = POLL_MS * 1000000};
    struct err err;
    bool closed = false;

    printf("Waiting for %s ...\n", it->shown);
    fflush(stdout);
    for (;;) {
        if (dfs_is_closed(it->store->dfs, it->path, &closed, &err) < 0)
            return sh_fail_err(sh, &err);
        if (closed)
            break;
        nanosleep(&ts, NULL);
    }
    printf("Truncated %s to length: %" PRIu64 "\n", it->shown, length);
    return 0;
}

static int cut(struct shell *sh, struct item *it)
{
    struct err err;
    bool done;

    if (item_is_dir(it))
        return sh_fail(sh, "`%s': Is a directory", it->shown);
    if (!it->store->dfs)
        return sh_fail(sh, "`%s': only files of a store are cut", it->shown);
    if (length > it->stat.length)
        return sh_misused(sh,
                          "Cannot truncate to a larger file size. Current size: %" PRIu64
                          ", truncate size: %" PRIu64 ".",
                          it->stat.length, length);
    if (dfs_truncate(it->store->dfs, it->path, length, &done, &err) < 0)
        return sh_fail_err(sh, &err);
    if (done)
        printf("Truncated %s to length: %" PRIu64 "\n", it->shown, length);
    else if (sh_has(sh, "w"))
        return wait_for(sh, it);
    else
        printf("Truncating %s to length: %" PRIu64 ". Wait for block recovery to complete before "
               "further updating this file.\n",
               it->shown, length);
    return 0;
}

int cmd_truncate(struct shell *sh, char **args, int count)
{
    char *end;

    errno = 0;
    length = strtoull(args[0], &end, 10);
    if (*end || end == args[0] || errno) {
        fprintf(stderr, "truncate: Illegal length, a non-negative integer expected\n");
        return sh_misused(sh, "For input string: \"%s\"", args[0]);
    }
    return each_item(sh, args + 1, count - 1, cut, NULL);
}
