/* getmerge.c -- dfs getmerge: several files into one local one. */
#include <stdlib.h>
#include <string.h>

#include "client/shell/shell.h"

enum { MOVE_BYTES = 8 << 20 };

static struct item *sources;
static size_t source_count;

static void add(const struct item *it)
{
    struct item *more = realloc(sources, (source_count + 1) * sizeof *more);

    MUST(more);
    sources = more;
    sources[source_count] = *it;
    sources[source_count].path = strdup(it->path);
    sources[source_count].shown = strdup(it->shown);
    sources[source_count++].exists = false;
}

/* The files of a directory, not of those in it. */
static int collect(struct shell *sh, struct item *it)
{
    struct item *items;
    struct err err;
    size_t count;

    if (!item_is_dir(it)) {
        add(it);
        return 0;
    }
    if (item_children(it, &items, &count, &err) < 0)
        return sh_fail_err(sh, &err);
    for (size_t i = 0; i < count; i++)
        if (!item_is_dir(&items[i]))
            add(&items[i]);
    items_free(items, count);
    return 0;
}

static int add_file(struct shell *sh, const struct item *it, struct stream *out, struct err *err)
{
    struct stream from;
    uint64_t total = 0;
    ssize_t n = 0;
    int rc = store_open(it->store, it->path, &from, err);

    if (rc < 0)
        return rc;
    while ((n = stream_move(&from, out, MOVE_BYTES, err)) > 0)
        total += (uint64_t)n;
    stream_close(&from, NULL);
    if (n == 0 && sh_has(sh, "nl") && (total > 0 || !sh_has(sh, "skip-empty-file")))
        return stream_write(out, "\n", 1, err);
    return (int)n;
}

static int merge(struct shell *sh, const struct item *dst)
{
    struct dfs_create how = {.overwrite = true};
    struct stream out;
    struct err err;
    int rc = store_create(dst->store, dst->path, &how, &out, &err);

    if (rc < 0)
        return sh_fail_err(sh, &err);
    for (size_t i = 0; i < source_count && rc == 0; i++)
        rc = add_file(sh, &sources[i], &out, &err);
    if (rc == 0)
        rc = stream_close(&out, &err);
    else
        stream_abandon(&out);
    return rc < 0 ? sh_fail_err(sh, &err) : 0;
}

int cmd_getmerge(struct shell *sh, char **args, int count)
{
    struct item dst;
    struct err err;
    int rc;

    if (item_local(sh, args[count - 1], &dst, &err) < 0)
        return sh_fail_err(sh, &err);
    if (item_is_dir(&dst))
        rc = sh_fail(sh, "`%s': Is a directory", dst.shown);
    else
        rc = each_item(sh, args, count - 1, collect, NULL);
    if (rc == 0 && sh->errors == 0)
        rc = merge(sh, &dst);
    for (size_t i = 0; i < source_count; i++)
        item_done(&sources[i]);
    free(sources);
    item_done(&dst);
    return rc;
}
