/* fsck_block.c -- -blockId and -list-corruptfileblocks: blocks by their names, and those that are lost. */
#include <inttypes.h>
#include <stdlib.h>

#include "namenode/http/fsck.h"

enum { REPLICAS = 512, NAMES_ARENA_MAX = 4 << 20, LISTED_MAX = 100, LOOKED_AT = 1000 };

/* ---- one block ---- */

/* blk_17 and blk_17_1001.meta are 17; what is neither is 0, which no block is. */
static uint64_t id_of(const char *name)
{
    char *end;
    int64_t id;

    if (strncmp(name, "blk_", 4) != 0)
        return 0;
    id = strtoll(name + 4, &end, 10);
    if (*end == '_')
        strtoull(end + 1, &end, 10);
    return *end == 0 || strcmp(end, ".meta") == 0 ? (uint64_t)id : 0;
}

static void put_health(struct fsck *f, const struct bm_replica *r)
{
    bool maintenance = fsck_asks(f, FSCK_MAINTENANCE);
    Pb__DatanodeInfoProto__AdminState s = r->node->adminstate;
    const char *what =
        s == PB__DATANODE_INFO_PROTO__ADMIN_STATE__DECOMMISSIONED            ? "DECOMMISSIONED"
        : s == PB__DATANODE_INFO_PROTO__ADMIN_STATE__DECOMMISSION_INPROGRESS ? "DECOMMISSIONING"
        : maintenance && s == PB__DATANODE_INFO_PROTO__ADMIN_STATE__ENTERING_MAINTENANCE
            ? "ENTERING MAINTENANCE"
        : maintenance && s == PB__DATANODE_INFO_PROTO__ADMIN_STATE__IN_MAINTENANCE
            ? "IN MAINTENANCE"
        : r->stale_node ? "STALE"
        : r->excess     ? "EXCESS"
                        : "HEALTHY";

    buf_printf(&f->out, "Block replica on datanode/rack: %s%s ", r->node->id->hostname,
               r->node->location);
    if (r->corrupt)
        buf_printf(&f->out, "is CORRUPT\t ReasonCode: %s\n", r->corrupt);
    else
        buf_printf(&f->out, "is %s\n", what);
}

/* With the lock held. */
static void put_block(struct fsck *f, const char *name, struct arena *arena)
{
    struct namenode *nn = f->nn;
    struct bm_replica all[REPLICAS];
    struct bm_replicas r;
    struct block_info b;
    const char *path;
    int n;

    if (!ns_block(nn->ns, id_of(name), &b)) {
        buf_printf(&f->out, "Block %s does not exist\n", name);
        return;
    }
    bm_count_replicas(nn->bm, b.id, &r);
    path = ns_path_of(nn->ns, b.file, arena);
    buf_printf(&f->out,
               "Block Id: %s\nBlock belongs to: %s\nNo. of Expected Replica: %d\n"
               "No. of live Replica: %d\nNo. of excess Replica: %d\nNo. of stale Replica: %d\n"
               "No. of decommissioned Replica: %d\nNo. of decommissioning Replica: %d\n",
               name, path ? path : "", r.expected, r.live, r.excess, r.stale, r.decommissioned,
               r.decommissioning);
    if (fsck_asks(f, FSCK_MAINTENANCE))
        buf_printf(&f->out,
                   "No. of entering maintenance Replica: %d\nNo. of in maintenance Replica: %d\n",
                   0, r.in_maintenance);
    buf_printf(&f->out, "No. of corrupted Replica: %d\n", r.corrupt);
    n = bm_list_replicas(nn->bm, b.id, all, REPLICAS);
    for (int i = n - 1; i >= 0; i--)
        put_health(f, &all[i]);
}

void fsck_blocks(struct fsck *f, const char *names)
{
    struct arena arena;

    do {
        size_t n = strcspn(names, " ");
        const char *name;

        arena_init(&arena, NAMES_ARENA_MAX);
        name = arena_strndup(&arena, names, n);
        if (!name || !strstr(name, "blk_")) {
            buf_printf(&f->out, "Incorrect blockId format: %s\n", name ? name : "");
        } else {
            buf_puts(&f->out, "\n");
            nn_lock(f->nn);
            put_block(f, name, &arena);
            nn_unlock(f->nn);
        }
        arena_done(&arena);
        names += n;
        names += strspn(names, " ");
    } while (*names);
}

/* ---- those that are lost ---- */

static bool is_below(const char *path, const char *dir)
{
    size_t n = strlen(dir);

    if (n == 1)
        return true;
    return strncmp(path, dir, n) == 0 && (path[n] == 0 || path[n] == '/');
}

static bool put_lost(struct fsck *f, uint64_t id, struct arena *arena)
{
    struct inode_info file;
    struct block_info b;
    const char *path;

    if (!ns_block(f->nn->ns, id, &b) || !ns_info(f->nn->ns, b.file, &file) ||
        !(path = ns_path_of(f->nn->ns, b.file, arena)) || !is_below(path, f->path))
        return false;
    buf_printf(&f->out, "blk_%" PRId64 "\t%u\t%s\n", (int64_t)b.id, file.replication, path);
    return true;
}

/* The cookie is how many lost blocks were looked at before, by the order of their ids. */
int fsck_list_corrupt(struct fsck *f, const char *cookie)
{
    uint64_t ids[LOOKED_AT], after = 0, seen = 0, skip = cookie ? strtoull(cookie, NULL, 10) : 0;
    struct buf before = f->out;
    struct arena arena;
    struct op *op;
    int n, listed = 0, rc;

    arena_init(&arena, NAMES_ARENA_MAX);
    op = fsck_op(f, &arena);
    if (!op || (rc = op_check_super(op, "listCorruptFileBlocks")) < 0) {
        rc = op ? (f->err = op->err, rc) : -ERR_NOMEM;
        arena_done(&arena);
        return rc;
    }
    buf_init(&f->out, before.max); /* the cookie comes before the list, and is known after it */
    nn_lock(f->nn);
    do {
        n = bm_missing_blocks(f->nn->bm, after, ids, LOOKED_AT);
        for (int i = 0; i < n && listed < LISTED_MAX; i++) {
            after = ids[i];
            if (seen++ >= skip)
                listed += put_lost(f, ids[i], &arena);
        }
    } while (n == LOOKED_AT && listed < LISTED_MAX);
    nn_unlock(f->nn);
    buf_printf(&before, "Cookie:\t%" PRIu64 "\n", seen);
    buf_put(&before, f->out.bytes, f->out.n);
    buf_done(&f->out);
    f->out = before;
    buf_puts(&f->out, "\n\nThe filesystem under path '");
    buf_puts(&f->out, f->path);
    if (listed)
        buf_printf(&f->out, "' has %d CORRUPT files\n\n", listed);
    else
        buf_printf(&f->out, "' has %s CORRUPT files\n\n", seen ? "no more" : "no");
    arena_done(&arena);
    return 0;
}
