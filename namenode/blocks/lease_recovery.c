#include "namenode/blocks/lease_recovery.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/log.h"
#include "namenode/namespace/lease.h"
#include "namenode/calls/status.h"

enum {
    SOFT_LIMIT_MS = 60 * 1000,
    MONITOR_MS = 2000,
    FILES_AT_ONCE = 64, /* in one hold of the lock */
};
static const char INTERNAL_HOLDER[] = "HDFS_NameNode";

/* ---- records ---- */

struct edit_block *lease_file_blocks(struct namespace *ns, const struct inode_info *file,
                                     uint32_t from, struct arena *arena)
{
    uint32_t n = file->block_count - from;
    struct edit_block *out = arena_alloc(arena, (n + 1) * sizeof *out);
    uint64_t *ids = arena_alloc(arena, (n + 1) * sizeof *ids);

    if (!out || !ids)
        return NULL;
    ns_file_blocks(ns, file->id, ids, from, n);
    for (uint32_t i = 0; i < n; i++) {
        struct block_info b;

        MUST(ns_block(ns, ids[i], &b));
        out[i] = (struct edit_block){b.id, b.length, b.gs};
    }
    return out;
}

static int close_with(struct namenode *nn, const struct inode_info *file,
                      const struct edit_block *blocks, int count, struct arena *arena,
                      struct err *err)
{
    struct edit_op e = {.code = EDIT_CLOSE,
                        .call_id = -2,
                        .path = ns_path_of(nn->ns, file->id, arena),
                        .replication = file->replication,
                        .mtime_ms = env_now_ms(nn->env),
                        .atime_ms = file->atime_ms,
                        .block_size = file->block_size,
                        .blocks = blocks,
                        .block_count = count,
                        .user = file->user,
                        .group = file->group,
                        .mode = file->mode};
    int rc;

    if (!e.path || !(e.user = arena_strndup(arena, e.user, strlen(e.user))) ||
        !(e.group = arena_strndup(arena, e.group, strlen(e.group))))
        return err_set(err, ERR_NOMEM, "closing a file");
    rc = nn_commit(nn, &e, err);
    if (rc == 0)
        bm_check_file(nn->bm, file->id);
    return rc;
}

int lease_close_file(struct namenode *nn, uint64_t id, struct arena *arena, struct err *err)
{
    struct edit_block *blocks;
    struct inode_info file;

    MUST(ns_info(nn->ns, id, &file));
    if (!(blocks = lease_file_blocks(nn->ns, &file, 0, arena)))
        return err_set(err, ERR_NOMEM, "closing a file");
    return close_with(nn, &file, blocks, (int)file.block_count, arena, err);
}

/* ---- releasing ---- */

static bool settled(struct namenode *nn, uint64_t file, uint32_t index)
{
    struct block_info b;
    uint64_t id;

    ns_file_blocks(nn->ns, file, &id, index, 1);
    return !ns_block(nn->ns, id, &b) || b.state == BLOCK_COMPLETE ||
           (b.state == BLOCK_COMMITTED && bm_is_complete_enough(nn->bm, id));
}

/* The last block was never written to: the file ends before it. */
static int drop_last(struct namenode *nn, const struct inode_info *file, struct arena *arena,
                     struct err *err)
{
    struct edit_block *blocks = lease_file_blocks(nn->ns, file, 0, arena);
    struct edit_op e = {.code = EDIT_UPDATE_BLOCKS,
                        .call_id = -2,
                        .path = ns_path_of(nn->ns, file->id, arena),
                        .blocks = blocks,
                        .block_count = (int)file->block_count - 1};
    int rc;

    if (!blocks || !e.path)
        return err_set(err, ERR_NOMEM, "dropping an empty block");
    rc = nn_commit(nn, &e, err);
    return rc < 0 ? rc : lease_close_file(nn, file->id, arena, err);
}

static int begin_recovery(struct namenode *nn, const struct inode_info *file,
                          const struct block_info *last, const char *new_holder,
                          struct arena *arena, bool *closed, struct err *err)
{
    struct edit_op stamp = {.code = EDIT_SET_GENSTAMP_V2, .call_id = -2, .gs = ns_gs(nn->ns) + 1};
    struct edit_op give = {.code = EDIT_REASSIGN_LEASE,
                           .call_id = -2,
                           .path = ns_path_of(nn->ns, file->id, arena),
                           .new_holder = new_holder ? new_holder : INTERNAL_HOLDER};
    struct open_file open;
    int rc;

    if (!ns_open_file(nn->ns, file->id, &open))
        return 0;
    give.client_name = arena_strndup(arena, open.client_name, strlen(open.client_name));
    if (!give.path || !give.client_name)
        return err_set(err, ERR_NOMEM, "recovering a lease");
    if ((rc = nn_commit(nn, &stamp, err)) < 0)
        return rc;
    if (strcmp(give.client_name, give.new_holder) != 0 && (rc = nn_commit(nn, &give, err)) < 0)
        return rc;
    lease_renew(ns_leases(nn->ns), give.new_holder, env_mono_ms(nn->env));
    if (bm_begin_recovery(nn->bm, last->id, stamp.gs))
        return 0;
    if (last->length == 0) {
        *closed = true;
        return drop_last(nn, file, arena, err);
    }
    return 0; /* no datanode of it is known yet: tried again later */
}

int lease_release(struct namenode *nn, uint64_t id, const char *new_holder, struct arena *arena,
                  bool *closed, struct err *err)
{
    struct inode_info file;
    struct block_info last;
    struct open_file open;
    uint32_t done = 0;

    *closed = false;
    if (!ns_info(nn->ns, id, &file) || !file.under_construction) {
        *closed = true;
        return 0;
    }
    while (done < file.block_count && settled(nn, id, done))
        done++;
    if (done == file.block_count) {
        *closed = true;
        return lease_close_file(nn, id, arena, err);
    }
    MUST(last_block_of(nn->ns, &file, &last));
    if (last.state == BLOCK_COMMITTED || done + 1 < file.block_count)
        return err_set(err, ERR_WRITER,
                       "DIR* NameSystem.internalReleaseLease: Failed to release lease for file %s. "
                       "Committed blocks are waiting to be minimally replicated.",
                       ns_path_of(nn->ns, id, arena));
    if (bm_may_recover(nn->bm, last.id))
        return begin_recovery(nn, &file, &last, new_holder, arena, closed, err);
    if (ns_open_file(nn->ns, id, &open))
        lease_renew(ns_leases(nn->ns), open.client_name, env_mono_ms(nn->env));
    return 0;
}

/* ---- another client wants it ---- */

static int refuse(struct op *op, enum err_code code, const char *wants, const struct place *p,
                  const char *holder, const char *why)
{
    return err_set(&op->err, code, "Failed to %s %s for %s on %s because %s", wants, p->path,
                   holder, op->call->peer_ip, why);
}

static int owned_by(struct op *op, const char *wants, const struct place *p, const char *holder,
                    const struct open_file *open)
{
    struct block_info last;
    char why[512];

    if (last_block_of(op->nn->ns, &p->info, &last) && last.state == BLOCK_UNDER_RECOVERY) {
        snprintf(why, sizeof why, "another recovery is in progress by %s on %s", open->client_name,
                 open->client_machine);
        return refuse(op, ERR_RECOVERING, wants, p, holder, why);
    }
    snprintf(why, sizeof why, "this file lease is currently owned by %s on %s", open->client_name,
             open->client_machine);
    return refuse(op, ERR_WRITER, wants, p, holder, why);
}

int lease_take_over(struct op *op, const struct place *p, const char *wants, const char *holder,
                    bool force, bool *closed)
{
    struct namenode *nn = op->nn;
    struct open_file open;
    const char *writer;
    int rc;

    *closed = true;
    if (!ns_open_file(nn->ns, p->id, &open))
        return 0;
    if (force)
        return lease_release(nn, p->id, holder, op->arena, closed, &op->err);
    if (strcmp(open.client_name, holder) == 0) {
        const char *why =
            arena_printf(op->arena, "%s is already the current lease holder.", holder);

        return refuse(op, ERR_WRITER, wants, p, holder, why ? why : "it is the lease holder.");
    }
    if (!lease_is_older(ns_leases(nn->ns), open.client_name, env_mono_ms(nn->env), SOFT_LIMIT_MS))
        return owned_by(op, wants, p, holder, &open);
    /* the writer stays its holder, and is renewed with all its files, as Hadoop has it */
    writer = arena_strndup(op->arena, open.client_name, strlen(open.client_name));
    if (!writer)
        return err_set(&op->err, ERR_NOMEM, "taking a lease over");
    if ((rc = lease_release(nn, p->id, writer, op->arena, closed, &op->err)) < 0 || *closed)
        return rc;
    return refuse(op, ERR_RECOVERING, wants, p, holder,
                  "lease recovery is in progress. Try again later.");
}

/* ---- a recovery has ended ---- */

int lease_recovered(void *ctx, const struct bm_recovered *r, uint64_t *mark, struct err *err)
{
    struct namenode *nn = ctx;
    struct edit_block *blocks;
    struct inode_info file;
    struct arena arena;
    int rc = 0, count;

    arena_init(&arena, 64 << 20);
    if (!ns_info(nn->ns, r->file, &file) || !file.under_construction || file.block_count == 0)
        goto out; /* deleted or closed meanwhile */
    blocks = lease_file_blocks(nn->ns, &file, 0, &arena);
    if (!blocks) {
        rc = err_set(err, ERR_NOMEM, "ending the recovery of a block");
        goto out;
    }
    count = (int)file.block_count;
    if (blocks[count - 1].id != r->block) {
        rc = err_set(err, ERR_IO, "Block (=blk_%lld) is not the last one of its file",
                     (long long)r->block);
        goto out;
    }
    blocks[count - 1].gs = r->gs;
    blocks[count - 1].length = r->length;
    if (r->delete_block)
        count--;
    if (r->close_file)
        rc = close_with(nn, &file, blocks, count, &arena, err);
    else
        rc = nn_commit(nn,
                       &(struct edit_op){.code = EDIT_UPDATE_BLOCKS,
                                         .call_id = -2,
                                         .path = ns_path_of(nn->ns, r->file, &arena),
                                         .blocks = blocks,
                                         .block_count = count},
                       err);
out:
    *mark = journal_last_txid(nn->journal);
    arena_done(&arena);
    return rc;
}

/* ---- writers that vanished ---- */

struct lease_monitor {
    struct namenode *nn;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool stopping;
};

/* Closes @file or begins its recovery.  One that can't be released now keeps its holder, who
 * is renewed, so that it is tried again after as long. */
static void give_up_on(struct namenode *nn, uint64_t file, uint64_t now, struct arena *arena)
{
    struct open_file open;
    struct err err;
    char holder[512];
    bool closed;

    if (!ns_open_file(nn->ns, file, &open))
        return;
    snprintf(holder, sizeof holder, "%s", open.client_name);
    if (lease_release(nn, file, NULL, arena, &closed, &err) < 0) {
        LOG_WARN("nn.lease", "holder=%s inode=%llu err=\"%s\" next=\"try again\"", holder,
                 (unsigned long long)file, err.text);
        lease_renew(ns_leases(nn->ns), holder, now);
        return;
    }
    LOG_INFO("nn.lease", "holder=%s inode=%llu event=\"writer was silent\" next=\"%s\"", holder,
             (unsigned long long)file, closed ? "file closed" : "recovery of the last block");
}

/* Files whose last block is to be cut, by an order that was lost: with the datanode that led it, or
 * with the namenode that gave it. Hadoop's wait there for somebody to ask for the file. */
static void resume_cuts(struct namenode *nn, struct arena *arena)
{
    struct lease_table *leases = ns_leases(nn->ns);
    uint64_t id = lease_next_cut(leases, 0);

    for (int n = 0; id && n < FILES_AT_ONCE; n++, id = lease_next_cut(leases, id + 1)) {
        struct bm_replicas there;
        struct block_info last;
        struct open_file open;
        struct inode_info file;
        struct err err;
        bool closed;

        MUST(ns_open_file(nn->ns, id, &open) && ns_info(nn->ns, id, &file));
        if (!last_block_of(nn->ns, &file, &last) || !bm_may_recover(nn->bm, last.id))
            continue;
        bm_count_replicas(nn->bm, open.copied_from ? open.copied_from : last.id, &there);
        if (there.live > 0 && lease_release(nn, id, open.client_name, arena, &closed, &err) < 0)
            LOG_WARN("nn.lease", "inode=%llu err=\"%s\" next=\"try again\"", (unsigned long long)id,
                     err.text);
    }
}

void lease_monitor_round(struct namenode *nn)
{
    uint64_t hard = (uint64_t)conf_int(nn->conf, OPT_lease_hard_limit), file, files[FILES_AT_ONCE];
    uint64_t now = env_mono_ms(nn->env);
    struct lease_table *leases = ns_leases(nn->ns);
    struct arena arena;

    arena_init(&arena, 64 << 20);
    nn_lock(nn);
    if (!bm_in_safe_mode(nn->bm)) {
        for (int i = 0; i < FILES_AT_ONCE && (file = lease_expired(leases, now, hard)); i++)
            give_up_on(nn, file, now, &arena);
        /* recoveries that did not end, because no datanode of the block was there */
        if (lease_is_older(leases, INTERNAL_HOLDER, now, SOFT_LIMIT_MS)) {
            int n = lease_files(leases, INTERNAL_HOLDER, 0, files, FILES_AT_ONCE);

            for (int i = 0; i < n; i++)
                give_up_on(nn, files[i], now, &arena);
        }
        resume_cuts(nn, &arena);
    }
    nn_unlock(nn);
    arena_done(&arena);
}

static void *monitor(void *arg)
{
    struct lease_monitor *m = arg;

    pthread_mutex_lock(&m->lock);
    while (!m->stopping) {
        struct timespec until;

        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += MONITOR_MS / 1000;
        pthread_cond_timedwait(&m->wake, &m->lock, &until);
        if (m->stopping)
            break;
        pthread_mutex_unlock(&m->lock);
        lease_monitor_round(m->nn);
        pthread_mutex_lock(&m->lock);
    }
    pthread_mutex_unlock(&m->lock);
    return NULL;
}

int lease_monitor_start(struct namenode *nn, struct lease_monitor **out, struct err *err)
{
    struct lease_monitor *m = calloc(1, sizeof *m);
    pthread_condattr_t attr;
    int e;

    if (!m)
        return err_set(err, ERR_NOMEM, "lease monitor");
    m->nn = nn;
    pthread_mutex_init(&m->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&m->wake, &attr);
    pthread_condattr_destroy(&attr);
    if ((e = pthread_create(&m->thread, NULL, monitor, m)) != 0) {
        free(m);
        return err_sys(err, e, "thread of the lease monitor");
    }
    *out = m;
    return 0;
}

void lease_monitor_stop(struct lease_monitor *m)
{
    if (!m)
        return;
    pthread_mutex_lock(&m->lock);
    m->stopping = true;
    pthread_cond_signal(&m->wake);
    pthread_mutex_unlock(&m->lock);
    pthread_join(m->thread, NULL);
    pthread_cond_destroy(&m->wake);
    pthread_mutex_destroy(&m->lock);
    free(m);
}
