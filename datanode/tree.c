#include "datanode/tree.h"

#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"

enum { COPY_SPAN = 1 << 20, TREE_PATH_MAX = PATH_MAX + 512 };

int tree_copy_file(struct env *env, const char *from, const char *to, uint64_t *bytes,
                   struct err *err)
{
    int in = env_open(env, from, O_RDONLY, 0, err), out, rc = 0;
    uint8_t *span = malloc(COPY_SPAN);
    uint64_t at = 0;
    ssize_t n = 0;

    if (in < 0 || !span) {
        free(span);
        if (in >= 0)
            env_close(env, in, NULL);
        return in < 0 ? in : err_set(err, ERR_NOMEM, "copying %s", from);
    }
    out = env_open(env, to, O_WRONLY | O_CREAT | O_TRUNC, 0644, err);
    if (out < 0)
        rc = out;
    while (rc == 0 && (n = env_pread(env, in, span, COPY_SPAN, at, err)) > 0) {
        rc = env_pwrite(env, out, span, (size_t)n, at, err);
        at += (uint64_t)n;
    }
    if (n < 0)
        rc = (int)n;
    if (rc == 0) /* the original's bytes may be on disk on somebody's request */
        rc = env_sync(env, out, err);
    free(span);
    env_close(env, in, NULL);
    if (out >= 0)
        env_close(env, out, NULL);
    if (rc == 0 && bytes)
        *bytes += at;
    return rc;
}

/* ---- what is in a directory ---- */

struct names {
    char **list;
    size_t count, room;
    bool bad;
};

static void keep_name(void *ctx, const char *name)
{
    struct names *n = ctx;

    if (n->count == n->room) {
        size_t room = n->room ? 2 * n->room : 64;
        char **list = realloc(n->list, room * sizeof *list);

        if (!list) {
            n->bad = true;
            return;
        }
        n->list = list;
        n->room = room;
    }
    n->list[n->count] = strdup(name);
    n->bad |= !n->list[n->count];
    n->count += n->list[n->count] != NULL;
}

static void names_done(struct names *n)
{
    while (n->count)
        free(n->list[--n->count]);
    free(n->list);
}

/* What is done with one name; @is_dir says what it is. */
typedef int (*step)(struct env *env, const char *from, const char *to, const char *name,
                    uint64_t *moved, struct err *err);
struct steps {
    step file, dir;
};

static int each(struct env *env, const char *from, const char *to, const struct steps *steps,
                uint64_t *moved, struct err *err)
{
    char path[TREE_PATH_MAX], there[TREE_PATH_MAX];
    struct names names = {0};
    int rc = env_list(env, from, keep_name, &names, err);

    if (rc == 0 && names.bad)
        rc = err_set(err, ERR_NOMEM, "names in %s", from);
    for (size_t i = 0; i < names.count && rc == 0; i++) {
        struct env_stat st;

        snprintf(path, sizeof path, "%s/%s", from, names.list[i]);
        snprintf(there, sizeof there, "%s/%s", to, names.list[i]);
        rc = env_stat(env, path, &st, err);
        if (rc == 0)
            rc =
                (st.is_dir ? steps->dir : steps->file)(env, path, there, names.list[i], moved, err);
    }
    names_done(&names);
    return rc;
}

static bool is_there(struct env *env, const char *path, int *rc, struct err *err)
{
    struct env_stat st;
    struct err why;

    *rc = env_stat(env, path, &st, &why);
    if (*rc == -ERR_NOENT) {
        *rc = 0;
        return false;
    }
    if (*rc < 0 && err)
        *err = why;
    return *rc == 0;
}

/* ---- linking ---- */

static int link_file(struct env *env, const char *from, const char *to, const char *name,
                     uint64_t *moved, struct err *err)
{
    (void)moved;
    return strncmp(name, "blk_", 4) == 0 ? env_link(env, from, to, err) : 0;
}

static int link_dir(struct env *env, const char *from, const char *to, const char *name,
                    uint64_t *moved, struct err *err)
{
    static const struct steps linking = {link_file, link_dir};
    int rc = env_mkdirs(env, to, 0755, err);

    (void)name;
    if (rc == 0)
        rc = each(env, from, to, &linking, moved, err);
    return rc < 0 ? rc : env_sync_dir(env, to, err);
}

int tree_link(struct env *env, const char *from, const char *to, struct err *err)
{
    int rc;

    return is_there(env, from, &rc, err) ? link_dir(env, from, to, "", NULL, err) : rc;
}

/* ---- moving ---- */

static int move_file(struct env *env, const char *from, const char *to, const char *name,
                     uint64_t *moved, struct err *err)
{
    struct env_stat mine, theirs;
    int rc = env_stat(env, from, &mine, err);

    (void)name;
    if (rc < 0)
        return rc;
    if (env_stat(env, to, &theirs, NULL) == 0 && theirs.size_bytes >= mine.size_bytes)
        return env_unlink(env, from, err);
    rc = env_rename(env, from, to, err);
    *moved += rc == 0;
    return rc;
}

static int move_dir(struct env *env, const char *from, const char *to, const char *name,
                    uint64_t *moved, struct err *err)
{
    static const struct steps moving = {move_file, move_dir};
    int rc = env_mkdirs(env, to, 0755, err);

    (void)name;
    if (rc == 0)
        rc = each(env, from, to, &moving, moved, err);
    if (rc == 0)
        rc = env_sync_dir(env, to, err);
    return rc < 0 ? rc : env_rmdir(env, from, err);
}

int tree_move(struct env *env, const char *from, const char *to, uint64_t *moved, struct err *err)
{
    int rc;

    return is_there(env, from, &rc, err) ? move_dir(env, from, to, "", moved, err) : rc;
}

/* ---- removing ---- */

static int remove_file(struct env *env, const char *from, const char *to, const char *name,
                       uint64_t *moved, struct err *err)
{
    (void)to;
    (void)name;
    (void)moved;
    return env_unlink(env, from, err);
}

static int remove_dir(struct env *env, const char *from, const char *to, const char *name,
                      uint64_t *moved, struct err *err)
{
    static const struct steps removing = {remove_file, remove_dir};
    int rc = each(env, from, to, &removing, moved, err);

    (void)name;
    return rc < 0 ? rc : env_rmdir(env, from, err);
}

int tree_remove(struct env *env, const char *path, struct err *err)
{
    int rc;

    return is_there(env, path, &rc, err) ? remove_dir(env, path, "", "", NULL, err) : rc;
}

struct removal {
    struct env *env;
    char path[];
};

static void *remove_now(void *arg)
{
    struct removal *r = arg;
    struct err err;

    if (tree_remove(r->env, r->path, &err) < 0)
        LOG_WARN("dn.upgrade", "dir=%s err=\"%s\" next=\"at the next start\"", r->path, err.text);
    free(r);
    return NULL;
}

void tree_remove_later(struct env *env, const char *path)
{
    size_t n = strlen(path) + 1;
    struct removal *r = malloc(sizeof *r + n);
    pthread_t thread;

    if (!r)
        return;
    r->env = env;
    memcpy(r->path, path, n);
    if (pthread_create(&thread, NULL, remove_now, r) == 0)
        pthread_detach(thread);
    else
        free(r);
}
