#include "client/shell/ec_convert.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/crc_join.h"

#define HIDDEN ".dfs-ec-convert-"

enum {
    MISUSED = 1,
    FAILED = 2,
    PIECE = 4 << 20,
    TRIES = 3,            /* of a file that changes meanwhile */
    PATIENCE_MS = 120000, /* for a namenode that is away */
};

struct conversion {
    struct dfs *fs;
    const char *policy; /* "replication": none */
    uint32_t replication;
    uint8_t *piece;
    uint64_t converted, right, failed, bytes;
};

/* One file on its way. */
struct one {
    char by_id[64]; /* whatever becomes of its name */
    char *hidden;
    struct dfs_block *blocks; /* as they were before anything was read */
    size_t block_count;
    uint64_t block_size;
    uint32_t crc;
};

/* ---- one file ---- */

/* CRC32C of what is read; the datanodes' own sums have been checked by then. */
static const struct checksum castagnoli = {.type = PB__CHECKSUM_TYPE_PROTO__CHECKSUM_CRC32C,
                                           .bytes_per = 512};

static int pour(struct conversion *c, struct one *o, struct dfs_file *from, struct dfs_file *to,
                struct err *err)
{
    ssize_t n;
    int rc = 0;

    o->crc = 0;
    while (rc == 0 && (n = dfs_read(from, c->piece, PIECE, err)) != 0) {
        if (n < 0)
            return (int)n;
        o->crc = crc_join(&castagnoli, o->crc, checksum_of(&castagnoli, c->piece, (size_t)n),
                          crc_shift(&castagnoli, (uint64_t)n));
        rc = dfs_write(to, c->piece, (size_t)n, err);
    }
    return rc;
}

/* Do the datanodes have what was read? */
static int verify(struct conversion *c, const struct one *o, struct err *err)
{
    struct dfs_checksum sum = {.n = 0};
    int rc = dfs_composite_checksum(c->fs, o->hidden, &sum, err);

    if (rc < 0 || sum.n != 4 || strcmp(sum.algorithm, "COMPOSITE-CRC32C") != 0)
        return rc;
    if (get_be(sum.bytes, 4) == o->crc)
        return 0;
    return err_set(err, ERR_CORRUPT, "%s: CRC %08" PRIx64 " where %08" PRIx32 " was written",
                   o->hidden, get_be(sum.bytes, 4), o->crc);
}

/* The bytes in the hidden file, closed. */
static int write_hidden(struct conversion *c, struct one *o, struct err *err)
{
    const struct dfs_create how = {.overwrite = true,
                                   .mode = 0600,
                                   .exact_mode = true,
                                   .block_size = o->block_size,
                                   .replication = c->replication,
                                   .ec_policy = c->policy};
    struct dfs_file *from, *to;
    int rc = dfs_open(c->fs, o->by_id, &from, err);

    if (rc < 0)
        return rc;
    rc = dfs_create(c->fs, o->hidden, &how, &to, err);
    if (rc == 0) {
        rc = pour(c, o, from, to, err);
        if (rc == 0)
            rc = dfs_close(to, err);
        else
            dfs_abandon(to);
    }
    dfs_close(from, NULL);
    return rc;
}

static int swap(struct conversion *c, const struct one *o, struct err *err)
{
    struct dfs_block *now;
    size_t n;
    int rc = dfs_blocks(c->fs, o->hidden, 0, INT64_MAX, &now, &n, err);

    if (rc < 0)
        return rc;
    dfs_blocks_free(now, n);
    return dfs_take_layout(c->fs, o->by_id, o->hidden, o->blocks, o->block_count, n, err);
}

/* Has somebody changed it since its blocks were asked for?  Whatever then went wrong may come of that. */
static bool has_changed(struct conversion *c, const struct one *o)
{
    struct dfs_block *now;
    bool changed;
    size_t n;

    if (dfs_blocks(c->fs, o->by_id, 0, INT64_MAX, &now, &n, NULL) < 0)
        return false;
    changed = n != o->block_count;
    for (size_t i = 0; i < n && !changed; i++)
        changed = now[i].block_id != o->blocks[i].block_id || now[i].gs != o->blocks[i].gs ||
                  now[i].length != o->blocks[i].length;
    dfs_blocks_free(now, n);
    return changed;
}

static int try_once(struct conversion *c, struct one *o, struct err *err)
{
    bool closed = false;
    int rc = dfs_is_closed(c->fs, o->by_id, &closed, err);

    if (rc == 0 && !closed)
        rc = err_set(err, ERR_WRITER, "is being written");
    if (rc == 0)
        rc = dfs_blocks(c->fs, o->by_id, 0, INT64_MAX, &o->blocks, &o->block_count, err);
    if (rc == 0)
        rc = write_hidden(c, o, err);
    if (rc == 0 && o->block_count > 0)
        rc = verify(c, o, err);
    if (rc == 0)
        rc = swap(c, o, err);
    if (rc < 0)
        dfs_delete(c->fs, o->hidden, false, NULL, NULL);
    if (rc < 0 && o->blocks && has_changed(c, o))
        rc = -ERR_INVALID_REQUEST;
    dfs_blocks_free(o->blocks, o->block_count);
    o->blocks = NULL;
    o->block_count = 0;
    return rc;
}

static bool is_right(const struct conversion *c, const struct dfs_stat *st)
{
    return strcmp(st->ec_policy ? st->ec_policy : "replication", c->policy) == 0;
}

static void convert_file(struct conversion *c, const struct dfs_stat *st)
{
    struct one o = {.block_size = st->block_size};
    const char *slash = strrchr(st->path, '/');
    struct err err = {0};
    int rc = -ERR_NOMEM;

    if (is_right(c, st)) {
        c->right++;
        return;
    }
    snprintf(o.by_id, sizeof o.by_id, "/.reserved/.inodes/%" PRIu64, st->inode_id);
    if (asprintf(&o.hidden, "%.*s/" HIDDEN "%" PRIu64, (int)(slash - st->path), st->path,
                 st->inode_id) < 0)
        o.hidden = NULL;
    if (o.hidden)
        rc = -ERR_INVALID_REQUEST;
    for (int i = 0; i < TRIES && rc == -ERR_INVALID_REQUEST; i++)
        rc = try_once(c, &o, &err);
    free(o.hidden);
    if (rc == 0) {
        c->converted++;
        c->bytes += st->length;
        printf("Converted %s\n", st->path);
        return;
    }
    c->failed++;
    fflush(stdout);
    fprintf(stderr, "%s: left as it is: %.*s\n", st->path, (int)strcspn(err.text, "\n"), err.text);
}

/* ---- a tree ---- */

static bool is_hidden(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash && strncmp(slash + 1, HIDDEN, sizeof HIDDEN - 1) == 0;
}

struct names {
    char **list;
    size_t n, cap;
};

static int keep(struct names *l, const char *path, struct err *err)
{
    if (l->n == l->cap) {
        size_t cap = l->cap * 2 + 16;
        char **more = realloc(l->list, cap * sizeof *more);

        if (!more)
            return err_set(err, ERR_NOMEM, "%s", path);
        l->list = more;
        l->cap = cap;
    }
    if (!(l->list[l->n] = strdup(path)))
        return err_set(err, ERR_NOMEM, "%s", path);
    l->n++;
    return 0;
}

static void names_done(struct names *l)
{
    while (l->n > 0)
        free(l->list[--l->n]);
    free(l->list);
}

/* The files of one directory; those below it go to @dirs. */
static int convert_dir(struct conversion *c, const char *path, struct names *dirs, struct err *err)
{
    struct names left = {0}; /* by a run that was cut short */
    const struct dfs_stat *st;
    struct dfs_dir *d;
    int rc = dfs_opendir(c->fs, path, &d, err), more = 0;

    if (rc < 0)
        return rc;
    while (rc == 0 && (more = dfs_readdir(d, &st, err)) > 0) {
        if (st->kind == DFS_DIR)
            rc = keep(dirs, st->path, err);
        else if (st->kind == DFS_FILE && is_hidden(st->path))
            rc = keep(&left, st->path, err);
        else if (st->kind == DFS_FILE)
            convert_file(c, st);
    }
    dfs_closedir(d);
    for (size_t i = 0; i < left.n && rc == 0 && more == 0; i++)
        dfs_delete(c->fs, left.list[i], false, NULL, NULL);
    names_done(&left);
    return rc < 0 ? rc : more;
}

static int convert_tree(struct conversion *c, const char *path, struct err *err)
{
    struct names dirs = {0};
    int rc = keep(&dirs, path, err);

    while (rc == 0 && dirs.n > 0) {
        char *dir = dirs.list[--dirs.n];

        rc = convert_dir(c, dir, &dirs, err);
        free(dir);
    }
    names_done(&dirs);
    return rc;
}

/* ---- the command ---- */

/* The policy by the name that the namenode has for it. */
static int find_policy(struct tool *t, struct conversion *c, struct err *err)
{
    Pb__GetErasureCodingPoliciesRequestProto rq =
        PB__GET_ERASURE_CODING_POLICIES_REQUEST_PROTO__INIT;
    Pb__GetErasureCodingPoliciesResponseProto *rs;
    int rc = FS_ASK(t->fs, "getErasureCodingPolicies", &rq, get_erasure_coding_policies, &t->arena,
                    &rs, err);

    if (rc < 0)
        return rc;
    for (size_t i = 0; i < rs->n_ecpolicies; i++) {
        Pb__ErasureCodingPolicyProto *p = rs->ecpolicies[i];

        ec_name_policy(p, &t->arena);
        if (p->name && strcasecmp(p->name, c->policy) == 0 &&
            p->state == PB__ERASURE_CODING_POLICY_STATE__ENABLED) {
            c->policy = p->name;
            return 0;
        }
    }
    return err_set(err, ERR_HADOOP_ARG, "Policy '%s' is not enabled; see -listPolicies", c->policy);
}

static int run(struct tool *t, struct conversion *c, const char *path, struct err *err)
{
    struct dfs_stat st;
    int rc = strcmp(c->policy, "replication") == 0 ? 0 : find_policy(t, c, err);

    if (rc == 0)
        rc = dfs_stat(c->fs, path, &st, err);
    if (rc < 0)
        return rc;
    if (!dfs_can_splice(c->fs))
        rc = err_set(err, ERR_UNSUPPORTED, "this namenode can't give a file other blocks");
    else if (st.kind == DFS_DIR)
        rc = convert_tree(c, st.path, err);
    else if (st.kind == DFS_FILE)
        convert_file(c, &st);
    dfs_stat_done(&st);
    return rc;
}

int ec_convert(struct tool *t, char **args, int count)
{
    struct conversion c = {.fs = t->fs, .policy = tool_option(args, &count, "-policy")};
    const char *path = tool_option(args, &count, "-path");
    const char *copies = tool_option(args, &count, "-replicate");
    struct err err = {0};
    int rc;

    if (!path && count == 1)
        path = args[--count];
    if (!path || count > 0)
        return tool_misused(t, "Please specify one path.");
    if (!c.policy == !copies)
        return tool_misused(t, "Please specify either -policy or -replicate.");
    if (copies) {
        char *end;
        long n = strtol(copies, &end, 10);

        if (*end || n < 1 || n > UINT16_MAX)
            return tool_misused(t, "-replicate wants the number of copies.");
        c.replication = (uint32_t)n;
        c.policy = "replication";
    }
    c.piece = malloc(PIECE);
    if (!c.piece)
        return FAILED;
    dfs_set_patience(c.fs, PATIENCE_MS);
    rc = run(t, &c, path, &err);
    free(c.piece);
    if (rc < 0)
        tool_failed(t, &err);
    printf("%" PRIu64 " converted (%" PRIu64 " bytes), %" PRIu64 " as wanted already, %" PRIu64
           " left as they are\n",
           c.converted, c.bytes, c.right, c.failed);
    return rc < 0 || c.failed > 0 ? FAILED : 0;
}
