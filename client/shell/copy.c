#include "client/shell/copy.h"

#include <stdlib.h>
#include <string.h>

#include "client/glob.h"
#include "client/shell/progress.h"

enum { MOVE_BYTES = 8 << 20 };

/* ---- the destination ---- */

int copy_to_store(struct shell *sh, struct copy *c, char **args, int *count)
{
    static char here[] = ".";
    char *text = *count < 2 ? here : args[--*count];
    struct item *items;
    size_t n;
    int rc = item_expand(sh, text, &items, &n);

    if (rc != 0)
        return rc;
    if (n > 1) {
        items_free(items, n);
        return sh_fail(sh, "`%s': Too many matches", text);
    }
    c->dst = items[0];
    free(items);
    return 0;
}

int copy_to_local(struct shell *sh, struct copy *c, char **args, int *count)
{
    static char here[] = ".";
    struct err err;

    if (item_local(sh, *count < 2 ? here : args[--*count], &c->dst, &err) < 0)
        return sh_fail_err(sh, &err);
    return 0;
}

int copy_check(struct shell *sh, struct copy *c, int sources)
{
    struct err err;
    bool there;

    if (sources > 1) {
        if (!c->dst.exists)
            return sh_fail(sh, "`%s': No such file or directory", c->dst.shown);
        if (!item_is_dir(&c->dst))
            return sh_fail(sh, "`%s': Is not a directory", c->dst.shown);
        return 0;
    }
    if (c->dst.exists)
        return item_is_dir(&c->dst) || c->overwrite
                   ? 0
                   : sh_fail(sh, "`%s': File exists", c->dst.shown);
    if (item_parent_exists(&c->dst, &there, &err) < 0)
        return sh_fail_err(sh, &err);
    return there ? 0 : sh_no_parent(sh, &c->dst);
}

static bool names_directory(const char *shown)
{
    const char *slash = strrchr(shown, '/'), *name = slash ? slash + 1 : shown;

    return !*name || strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

int copy_target(struct shell *sh, const struct copy *c, const struct item *src, bool inside,
                struct item *out)
{
    struct err err;
    int rc;

    if (inside || item_is_dir(&c->dst) || names_directory(c->dst.shown)) {
        rc = item_named(&c->dst, item_name(src), out, &err);
        return rc < 0 ? sh_fail_err(sh, &err) : 0;
    }
    *out = c->dst;
    out->path = strdup(c->dst.path);
    out->shown = strdup(c->dst.shown);
    out->exists = false;
    MUST(out->path && out->shown);
    return item_refresh(out, &err) < 0 ? sh_fail_err(sh, &err) : 0;
}

/* ---- bytes ---- */

static int pour(struct stream *from, struct stream *to, const char *what, uint64_t total,
                struct err *err)
{
    struct progress p;
    ssize_t n;

    progress_begin(&p, what, total);
    while ((n = stream_move(from, to, MOVE_BYTES, err)) > 0)
        progress_add(&p, (uint64_t)n);
    progress_end(&p);
    return n < 0 ? (int)n : 0;
}

/* Writes the stream under @path; what was written of a failed copy goes away again. */
static int write_file(struct copy *c, struct store *s, const char *path, struct stream *from,
                      const char *what, uint64_t total, struct err *err)
{
    struct dfs_create how = {
        .overwrite = true,
        .make_parents = true,
        .replication = c->lazy ? 1 : 0,
    };
    struct stream to;
    bool was_there;
    int rc = store_create(s, path, &how, &to, err);

    if (rc < 0)
        return rc;
    rc = pour(from, &to, what, total, err);
    if (rc == 0)
        rc = stream_close(&to, err);
    else
        stream_abandon(&to);
    if (rc < 0)
        store_delete(s, path, false, &was_there, NULL);
    return rc;
}

int copy_stream(struct shell *sh, struct copy *c, struct stream *from, uint64_t total,
                struct item *target)
{
    char temp[GLOB_PATH_MAX];
    struct err err;
    int rc;

    if (target->exists && (item_is_dir(target) || !c->overwrite))
        return sh_fail(sh, "`%s': File exists", target->shown);
    snprintf(temp, sizeof temp, "%s%s", target->path, c->direct ? "" : "._COPYING_");
    rc = write_file(c, target->store, temp, from, target->shown, total, &err);
    if (rc == 0 && !c->direct)
        rc = store_replace(target->store, temp, target->path, &err);
    return rc < 0 ? sh_fail_err(sh, &err) : 0;
}

/* ---- one source ---- */

static int keep_attributes(struct shell *sh, const struct copy *c, const struct item *src,
                           const struct item *target)
{
    const struct dfs_stat *st = &src->stat;
    struct err err;
    int rc = 0;

    if (c->keep_times)
        rc = store_utimes(target->store, target->path, (int64_t)st->mtime_ms, (int64_t)st->atime_ms,
                          &err);
    if (rc == 0 && c->keep_owner)
        rc = store_chown(target->store, target->path, st->owner, st->group, &err);
    if (rc == 0 && c->keep_mode)
        rc = store_chmod(target->store, target->path, st->mode, &err);
    return rc < 0 ? sh_fail_err(sh, &err) : 0;
}

static int copy_file(struct shell *sh, struct copy *c, struct item *src, struct item *target)
{
    struct stream from;
    struct err err;
    int rc;

    if (c->move)
        return c->move(sh, src, target);
    if (target->exists && (item_is_dir(target) || !c->overwrite))
        return sh_fail(sh, "`%s': File exists", target->shown);
    if (store_open(src->store, src->path, &from, &err) < 0)
        return sh_fail_err(sh, &err);
    rc = copy_stream(sh, c, &from, src->stat.length, target);
    stream_close(&from, NULL);
    if (rc == 0)
        rc = keep_attributes(sh, c, src, target);
    if (rc == 0 && c->after)
        rc = c->after(sh, src);
    return rc;
}

static int copy_to(struct shell *sh, struct copy *c, struct item *src, struct item *target);

/* Brings everything in @src into @target, which is made when it isn't there. */
static int copy_dir(struct shell *sh, struct copy *c, struct item *src, struct item *target)
{
    struct item *items, child;
    struct err err;
    size_t count;
    int rc = 0, before = sh->errors;

    if (target->exists && !item_is_dir(target))
        return sh_fail(sh, "`%s': Is not a directory", target->shown);
    if (!target->exists)
        rc = store_mkdirs(target->store, target->path, &err);
    if (rc == 0)
        rc = item_refresh(target, &err);
    if (rc == 0)
        rc = item_children(src, &items, &count, &err);
    if (rc < 0)
        return sh_fail_err(sh, &err);
    for (size_t i = 0; i < count; i++) {
        rc = item_named(target, item_name(&items[i]), &child, &err);
        if (rc < 0) {
            sh_fail_err(sh, &err);
            continue;
        }
        copy_to(sh, c, &items[i], &child);
        item_done(&child);
    }
    items_free(items, count);
    rc = keep_attributes(sh, c, src, target);
    if (rc == 0 && c->after && sh->errors == before)
        rc = c->after(sh, src);
    return rc;
}

static int copy_to(struct shell *sh, struct copy *c, struct item *src, struct item *target)
{
    return item_is_dir(src) && !c->move ? copy_dir(sh, c, src, target)
                                        : copy_file(sh, c, src, target);
}

/* A directory can't go into itself. */
static int check_nesting(struct shell *sh, const struct item *src, const struct item *target)
{
    size_t n = strlen(src->path);

    if (!item_is_dir(src) || src->store != target->store)
        return 0;
    if (strcmp(src->path, target->path) == 0)
        return sh_fail(sh, "`%s' to `%s': are identical", src->shown, target->shown);
    if (strncmp(target->path, src->path, n) == 0 && (n == 1 || target->path[n] == '/'))
        return sh_fail(sh, "`%s' to `%s': is a subdirectory of itself", src->shown, target->shown);
    return 0;
}

int copy_item(struct shell *sh, struct copy *c, struct item *src)
{
    struct item target;
    int rc = copy_target(sh, c, src, false, &target);

    if (rc != 0)
        return rc;
    rc = check_nesting(sh, src, &target);
    if (rc == 0)
        rc = copy_to(sh, c, src, &target);
    item_done(&target);
    return rc;
}

/* ---- all sources ---- */

static void copy_list(struct shell *sh, struct copy *c, struct item *list, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (list[i].exists)
            copy_item(sh, c, &list[i]);
        else
            sh_fail(sh, "`%s': No such file or directory", list[i].shown);
    }
}

/* Sources are expanded before the destination is judged: their number counts. */
int copy_run(struct shell *sh, struct copy *c, char **args, int count)
{
    struct item **lists = calloc((size_t)count + 1, sizeof *lists);
    size_t *sizes = calloc((size_t)count + 1, sizeof *sizes);
    int total = 0, rc = 0;

    MUST(lists && sizes);
    for (int i = 0; i < count && rc != SHELL_USAGE; i++) {
        rc = item_expand(sh, args[i], &lists[i], &sizes[i]);
        total += (int)sizes[i];
    }
    if (rc != SHELL_USAGE)
        rc = total > 0 ? copy_check(sh, c, total) : 0;
    for (int i = 0; i < count; i++) {
        if (rc == 0)
            copy_list(sh, c, lists[i], sizes[i]);
        items_free(lists[i], sizes[i]);
    }
    free(lists);
    free(sizes);
    item_done(&c->dst);
    return rc;
}
