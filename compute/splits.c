#include "compute/splits.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compute/line_reader.h"

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

uint64_t splits_unit_bytes(const struct dfs_block *b, uint32_t unit, uint64_t n)
{
    uint64_t cell = b->cell_bytes, stripe = cell * b->data_units, rest = n % stripe;
    uint64_t before = unit * cell;

    rest = rest > before ? rest - before : 0;
    return n / stripe * cell + (rest < cell ? rest : cell);
}

/* What a host has of a split: of a replica all, of a group the cells in its unit. Parity is nothing to read from. */
static uint64_t overlap_at(const struct dfs_block *b, int h, uint64_t start, uint64_t length)
{
    uint64_t bytes = overlap(b, start, length), from = start > b->offset ? start - b->offset : 0;
    int unit = b->hosts[h].unit;

    if (!b->data_units)
        return bytes;
    if (unit < 0 || (uint32_t)unit >= b->data_units)
        return 0;
    return splits_unit_bytes(b, (uint32_t)unit, from + bytes) -
           splits_unit_bytes(b, (uint32_t)unit, from);
}

static void share(struct host_share *list, int *n, const struct dfs_host *h, uint64_t bytes)
{
    if (!bytes)
        return;
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
        if (!overlap(&blocks[i], s->start, s->length))
            continue;
        for (int h = 0; h < blocks[i].host_count; h++)
            share(list, &n, &blocks[i].hosts[h], overlap_at(&blocks[i], h, s->start, s->length));
    }
    qsort(list, (size_t)n, sizeof *list, by_bytes);
    s->hosts = arena_alloc(a, 2 * HOSTS_MAX * sizeof *s->hosts);
    s->racks = arena_alloc(a, HOSTS_MAX * sizeof *s->racks);
    s->cachedhosts = arena_alloc(a, HOSTS_MAX * sizeof *s->cachedhosts);
    for (int i = 0;
         s->hosts && s->racks && s->cachedhosts && i < n && list[i].bytes * 2 >= list[0].bytes;
         i++) {
        add_name(s, a, list[i].host->ip);
        add_name(s, a, list[i].host->name);
        if (list[i].host->cached)
            s->cachedhosts[s->n_cachedhosts++] =
                arena_strndup(a, list[i].host->ip, strlen(list[i].host->ip));
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
    uint64_t size = goal < block && rule->kind != INPUT_COMBINE_TEXT ? goal : block;

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

/* ---- a few lines each ---- */

/* Where a split of whole lines begins: a byte early, for the first line found there is thrown away. */
static int add_lines(struct split_list *l, struct arena *a, const char *path, uint64_t start,
                     uint64_t end, const struct dfs_block *blocks, size_t count, struct err *err)
{
    uint64_t from = start ? start - 1 : 0;

    return add_split(l, a, path, from, end - 1 - from, blocks, count, err);
}

static int cut_lines(struct store *store, const struct store_entry *f, uint64_t lines,
                     struct split_list *l, struct arena *a, struct err *err)
{
    char *path = arena_strndup(a, f->uri, strlen(f->uri));
    struct split_source *source = NULL;
    struct line_reader *r = NULL;
    struct dfs_block *blocks = NULL;
    const uint8_t *line;
    size_t n, count = 0;
    uint64_t seen = 0, start = 0, offset = 0;
    int rc = path ? 0 : err_set(err, ERR_NOMEM, "no memory for a split");

    if (rc == 0 && f->length)
        rc = store_blocks(store, f->uri, f->length, &blocks, &count, err);
    if (rc == 0)
        rc = source_open(store, f->uri, 0, f->length, &source, err);
    if (rc == 0)
        rc = line_reader_new(source, NULL, &r, err);
    while (rc == 0 && (rc = line_reader_next(r, &line, &n, &offset, err)) == 1) {
        rc = 0;
        if (seen && seen % lines == 0) {
            rc = add_lines(l, a, path, start, offset, blocks, count, err);
            start = offset;
        }
        seen++;
    }
    if (rc == 0 && seen)
        rc = add_lines(l, a, path, start, f->length, blocks, count, err);
    line_reader_free(r);
    source_close(source);
    dfs_blocks_free(blocks, count);
    return rc;
}

/* ---- files together ---- */

static int add_piece(Pb__SplitProto *to, const Pb__SplitProto *from, struct arena *a,
                     struct err *err)
{
    Pb__SplitPieceProto *p = arena_alloc(a, sizeof *p), **list = to->more;
    size_t n = to->n_more;

    if ((n & (n - 1)) == 0) { /* room for twice as many */
        list = arena_alloc(a, (n ? 2 * n : 1) * sizeof *list);
        if (list && n)
            memcpy(list, to->more, n * sizeof *list);
    }
    if (!p || !list)
        return err_set(err, ERR_NOMEM, "no memory for a split");
    pb__split_piece_proto__init(p);
    p->path = from->path;
    p->start = from->start;
    p->length = from->length;
    to->more = list;
    to->more[to->n_more++] = p;
    return 0;
}

static int by_host(const void *a, const void *b)
{
    const Pb__SplitProto *x = *(Pb__SplitProto *const *)a, *y = *(Pb__SplitProto *const *)b;
    const char *hx = x->n_hosts ? x->hosts[0] : "", *hy = y->n_hosts ? y->hosts[0] : "";
    int c = strcmp(hx, hy);

    if (c == 0)
        c = strcmp(x->path, y->path);
    return c ? c : (x->start > y->start) - (x->start < y->start);
}

/* Pieces of one host become one split, up to @max bytes. */
static int combine(struct split_list *l, uint64_t max, struct arena *a, struct err *err)
{
    uint64_t bytes = 0;
    size_t kept = 0;

    qsort(l->list, l->n, sizeof *l->list, by_host);
    for (size_t i = 0; i < l->n; i++) {
        Pb__SplitProto *s = l->list[i], *to = kept ? l->list[kept - 1] : NULL;
        const char *host = s->n_hosts ? s->hosts[0] : "";
        int rc;

        if (to && strcmp(host, to->n_hosts ? to->hosts[0] : "") == 0 &&
            (max == 0 || bytes + s->length <= max)) {
            rc = add_piece(to, s, a, err);
            if (rc < 0)
                return rc;
            bytes += s->length;
            continue;
        }
        bytes = s->length;
        l->list[kept++] = s;
    }
    l->n = kept;
    return 0;
}

static uint64_t split_bytes(const Pb__SplitProto *s)
{
    uint64_t n = s->length;

    for (size_t i = 0; i < s->n_more; i++)
        n += s->more[i]->length;
    return n;
}

/* Maps are numbered, and so are the parts of a job without reducers, by the size of their splits, the largest
 * first; equal ones stay as they were. */
static void number_by_size(struct split_list *l, struct arena *a)
{
    Pb__SplitProto **room = arena_alloc(a, (l->n + 1) * sizeof *room), **from = l->list;

    if (!room || !l->n)
        return;
    for (size_t width = 1; width < l->n; width *= 2) { /* merges of neighbours */
        for (size_t low = 0; low < l->n; low += 2 * width) {
            size_t mid = low + width < l->n ? low + width : l->n;
            size_t high = mid + width < l->n ? mid + width : l->n;

            for (size_t i = low, k = mid, out = low; out < high; out++)
                room[out] = k == high || (i < mid && split_bytes(from[i]) >= split_bytes(from[k]))
                                ? from[i++]
                                : from[k++];
        }
        l->list = room;
        room = from;
        from = l->list;
    }
}

/* ---- the whole ---- */

static bool is_whole(const struct split_rule *rule, const char *uri)
{
    enum codec codec = codec_of_file(uri);
    bool sequence = rule->kind == INPUT_SEQUENCE || rule->kind == INPUT_SEQUENCE_TEXT;

    return !sequence && codec != CODEC_NONE && codec != CODEC_BZIP2;
}

/* A file of one piece, as a block larger than it would make it. */
static int cut_any(struct store *store, const struct store_entry *f, const struct split_rule *rule,
                   uint64_t total, struct split_list *l, struct arena *a, struct err *err)
{
    uint64_t size = split_size(rule, total, f->block_size);

    if (is_whole(rule, f->uri))
        size = UINT64_MAX;
    else if (rule->kind == INPUT_NLINE && codec_of_file(f->uri) == CODEC_NONE)
        return cut_lines(store, f, rule->lines ? rule->lines : 1, l, a, err);
    return cut_file(store, f, size, l, a, err);
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
    for (size_t i = 0; i < f.n; i++)
        total += f.list[i].length;
    for (size_t i = 0; i < f.n && rc == 0; i++)
        rc = cut_any(store, &f.list[i], rule, total, &l, a, err);
    if (rc == 0 && rule->kind == INPUT_COMBINE_TEXT)
        rc = combine(&l, rule->max_bytes, a, err);
    store_entries_free(f.list, f.n);
    if (rc < 0)
        return rc;
    if (rule->by_size)
        number_by_size(&l, a);
    *out = l.list;
    *count = l.n;
    return 0;
}
