#include "client/shell/trash.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client/glob.h"
#include "common/env.h"
#include "proto/trash_name.h"

enum { MINUTE_MS = 60000, ATTEMPTS_MAX = 1000 };

int trash_interval(struct shell *sh, struct store *s, uint64_t *keep_ms, struct err *err)
{
    struct dfs_server_defaults d;
    int rc;

    *keep_ms = 0;
    if (!s->dfs)
        return 0;
    rc = dfs_server_defaults(s->dfs, &d, err);
    if (rc < 0)
        return rc;
    *keep_ms = d.trash_interval_min
                   ? d.trash_interval_min * MINUTE_MS
                   : (uint64_t)(conf_float(sh->conf, OPT_trash_interval) * MINUTE_MS);
    return 0;
}

static void trash_root(const struct store *s, char *out, size_t n)
{
    snprintf(out, n, "/user/%s/.Trash", dfs_user(s->dfs));
}

static bool is_below(const char *path, const char *dir)
{
    size_t n = strlen(dir);

    return strncmp(path, dir, n) == 0 && (path[n] == '/' || path[n] == 0);
}

/* A name that is free: the first one, else with the time behind it. */
static int free_name(struct store *s, char *path, size_t n, struct err *err)
{
    size_t base = strlen(path);

    for (;;) {
        struct dfs_stat st;
        int rc = dfs_stat(s->dfs, path, &st, err);

        if (rc == -ERR_NOENT)
            return 0;
        if (rc < 0)
            return rc;
        dfs_stat_done(&st);
        snprintf(path + base, n - base, "%" PRIu64, env_now_ms(env_posix()));
    }
}

int trash_move(struct shell *sh, struct item *it, bool *moved, struct err *err)
{
    char root[300], to[GLOB_PATH_MAX], parent[GLOB_PATH_MAX], url[GLOB_PATH_MAX];
    uint64_t keep_ms;
    int rc = trash_interval(sh, it->store, &keep_ms, err);

    *moved = false;
    if (rc < 0 || keep_ms == 0)
        return rc;
    trash_root(it->store, root, sizeof root);
    if (is_below(it->path, root))
        return 0;
    item_url(it, url, sizeof url);
    if (strcmp(it->path, "/") == 0 || is_below(root, it->path))
        return err_set(err, ERR_IO, "Cannot move \"%.900s\" to the trash, as it contains the trash",
                       url);
    snprintf(to, sizeof to, "%s/Current%s", root, it->path);
    snprintf(parent, sizeof parent, "%.*s", (int)(strrchr(to, '/') - to), to);
    rc = dfs_mkdirs(it->store->dfs, parent, 0700, true, err);
    if (rc == 0)
        rc = free_name(it->store, to, sizeof to, err);
    if (rc == 0)
        rc = dfs_rename(it->store->dfs, it->path, to, false, err);
    if (rc < 0)
        return rc;
    *moved = true;
    fprintf(stderr, "Moved: '%s' to trash at: %s%s\n", url, it->store->prefix, to);
    return 0;
}

/* ---- expunge ---- */

static int drop_old(struct store *s, const char *root, uint64_t keep_ms, struct err *err)
{
    uint64_t now = env_now_ms(env_posix()), at;
    struct dfs_stat *list;
    size_t count;
    int rc = dfs_list(s->dfs, root, &list, &count, err);

    if (rc == -ERR_NOENT)
        return 0;
    if (rc < 0)
        return rc;
    for (size_t i = 0; rc == 0 && i < count; i++) {
        if (!trash_name_time(strrchr(list[i].path, '/') + 1, &at) ||
            (keep_ms && now - keep_ms <= at))
            continue;
        rc = dfs_delete(s->dfs, list[i].path, true, NULL, err);
        if (rc == 0)
            fprintf(stderr, "Deleted trash checkpoint: %s%s\n", s->prefix, list[i].path);
    }
    dfs_stats_free(list, count);
    return rc;
}

static int make_checkpoint(struct store *s, const char *root, struct err *err)
{
    char from[320], to[340], name[TRASH_NAME_MAX];
    uint64_t now = env_now_ms(env_posix());
    struct dfs_stat st;
    int rc;

    snprintf(from, sizeof from, "%s/Current", root);
    rc = dfs_stat(s->dfs, from, &st, err);
    if (rc == -ERR_NOENT)
        return 0;
    if (rc < 0)
        return rc;
    dfs_stat_done(&st);
    rc = -ERR_EXISTS;
    for (unsigned i = 0; rc == -ERR_EXISTS && i <= ATTEMPTS_MAX; i++) {
        trash_name_of(now, i, name);
        snprintf(to, sizeof to, "%s/%s", root, name);
        rc = dfs_rename(s->dfs, from, to, false, err);
    }
    if (rc == 0)
        fprintf(stderr, "Created trash checkpoint: %s\n", to);
    return rc;
}

int cmd_expunge(struct shell *sh, char **args, int count)
{
    const char *uri = sh_value(sh, "fs");
    char root[300];
    uint64_t keep_ms;
    struct store *s;
    struct item it;
    struct err err;
    int rc;

    (void)args;
    (void)count;
    rc = sh_default_store(sh, &s, &err);
    if (rc == 0 && uri && (rc = item_from(sh, uri, &it, &err)) == 0) {
        s = it.store;
        item_done(&it);
    }
    if (rc == 0)
        rc = trash_interval(sh, s, &keep_ms, &err);
    if (rc < 0)
        return sh_fail_err(sh, &err);
    if (!s->dfs || (keep_ms == 0 && !sh_has(sh, "immediate")))
        return 0;
    trash_root(s, root, sizeof root);
    if (sh_has(sh, "immediate")) { /* what is in Current goes with the rest */
        rc = make_checkpoint(s, root, &err);
        if (rc == 0)
            rc = drop_old(s, root, 0, &err);
    } else {
        rc = drop_old(s, root, keep_ms, &err);
        if (rc == 0)
            rc = make_checkpoint(s, root, &err);
    }
    return rc < 0 ? sh_fail_err(sh, &err) : 0;
}
