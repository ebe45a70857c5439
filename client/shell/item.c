/* item.c -- paths of a command line: which store, what matches, and how the user would call it. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/glob.h"
#include "client/shell/shell.h"

/* ---- stores ---- */

static int add_store(struct shell *sh, const char *uri, struct store **out, struct err *err)
{
    struct store *s;
    int rc = 0;

    if (sh->store_count == SHELL_STORES_MAX)
        return err_set(err, ERR_LIMIT, "more than %d stores in one command", SHELL_STORES_MAX);
    s = calloc(1, sizeof *s);
    if (!s)
        return err_set(err, ERR_NOMEM, "store");
    if (uri && strcmp(uri, "file://") == 0)
        snprintf(s->prefix, sizeof s->prefix, "file://");
    else
        rc = dfs_connect(sh->conf, uri, NULL, &s->dfs, err);
    if (rc < 0) {
        free(s);
        return rc;
    }
    if (s->dfs)
        snprintf(s->prefix, sizeof s->prefix, "%s", dfs_uri(s->dfs));
    sh->stores[sh->store_count++] = s;
    *out = s;
    return 0;
}

static int find_store(struct shell *sh, const char *uri, struct store **out, struct err *err)
{
    for (int i = 0; i < sh->store_count; i++)
        if (strcmp(sh->stores[i]->prefix, uri) == 0) {
            *out = sh->stores[i];
            return 0;
        }
    return add_store(sh, uri, out, err);
}

int sh_local_store(struct shell *sh, struct store **out, struct err *err)
{
    return find_store(sh, "file://", out, err);
}

int sh_default_store(struct shell *sh, struct store **out, struct err *err)
{
    const char *uri = conf_text(sh->conf, OPT_fs_default);
    char clean[300];

    if (strncmp(uri, "file:", 5) == 0)
        return sh_local_store(sh, out, err);
    if (strncmp(uri, "hdfs://", 7) != 0) {
        for (int i = 0; i < sh->store_count; i++)
            if (sh->stores[i]->dfs) {
                *out = sh->stores[i];
                return 0;
            }
        return add_store(sh, NULL, out, err);
    }
    snprintf(clean, sizeof clean, "hdfs://%.*s", (int)strcspn(uri + 7, "/"), uri + 7);
    return find_store(sh, clean, out, err);
}

/* The store that @text names, the rest of it, and how to show its paths: @prefix. */
static int store_of(struct shell *sh, const char *text, struct store **out, const char **path,
                    char *prefix, size_t prefix_n, struct err *err)
{
    size_t scheme = strcspn(text, ":/"), authority;

    prefix[0] = 0;
    *path = text;
    if (text[scheme] != ':' || scheme == 0)
        return sh_default_store(sh, out, err);
    *path = text + scheme + 1;
    authority = strncmp(*path, "//", 2) == 0 ? 2 + strcspn(*path + 2, "/") : 0;
    snprintf(prefix, prefix_n, "%.*s://%.*s", (int)scheme, text,
             authority > 2 ? (int)authority - 2 : 0, *path + 2);
    *path += authority;
    if (strncmp(text, "file:", 5) == 0)
        return sh_local_store(sh, out, err);
    if (strncmp(text, "hdfs:", 5) != 0)
        return err_set(err, ERR_UNSUPPORTED, "No FileSystem for scheme \"%.*s\"", (int)scheme,
                       text);
    return authority > 2 ? find_store(sh, prefix, out, err) : sh_default_store(sh, out, err);
}

/* ---- one item ---- */

void item_done(struct item *it)
{
    free(it->path);
    free(it->shown);
    if (it->exists)
        dfs_stat_done(&it->stat);
    *it = (struct item){0};
}

void item_copy(const struct item *it, struct item *out)
{
    *out = *it;
    out->path = strdup(it->path);
    out->shown = strdup(it->shown);
    out->stat = (struct dfs_stat){
        .kind = it->stat.kind,
        .length = it->stat.length,
        .block_size = it->stat.block_size,
        .mtime_ms = it->stat.mtime_ms,
        .atime_ms = it->stat.atime_ms,
        .mode = it->stat.mode,
        .has_acl = it->stat.has_acl,
        .owner = strdup(it->exists ? it->stat.owner : ""),
        .group = strdup(it->exists ? it->stat.group : ""),
    };
    MUST(out->path && out->shown && out->stat.owner && out->stat.group);
    if (!it->exists) /* its stat is not looked at, nor freed */
        dfs_stat_done(&out->stat);
}

void items_free(struct item *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        item_done(&list[i]);
    free(list);
}

bool item_is_dir(const struct item *it)
{
    return it->exists && it->stat.kind == DFS_DIR;
}

const char *item_name(const struct item *it)
{
    return strrchr(it->path, '/') + 1;
}

void item_url(const struct item *it, char *out, size_t n)
{
    snprintf(out, n, "%s%s", it->store->prefix, it->path);
}

/* Where relative paths of a store begin. */
static void home_of(const struct store *s, char *out, size_t n)
{
    if (s->dfs)
        snprintf(out, n, "/user/%s", dfs_user(s->dfs));
    else if (!getcwd(out, n))
        snprintf(out, n, "/");
}

static int absolute(const struct store *s, const char *path, char *out, size_t n, struct err *err)
{
    char home[GLOB_PATH_MAX / 2], full[GLOB_PATH_MAX];
    size_t at = 0;

    home_of(s, home, sizeof home);
    if (snprintf(full, sizeof full, "%s%s%s", path[0] == '/' ? "" : home, path[0] == '/' ? "" : "/",
                 path) >= (int)sizeof full ||
        strlen(full) + 2 > n)
        return err_set(err, ERR_NAME_TOO_LONG, "path too long");
    for (const char *p = full; *p;) {
        size_t k;

        p += strspn(p, "/");
        k = strcspn(p, "/");
        if (k == 2 && p[0] == '.' && p[1] == '.' && at == 0 && s->dfs) {
            return err_set(err, ERR_ARGUMENT,
                           "Pathname %.400s from %s%.400s is not a valid DFS filename.", path,
                           s->prefix, path);
        } else if (k == 2 && p[0] == '.' && p[1] == '.') {
            while (at > 0 && out[--at] != '/')
                ;
        } else if (k > 0 && !(k == 1 && p[0] == '.')) {
            out[at++] = '/';
            memcpy(out + at, p, k);
            at += k;
        }
        p += k;
    }
    if (at == 0)
        out[at++] = '/';
    out[at] = 0;
    return 0;
}

int item_refresh(struct item *it, struct err *err)
{
    struct err why;
    int rc;

    if (it->exists)
        dfs_stat_done(&it->stat);
    it->exists = false;
    rc = store_stat(it->store, it->path, &it->stat, &why);
    if (rc == 0)
        it->exists = true;
    else if (rc != -ERR_NOENT && rc != -ERR_NOTDIR) {
        if (err)
            *err = why;
        return rc;
    }
    return 0;
}

static int item_at(struct store *s, const char *path, const char *shown, struct item *out,
                   struct err *err)
{
    struct item it = {.store = s, .path = strdup(path), .shown = strdup(shown)};
    int rc = it.path && it.shown ? item_refresh(&it, err) : err_set(err, ERR_NOMEM, "path");

    if (rc < 0) {
        item_done(&it);
        return rc;
    }
    *out = it;
    return 0;
}

int item_from(struct shell *sh, const char *text, struct item *out, struct err *err)
{
    char prefix[300], path[GLOB_PATH_MAX];
    const char *rest;
    struct store *s;
    int rc;

    if (!*text)
        return err_set(err, ERR_ARGUMENT, "Can not create a Path from an empty string");
    rc = store_of(sh, text, &s, &rest, prefix, sizeof prefix, err);
    if (rc == 0)
        rc = absolute(s, rest, path, sizeof path, err);
    return rc < 0 ? rc : item_at(s, path, text, out, err);
}

int item_local(struct shell *sh, const char *text, struct item *out, struct err *err)
{
    char path[GLOB_PATH_MAX];
    const char *rest = text;
    struct store *s;
    int rc = sh_local_store(sh, &s, err);

    if (strncmp(text, "file:", 5) == 0)
        rest = strncmp(text, "file://", 7) == 0 ? text + 7 : text + 5;
    if (strncmp(text, "hdfs://", 7) == 0) /* the path alone counts */
        text = rest = text + 7 + strcspn(text + 7, "/");
    if (rc == 0)
        rc = absolute(s, rest, path, sizeof path, err);
    return rc < 0 ? rc : item_at(s, path, text, out, err);
}

/* What a child of @dir is called: the directory as it was written, and the name. */
static char *child_shown(const struct item *dir, const char *name)
{
    size_t n = strlen(dir->shown);
    char *out = malloc(n + strlen(name) + 2);

    MUST(out);
    if (strcmp(dir->shown, ".") == 0)
        strcpy(out, name);
    else
        sprintf(out, "%s%s%s", dir->shown, n > 0 && dir->shown[n - 1] == '/' ? "" : "/", name);
    return out;
}

/* Takes @stat over. */
int item_child(const struct item *dir, const struct dfs_stat *stat, struct item *out)
{
    *out = (struct item){
        .store = dir->store,
        .path = strdup(stat->path),
        .shown = child_shown(dir, strrchr(stat->path, '/') + 1),
        .exists = true,
        .stat = *stat,
    };
    MUST(out->path);
    return 0;
}

int item_named(const struct item *dir, const char *name, struct item *out, struct err *err)
{
    char path[GLOB_PATH_MAX];
    char *shown = child_shown(dir, name);
    int rc;

    snprintf(path, sizeof path, "%s/%s", strcmp(dir->path, "/") == 0 ? "" : dir->path, name);
    rc = item_at(dir->store, path, shown, out, err);
    free(shown);
    return rc;
}

int item_children(const struct item *dir, struct item **out, size_t *count, struct err *err)
{
    struct dfs_stat *list;
    struct item *items;
    size_t n;
    int rc = store_list(dir->store, dir->path, &list, &n, err);

    if (rc < 0)
        return rc;
    items = calloc(n + 1, sizeof *items);
    if (!items) {
        dfs_stats_free(list, n);
        return err_set(err, ERR_NOMEM, "listing of %s", dir->shown);
    }
    for (size_t i = 0; i < n; i++)
        item_child(dir, &list[i], &items[i]);
    free(list);
    *out = items;
    *count = n;
    return 0;
}

int item_parent_exists(const struct item *it, bool *out, struct err *err)
{
    char parent[GLOB_PATH_MAX];
    const char *slash = strrchr(it->path, '/');
    struct dfs_stat st;
    int rc;

    /* "new/" names what would be inside a directory that has to be there */
    if (it->shown[0] && it->shown[strlen(it->shown) - 1] == '/' && !it->exists) {
        *out = strcmp(it->path, "/") == 0;
        return 0;
    }
    snprintf(parent, sizeof parent, "%.*s", slash == it->path ? 1 : (int)(slash - it->path),
             it->path);
    rc = store_stat(it->store, parent, &st, err);
    *out = rc == 0;
    if (rc == 0)
        dfs_stat_done(&st);
    return rc == -ERR_NOENT || rc == -ERR_NOTDIR ? 0 : rc;
}

int sh_no_parent(struct shell *sh, const struct item *it)
{
    char url[GLOB_PATH_MAX];

    item_url(it, url, sizeof url);
    return sh_fail(sh, "`%s': No such file or directory: `%s'", it->shown, url);
}

/* ---- patterns ---- */

/* How a match is shown: with the scheme if the pattern had one, relative if the pattern was. */
static char *match_shown(const struct store *s, const char *prefix, bool relative, const char *path)
{
    char home[GLOB_PATH_MAX / 2];
    char *out = malloc(strlen(prefix) + strlen(path) + 1);
    size_t n;

    MUST(out);
    home_of(s, home, sizeof home);
    n = strlen(home);
    if (relative && strcmp(path, home) == 0)
        strcpy(out, ".");
    else if (relative && strncmp(path, home, n) == 0 && path[n] == '/')
        strcpy(out, path + n + 1);
    else
        sprintf(out, "%s%s", prefix, path);
    return out;
}

static int not_there(struct store *s, const char *text, const char *path, struct item **out,
                     size_t *count)
{
    struct item *it = calloc(1, sizeof *it);

    MUST(it);
    it->store = s;
    it->path = strdup(path);
    it->shown = strdup(text);
    MUST(it->path && it->shown);
    glob_unquote(it->path, it->path);
    glob_unquote(it->shown, it->shown);
    *out = it;
    *count = 1;
    return 0;
}

/* Java's Path takes what stands before a colon for a scheme. */
static int check_colon(struct shell *sh, const char *path)
{
    for (const char *p = path; *p;) {
        size_t n;

        p += strspn(p, "/");
        n = strcspn(p, "/");
        if (memchr(p, ':', n))
            return sh_misused(
                sh, "java.net.URISyntaxException: Relative path in absolute URI: %.*s", (int)n, p);
        p += n;
    }
    return 0;
}

int item_expand(struct shell *sh, const char *text, struct item **out, size_t *count)
{
    char prefix[300], path[GLOB_PATH_MAX];
    struct dfs_stat *list = NULL;
    const char *rest;
    struct item *items;
    struct store *s;
    struct err err;
    size_t n = 0;
    int rc;

    if (!*text)
        return sh_misused(sh, "Can not create a Path from an empty string");
    rc = store_of(sh, text, &s, &rest, prefix, sizeof prefix, &err);
    if (rc < 0)
        return sh_fail_err(sh, &err);
    rc = check_colon(sh, rest);
    if (rc != 0)
        return rc;
    rc = absolute(s, *rest ? rest : "/", path, sizeof path, &err);
    if (rc == 0)
        rc = store_glob(s, path, &list, &n, &err);
    if (rc == -ERR_ARGUMENT)
        return sh_misused(sh, "%s", err.text);
    if (rc < 0)
        return sh_fail_err(sh, &err);
    if (n == 0 && glob_has_wildcards(rest))
        return sh_fail(sh, "`%s': No such file or directory", text);
    if (n == 0)
        return not_there(s, text, path, out, count);
    items = calloc(n, sizeof *items);
    MUST(items);
    for (size_t i = 0; i < n; i++)
        items[i] = (struct item){
            .store = s,
            .path = strdup(list[i].path),
            .shown = match_shown(s, prefix, !prefix[0] && rest[0] != '/', list[i].path),
            .exists = true,
            .stat = list[i],
        };
    free(list);
    *out = items;
    *count = n;
    return 0;
}

static int one_item(struct shell *sh, struct item *it, item_fn present, item_fn missing)
{
    if (it->exists)
        return present(sh, it);
    if (missing)
        return missing(sh, it);
    return sh_fail(sh, "`%s': No such file or directory", it->shown);
}

/* What the arguments stand for is found out before anything is done, as in Hadoop's shell. */
int each_item(struct shell *sh, char **args, int count, item_fn present, item_fn missing)
{
    struct item **lists = calloc((size_t)count + 1, sizeof *lists);
    size_t *sizes = calloc((size_t)count + 1, sizeof *sizes);
    int rc = 0;

    MUST(lists && sizes);
    for (int a = 0; a < count && rc != SHELL_USAGE; a++)
        rc = item_expand(sh, args[a], &lists[a], &sizes[a]);
    for (int a = 0; a < count; a++) {
        for (size_t i = 0; i < sizes[a] && rc != SHELL_USAGE; i++)
            rc = one_item(sh, &lists[a][i], present, missing);
        items_free(lists[a], sizes[a]);
    }
    free(lists);
    free(sizes);
    return rc == SHELL_USAGE ? rc : 0;
}

int walk_items(struct shell *sh, struct item *it, bool deep, item_fn each)
{
    struct item *items;
    struct err err;
    size_t n;
    int rc = each(sh, it);

    if (rc != 0 || !deep || !item_is_dir(it))
        return rc;
    if (item_children(it, &items, &n, &err) < 0)
        return sh_fail_err(sh, &err);
    for (size_t i = 0; i < n && rc != SHELL_USAGE; i++)
        rc = walk_items(sh, &items[i], true, each);
    items_free(items, n);
    return rc == SHELL_USAGE ? rc : 0;
}
