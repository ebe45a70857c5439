#include "client/shell/copy.h"

#include <stdlib.h>
#include <string.h>

#include "client/glob.h"
#include "client/shell/crew.h"
#include "client/shell/facl.h"
#include "client/shell/progress.h"

enum { MOVE_BYTES = 8 << 20, THREADS_MAX = 1024, QUEUE_DEFAULT = 1024, QUEUE_MAX = 1 << 20 };

int copy_take_threads(struct shell *sh, struct copy *c)
{
    static const char *const options[] = {"t", "q"};
    long given[2] = {1, QUEUE_DEFAULT};

    for (int i = 0; i < 2; i++) {
        const char *text = sh_value(sh, options[i]);
        char *end;

        if (!text)
            continue;
        given[i] = strtol(text, &end, 10);
        if (*end || end == text || given[i] != (int)given[i])
            return sh_misused(sh, "For input string: \"%s\"", text);
    }
    c->threads = given[0] > THREADS_MAX ? THREADS_MAX : (int)given[0];
    c->queue_max = given[1] < 1 ? QUEUE_DEFAULT : given[1] > QUEUE_MAX ? QUEUE_MAX : (int)given[1];
    return 0;
}

void copy_wait(struct copy *c)
{
    crew_free(c->crew);
    c->crew = NULL;
}

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

/* On a terminal shows how far it is, when it is @alone there. */
static int pour(struct stream *from, struct stream *to, const char *what, uint64_t total,
                bool alone, struct err *err)
{
    struct progress p;
    ssize_t n;

    progress_begin(&p, what, total);
    p.on = p.on && alone;
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
    rc = pour(from, &to, what, total, !c->crew, err);
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

static bool is_raw(const struct item *it)
{
    return strncmp(it->path, "/.reserved/raw", 14) == 0;
}

/* Stored bytes are copied as stored bytes or not at all. */
static int check_raw(struct shell *sh, const struct item *src, const struct item *target)
{
    static const char raw[] = "/.reserved/raw";
    char url[GLOB_PATH_MAX];

    if (is_raw(src) == is_raw(target))
        return 0;
    item_url(src, url, sizeof url);
    return sh_fail(sh,
                   "`'%s' copy from %s'%s' to %s'%s'. Either both source and target must be in "
                   "'%s' or neither.': Operation not supported",
                   is_raw(src) ? url : target->shown, is_raw(src) ? "" : "non ", raw,
                   is_raw(src) ? "non " : "", raw, raw);
}

/* The local disk has neither lists nor attributes here. */
static int keep_acl(const struct item *src, const struct item *target, struct err *err)
{
    struct dfs_acl_entry *list;
    size_t count;
    int rc;

    if (!src->stat.has_acl || !target->store->dfs)
        return 0;
    rc = acl_whole(src, &list, &count, err);
    if (rc < 0)
        return rc;
    rc = dfs_acl_change(target->store->dfs, target->path, DFS_ACL_SET, list, count, err);
    dfs_acl_free(list, count);
    return rc;
}

/* Those of the raw namespace belong to the stored bytes: they go where these are copied themselves. */
static int keep_xattrs(const struct item *src, const struct item *target, bool raw_alone,
                       struct err *err)
{
    struct dfs_xattr *list;
    size_t count;
    int rc;

    if (!src->store->dfs || !target->store->dfs)
        return 0;
    rc = dfs_xattr_get(src->store->dfs, src->path, NULL, &list, &count, err);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < count && rc == 0; i++)
        if (!raw_alone || strncmp(list[i].name, "raw.", 4) == 0)
            rc = dfs_xattr_set(target->store->dfs, target->path, list[i].name, list[i].value,
                               list[i].n, err);
    dfs_xattrs_free(list, count);
    return rc;
}

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
    if (rc == 0 && (c->keep_mode || c->keep_acl))
        rc = store_chmod(target->store, target->path, st->mode, &err);
    if (rc == 0 && c->keep_acl)
        rc = keep_acl(src, target, &err);
    if (rc == 0 && (c->keep_xattrs || is_raw(src)))
        rc = keep_xattrs(src, target, !c->keep_xattrs, &err);
    return rc < 0 ? sh_fail_err(sh, &err) : 0;
}

static int copy_bytes(struct shell *sh, struct copy *c, struct item *src, struct item *target)
{
    struct stream from;
    struct err err;
    int rc;

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

/* A file that another thread copies. */
struct job {
    struct shell *sh;
    struct copy *copy;
    struct item src, target;
};

static void do_job(void *arg)
{
    struct job *job = arg;

    copy_bytes(job->sh, job->copy, &job->src, &job->target);
    item_done(&job->src);
    item_done(&job->target);
    free(job);
}

static int copy_file(struct shell *sh, struct copy *c, struct item *src, struct item *target)
{
    struct job *job;

    if (c->move)
        return c->move(sh, src, target);
    if (check_raw(sh, src, &c->dst) != 0) /* Hadoop names the destination, not what is in it */
        return -1;
    if (!c->crew && c->threads > 1 && !c->after)
        c->crew = crew_new(c->threads, c->queue_max, do_job);
    if (!c->crew)
        return copy_bytes(sh, c, src, target);
    job = malloc(sizeof *job);
    MUST(job);
    *job = (struct job){.sh = sh, .copy = c};
    item_copy(src, &job->src);
    item_copy(target, &job->target);
    crew_give(c->crew, job);
    return 0;
}

static int copy_to(struct shell *sh, struct copy *c, struct item *src, struct item *target);

/* Brings everything in @src into @target, which is made when it isn't there. */
static int copy_dir(struct shell *sh, struct copy *c, struct item *src, struct item *target)
{
    struct item *items, child;
    struct err err;
    size_t count;
    int rc = 0, before = c->after ? sh->errors : 0;

    if (target->exists && !item_is_dir(target))
        return sh_fail(sh, "`%s': Is not a directory", target->shown);
    if (check_raw(sh, src, target) != 0)
        return -1;
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
    if (c->crew && c->keep_times)
        crew_wait(c->crew); /* each file in it would change the time again */
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
    copy_wait(c);
    free(lists);
    free(sizes);
    item_done(&c->dst);
    return rc;
}
