#include "compute/splits.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HOSTS_MAX = 12, DEPTH_MAX = 64 };

struct files {
    struct store_entry *list;
    size_t n, cap;
};

static const char *last_name(const char *uri)
{
    const char *slash = strrchr(uri, '/');

    return slash ? slash + 1 : uri;
}

static bool hidden(const char *uri)
{
    char c = *last_name(uri);

    return c == '_' || c == '.';
}

/* Takes the entry over. */
static int keep(struct files *f, struct store_entry *e, struct err *err)
{
    if (f->n == f->cap) {
        size_t cap = f->cap ? f->cap * 2 : 64;
        struct store_entry *list = realloc(f->list, cap * sizeof *list);

        if (!list)
            return err_set(err, ERR_NOMEM, "no memory for the list of input files");
        f->list = list;
        f->cap = cap;
    }
    f->list[f->n++] = *e;
    e->uri = NULL;
    return 0;
}

static int add_directory(struct store *store, const char *uri, const struct split_rule *rule,
                         int depth, struct files *f, struct err *err)
{
    struct store_entry *list;
    size_t n;
    int rc = store_list(store, uri, &list, &n, err);

    if (rc < 0)
        return rc;
    for (size_t i = 0; i < n && rc == 0; i++) {
        if (hidden(list[i].uri))
            continue;
        if (!list[i].is_dir)
            rc = keep(f, &list[i], err);
        else if (rule->recursive && depth < DEPTH_MAX)
            rc = add_directory(store, list[i].uri, rule, depth + 1, f, err);
        else
            rc = err_set(err, ERR_ISDIR, "Not a file: %s", list[i].uri);
    }
    store_entries_free(list, n);
    return rc;
}

static bool has_wildcard(const char *path)
{
    return strpbrk(path, "*?[{") != NULL;
}

static int nothing_found(struct store *store, const char *pattern, struct err *err)
{
    char uri[STORE_URI_MAX];
    int rc = store_qualify(store, pattern, uri, sizeof uri, err);

    if (rc < 0)
        return rc;
    if (has_wildcard(pattern) || hidden(uri))
        return err_set_class(err, ERR_NOENT, "org.apache.hadoop.mapred.InvalidInputException",
                             "Input Pattern %s matches 0 files", uri);
    return err_set_class(err, ERR_NOENT, "org.apache.hadoop.mapred.InvalidInputException",
                         "Input path does not exist: %s", uri);
}

static int add_input(struct store *store, const char *pattern, const struct split_rule *rule,
                     struct files *f, struct err *err)
{
    struct store_entry *list = NULL;
    size_t n = 0, used = 0;
    int rc = store_glob(store, pattern, &list, &n, err);

    for (size_t i = 0; i < n && rc == 0; i++) {
        if (hidden(list[i].uri))
            continue;
        used++;
        if (list[i].is_dir)
            rc = add_directory(store, list[i].uri, rule, 0, f, err);
        else
            rc = keep(f, &list[i], err);
    }
    if (rc == 0 && used == 0)
        rc = nothing_found(store, pattern, err);
    store_entries_free(list, n);
    return rc;
}

/* One -input may hold several, separated by commas outside of braces. */
static int add_inputs(struct store *store, const char *text, const struct split_rule *rule,
                      struct files *f, struct err *err)
{
    char *copy = strdup(text), *from = copy;
    int depth = 0, rc = copy ? 0 : err_set(err, ERR_NOMEM, "no memory for a path");

    for (char *p = copy; rc == 0 && from; p++) {
        depth += *p == '{' ? 1 : *p == '}' ? -1 : 0;
        if (*p && (*p != ',' || depth > 0))
            continue;
        bool last = !*p;

        *p = 0;
        if (*from)
            rc = add_input(store, from, rule, f, err);
        from = last ? NULL : p + 1;
    }
    free(copy);
    return rc;
}

/* ---- hosts ---- */

struct host_share {
    const struct dfs_host *host;
    uint64_t bytes;
};

static uint64_t overlap(const struct dfs_block *b, uint64_t start, uint64_t length)
{
    uint64_t from = b->offset > start ? b->offset : start;
    uint64_t b_end = b->offset + b->length, s_end = start + length;
    uint64_t to = b_end < s_end ? b_end : s_end;

    return to > from ? to - from : 0;
}

static void share(struct host_share *list, int *n, const struct dfs_host *h, uint64_t bytes)
{
    for (int i = 0; i < *n; i++)
        if (strcmp(list[i].host->ip, h->ip) == 0 && list[i].host->port == h->port) {
            list[i].bytes += bytes;
            return;
        }
    if (*n < HOSTS_MAX)
        list[(*n)++] = (struct host_share){h, bytes};
}

static int by_bytes(const void *a, const void *b)
{
    const struct host_share *x = a, *y = b;

    return (x->bytes < y->bytes) - (x->bytes > y->bytes);
}

static void add_name(Pb__SplitProto *s, struct arena *a, const char *name)
{
    for (size_t i = 0; i < s->n_hosts; i++)
        if (strcmp(s->hosts[i], name) == 0)
            return;
    s->hosts[s->n_hosts] = arena_strndup(a, name, strlen(name));
    s->n_hosts += s->hosts[s->n_hosts] != NULL;
}

static void add_rack(Pb__SplitProto *s, struct arena *a, const char *rack)
{
    for (size_t i = 0; i < s->n_racks; i++)
        if (strcmp(s->racks[i], rack) == 0)
            return;
    s->racks[s->n_racks] = arena_strndup(a, rack, strlen(rack));
    s->n_racks += s->racks[s->n_racks] != NULL;
}

/* The hosts with the most bytes of the split; those with less than half of that don't count. */
static void place_split(Pb__SplitProto *s, struct arena *a, const struct dfs_block *blocks,
                        size_t count)
{
    struct host_share list[HOSTS_MAX];
    int n = 0;

    for (size_t i = 0; i < count; i++) {
        uint64_t bytes = overlap(&blocks[i], s->start, s->length);

        for (int h = 0; bytes && h < blocks[i].host_count; h++)
            share(list, &n, &blocks[i].hosts[h], bytes);
    }
    qsort(list, (size_t)n, sizeof *list, by_bytes);
    s->hosts = arena_alloc(a, 2 * HOSTS_MAX * sizeof *s->hosts);
    s->racks = arena_alloc(a, HOSTS_MAX * sizeof *s->racks);
    for (int i = 0; s->hosts && s->racks && i < n && list[i].bytes * 2 >= list[0].bytes; i++) {
        add_name(s, a, list[i].host->ip);
        add_name(s, a, list[i].host->name);
        if (list[i].host->rack)
            add_rack(s, a, list[i].host->rack);
    }
}

/* ---- cutting ---- */

struct split_list {
    Pb__SplitProto **list;
    size_t n, cap;
};

static int add_split(struct split_list *l, struct arena *a, const char *path, uint64_t start,
                     uint64_t length, const struct dfs_block *blocks, size_t block_count,
                     struct err *err)
{
    Pb__SplitProto *s = arena_alloc(a, sizeof *s);

    if (l->n == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : 64;
        Pb__SplitProto **list = arena_alloc(a, cap * sizeof *list);

        if (list && l->n)
            memcpy(list, l->list, l->n * sizeof *list);
        l->list = list;
        l->cap = cap;
    }
    if (!s || !l->list)
        return err_set(err, ERR_NOMEM,
                       "too many splits: raise "
                       "mapreduce.input.fileinputformat.split.minsize");
    pb__split_proto__init(s);
    s->path = (char *)path;
    s->start = start;
    s->length = length;
    place_split(s, a, blocks, block_count);
    l->list[l->n++] = s;
    return 0;
}

static uint64_t split_size(const struct split_rule *rule, uint64_t total, uint64_t block)
{
    uint64_t goal = total / (rule->maps_wanted ? rule->maps_wanted : 1);
    uint64_t size = goal < block ? goal : block;

    if (rule->max_bytes && size > rule->max_bytes)
        size = rule->max_bytes;
    if (size < rule->min_bytes)
        size = rule->min_bytes;
    return size ? size : 1;
}

static int cut_file(struct store *store, const struct store_entry *f, uint64_t size,
                    struct split_list *l, struct arena *a, struct err *err)
{
    char *path = arena_strndup(a, f->uri, strlen(f->uri));
    struct dfs_block *blocks = NULL;
    size_t count = 0;
    uint64_t left = f->length;
    int rc = path ? 0 : err_set(err, ERR_NOMEM, "no memory for a split");

    if (rc == 0 && left)
        rc = store_blocks(store, f->uri, left, &blocks, &count, err);
    /* The last piece may be a tenth too long. */
    while (rc == 0 && (double)left / (double)size > 1.1) {
        rc = add_split(l, a, path, f->length - left, size, blocks, count, err);
        left -= size;
    }
    if (rc == 0 && (left || f->length == 0))
        rc = add_split(l, a, path, f->length - left, left, blocks, count, err);
    dfs_blocks_free(blocks, count);
    return rc;
}

static const char *compressed(const char *uri)
{
    static const char *const endings[] = {".gz",  ".bz2",    ".zst",    ".lz4",
                                          ".lzo", ".snappy", ".deflate"};
    size_t n = strlen(uri);

    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        size_t k = strlen(endings[i]);

        if (n > k && strcmp(uri + n - k, endings[i]) == 0)
            return endings[i];
    }
    return NULL;
}

static int check_readable(const struct files *f, struct err *err)
{
    for (size_t i = 0; i < f->n; i++)
        if (compressed(f->list[i].uri))
            return err_set(err, ERR_UNSUPPORTED,
                           "%s is compressed (%s), which jobs can't read yet: unpack it first "
                           "(dfs text %s | dfs put - NEW)",
                           f->list[i].uri, compressed(f->list[i].uri), f->list[i].uri);
    return 0;
}

int splits_make(struct store *store, char *const *inputs, size_t input_count,
                const struct split_rule *rule, struct arena *a, Pb__SplitProto ***out,
                size_t *count, struct err *err)
{
    struct files f = {0};
    struct split_list l = {0};
    uint64_t total = 0;
    int rc = 0;

    for (size_t i = 0; i < input_count && rc == 0; i++)
        rc = add_inputs(store, inputs[i], rule, &f, err);
    if (rc == 0)
        rc = check_readable(&f, err);
    for (size_t i = 0; i < f.n; i++)
        total += f.list[i].length;
    for (size_t i = 0; i < f.n && rc == 0; i++)
        rc = cut_file(store, &f.list[i], split_size(rule, total, f.list[i].block_size), &l, a, err);
    store_entries_free(f.list, f.n);
    if (rc < 0)
        return rc;
    *out = l.list;
    *count = l.n;
    return 0;
}
