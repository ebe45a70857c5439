/* Finding the replicas that a volume holds, at the start, and what lies there beside them later:
 * docs/formats/block-files.md. */
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"
#include "datanode/dataset_parts.h"

/* One blk_ file of a directory: a block when it is no meta file. */
struct found {
    uint64_t id, stamp;
    bool is_meta;
};

struct listing {
    struct found *rows;
    size_t count, cap;
};

/* "blk_-12", "blk_12_1001.meta"; anything else isn't ours. */
static bool parse_name(const char *name, struct found *out)
{
    char *end;

    if (strncmp(name, "blk_", 4) != 0 || !name[4])
        return false;
    *out = (struct found){.id = (uint64_t)strtoll(name + 4, &end, 10)};
    if (*end == 0)
        return true;
    if (*end != '_')
        return false;
    out->stamp = strtoull(end + 1, &end, 10);
    out->is_meta = true;
    return strcmp(end, ".meta") == 0;
}

static int list_add(struct listing *l, const struct found *f)
{
    if (l->count == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : 256;
        struct found *more = realloc(l->rows, cap * sizeof *more);

        if (!more)
            return -ERR_NOMEM;
        l->rows = more;
        l->cap = cap;
    }
    l->rows[l->count++] = *f;
    return 0;
}

/* A walk over a volume's directories, and what is done about each block there. */
struct scan {
    struct dataset *ds;
    struct volume *v;
    struct listing l; /* of the directory at hand */
    int (*take)(struct scan *s, enum replica_home home, const char *dir, const struct stray *b);
    struct strays *strays; /* scan_strays' */
};

/* By id; the block before its meta files, an older stamp before a newer. */
static int by_id(const void *a, const void *b)
{
    const struct found *x = a, *y = b;

    if (x->id != y->id)
        return x->id < y->id ? -1 : 1;
    if (x->is_meta != y->is_meta)
        return x->is_meta ? 1 : -1;
    return x->stamp < y->stamp ? -1 : x->stamp > y->stamp;
}

/* The same closed block on two volumes, as a move leaves it whose end was cut short: the newer, then the longer is
 * the replica. (A block whose meta file is gone already has no stamp.) The other's files take room still. */
static void choose_between(struct dataset *ds, struct volume *v, enum replica_home home,
                           const struct block *b, struct replica *r, int64_t counted)
{
    bool better = b->stamp > r->stamp || (b->stamp == r->stamp && b->bytes > r->bytes);

    better &= home == HOME_FINALIZED && r->state == REPLICA_FINALIZED;
    LOG_WARN("dn.scan", "block=blk_%lld_%llu also=blk_%lld_%llu next=\"keep the %s found\"",
             (long long)b->id, (unsigned long long)b->stamp, (long long)r->id,
             (unsigned long long)r->stamp, better ? "last" : "first");
    if (!better)
        return;
    atomic_fetch_sub(&ds->volumes[r->volume]->blocks, 1);
    r->stamp = b->stamp;
    r->bytes = b->bytes & 0xffffffffffff;
    r->volume = v->index & 0xff;
    atomic_fetch_add(&v->used, counted);
    atomic_fetch_add(&v->blocks, 1);
}

static int add_replica(struct dataset *ds, struct volume *v, enum replica_home home,
                       const struct block *b, int64_t counted)
{
    struct replica *r;
    int rc = 0;

    pthread_mutex_lock(&ds->lock);
    if (atomic_load(&v->stage) > VOLUME_SERVES) /* it went meanwhile */
        goto out;
    r = replica_map_find(ds->map, b->id);
    if (r) {
        choose_between(ds, v, home, b, r, counted);
        goto out;
    }
    r = replica_map_add(ds->map, b->id);
    if (!r) {
        rc = -ERR_NOMEM;
        goto out;
    }
    r->stamp = b->stamp;
    r->bytes = b->bytes & 0xffffffffffff;
    r->volume = v->index & 0xff;
    r->home = home & 3;
    replica_move(r, home == HOME_FINALIZED ? REPLICA_FINALIZED : REPLICA_RWR);
    atomic_fetch_add(&v->used, counted);
    atomic_fetch_add(&v->blocks, home == HOME_FINALIZED);
out:
    pthread_mutex_unlock(&ds->lock);
    return rc;
}

/* A kill between the renames that finish a block leaves its meta file ahead in finalized/. */
static bool find_lost_meta(struct volume *v, uint64_t id, uint64_t *stamp)
{
    char path[REPLICA_PATH_MAX], from[REPLICA_PATH_MAX], *slash;
    struct dirent *e;
    bool got = false;
    DIR *dir;

    volume_block_path(v, HOME_FINALIZED, id, path, sizeof path);
    slash = strrchr(path, '/');
    *slash = 0;
    dir = opendir(path);
    while (dir && !got && (e = readdir(dir))) {
        struct found f;

        if (!parse_name(e->d_name, &f) || !f.is_meta || f.id != id)
            continue;
        volume_meta_path(v, HOME_FINALIZED, id, f.stamp, from, sizeof from);
        volume_meta_path(v, HOME_RBW, id, f.stamp, path, sizeof path);
        got = env_rename(v->env, from, path, NULL) == 0;
        *stamp = f.stamp;
        break;
    }
    if (dir)
        closedir(dir);
    return got;
}

/* A replica that was being written: what its sums vouch for is kept, the rest is cut off. */
static int take_unfinished(struct dataset *ds, struct volume *v, uint64_t id, uint64_t stamp)
{
    char path[REPLICA_PATH_MAX];
    struct block b = {.id = id, .stamp = stamp};
    struct stat data, meta;
    int data_fd, meta_fd = -1;

    volume_block_path(v, HOME_RBW, id, path, sizeof path);
    data_fd = open(path, O_RDWR | O_CLOEXEC);
    volume_meta_path(v, HOME_RBW, id, stamp, path, sizeof path);
    if (data_fd >= 0)
        meta_fd = open(path, O_RDWR | O_CLOEXEC);
    if (meta_fd >= 0 && fstat(data_fd, &data) == 0 && fstat(meta_fd, &meta) == 0) {
        struct err err;

        if (meta_valid_bytes(ds->env, data_fd, (uint64_t)data.st_size, meta_fd,
                             (uint64_t)meta.st_size, &b.bytes, &err) < 0)
            LOG_WARN("dn.scan", "block=blk_%lld_%llu err=\"%s\" next=\"report it empty\"",
                     (long long)id, (unsigned long long)stamp, err.text);
        else if (ftruncate(data_fd, (off_t)b.bytes) < 0) /* room beyond the end goes too */
            LOG_WARN("dn.scan", "block=blk_%lld err=\"can't be cut\" next=\"go on\"",
                     (long long)id);
    }
    if (data_fd >= 0)
        close(data_fd);
    if (meta_fd >= 0)
        close(meta_fd);
    return add_replica(ds, v, HOME_RBW, &b, (int64_t)b.bytes);
}

static int64_t usual_meta_bytes(uint64_t bytes)
{
    return META_HEADER_BYTES + (int64_t)((bytes + 511) / 512 * 4);
}

/* Blocks that stand in another directory than their id says (an older layout) are moved. */
static int put_in_place(struct volume *v, const char *dir, uint64_t id, uint64_t stamp)
{
    char from[REPLICA_PATH_MAX], to[REPLICA_PATH_MAX];

    volume_block_path(v, HOME_FINALIZED, id, to, sizeof to);
    if (strncmp(to, dir, strlen(dir)) == 0 && strrchr(to, '/') == to + strlen(dir))
        return 0;
    snprintf(from, sizeof from, "%s/blk_%" PRId64 "_%" PRIu64 ".meta", dir, (int64_t)id, stamp);
    volume_meta_path(v, HOME_FINALIZED, id, stamp, to, sizeof to);
    if (volume_rename(v, from, to, NULL) < 0)
        return -1;
    snprintf(from, sizeof from, "%s/blk_%" PRId64, dir, (int64_t)id);
    volume_block_path(v, HOME_FINALIZED, id, to, sizeof to);
    return volume_rename(v, from, to, NULL);
}

/* Makes a finalized replica of the files in @dir. */
static int take_finalized(struct dataset *ds, struct volume *v, const char *dir, uint64_t id,
                          uint64_t stamp)
{
    char path[REPLICA_PATH_MAX];
    struct stat st;

    snprintf(path, sizeof path, "%s/blk_%" PRId64, dir, (int64_t)id);
    if (stat(path, &st) < 0)
        return 0;
    if (put_in_place(v, dir, id, stamp) < 0)
        LOG_WARN("dn.scan", "block=blk_%lld dir=%s err=\"can't be moved\" next=\"leave it out\"",
                 (long long)id, dir);
    return add_replica(ds, v, HOME_FINALIZED,
                       &(struct block){.id = id, .stamp = stamp, .bytes = (uint64_t)st.st_size},
                       st.st_size + usual_meta_bytes((uint64_t)st.st_size));
}

static int take_one(struct scan *s, enum replica_home home, const char *dir, const struct stray *b)
{
    uint64_t stamp = b->stamp;

    if (!b->has_block)
        return 0;
    if (home == HOME_FINALIZED)
        return take_finalized(s->ds, s->v, dir, b->id, stamp);
    if (!b->has_meta && !find_lost_meta(s->v, b->id, &stamp))
        stamp = 0;
    return take_unfinished(s->ds, s->v, b->id, stamp);
}

/* Pairs each block with its newest meta file. */
static int take_listing(struct scan *s, enum replica_home home, const char *dir)
{
    struct listing *l = &s->l;
    int rc = 0;

    if (l->count)
        qsort(l->rows, l->count, sizeof *l->rows, by_id);
    for (size_t i = 0, next; i < l->count && rc == 0; i = next) {
        struct stray b = {.id = l->rows[i].id, .has_block = !l->rows[i].is_meta};

        for (next = i; next < l->count && l->rows[next].id == b.id; next++)
            if (l->rows[next].is_meta) {
                b.stamp = l->rows[next].stamp;
                b.has_meta = true;
            }
        rc = s->take(s, home, dir, &b);
    }
    l->count = 0;
    return rc;
}

static int scan_dir(struct scan *s, enum replica_home home, const char *path, struct err *err)
{
    DIR *dir = opendir(path);
    struct dirent *e;
    struct found f;
    int rc = 0;

    if (!dir)
        return err_set(err, ERR_IO, "read directory %s", path);
    while (rc == 0 && (e = readdir(dir)))
        if (parse_name(e->d_name, &f))
            rc = list_add(&s->l, &f);
    closedir(dir);
    if (rc == 0)
        rc = take_listing(s, home, path);
    if (rc < 0)
        err_set(err, ERR_NOMEM, "replicas of %s", path);
    return rc;
}

/* finalized/ and its subdirectories, two levels down. */
static int scan_tree(struct scan *s, const char *path, unsigned depth, struct err *err)
{
    char sub[REPLICA_PATH_MAX];
    struct dirent *e;
    DIR *dir;
    int rc = scan_dir(s, HOME_FINALIZED, path, err);

    if (rc < 0 || depth == 2)
        return rc;
    dir = opendir(path);
    if (!dir)
        return err_set(err, ERR_IO, "read directory %s", path);
    while (rc == 0 && (e = readdir(dir))) {
        if (strncmp(e->d_name, "subdir", 6) != 0)
            continue;
        if ((size_t)snprintf(sub, sizeof sub, "%s/%s", path, e->d_name) < sizeof sub)
            rc = scan_tree(s, sub, depth + 1, err);
    }
    closedir(dir);
    return rc;
}

static void empty_dir(const char *path)
{
    DIR *dir = opendir(path);
    struct dirent *e;

    while (dir && (e = readdir(dir)))
        if (e->d_name[0] != '.')
            unlinkat(dirfd(dir), e->d_name, 0);
    if (dir)
        closedir(dir);
}

/* A Java datanode leaves its list of replicas and its figure of used space behind when it stops;
 * both would be wrong when it starts the next time. */
static void drop_java_caches(const struct volume *v)
{
    static const char *const names[] = {"replicas", "dfsUsed"};
    char path[REPLICA_PATH_MAX];

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/current/%s", v->pool_dir, names[i]);
        unlink(path);
    }
}

int replica_scan(struct dataset *ds, struct volume *v, struct err *err)
{
    struct scan s = {.ds = ds, .v = v, .take = take_one};
    char path[REPLICA_PATH_MAX];
    int rc;

    snprintf(path, sizeof path, "%s/tmp", v->pool_dir);
    empty_dir(path);
    drop_java_caches(v);
    snprintf(path, sizeof path, "%s/current/rbw", v->pool_dir);
    rc = scan_dir(&s, HOME_RBW, path, err);
    snprintf(path, sizeof path, "%s/current/finalized", v->pool_dir);
    if (rc == 0)
        rc = scan_tree(&s, path, 0, err);
    free(s.l.rows);
    return rc;
}

/* ---- what came later ---- */

/* A deleted replica is in nobody's map while its files wait for their writer to leave, or for the reaper. */
static bool is_stray(struct dataset *ds, uint64_t id)
{
    bool stray;

    pthread_mutex_lock(&ds->lock);
    stray = !replica_map_find(ds->map, id) && !ds->dying && reaper_pending(ds->reaper) == 0;
    pthread_mutex_unlock(&ds->lock);
    return stray;
}

static int note_stray(struct scan *s, enum replica_home home, const char *dir,
                      const struct stray *b)
{
    struct strays *all = s->strays;

    (void)home;
    if (all->count == STRAYS_MAX || !is_stray(s->ds, b->id))
        return 0;
    all->list[all->count] = *b;
    all->list[all->count].dir = strdup(dir);
    if (!all->list[all->count].dir)
        return -ERR_NOMEM;
    all->count++;
    return 0;
}

int dataset_find_strays(struct dataset *ds, struct volume *v, struct strays *out, struct err *err)
{
    struct scan s = {.ds = ds, .v = v, .take = note_stray, .strays = out};
    char path[REPLICA_PATH_MAX];
    int rc;

    *out = (struct strays){0};
    snprintf(path, sizeof path, "%s/current/finalized", v->pool_dir);
    rc = scan_tree(&s, path, 0, err);
    free(s.l.rows);
    if (rc < 0)
        strays_done(out);
    return rc;
}

void strays_done(struct strays *s)
{
    for (unsigned i = 0; i < s->count; i++)
        free(s->list[i].dir);
    s->count = 0;
}

int dataset_take_stray(struct dataset *ds, struct volume *v, const struct stray *b,
                       struct replica_facts *out)
{
    char path[REPLICA_PATH_MAX];
    struct stat st;
    int rc;

    if (!is_stray(ds, b->id))
        return -ERR_NO_REPLICA;
    if (b->has_block) {
        rc = take_finalized(ds, v, b->dir, b->id, b->stamp);
        return rc < 0 ? rc : dataset_facts(ds, b->id, out, NULL);
    }
    snprintf(path, sizeof path, "%s/blk_%" PRId64, b->dir, (int64_t)b->id);
    if (stat(path, &st) == 0)
        return -ERR_NO_REPLICA; /* by now it is whole: at the next look */
    snprintf(path, sizeof path, "%s/blk_%" PRId64 "_%" PRIu64 ".meta", b->dir, (int64_t)b->id,
             b->stamp);
    return env_unlink(v->env, path, NULL);
}
