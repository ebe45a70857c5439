/* splice.c -- libdfs: the namenode's calls that are Ashlar's own. */
#include "client/fs.h"
#include "mount.pb-c.h"

/* Runs, and the blocks that they replace, as messages. */
static int fill_runs(Pb__SpliceFileRequestProto *req, struct arena *arena,
                     const struct dfs_splice_run *runs, size_t count,
                     const struct dfs_block *blocks, struct err *err)
{
    Pb__SplicedBlockProto *b;
    Pb__SpliceRunProto *r = arena_alloc(arena, (count + 1) * sizeof *r);
    size_t drops = 0, n = 0;

    for (size_t i = 0; i < count; i++)
        drops += runs[i].drop;
    b = arena_alloc(arena, (drops + 1) * sizeof *b);
    req->runs = arena_alloc(arena, (count + 1) * sizeof *req->runs);
    req->replaced = arena_alloc(arena, (drops + 1) * sizeof *req->replaced);
    if (!r || !b || !req->runs || !req->replaced)
        return err_set(err, ERR_NOMEM, "splice of %zu blocks", drops);
    for (size_t i = 0; i < count; i++) {
        pb__splice_run_proto__init(&r[i]);
        r[i].at = runs[i].at;
        r[i].drop = runs[i].drop;
        r[i].take = runs[i].take;
        req->runs[i] = &r[i];
        for (uint32_t k = 0; k < runs[i].drop; k++, n++) {
            const struct dfs_block *from = &blocks[runs[i].at + k];

            pb__spliced_block_proto__init(&b[n]);
            b[n].blockid = from->block_id;
            b[n].genstamp = from->gs;
            b[n].numbytes = from->length;
            req->replaced[n] = &b[n];
        }
    }
    req->n_runs = count;
    req->n_replaced = drops;
    return 0;
}

int dfs_splice(struct dfs *fs, const char *path, const char *source,
               const struct dfs_splice_run *runs, size_t count, const struct dfs_block *blocks,
               size_t block_count, struct err *err)
{
    Pb__SpliceFileRequestProto req = PB__SPLICE_FILE_REQUEST_PROTO__INIT;
    Pb__SpliceFileResponseProto *answer;
    struct path_question q;
    int rc = question_begin(&q, fs, path, err);

    if (rc == 0 && source)
        rc = fs_path(fs, source, &q.arena, &req.source, err);
    if (rc == 0)
        rc = fill_runs(&req, &q.arena, runs, count, blocks, err);
    if (rc == 0) {
        req.src = q.path;
        req.blockcount = (uint32_t)block_count;
        rc = FS_ASK(fs, "spliceFile", &req, splice_file, &q.arena, &answer, err);
    }
    return question_end(&q, rc);
}

int dfs_take_layout(struct dfs *fs, const char *path, const char *source,
                    const struct dfs_block *blocks, size_t block_count, size_t source_block_count,
                    struct err *err)
{
    const struct dfs_splice_run run = {.drop = (uint32_t)block_count,
                                       .take = (uint32_t)source_block_count};
    Pb__SpliceFileRequestProto req = PB__SPLICE_FILE_REQUEST_PROTO__INIT;
    Pb__SpliceFileResponseProto *answer;
    struct path_question q;
    int rc = question_begin(&q, fs, path, err);

    if (rc == 0)
        rc = fs_path(fs, source, &q.arena, &req.source, err);
    if (rc == 0)
        rc = fill_runs(&req, &q.arena, &run, 1, blocks, err);
    if (rc == 0) {
        req.src = q.path;
        req.blockcount = (uint32_t)block_count;
        req.has_takelayout = req.takelayout = true;
        rc = FS_ASK_PATIENTLY(fs, "spliceFile", &req, splice_file, &q.arena, &answer, err);
    }
    return question_end(&q, rc);
}

int dfs_exchange(struct dfs *fs, const char *a, const char *b, struct err *err)
{
    Pb__ExchangeRequestProto req = PB__EXCHANGE_REQUEST_PROTO__INIT;
    Pb__ExchangeResponseProto *answer;
    struct path_question q;
    int rc = question_begin(&q, fs, a, err);

    if (rc == 0)
        rc = fs_path(fs, b, &q.arena, &req.dst, err);
    if (rc == 0) {
        req.src = q.path;
        rc = FS_ASK(fs, "exchange", &req, exchange, &q.arena, &answer, err);
    }
    return question_end(&q, rc);
}

/* A call that changes nothing: there is no such file. */
bool dfs_can_splice(struct dfs *fs)
{
    struct err err = {.code = ERR_NONE};

    dfs_splice(fs, "/.reserved/.inodes/1", NULL, NULL, 0, NULL, 0, &err);
    return err.code != ERR_NO_METHOD && err.code != ERR_RPC;
}
