#include "client/glob.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool glob_has_wildcards(const char *p)
{
    for (; *p; p++) {
        if (*p == '\\' && p[1])
            p++;
        else if (strchr("*?[{", *p))
            return true;
    }
    return false;
}

void glob_unquote(const char *p, char *out)
{
    for (; *p; p++) {
        if (*p == '\\' && p[1])
            p++;
        *out++ = *p;
    }
    *out = 0;
}

/* ---- matching ---- */

/* Matches @c against the class that begins behind '['; *end is behind its ']'.  A class without
 * an end matches nothing. */
static bool match_class(const char *p, char c, const char **end)
{
    bool negated = *p == '^' || *p == '!', found = false;

    p += negated;
    for (bool first = true; *p && (*p != ']' || first); first = false) {
        char from = *p == '\\' && p[1] ? *++p : *p, to = from;

        p++;
        if (*p == '-' && p[1] && p[1] != ']') {
            p++;
            to = *p == '\\' && p[1] ? *++p : *p;
            p++;
        }
        found = found || (c >= from && c <= to);
    }
    *end = *p ? p + 1 : p;
    return *p && found != negated;
}

bool glob_match(const char *p, const char *name)
{
    const char *star = NULL, *retry = NULL, *end;

    while (*name) {
        bool ok = false;

        end = p;
        if (*p == '*') {
            star = ++p;
            retry = name;
            continue;
        }
        if (*p == '?') {
            ok = true;
            end = p + 1;
            /* a character may have several bytes */
            while ((name[1] & 0xc0) == 0x80)
                name++;
        } else if (*p == '[') {
            ok = match_class(p + 1, *name, &end);
        } else if (*p) {
            p += *p == '\\' && p[1];
            ok = *p == *name;
            end = p + 1;
        }
        if (ok) {
            p = end;
            name++;
        } else if (star) {
            p = star;
            name = ++retry;
        } else {
            return false;
        }
    }
    while (*p == '*')
        p++;
    return !*p;
}

/* ---- braces ---- */

struct texts {
    char **list;
    size_t count;
};

static int add_text(struct texts *t, const char *text, struct err *err)
{
    char **more;

    if (t->count == GLOB_ALTERNATIVES_MAX)
        return err_set(err, ERR_ARGUMENT, "too many alternatives in a pattern");
    more = realloc(t->list, (t->count + 1) * sizeof *more);
    if (!more)
        return err_set(err, ERR_NOMEM, "pattern");
    t->list = more;
    t->list[t->count] = strdup(text);
    return t->list[t->count] ? (int)(t->count++, 0) : err_set(err, ERR_NOMEM, "pattern");
}

/* The sign that @p stands before ends at its pair; NULL when there is none. */
static const char *closing(const char *p)
{
    int depth = 0;

    for (; *p; p++) {
        if (*p == '\\' && p[1])
            p++;
        else if (*p == '{')
            depth++;
        else if (*p == '}' && --depth == 0)
            return p;
    }
    return NULL;
}

static const char *next_comma(const char *p, const char *end)
{
    int depth = 0;

    for (; p < end; p++) {
        if (*p == '\\' && p[1])
            p++;
        else if (*p == '{')
            depth++;
        else if (*p == '}')
            depth--;
        else if (*p == ',' && depth == 0)
            return p;
    }
    return end;
}

static int expand(struct texts *t, const char *pattern, struct err *err)
{
    const char *open = pattern, *close;
    int rc = 0;

    while (*open && *open != '{')
        open += open[0] == '\\' && open[1] ? 2 : 1;
    close = *open ? closing(open) : NULL;
    if (!close)
        return add_text(t, pattern, err);
    for (const char *from = open + 1; rc == 0;) {
        const char *to = next_comma(from, close);
        char text[GLOB_PATH_MAX];
        int n = snprintf(text, sizeof text, "%.*s%.*s%s", (int)(open - pattern), pattern,
                         (int)(to - from), from, close + 1);

        if (n >= (int)sizeof text)
            return err_set(err, ERR_ARGUMENT, "pattern too long");
        rc = expand(t, text, err);
        if (to == close)
            break;
        from = to + 1;
    }
    return rc;
}

void glob_list_free(char **list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(list[i]);
    free(list);
}

int glob_braces(const char *pattern, char ***out, size_t *count, struct err *err)
{
    struct texts t = {0};
    int rc = expand(&t, pattern, err);

    if (rc < 0) {
        glob_list_free(t.list, t.count);
        return rc;
    }
    *out = t.list;
    *count = t.count;
    return 0;
}

/* ---- walking ---- */

struct found {
    const struct glob_source *src;
    struct dfs_stat *list;
    size_t count, cap;
};

static int add_found(struct found *f, struct dfs_stat *st, struct err *err)
{
    if (f->count == f->cap) {
        size_t cap = f->cap ? f->cap * 2 : 16;
        struct dfs_stat *more = realloc(f->list, cap * sizeof *more);

        if (!more)
            return err_set(err, ERR_NOMEM, "matches");
        f->list = more;
        f->cap = cap;
    }
    f->list[f->count++] = *st;
    *st = (struct dfs_stat){0};
    return 0;
}

static bool is_missing(int rc)
{
    return rc == -ERR_NOENT || rc == -ERR_NOTDIR || rc == -ERR_PARENT_NOTDIR;
}

static int add_if_there(struct found *f, const char *path, struct err *err)
{
    struct dfs_stat st;
    int rc = f->src->stat(f->src->ctx, path, &st, err);

    if (is_missing(rc))
        return 0;
    if (rc < 0)
        return rc;
    rc = add_found(f, &st, err);
    dfs_stat_done(&st);
    return rc;
}

static int walk(struct found *f, const char *base, const char *rest, struct err *err);

/* @component has wildcards: everything in @base that matches, and then @rest inside it. */
static int walk_matches(struct found *f, const char *base, const char *component, const char *rest,
                        struct err *err)
{
    struct dfs_stat *list;
    size_t count;
    int rc = f->src->list(f->src->ctx, *base ? base : "/", &list, &count, err);

    if (is_missing(rc))
        return 0;
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < count && rc == 0; i++) {
        const char *name = strrchr(list[i].path, '/') + 1;

        /* a file lists itself; nothing is inside it */
        if (strcmp(list[i].path, base) == 0 || !glob_match(component, name))
            continue;
        if (*rest)
            rc = list[i].kind == DFS_DIR ? walk(f, list[i].path, rest, err) : 0;
        else
            rc = add_found(f, &list[i], err);
    }
    dfs_stats_free(list, count);
    return rc;
}

/* @base is "" for the root, or a path without a slash at its end. */
static int walk(struct found *f, const char *base, const char *rest, struct err *err)
{
    char component[GLOB_PATH_MAX], path[GLOB_PATH_MAX];
    size_t n;

    while (*rest == '/')
        rest++;
    if (!*rest)
        return add_if_there(f, *base ? base : "/", err);
    for (n = 0; rest[n] && rest[n] != '/'; n++)
        n += rest[n] == '\\' && rest[n + 1];
    if (n >= sizeof component)
        return err_set(err, ERR_ARGUMENT, "pattern too long");
    memcpy(component, rest, n);
    component[n] = 0;
    if (glob_has_wildcards(component))
        return walk_matches(f, base, component, rest + n + strspn(rest + n, "/"), err);
    glob_unquote(component, component);
    if (snprintf(path, sizeof path, "%s/%s", base, component) >= (int)sizeof path)
        return err_set(err, ERR_ARGUMENT, "pattern too long");
    return walk(f, path, rest + n, err);
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct dfs_stat *)a)->path, ((const struct dfs_stat *)b)->path);
}

static void drop_twins(struct found *f)
{
    size_t kept = 0;

    for (size_t i = 0; i < f->count; i++) {
        if (kept > 0 && strcmp(f->list[kept - 1].path, f->list[i].path) == 0)
            dfs_stat_done(&f->list[i]);
        else
            f->list[kept++] = f->list[i];
    }
    f->count = kept;
}

int glob_paths(const struct glob_source *src, const char *pattern, struct dfs_stat **out,
               size_t *count, struct err *err)
{
    struct found f = {.src = src};
    size_t ways;
    char **list;
    int rc = glob_braces(pattern, &list, &ways, err);

    if (rc < 0)
        return rc;
    for (size_t i = 0; i < ways && rc == 0; i++)
        rc = walk(&f, "", list[i], err);
    glob_list_free(list, ways);
    if (rc < 0) {
        dfs_stats_free(f.list, f.count);
        return rc;
    }
    if (f.count > 1)
        qsort(f.list, f.count, sizeof *f.list, by_path);
    drop_twins(&f);
    *out = f.list;
    *count = f.count;
    return 0;
}

void dfs_stats_free(struct dfs_stat *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        dfs_stat_done(&list[i]);
    free(list);
}

/* ---- the store as a source ---- */

static int stat_store(void *ctx, const char *path, struct dfs_stat *out, struct err *err)
{
    return dfs_stat(ctx, path, out, err);
}

int dfs_list(struct dfs *fs, const char *path, struct dfs_stat **out, size_t *count,
             struct err *err)
{
    struct found f = {0};
    const struct dfs_stat *entry;
    struct dfs_dir *d;
    int rc = dfs_opendir(fs, path, &d, err);

    if (rc < 0)
        return rc;
    while ((rc = dfs_readdir(d, &entry, err)) > 0) {
        struct dfs_stat st = *entry; /* taken over: the walk forgets it */

        dfs_dir_take(d);
        rc = add_found(&f, &st, err);
        dfs_stat_done(&st);
        if (rc < 0)
            break;
    }
    dfs_closedir(d);
    if (rc < 0) {
        dfs_stats_free(f.list, f.count);
        return rc;
    }
    *out = f.list;
    *count = f.count;
    return 0;
}

static int list_store(void *ctx, const char *path, struct dfs_stat **out, size_t *count,
                      struct err *err)
{
    return dfs_list(ctx, path, out, count, err);
}

int dfs_glob(struct dfs *fs, const char *pattern, struct dfs_stat **out, size_t *count,
             struct err *err)
{
    struct glob_source src = {.ctx = fs, .stat = stat_store, .list = list_store};
    char full[GLOB_PATH_MAX];

    if (pattern[0] == '/')
        return glob_paths(&src, pattern, out, count, err);
    if (snprintf(full, sizeof full, "/user/%s/%s", dfs_user(fs), pattern) >= (int)sizeof full)
        return err_set(err, ERR_ARGUMENT, "pattern too long");
    return glob_paths(&src, full, out, count, err);
}
