#include "datanode/upgrade.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "datanode/properties.h"
#include "datanode/tree.h"

enum { LONG_PATH = PATH_MAX + 512 };

static const char marker_name[] = "RollingUpgradeInProgress";

/* 1 or 0, or why that can't be known: a disk that doesn't say must not be taken for an empty one. */
static int is_there(struct env *env, const char *pool_dir, const char *name, struct err *err)
{
    char path[LONG_PATH];
    struct env_stat st;
    struct err why;
    int rc;

    snprintf(path, sizeof path, "%s/%s", pool_dir, name);
    rc = env_stat(env, path, &st, &why);
    if (rc == -ERR_NOENT)
        return 0;
    if (rc < 0 && err)
        *err = why;
    return rc < 0 ? rc : 1;
}

static int rename_in(struct env *env, const char *pool_dir, const char *from, const char *to,
                     struct err *err)
{
    char a[LONG_PATH], b[LONG_PATH];
    int rc;

    snprintf(a, sizeof a, "%s/%s", pool_dir, from);
    snprintf(b, sizeof b, "%s/%s", pool_dir, to);
    rc = env_rename(env, a, b, err);
    return rc < 0 ? rc : env_sync_dir(env, pool_dir, err);
}

static int remove_in(struct env *env, const char *pool_dir, const char *name, struct err *err)
{
    char path[LONG_PATH];

    snprintf(path, sizeof path, "%s/%s", pool_dir, name);
    return tree_remove(env, path, err);
}

/* ---- after a crash ---- */

static int back_to_current(struct env *env, const char *pool_dir, const char *tmp, struct err *err)
{
    int rc = remove_in(env, pool_dir, "current", err);

    return rc < 0 ? rc : rename_in(env, pool_dir, tmp, "current", err);
}

static int on_to_previous(struct env *env, const char *pool_dir, const char *tmp, struct err *err)
{
    int rc = remove_in(env, pool_dir, "previous", err);

    return rc < 0 ? rc : rename_in(env, pool_dir, tmp, "previous", err);
}

static const struct {
    const char *tmp;
    int (*without_version)(struct env *env, const char *pool_dir, const char *tmp, struct err *err);
    int (*with_version)(struct env *env, const char *pool_dir, const char *tmp, struct err *err);
} half_way[] = {
    {"previous.tmp", back_to_current, on_to_previous},
    {"removed.tmp", back_to_current, remove_in},
    {"finalized.tmp", remove_in, remove_in},
};

int upgrade_settle(struct env *env, const char *pool_dir, struct err *err)
{
    int rc = 0;

    for (size_t i = 0; i < sizeof half_way / sizeof *half_way && rc == 0; i++) {
        const char *tmp = half_way[i].tmp;
        int found = is_there(env, pool_dir, tmp, err), version;

        if (found <= 0) {
            rc = found;
            continue;
        }
        version = is_there(env, pool_dir, "current/VERSION", err);
        if (version < 0)
            return version;
        LOG_INFO("dn.upgrade", "dir=%s found=%s version=%d next=\"settle it\"", pool_dir, tmp,
                 version);
        rc = (version ? half_way[i].with_version : half_way[i].without_version)(env, pool_dir, tmp,
                                                                                err);
    }
    return rc;
}

/* ---- there and back ---- */

int upgrade_kept(struct env *env, const char *pool_dir, struct err *err)
{
    return is_there(env, pool_dir, "previous", err);
}

static int link_current(struct env *env, const char *pool_dir, uint64_t ctime_ms, struct err *err)
{
    static const char *const leaves[] = {"finalized", "rbw"};
    char from[LONG_PATH], to[LONG_PATH];
    struct properties p;
    int rc = 0;

    for (size_t i = 0; i < sizeof leaves / sizeof *leaves && rc == 0; i++) {
        snprintf(from, sizeof from, "%s/previous.tmp/%s", pool_dir, leaves[i]);
        snprintf(to, sizeof to, "%s/current/%s", pool_dir, leaves[i]);
        rc = env_mkdirs(env, to, 0755, err);
        if (rc == 0)
            rc = tree_link(env, from, to, err);
    }
    snprintf(from, sizeof from, "%s/previous.tmp/VERSION", pool_dir);
    snprintf(to, sizeof to, "%s/current/VERSION", pool_dir);
    if (rc == 0)
        rc = properties_read(env, from, &p, err);
    if (rc < 0)
        return rc;
    properties_set(&p, "cTime", "%" PRIu64, ctime_ms);
    return properties_write(env, to, &p, err);
}

int upgrade_begin(struct env *env, const char *pool_dir, uint64_t ctime_ms, struct err *err)
{
    int rc = remove_in(env, pool_dir, "previous", err);

    LOG_INFO("dn.upgrade", "dir=%s ctime=%" PRIu64 " next=\"keep what is as previous\"", pool_dir,
             ctime_ms);
    if (rc == 0)
        rc = rename_in(env, pool_dir, "current", "previous.tmp", err);
    if (rc == 0)
        rc = link_current(env, pool_dir, ctime_ms, err);
    return rc < 0 ? rc : rename_in(env, pool_dir, "previous.tmp", "previous", err);
}

static int check_previous(struct env *env, const char *pool_dir, uint64_t ctime_ms, struct err *err)
{
    char path[LONG_PATH];
    struct properties p;
    const char *ctime, *layout;
    int rc;

    snprintf(path, sizeof path, "%s/previous/VERSION", pool_dir);
    rc = properties_read(env, path, &p, err);
    if (rc < 0)
        return rc;
    ctime = properties_get(&p, "cTime");
    layout = properties_get(&p, "layoutVersion");
    if (!ctime || !layout || strtol(layout, NULL, 10) < DATANODE_LAYOUT ||
        strtoull(ctime, NULL, 10) > ctime_ms)
        return err_set(err, ERR_INCONSISTENT,
                       "Cannot rollback to a newer state. Datanode previous state in %s: LV = %s "
                       "CTime = %s is newer than the namespace state: LV = %d CTime = %" PRIu64,
                       pool_dir, layout ? layout : "none", ctime ? ctime : "none", DATANODE_LAYOUT,
                       ctime_ms);
    rc = is_there(env, pool_dir, "trash", err);
    if (rc > 0)
        return err_set(err, ERR_INCONSISTENT, "%s/previous and %s/trash should not both be present",
                       pool_dir, pool_dir);
    return rc;
}

static int restore_trash(struct env *env, const char *pool_dir, struct err *err)
{
    char from[LONG_PATH], to[LONG_PATH];
    uint64_t moved = 0;
    int rc;

    snprintf(from, sizeof from, "%s/trash", pool_dir);
    snprintf(to, sizeof to, "%s/current", pool_dir);
    rc = tree_move(env, from, to, &moved, err);
    if (rc == 0)
        LOG_INFO("dn.upgrade", "dir=%s restored=%" PRIu64 " next=\"files from the trash serve\"",
                 pool_dir, moved);
    return rc;
}

int upgrade_roll_back(struct env *env, const char *pool_dir, uint64_t ctime_ms, struct err *err)
{
    int rc = upgrade_kept(env, pool_dir, err);

    if (rc <= 0)
        return rc < 0 ? rc : restore_trash(env, pool_dir, err);
    rc = check_previous(env, pool_dir, ctime_ms, err);
    if (rc == 0)
        rc = rename_in(env, pool_dir, "current", "removed.tmp", err);
    if (rc == 0)
        rc = rename_in(env, pool_dir, "previous", "current", err);
    if (rc == 0)
        rc = remove_in(env, pool_dir, "removed.tmp", err);
    if (rc == 0)
        LOG_INFO("dn.upgrade", "dir=%s next=\"gone back to what was before\"", pool_dir);
    return rc;
}

int upgrade_finalize(struct volume *v, struct err *err)
{
    char path[LONG_PATH];
    int rc;

    if (!atomic_load(&v->shares))
        return 0;
    rc = rename_in(v->env, v->pool_dir, "previous", "finalized.tmp", err);
    if (rc < 0)
        return rc;
    atomic_store(&v->shares, false);
    LOG_INFO("dn.upgrade", "dir=%s next=\"it is final: remove what was kept\"", v->pool_dir);
    snprintf(path, sizeof path, "%s/finalized.tmp", v->pool_dir);
    tree_remove_later(v->env, path);
    return 0;
}

/* ---- files with two names ---- */

static int unshare(struct volume *v, const char *path, const char *copy, struct err *err)
{
    struct env_stat st;
    int rc = env_stat(v->env, path, &st, err);

    if (rc < 0 || st.links < 2)
        return rc;
    rc = tree_copy_file(v->env, path, copy, NULL, err);
    return rc < 0 ? rc : env_rename(v->env, copy, path, err);
}

int upgrade_unshare(struct volume *v, enum replica_home home, uint64_t id, uint64_t stamp,
                    struct err *err)
{
    char path[LONG_PATH], copy[LONG_PATH];
    int rc;

    if (!atomic_load(&v->shares))
        return 0;
    volume_block_path(v, home, id, path, sizeof path);
    volume_block_path(v, HOME_TMP, id, copy, sizeof copy);
    rc = unshare(v, path, copy, err);
    if (rc == 0) {
        volume_meta_path(v, home, id, stamp, path, sizeof path);
        volume_meta_path(v, HOME_TMP, id, stamp, copy, sizeof copy);
        rc = unshare(v, path, copy, err);
    }
    return rc < 0 ? rc : volume_sync_names(v, home, id, err);
}

/* ---- rolling ---- */

static void mark(struct volume *v)
{
    char path[LONG_PATH];
    int fd;

    snprintf(path, sizeof path, "%s/%s", v->pool_dir, marker_name);
    fd = env_open(v->env, path, O_WRONLY | O_CREAT, 0644, NULL);
    if (fd >= 0)
        env_close(v->env, fd, NULL);
    LOG_INFO("dn.upgrade", "dir=%s next=\"a rolling upgrade: what is deleted goes to %s\"",
             v->pool_dir, atomic_load(&v->shares) ? "nowhere, there is previous" : "trash");
}

static void unmark(struct volume *v)
{
    char path[LONG_PATH];
    struct err err;

    snprintf(path, sizeof path, "%s/trash", v->pool_dir);
    if (is_there(v->env, v->pool_dir, "trash", NULL) > 0)
        tree_remove_later(v->env, path);
    if (is_there(v->env, v->pool_dir, marker_name, NULL) <= 0)
        return;
    if (upgrade_finalize(v, &err) < 0)
        LOG_WARN("dn.upgrade", "dir=%s err=\"%s\" next=\"go on\"", v->pool_dir, err.text);
    snprintf(path, sizeof path, "%s/%s", v->pool_dir, marker_name);
    env_unlink(v->env, path, NULL);
}

void upgrade_rolling(struct volume *v, bool under_way)
{
    int now = under_way ? ROLLING_UNDER_WAY : ROLLING_OVER;

    if (!v->pool_dir[0] || atomic_exchange(&v->rolling, now) == now)
        return;
    if (under_way)
        mark(v);
    else
        unmark(v);
}

bool upgrade_keeps_deleted(const struct volume *v)
{
    return atomic_load(&v->rolling) == ROLLING_UNDER_WAY && !atomic_load(&v->shares);
}

int upgrade_keep_deleted(struct volume *v, const char *path, struct err *err)
{
    static const char current[] = "/current/";
    size_t n = strlen(v->pool_dir);
    char to[LONG_PATH];

    snprintf(to, sizeof to, "%s/trash/%s", v->pool_dir, path + n + sizeof current - 1);
    return volume_rename(v, path, to, err);
}
