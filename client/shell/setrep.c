/* setrep.c -- dfs setrep: how many replicas files have. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client/shell/shell.h"

enum { POLL_MS = 200, DOT_EVERY = 50 };

static uint32_t wanted;
static struct item *waiting;
static size_t waiting_count;

static void wait_for(const struct item *it)
{
    struct item *more = realloc(waiting, (waiting_count + 1) * sizeof *more);

    MUST(more);
    waiting = more;
    waiting[waiting_count] = *it;
    waiting[waiting_count].path = strdup(it->path);
    waiting[waiting_count].shown = strdup(it->shown);
    waiting[waiting_count++].exists = false;
}

static int set(struct shell *sh, struct item *it)
{
    struct err err;
    bool done;

    if (item_is_dir(it))
        return 0;
    if (it->stat.is_erasure_coded) {
        printf("Did not set replication for: %s, because it's an erasure coded file.\n", it->shown);
        return 0;
    }
    if (it->store->dfs && dfs_setrep(it->store->dfs, it->path, wanted, &done, &err) < 0)
        return sh_fail_err(sh, &err);
    if (it->store->dfs && !done)
        return sh_fail(sh, "Could not set replication for: %s", it->shown);
    printf("Replication %u set: %s\n", wanted, it->shown);
    if (sh_has(sh, "w") && it->store->dfs)
        wait_for(it);
    return 0;
}

static int set_all(struct shell *sh, struct item *it)
{
    return walk_items(sh, it, true, set);
}

/* Whether every block has the wanted number; *more: one has more than that. */
static int is_reached(struct item *it, bool *reached, bool *more, struct err *err)
{
    struct dfs_block *blocks;
    size_t count;
    int rc = dfs_blocks(it->store->dfs, it->path, 0, INT64_MAX, &blocks, &count, err);

    if (rc < 0)
        return rc;
    *reached = true;
    *more = false;
    for (size_t i = 0; i < count && *reached; i++) {
        *reached = blocks[i].host_count == (int)wanted;
        *more = blocks[i].host_count > (int)wanted;
    }
    dfs_blocks_free(blocks, count);
    return 0;
}

static int wait_one(struct shell *sh, struct item *it)
{
    struct timespec ts = {.tv_nsec = POLL_MS * 1000000};
    bool reached = false, more, warned = false;
    struct err err;

    printf("Waiting for %s ...", it->shown);
    for (int round = 0;; round++) {
        if (is_reached(it, &reached, &more, &err) < 0)
            return sh_fail_err(sh, &err);
        if (reached)
            break;
        if (more && !warned)
            printf("\nWARNING: the waiting time may be long for DECREASING the number of "
                   "replications.\n");
        warned = warned || more;
        if (round % DOT_EVERY == 0)
            putchar('.');
        fflush(stdout);
        nanosleep(&ts, NULL);
    }
    printf(" done\n");
    return 0;
}

int cmd_setrep(struct shell *sh, char **args, int count)
{
    char *end;
    long n;
    int rc;

    errno = 0;
    n = strtol(args[0], &end, 10);
    if (*end || end == args[0] || errno || n > 32767 || n < -32768) {
        fprintf(stderr, "setrep: Illegal replication, a positive integer expected\n");
        if (!*end && end != args[0] && !errno && n <= INT32_MAX && n >= INT32_MIN)
            return sh_misused(sh, "Value out of range. Value:\"%s\" Radix:10", args[0]);
        return sh_misused(sh, "For input string: \"%s\"", args[0]);
    }
    if (n < 1)
        return sh_misused(sh, "replication must be >= 1");
    wanted = (uint32_t)n;
    rc = each_item(sh, args + 1, count - 1, set_all, NULL);
    for (size_t i = 0; i < waiting_count; i++) {
        if (rc == 0)
            wait_one(sh, &waiting[i]);
        item_done(&waiting[i]);
    }
    free(waiting);
    waiting = NULL;
    waiting_count = 0;
    return rc;
}
