#include "datanode/volume.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "common/net.h"
#include "datanode/properties.h"
#include "datanode/upgrade.h"

enum { LAYOUT_OLDEST = -56, DF_FRESH_MS = 1000, LONG_PATH = PATH_MAX + 512 };

static const struct {
    const char *name;
    Pb__StorageTypeProto type;
} types[] = {
    {"DISK", PB__STORAGE_TYPE_PROTO__DISK},         {"SSD", PB__STORAGE_TYPE_PROTO__SSD},
    {"ARCHIVE", PB__STORAGE_TYPE_PROTO__ARCHIVE},   {"RAM_DISK", PB__STORAGE_TYPE_PROTO__RAM_DISK},
    {"PROVIDED", PB__STORAGE_TYPE_PROTO__PROVIDED}, {"NVDIMM", PB__STORAGE_TYPE_PROTO__NVDIMM},
};

const char *storage_type_name(Pb__StorageTypeProto type)
{
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (types[i].type == type)
            return types[i].name;
    return "UNKNOWN";
}

/* "[SSD]file:///data/1" to a type and a path. */
int volume_spec_parse(const char *spec, Pb__StorageTypeProto *type, const char **path,
                      struct err *err)
{
    const char *close = strchr(spec, ']');
    bool known = false;

    *type = PB__STORAGE_TYPE_PROTO__DISK;
    if (spec[0] == '[' && close) {
        for (size_t i = 0; i < sizeof types / sizeof *types && !known; i++) {
            known = strlen(types[i].name) == (size_t)(close - spec - 1) &&
                    strncasecmp(types[i].name, spec + 1, (size_t)(close - spec - 1)) == 0;
            if (known)
                *type = types[i].type;
        }
        if (!known)
            return err_set(err, ERR_CONFIG,
                           "dfs.datanode.data.dir: %s: storage type is none of DISK, SSD, "
                           "ARCHIVE, RAM_DISK, NVDIMM",
                           spec);
        spec = close + 1;
    }
    if (strncmp(spec, "file:", 5) == 0) {
        spec += 5;
        if (strncmp(spec, "//", 2) == 0)
            spec += 2;
    }
    if (*spec == 0 || strlen(spec) >= sizeof((struct volume *)0)->root)
        return err_set(err, ERR_CONFIG, "dfs.datanode.data.dir: no usable path in \"%s\"", spec);
    *path = spec;
    return 0;
}

/* The file that a Java datanode locks too, by the same kind of lock. */
static int lock_root(struct volume *v, struct err *err)
{
    struct flock all = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    char path[LONG_PATH], host[NET_HOST_MAX], text[NET_HOST_MAX + 32];

    snprintf(path, sizeof path, "%s/in_use.lock", v->root);
    v->lock_fd = env_open(v->env, path, O_RDWR | O_CREAT, 0644, err);
    if (v->lock_fd < 0)
        return v->lock_fd;
    if (fcntl(v->lock_fd, F_SETLK, &all) < 0)
        return err_set(err, ERR_LOCKED, "Cannot lock storage %s. The directory is already locked",
                       v->root);
    net_hostname(host, sizeof host);
    snprintf(text, sizeof text, "%ld@%s", (long)getpid(), host);
    if (ftruncate(v->lock_fd, 0) < 0)
        return err_sys(err, errno, "%s", path);
    return env_pwrite(v->env, v->lock_fd, text, strlen(text), 0, err);
}

int volume_open(struct env *env, unsigned index, const char *spec, uint64_t reserve_bytes,
                struct volume **out, struct err *err)
{
    struct volume *v = calloc(1, sizeof *v);
    const char *path = NULL;
    int rc;

    if (!v)
        return err_set(err, ERR_NOMEM, "volume %s", spec);
    v->env = env;
    v->index = index;
    v->reserve_bytes = reserve_bytes;
    v->lock_fd = -1;
    rc = volume_spec_parse(spec, &v->type, &path, err);
    if (rc == 0) {
        snprintf(v->root, sizeof v->root, "%s", path);
        for (size_t n = strlen(v->root); n > 1 && v->root[n - 1] == '/'; n--)
            v->root[n - 1] = 0;
        rc = env_mkdirs(env, v->root, 0700, err);
    }
    if (rc == 0)
        rc = lock_root(v, err);
    if (rc < 0) {
        volume_close(v);
        return rc;
    }
    *out = v;
    return 0;
}

void volume_unlock(struct volume *v)
{
    if (v->lock_fd >= 0)
        close(v->lock_fd);
    v->lock_fd = -1;
}

void volume_close(struct volume *v)
{
    if (v)
        volume_unlock(v);
    free(v);
}

static void version_path(const struct volume *v, char *out, size_t n)
{
    snprintf(out, n, "%s/current/VERSION", v->root);
}

static const char *get_or(const struct properties *p, const char *key)
{
    const char *value = properties_get(p, key);

    return value ? value : "";
}

int volume_owner(struct volume *v, char uuid[ID_TEXT_MAX], struct err *err)
{
    char path[LONG_PATH];
    struct properties p;
    int rc;

    version_path(v, path, sizeof path);
    rc = properties_read(v->env, path, &p, err);
    if (rc == -ERR_NOENT) {
        uuid[0] = 0;
        return 0;
    }
    if (rc == 0)
        snprintf(uuid, ID_TEXT_MAX, "%s", get_or(&p, "datanodeUuid"));
    return rc;
}

static void make_uuid(struct env *env, char *out, size_t n)
{
    uint8_t b[16];

    env_random(env, b, sizeof b);
    b[6] = (b[6] & 0x0f) | 0x40;
    b[8] = (b[8] & 0x3f) | 0x80;
    snprintf(out, n, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0],
             b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13],
             b[14], b[15]);
}

static int write_volume_version(struct volume *v, const struct pool_info *pool, const char *uuid,
                                struct err *err)
{
    struct properties p = {0};
    char path[LONG_PATH];

    properties_set(&p, "datanodeUuid", "%s", uuid);
    properties_set(&p, "storageType", "DATA_NODE");
    properties_set(&p, "cTime", "0");
    properties_set(&p, "clusterID", "%s", pool->cluster_id);
    properties_set(&p, "layoutVersion", "%d", DATANODE_LAYOUT);
    properties_set(&p, "storageID", "%s", v->storage_id);
    version_path(v, path, sizeof path);
    return properties_write(v->env, path, &p, err);
}

static bool is_number(const char *text)
{
    char *end;

    errno = 0;
    strtoll(text, &end, 10);
    return *text && !*end && errno == 0;
}

/* What both kinds of VERSION have. */
static int check_layout(const struct volume *v, const char *file, const struct properties *p,
                        struct err *err)
{
    const char *text = get_or(p, "layoutVersion"), *ctime = get_or(p, "cTime");
    long layout = strtol(text, NULL, 10);

    if (!is_number(text) || layout > LAYOUT_OLDEST || layout < DATANODE_LAYOUT)
        return err_set(err, ERR_VERSION,
                       "Unexpected version of storage directory %s. Reported: %s. Expecting = %d.",
                       v->root, *text ? text : "none", DATANODE_LAYOUT);
    if (!is_number(ctime))
        return err_set(err, ERR_INCONSISTENT,
                       "Directory %s is in an inconsistent state: file %s has cTime %s", v->root,
                       file, *ctime ? ctime : "missing");
    return 0;
}

static bool holds_something(const char *path)
{
    DIR *dir = opendir(path);
    struct dirent *e;
    bool some = false;

    while (dir && !some && (e = readdir(dir)))
        some = strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
    if (dir)
        closedir(dir);
    return some;
}

/* A pool without VERSION is not formatted yet, or has lost it: then replicas lie there. */
static int check_new_pool(const struct volume *v, const char *pool_dir, struct err *err)
{
    static const char *const leaves[] = {"current/VERSION", "current/finalized", "current/rbw"};
    char path[2 * LONG_PATH];
    bool used = false;

    for (size_t i = 0; i < sizeof leaves / sizeof *leaves && !used; i++) {
        snprintf(path, sizeof path, "%s/%s", pool_dir, leaves[i]);
        used = i == 0 ? access(path, F_OK) == 0 : holds_something(path);
    }
    return !used ? 0
                 : err_set(err, ERR_INCONSISTENT,
                           "Directory %s is in an inconsistent state: there is %s, but a VERSION "
                           "is missing",
                           v->root, path);
}

static int check_new_volume(const struct volume *v, const char *current, struct err *err)
{
    char pool_dir[LONG_PATH + 256];
    DIR *dir = opendir(current);
    struct dirent *e;
    int rc = 0;

    while (dir && rc == 0 && (e = readdir(dir)))
        if (strncmp(e->d_name, "BP-", 3) == 0) {
            snprintf(pool_dir, sizeof pool_dir, "%s/%s", current, e->d_name);
            rc = check_new_pool(v, pool_dir, err);
        }
    if (dir)
        closedir(dir);
    return rc;
}

/* A directory that has a VERSION: does it belong to this cluster and this datanode? */
static int check_volume_version(struct volume *v, const struct properties *p,
                                const struct pool_info *pool, const char *uuid, struct err *err)
{
    const char *cluster = get_or(p, "clusterID"), *owner = get_or(p, "datanodeUuid");
    const char *kind = get_or(p, "storageType");
    int rc = check_layout(v, "VERSION", p, err);

    if (rc < 0)
        return rc;
    if (strcmp(kind, "DATA_NODE") != 0)
        return err_set(err, ERR_INCONSISTENT,
                       "Directory %s is in an inconsistent state: storageType is %s, DATA_NODE "
                       "expected",
                       v->root, *kind ? kind : "missing");
    if (strcmp(cluster, pool->cluster_id) != 0)
        return err_set(err, ERR_BAD_POOL,
                       "Incompatible clusterIDs in %s: namenode clusterID = %s; datanode clusterID "
                       "= %s",
                       v->root, pool->cluster_id, cluster);
    if (*owner && strcmp(owner, uuid) != 0)
        return err_set(err, ERR_INCONSISTENT,
                       "Root %s: DatanodeUuid=%s, does not match %s from other StorageDirectory.",
                       v->root, owner, uuid);
    snprintf(v->storage_id, sizeof v->storage_id, "%s", get_or(p, "storageID"));
    if (!v->storage_id[0])
        return err_set(err, ERR_INCONSISTENT,
                       "Directory %s is in an inconsistent state: file VERSION has no storageID",
                       v->root);
    return 0;
}

static int join_cluster(struct volume *v, const struct pool_info *pool, const char *uuid,
                        struct err *err)
{
    char path[LONG_PATH], id[64];
    struct properties p;
    int rc;

    version_path(v, path, sizeof path);
    rc = properties_read(v->env, path, &p, err);
    if (rc == 0)
        return check_volume_version(v, &p, pool, uuid, err);
    if (rc != -ERR_NOENT)
        return rc;
    snprintf(path, sizeof path, "%s/current", v->root);
    rc = check_new_volume(v, path, err);
    if (rc < 0)
        return rc;
    make_uuid(v->env, id, sizeof id);
    snprintf(v->storage_id, sizeof v->storage_id, "DS-%s", id);
    rc = env_mkdirs(v->env, path, 0755, err);
    return rc < 0 ? rc : write_volume_version(v, pool, uuid, err);
}

static int check_pool_version(const struct volume *v, const struct properties *p,
                              const struct pool_info *pool, struct err *err)
{
    const char *ns = get_or(p, "namespaceID"), *id = get_or(p, "blockpoolID");
    char file[LONG_PATH];
    int rc;

    snprintf(file, sizeof file, "%s/current/VERSION", v->pool_dir);
    rc = check_layout(v, file, p, err);
    if (rc < 0)
        return rc;
    if (!is_number(ns) || strtoul(ns, NULL, 10) != pool->namespace_id)
        return err_set(err, ERR_BAD_POOL,
                       "Incompatible namespaceIDs in %s: namenode namespaceID = %" PRIu32
                       "; datanode namespaceID = %s",
                       v->pool_dir, pool->namespace_id, *ns ? ns : "missing");
    if (strcmp(id, pool->pool_id) != 0)
        return err_set(err, ERR_BAD_POOL,
                       "Unexpected blockpoolID %s in %s: namenode blockpoolID = %s", id,
                       v->pool_dir, pool->pool_id);
    if (strtoull(get_or(p, "cTime"), NULL, 10) > pool->ctime_ms)
        return err_set(err, ERR_INCONSISTENT,
                       "Datanode state in %s: CTime = %s is newer than the namespace state: CTime "
                       "= %" PRIu64,
                       v->pool_dir, get_or(p, "cTime"), pool->ctime_ms);
    return 0;
}

static int make_pool_dirs(struct volume *v, struct err *err)
{
    static const char *const leaves[] = {"current/finalized", "current/rbw", "tmp"};
    char path[LONG_PATH];
    int rc = 0;

    for (size_t i = 0; i < sizeof leaves / sizeof *leaves && rc == 0; i++) {
        snprintf(path, sizeof path, "%s/%s", v->pool_dir, leaves[i]);
        rc = env_mkdirs(v->env, path, 0755, err);
    }
    return rc;
}

static int make_pool_version(struct volume *v, const struct pool_info *pool, const char *path,
                             struct err *err)
{
    struct properties fresh = {0};
    char current[LONG_PATH];
    int rc;

    snprintf(current, sizeof current, "%s/current", v->pool_dir);
    rc = check_new_pool(v, v->pool_dir, err);
    if (rc == 0)
        rc = env_mkdirs(v->env, current, 0755, err);
    if (rc < 0)
        return rc;
    properties_set(&fresh, "namespaceID", "%" PRIu32, pool->namespace_id);
    properties_set(&fresh, "blockpoolID", "%s", pool->pool_id);
    properties_set(&fresh, "cTime", "%" PRIu64, pool->ctime_ms);
    properties_set(&fresh, "layoutVersion", "%d", DATANODE_LAYOUT);
    return properties_write(v->env, path, &fresh, err);
}

static int join_pool(struct volume *v, const struct pool_info *pool, struct err *err)
{
    struct properties p;
    char path[LONG_PATH];
    int rc = upgrade_settle(v->env, v->pool_dir, err);

    if (rc == 0 && v->roll_back)
        rc = upgrade_roll_back(v->env, v->pool_dir, pool->ctime_ms, err);
    if (rc < 0)
        return rc;
    v->roll_back = false;
    snprintf(path, sizeof path, "%s/current/VERSION", v->pool_dir);
    rc = properties_read(v->env, path, &p, err);
    if (rc == -ERR_NOENT) {
        rc = make_pool_version(v, pool, path, err);
    } else if (rc == 0) {
        rc = check_pool_version(v, &p, pool, err);
        if (rc == 0 && strtoull(get_or(&p, "cTime"), NULL, 10) < pool->ctime_ms)
            rc = upgrade_begin(v->env, v->pool_dir, pool->ctime_ms, err);
    }
    if (rc == 0)
        rc = upgrade_kept(v->env, v->pool_dir, err);
    if (rc < 0)
        return rc;
    atomic_store(&v->shares, rc == 1);
    return make_pool_dirs(v, err);
}

int volume_join(struct volume *v, const struct pool_info *pool, const char *datanode_uuid,
                struct err *err)
{
    int rc = join_cluster(v, pool, datanode_uuid, err);
    char pool_dir[sizeof v->pool_dir];

    if (rc < 0)
        return rc;
    snprintf(pool_dir, sizeof pool_dir, "%s/current/%s", v->root, pool->pool_id);
    if (strcmp(v->pool_dir, pool_dir) != 0) /* joining again changes nothing that others read */
        memcpy(v->pool_dir, pool_dir, sizeof pool_dir);
    rc = join_pool(v, pool, err);
    if (rc < 0)
        v->pool_dir[0] = 0;
    return rc;
}

static void dir_of(const struct volume *v, enum replica_home home, uint64_t id, char *out, size_t n)
{
    if (home == HOME_FINALIZED)
        snprintf(out, n, "%s/current/finalized/subdir%u/subdir%u", v->pool_dir,
                 (unsigned)(id >> 16 & 0x1f), (unsigned)(id >> 8 & 0x1f));
    else
        snprintf(out, n, "%s/%s", v->pool_dir, home == HOME_RBW ? "current/rbw" : "tmp");
}

/* Ids of erasure-coded blocks are negative, and their names carry the sign. */
void volume_block_path(const struct volume *v, enum replica_home home, uint64_t id, char *out,
                       size_t n)
{
    char dir[LONG_PATH];

    dir_of(v, home, id, dir, sizeof dir);
    snprintf(out, n, "%s/blk_%" PRId64, dir, (int64_t)id);
}

void volume_meta_path(const struct volume *v, enum replica_home home, uint64_t id, uint64_t stamp,
                      char *out, size_t n)
{
    char dir[LONG_PATH];

    dir_of(v, home, id, dir, sizeof dir);
    snprintf(out, n, "%s/blk_%" PRId64 "_%" PRIu64 ".meta", dir, (int64_t)id, stamp);
}

int volume_rename(struct volume *v, const char *from, const char *to, struct err *err)
{
    int rc = env_rename(v->env, from, to, err);
    char dir[LONG_PATH], *slash;

    if (rc != -ERR_NOENT)
        return rc;
    snprintf(dir, sizeof dir, "%s", to);
    slash = strrchr(dir, '/');
    if (slash)
        *slash = 0;
    rc = env_mkdirs(v->env, dir, 0755, err);
    return rc < 0 ? rc : env_rename(v->env, from, to, err);
}

/* Directories below finalized/ are made as they are needed: subdirN, subdirM in it, and then the names. */
int volume_sync_names(struct volume *v, enum replica_home home, uint64_t id, struct err *err)
{
    char dir[LONG_PATH];
    int rc = 0;

    dir_of(v, home, id, dir, sizeof dir);
    for (int up = 0; rc == 0 && up < (home == HOME_FINALIZED ? 3 : 1); up++) {
        rc = env_sync_dir(v->env, dir, err);
        *strrchr(dir, '/') = 0;
    }
    return rc;
}

static void refresh_df(struct volume *v, uint64_t now)
{
    struct env_room room;

    if (env_room(v->env, v->root, &room, NULL) < 0)
        return;
    atomic_store(&v->df_total, room.total_bytes);
    atomic_store(&v->df_free, room.free_bytes);
    atomic_store(&v->df_at_ms, now);
}

static uint64_t minus(uint64_t a, uint64_t b)
{
    return a > b ? a - b : 0;
}

static uint64_t positive(_Atomic int64_t *v)
{
    int64_t n = atomic_load(v);

    return n > 0 ? (uint64_t)n : 0;
}

/* Room for us is what the disk has free, less what is kept for others and not yet used by them,
 * less what writers were promised; and never more than the capacity leaves. */
void volume_room(struct volume *v, struct volume_room *out)
{
    uint64_t total, free_bytes, used = positive(&v->used), promised = positive(&v->promised);
    uint64_t taken, reserve;
    uint64_t now = env_mono_ms(v->env);

    if (now - atomic_load(&v->df_at_ms) >= DF_FRESH_MS || atomic_load(&v->df_total) == 0)
        refresh_df(v, now);
    total = atomic_load(&v->df_total);
    free_bytes = atomic_load(&v->df_free);
    taken = minus(total, free_bytes);
    out->capacity = minus(total, v->reserve_bytes);
    out->used = used;
    out->other = minus(minus(taken, used), v->reserve_bytes);
    reserve = minus(v->reserve_bytes, minus(taken, used));
    out->available = minus(minus(free_bytes, reserve), promised);
    if (out->available > minus(out->capacity, used))
        out->available = minus(out->capacity, used);
}

uint64_t volume_available(struct volume *v)
{
    struct volume_room room;

    volume_room(v, &room);
    return room.available;
}

int volume_probe(struct volume *v, struct err *err)
{
    char path[LONG_PATH];
    int fd, rc;

    snprintf(path, sizeof path, "%s/.probe", v->pool_dir[0] ? v->pool_dir : v->root);
    fd = env_open(v->env, path, O_RDWR | O_CREAT | O_TRUNC, 0600, err);
    if (fd < 0)
        return fd == -ERR_NO_DISK ? 0 : fd;
    rc = env_pwrite(v->env, fd, "ok", 2, 0, err);
    if (rc == 0)
        rc = env_sync(v->env, fd, err);
    env_close(v->env, fd, NULL);
    env_unlink(v->env, path, NULL);
    return rc == -ERR_NO_DISK ? 0 : rc;
}
