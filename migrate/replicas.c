#include "migrate/replicas.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "datanode/meta_file.h"
#include "datanode/properties.h"

enum { LAYOUT_OLDEST = -56, LAYOUT_NEWEST = -57, PATHS_MAX = 16 << 20 };

struct found {
    int64_t id;
    uint64_t stamp;
    bool is_meta;
};

/* The names of one directory. */
struct names {
    struct found *blocks;
    size_t count, cap;
    char **dirs; /* subdirN */
    size_t dir_count, dir_cap;
    bool nomem;
};

struct data_dir {
    struct env *env;
    const char *path;
    struct namespace *ns;
    struct replica_totals *totals;
    struct report *r;
    uint64_t finalized, bytes, unfinished, copies, unknown, stale;
};

/* ---- names ---- */

static bool parse_name(const char *name, struct found *out)
{
    char *end;

    if (strncmp(name, "blk_", 4) != 0)
        return false;
    *out = (struct found){.id = strtoll(name + 4, &end, 10)};
    if (end == name + 4 || *end == 0)
        return end != name + 4;
    if (*end != '_')
        return false;
    out->stamp = strtoull(end + 1, &end, 10);
    out->is_meta = true;
    return strcmp(end, ".meta") == 0;
}

static bool grow(void **list, size_t count, size_t *cap, size_t item)
{
    size_t want = *cap ? *cap * 2 : 256;
    void *more;

    if (count < *cap)
        return true;
    if (!(more = realloc(*list, want * item)))
        return false;
    *list = more;
    *cap = want;
    return true;
}

static void see(void *ctx, const char *name)
{
    struct names *n = ctx;
    struct found f;

    if (parse_name(name, &f)) {
        if (grow((void **)&n->blocks, n->count, &n->cap, sizeof f))
            n->blocks[n->count++] = f;
        else
            n->nomem = true;
    } else if (strncmp(name, "subdir", 6) == 0) {
        if (grow((void **)&n->dirs, n->dir_count, &n->dir_cap, sizeof *n->dirs) &&
            (n->dirs[n->dir_count] = strdup(name)))
            n->dir_count++;
        else
            n->nomem = true;
    }
}

static void names_done(struct names *n)
{
    for (size_t i = 0; i < n->dir_count; i++)
        free(n->dirs[i]);
    free(n->dirs);
    free(n->blocks);
}

/* By id; the block before its meta files. */
static int by_id(const void *a, const void *b)
{
    const struct found *x = a, *y = b;

    if (x->id != y->id)
        return x->id < y->id ? -1 : 1;
    if (x->is_meta != y->is_meta)
        return x->is_meta ? 1 : -1;
    return x->stamp < y->stamp ? -1 : x->stamp > y->stamp;
}

/* ---- one replica ---- */

/* What its bytes should be; false: it is still being written, or of a block that is. */
static bool length_due(struct namespace *ns, const struct found *f, const struct block_info *b,
                       uint64_t *out)
{
    struct striping s;

    if (b->state != BLOCK_COMPLETE)
        return false;
    *out = id_is_striped((uint64_t)f->id) && ns_striping(ns, b->file, &s)
               ? striping_unit_length(&s, b->length, id_unit((uint64_t)f->id))
               : b->length;
    return true;
}

/* The head of its checksums, and whether there are enough of them; says what is wrong. */
static bool sums_fit(struct data_dir *d, const char *dir, const struct found *f, uint64_t bytes)
{
    char path[PATH_MAX];
    struct checksum sum;
    struct env_stat st;
    struct err err;
    int fd, rc;

    snprintf(path, sizeof path, "%s/blk_%" PRId64 "_%" PRIu64 ".meta", dir, f->id, f->stamp);
    if ((fd = env_open(d->env, path, O_RDONLY, 0, &err)) < 0) {
        report_finding(d->r, "checksums: %s", err.text);
        return false;
    }
    rc = meta_header_read(d->env, fd, &sum, &err);
    env_close(d->env, fd, NULL);
    if (rc == 0)
        rc = env_stat(d->env, path, &st, &err);
    if (rc == 0 && st.size_bytes < meta_size(&sum, bytes))
        rc = err_set(&err, ERR_CORRUPT, "%" PRIu64 " bytes, %" PRIu64 " are due", st.size_bytes,
                     meta_size(&sum, bytes));
    if (rc < 0)
        report_finding(d->r, "checksums: %s: %s", path, err.text);
    return rc == 0;
}

static void see_replica(struct data_dir *d, const char *dir, const struct found *f, bool finalized)
{
    char path[PATH_MAX];
    struct block_info b;
    struct env_stat st;
    uint64_t due;

    snprintf(path, sizeof path, "%s/blk_%" PRId64, dir, f->id);
    if (env_stat(d->env, path, &st, NULL) < 0)
        return;
    *(finalized ? &d->finalized : &d->unfinished) += 1;
    d->bytes += st.size_bytes;
    if (!ns_block(d->ns, (uint64_t)f->id, &b)) {
        d->unknown++;
        report_finding(d->r, "replica without a block: %s: it will be deleted", path);
        return;
    }
    if (f->stamp != b.gs) {
        d->stale++;
        report_finding(d->r, "old replica: %s: generation %" PRIu64 ", the block's is %" PRIu64,
                       path, f->stamp, b.gs);
        return;
    }
    if (finalized && length_due(d->ns, f, &b, &due) && st.size_bytes != due) {
        d->stale++;
        report_finding(d->r, "damaged replica: %s: %" PRIu64 " bytes, the block has %" PRIu64, path,
                       st.size_bytes, due);
        return;
    }
    if (sums_fit(d, dir, f, st.size_bytes))
        ns_block_add_storage(d->ns, (uint64_t)f->id, 0);
    else
        d->stale++;
}

/* Pairs each block of a directory with its newest meta file. */
static void see_blocks(struct data_dir *d, const char *dir, struct names *n, bool finalized)
{
    if (n->count)
        qsort(n->blocks, n->count, sizeof *n->blocks, by_id);
    for (size_t i = 0, next; i < n->count; i = next) {
        struct found f = n->blocks[i];
        bool has_meta = false, has_block = !f.is_meta;

        for (next = i; next < n->count && n->blocks[next].id == f.id; next++)
            if (n->blocks[next].is_meta) {
                f.stamp = n->blocks[next].stamp;
                has_meta = true;
            }
        if (!has_block)
            report_finding(d->r,
                           "checksums without a block file: %s/blk_%" PRId64 "_%" PRIu64 ".meta",
                           dir, f.id, f.stamp);
        else if (!has_meta)
            report_finding(d->r, "block file without checksums: %s/blk_%" PRId64, dir, f.id);
        else
            see_replica(d, dir, &f, finalized);
    }
}

static void see_tree(struct data_dir *d, const char *dir, bool finalized, int depth)
{
    struct names n = {0};
    char sub[PATH_MAX];
    struct err err;
    int rc = env_list(d->env, dir, see, &n, &err);

    if (rc < 0 || n.nomem)
        report_wont_start(d->r, "%s: %s", dir, rc < 0 ? err.text : "out of memory");
    see_blocks(d, dir, &n, finalized);
    for (size_t i = 0; i < n.dir_count && finalized && depth < 2; i++)
        if ((size_t)snprintf(sub, sizeof sub, "%s/%s", dir, n.dirs[i]) < sizeof sub)
            see_tree(d, sub, finalized, depth + 1);
    names_done(&n);
}

/* ---- a directory ---- */

static const char *get(const struct properties *p, const char *key)
{
    const char *v = properties_get(p, key);

    return v ? v : "missing";
}

static bool is_there(struct data_dir *d, const char *where)
{
    struct env_stat st;

    return env_stat(d->env, where, &st, NULL) == 0;
}

/* A VERSION that a datanode of ours would take. */
static bool version_fits(struct data_dir *d, const char *path, struct properties *p)
{
    struct err err;
    long layout;
    char *end;

    if (properties_read(d->env, path, p, &err) < 0) {
        report_wont_start(d->r, "%s", err.text);
        return false;
    }
    layout = strtol(get(p, "layoutVersion"), &end, 10);
    if (*end || layout > LAYOUT_OLDEST || layout < LAYOUT_NEWEST) {
        report_wont_start(d->r, "%s: layout version %s; %d and %d can be read", path,
                          get(p, "layoutVersion"), LAYOUT_OLDEST, LAYOUT_NEWEST);
        return false;
    }
    return true;
}

static void see_pool(struct data_dir *d, const char *name, const struct name_identity *id)
{
    char dir[PATH_MAX], path[PATH_MAX + 32];
    struct properties p;

    snprintf(dir, sizeof dir, "%s/current/%s", d->path, name);
    if (strcmp(name, id->pool_id) != 0) {
        d->totals->foreign++;
        report_finding(d->r, "block pool of another namenode: %s: it is left alone", dir);
        return;
    }
    snprintf(path, sizeof path, "%s/current/VERSION", dir);
    if (!version_fits(d, path, &p))
        return;
    if (strtoul(get(&p, "namespaceID"), NULL, 10) != id->namespace_id)
        report_wont_start(d->r, "%s: namespaceID %s, the name directory's is %" PRIu32, path,
                          get(&p, "namespaceID"), id->namespace_id);
    snprintf(path, sizeof path, "%s/current/finalized", dir);
    if (is_there(d, path))
        see_tree(d, path, true, 0);
    snprintf(path, sizeof path, "%s/current/rbw", dir);
    if (is_there(d, path))
        see_tree(d, path, false, 0);
    report_end_of_kind(d->r);
    snprintf(path, sizeof path, "%s/trash", dir);
    if (is_there(d, path))
        report_finding(d->r, "trash of a rolling upgrade: %s: it is kept, for datanode -rollback",
                       path);
    snprintf(path, sizeof path, "%s/previous", dir);
    if (is_there(d, path))
        report_finding(d->r,
                       "an upgrade that was not finalized: %s: it is kept, for datanode -rollback",
                       path);
    report_end_of_kind(d->r);
}

struct pools {
    struct data_dir *d;
    const struct name_identity *id;
    int count;
};

static void see_pool_name(void *ctx, const char *name)
{
    struct pools *p = ctx;

    if (strncmp(name, "BP-", 3) != 0)
        return;
    p->count++;
    see_pool(p->d, name, p->id);
}

static bool is_free(struct data_dir *d)
{
    struct flock all = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    char path[PATH_MAX];
    bool free_now = true;
    int fd;

    snprintf(path, sizeof path, "%s/in_use.lock", d->path);
    if ((fd = env_open(d->env, path, O_RDONLY, 0, NULL)) < 0)
        return true;
    if (fcntl(fd, F_OFD_GETLK, &all) == 0 && all.l_type != F_UNLCK) {
        report_wont_start(d->r, "%s is in use: stop its datanode first", d->path);
        free_now = false;
    }
    env_close(d->env, fd, NULL);
    return free_now;
}

void replicas_check(struct env *env, const char *dir, struct namespace *ns,
                    const struct name_identity *id, struct replica_totals *totals, struct report *r)
{
    struct data_dir d = {.env = env, .path = dir, .ns = ns, .totals = totals, .r = r};
    struct pools pools = {&d, id, 0};
    char path[PATH_MAX];
    struct properties p;
    struct err err;

    if (!is_free(&d))
        return;
    snprintf(path, sizeof path, "%s/current/VERSION", dir);
    if (!version_fits(&d, path, &p))
        return;
    report_fact(r, "data directory %s: layout %s, datanode %s, storage %s", dir,
                get(&p, "layoutVersion"), get(&p, "datanodeUuid"), get(&p, "storageID"));
    if (strcmp(get(&p, "storageType"), "DATA_NODE") != 0)
        report_wont_start(r, "%s: storageType is %s, DATA_NODE is due", path,
                          get(&p, "storageType"));
    if (strcmp(get(&p, "clusterID"), id->cluster_id) != 0) {
        report_wont_start(r, "%s: clusterID %s, the name directory's is %s", path,
                          get(&p, "clusterID"), id->cluster_id);
        return;
    }
    snprintf(path, sizeof path, "%s/current", dir);
    if (env_list(env, path, see_pool_name, &pools, &err) < 0)
        report_wont_start(r, "%s", err.text);
    report_fact(r,
                "  %" PRIu64 " replicas, %" PRIu64 " being written, %" PRIu64 " bytes; %" PRIu64
                " without a block, %" PRIu64 " old or damaged",
                d.finalized, d.unfinished, d.bytes, d.unknown, d.stale);
    totals->replicas += d.finalized;
    totals->unfinished += d.unfinished;
    totals->bytes += d.bytes;
}

/* ---- blocks without replicas ---- */

struct missing {
    struct namespace *ns;
    struct report *r;
    struct arena paths;
};

static void see_block(void *ctx, const struct block_info *b, const uint16_t *storages)
{
    struct missing *m = ctx;
    struct open_file open;
    struct striping s;
    unsigned want = 1;
    const char *path;

    (void)storages;
    if (ns_striping(m->ns, b->file, &s))
        want = striping_data_used(&s, b->length);
    if (b->storage_count >= want || (b->length == 0 && ns_open_file(m->ns, b->file, &open)))
        return;
    arena_reset(&m->paths);
    path = ns_path_of(m->ns, b->file, &m->paths);
    report_finding(
        m->r, "block without a replica: blk_%" PRId64 "_%" PRIu64 ", %" PRIu64 " bytes, of %s%s",
        (int64_t)b->id, b->gs, b->length, path ? path : "a snapshot",
        want > 1 && b->storage_count > 0 ? ": too few units" : "");
}

void replicas_missing(struct namespace *ns, struct report *r)
{
    struct missing m = {.ns = ns, .r = r};
    uint64_t from = 0;

    arena_init(&m.paths, PATHS_MAX);
    do
        from = ns_block_scan(ns, from, 1 << 20, see_block, &m);
    while (from != 0);
    report_end_of_kind(r);
    arena_done(&m.paths);
}
