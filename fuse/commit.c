/* commit.c -- what is staged becomes the store's, in one step.
 *
 * New bytes behind untouched ones are appended. Otherwise the blocks that a staged range touches
 * are written anew into a hidden file, run by run, and the namenode puts them into the places of the
 * old ones: whoever reads sees the file before or after, and a crash in between leaves it as it was.
 * When somebody else has changed one of the replaced blocks meanwhile the namenode refuses, and it is
 * done again over what they wrote.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/env.h"
#include "fuse/file.h"

enum { TRIES = 5, PIECE = 1 << 20 };

/* Whatever is not staged: from the base, and zero behind its end. */
int file_read_staged(struct file *f, char *buf, size_t n, uint64_t at, struct err *err)
{
    while (n > 0) {
        bool staged;
        size_t k = stage_run(f->stage, at, n, &staged);
        int rc = 0;

        if (staged) {
            rc = stage_read(f->stage, buf, k, at, err);
        } else if (at < f->base_length) {
            ssize_t got;

            if (k > f->base_length - at)
                k = (size_t)(f->base_length - at);
            got = dfs_pread(f->base, buf, k, at, err);
            if (got >= 0 && (size_t)got < k) /* somebody cut it: these are zeros now */
                memset(buf + got, 0, k - (size_t)got);
            rc = got < 0 ? (int)got : 0;
        } else {
            memset(buf, 0, k);
        }
        if (rc < 0)
            return rc;
        buf += k;
        at += k;
        n -= k;
    }
    return 0;
}

/* Bytes [from, to) of the file into a file of the store. */
static int pour(struct file *f, struct dfs_file *to_file, uint64_t from, uint64_t to,
                struct err *err)
{
    char *piece = malloc(PIECE);
    int rc = piece ? 0 : err_set(err, ERR_NOMEM, "commit");

    while (rc == 0 && from < to) {
        size_t n = to - from < PIECE ? (size_t)(to - from) : PIECE;

        rc = file_read_staged(f, piece, n, from, err);
        if (rc == 0)
            rc = dfs_write(to_file, piece, n, err);
        from += n;
    }
    free(piece);
    return rc;
}

/* ---- behind the end ---- */

static bool only_adds(const struct file *f)
{
    return f->size >= f->base_length &&
           (f->base_length == 0 || !stage_touches(f->stage, 0, f->base_length));
}

/* *done false: the file's end is not where it was. */
static int commit_end(struct file *f, bool sync, bool *done, struct err *err)
{
    int rc = 0, closed;

    if (!f->writer)
        rc = file_append(f, &f->writer, err);
    if (rc < 0)
        return rc;
    *done = dfs_tell(f->writer) == f->base_length;
    if (*done)
        rc = pour(f, f->writer, f->base_length, f->size, err);
    if (rc == 0 && *done && sync)
        rc = dfs_flush(f->writer, DFS_FLUSH_SYNC, err);
    closed = dfs_close(f->writer, rc == 0 ? err : NULL);
    f->writer = NULL;
    return rc < 0 ? rc : closed;
}

/* ---- in the middle ---- */

struct plan {
    struct dfs_block *blocks;
    size_t count;
    struct dfs_splice_run *runs;
    uint64_t (*bytes)[2]; /* of the file, for each run */
    size_t run_count;
    uint64_t block_size;
    uint32_t replication;
    char ec_policy[96];
    char path[128]; /* of the hidden file */
};

static bool keeps(const struct file *f, const struct dfs_block *b, bool is_last)
{
    uint64_t end = b->offset + b->length;

    return end <= f->base_length && end <= f->size && !(is_last && f->size > end) &&
           !stage_touches(f->stage, b->offset, end);
}

/* Runs of blocks that do not stay. The last one takes all that is behind the old end, too. */
static void find_runs(const struct file *f, struct plan *p)
{
    struct dfs_splice_run *run = NULL;
    uint64_t at = 0;

    for (size_t i = 0; i < p->count; i++) {
        const struct dfs_block *b = &p->blocks[i];

        at = b->offset + b->length;
        if (keeps(f, b, i + 1 == p->count)) {
            run = NULL;
            continue;
        }
        if (!run) {
            run = &p->runs[p->run_count];
            *run = (struct dfs_splice_run){.at = (uint32_t)i};
            p->bytes[p->run_count++][0] = b->offset;
        }
        run->drop++;
        p->bytes[p->run_count - 1][1] = at < f->size ? at : f->size;
    }
    if (f->size > at && !run) {
        p->runs[p->run_count] = (struct dfs_splice_run){.at = (uint32_t)p->count};
        p->bytes[p->run_count++][0] = at;
    }
    if (f->size > at)
        p->bytes[p->run_count - 1][1] = f->size;
    for (size_t i = 0; i < p->run_count; i++) {
        uint64_t n = p->bytes[i][1] > p->bytes[i][0] ? p->bytes[i][1] - p->bytes[i][0] : 0;

        p->runs[i].take = (uint32_t)((n + p->block_size - 1) / p->block_size);
    }
}

static int make_plan(struct file *f, struct plan *p, struct err *err)
{
    char up[96];
    struct dfs_stat st, dir;
    int rc = dfs_stat(f->fs, f->path, &st, err);

    if (rc < 0)
        return rc;
    p->block_size = st.block_size;
    p->replication = st.replication;
    snprintf(p->ec_policy, sizeof p->ec_policy, "%s", st.ec_policy ? st.ec_policy : "replication");
    dfs_stat_done(&st);
    snprintf(up, sizeof up, "%s/..", f->path);
    rc = dfs_stat(f->fs, up, &dir, err);
    if (rc < 0)
        return rc;
    snprintf(p->path, sizeof p->path, "/.reserved/.inodes/%" PRIu64 "/" FILE_HIDDEN "%016" PRIx64,
             dir.inode_id, env_random_u64(env_posix()));
    dfs_stat_done(&dir);
    rc = dfs_blocks(f->fs, f->path, 0, INT64_MAX, &p->blocks, &p->count, err);
    if (rc < 0)
        return rc;
    p->runs = calloc(p->count + 1, sizeof *p->runs);
    p->bytes = calloc(p->count + 1, sizeof *p->bytes);
    if (!p->runs || !p->bytes)
        return err_set(err, ERR_NOMEM, "commit");
    find_runs(f, p);
    return 0;
}

static void plan_done(struct plan *p)
{
    dfs_blocks_free(p->blocks, p->count);
    free(p->runs);
    free(p->bytes);
}

static bool is_striped(const struct plan *p)
{
    return strcmp(p->ec_policy, "replication") != 0;
}

/* How many blocks each run has become: of a striped file its policy says that, which only the namenode
 * knows. */
static int count_taken(struct file *f, const struct plan *p, struct err *err)
{
    struct dfs_block *made;
    uint64_t from = 0;
    size_t n, k = 0;
    int rc = dfs_blocks(f->fs, p->path, 0, INT64_MAX, &made, &n, err);

    if (rc < 0)
        return rc;
    for (size_t i = 0; i < p->run_count; i++) {
        uint64_t to = from;

        if (p->bytes[i][1] > p->bytes[i][0])
            to += p->bytes[i][1] - p->bytes[i][0];
        for (p->runs[i].take = 0; k < n && made[k].offset < to; k++)
            p->runs[i].take++;
        from = to;
    }
    dfs_blocks_free(made, n);
    return 0;
}

/* The new blocks, in a hidden file beside this one. */
static int write_blocks(struct file *f, const struct plan *p, bool sync, bool *any, struct err *err)
{
    const struct dfs_create how = {.mode = 0600,
                                   .exact_mode = true,
                                   .block_size = p->block_size,
                                   .replication = p->replication,
                                   .ec_policy = p->ec_policy,
                                   .sync = sync ? DFS_SYNC_EVERY : DFS_SYNC_NONE};
    struct dfs_file *to = NULL;
    int rc = 0;

    *any = false;
    for (size_t i = 0; i < p->run_count; i++)
        *any = *any || p->runs[i].take > 0;
    if (!*any)
        return 0;
    rc = dfs_create(f->fs, p->path, &how, &to, err);
    for (size_t i = 0; i < p->run_count && rc == 0; i++) {
        rc = pour(f, to, p->bytes[i][0], p->bytes[i][1], err);
        if (rc == 0)
            rc = dfs_end_block(to, err);
    }
    if (rc == 0) {
        rc = dfs_close(to, err);
    } else {
        dfs_abandon(to);
    }
    if (rc == 0 && is_striped(p))
        rc = count_taken(f, p, err);
    if (rc < 0)
        dfs_delete(f->fs, p->path, false, NULL, NULL);
    return rc;
}

static int commit_middle(struct file *f, bool sync, struct err *err)
{
    struct plan p = {0};
    bool any = false;
    int rc = make_plan(f, &p, err);

    if (rc == 0 && p.run_count > 0)
        rc = write_blocks(f, &p, sync, &any, err);
    if (rc == 0 && p.run_count > 0) {
        rc = dfs_splice(f->fs, f->path, any ? p.path : NULL, p.runs, p.run_count, p.blocks, p.count,
                        err);
        if (rc < 0 && any)
            dfs_delete(f->fs, p.path, false, NULL, NULL);
    }
    plan_done(&p);
    return rc;
}

/* The file as it has become: what is staged goes over that. */
static int look_again(struct file *f, struct err *err)
{
    struct dfs_file *base;
    int rc = dfs_open(f->fs, f->path, &base, err);

    if (rc < 0)
        return rc;
    dfs_close(f->base, NULL);
    f->base = base;
    if (dfs_length(base) < f->base_length || f->size == f->base_length)
        f->base_length = dfs_length(base);
    if (f->size < f->base_length)
        f->size = f->base_length;
    return 0;
}

int file_commit_stage(struct file *f, bool sync, struct err *err)
{
    struct err why = {0};
    int rc = -ERR_IO;

    for (int tries = 0; tries < TRIES; tries++) {
        bool done = false;

        rc = only_adds(f) ? commit_end(f, sync, &done, &why) : 0;
        if (rc == 0 && !done)
            rc = commit_middle(f, sync, &why);
        if (rc != -ERR_INVALID_REQUEST || look_again(f, &why) < 0)
            break;
    }
    if (rc < 0) {
        if (err)
            *err = why;
        return rc;
    }
    return file_settle(f, 0, err);
}
