#include "compute/sorter.h"

#include <stdio.h>
#include <stdlib.h>

#include "compute/merge.h"
#include "compute/partition.h"

enum {
    UNIT = 8, /* a place in the block counts in these, so that 31 bits reach 16 GiB */
    RADIX = 256,
    SMALL = 24,
    SLOT_BITS = 15, /* of the table that finds repeated records */
    FEW_BITS = 9,   /* and of that of a task with few */
    TALLY_SHIFT = 17,
    TALLY_ONE = 1 << TALLY_SHIFT,
    COUNT_MAX = (1 << (32 - TALLY_SHIFT)) - 1,
    INLINE_VALUE_MAX = 3,
    TRIAL = 1 << 15, /* records after which the table is judged */
};
#define IN_ENTRY 0x80000000u

/* One record, or the same one several times.  A key that the prefix holds whole, with a value of at
 * most three bytes, needs no place in the block: `at` is the value then. */
struct entry {
    uint64_t prefix;
    uint32_t tally; /* partition; how many times, in the upper bits */
    uint32_t at;
};

static inline uint32_t partition_of(const struct entry *e)
{
    return e->tally & (TALLY_ONE - 1);
}

static inline uint32_t count_of(const struct entry *e)
{
    return e->tally >> TALLY_SHIFT;
}

/* The latest record with a hash: what decides whether another is the same lies here, since a look
 * at its entry would wait for memory. */
struct slot {
    uint64_t prefix;
    uint32_t at, entry; /* entry + 1; 0: none */
};

struct sorter {
    struct sorter_options o;
    struct combiner combiner;
    uint8_t *block; /* records from the front, entries from the back */
    size_t cap, used;
    size_t count; /* entries */
    struct entry *sorted;
    char **spills;
    int spill_count;
    uint64_t spilled_records;
    struct slot *slots; /* NULL: repeats are too rare */
    unsigned slot_bits;
    uint32_t tried, repeated;
};

struct stored {
    uint32_t key_n, value_n;
    uint8_t bytes[];
};

static const struct stored *at(const struct sorter *s, uint32_t place)
{
    return (const struct stored *)(const void *)(s->block + (size_t)place * UNIT);
}

static void new_table(struct sorter *s, unsigned bits)
{
    free(s->slots);
    s->slots = calloc((size_t)1 << bits, sizeof *s->slots); /* without it, it works as well */
    s->slot_bits = bits;
}

int sorter_new(const struct sorter_options *o, struct sorter **out, struct err *err)
{
    struct sorter *s = calloc(1, sizeof *s);

    if (!s)
        return err_set(err, ERR_NOMEM, "no memory for a sort buffer");
    s->o = *o;
    if (o->combiner)
        s->combiner = *o->combiner;
    s->cap = (o->memory_bytes < 4096 ? 4096 : o->memory_bytes) / 16 * 16;
    s->block = malloc(s->cap);
    s->o.dir = strdup(o->dir);
    new_table(s, FEW_BITS);
    if (!s->block || !s->o.dir) {
        sorter_free(s);
        return err_set(err, ERR_NOMEM, "no memory for a sort buffer of %zu bytes", o->memory_bytes);
    }
    *out = s;
    return 0;
}

void sorter_free(struct sorter *s)
{
    if (!s)
        return;
    for (int i = 0; i < s->spill_count; i++) {
        if (s->spills[i])
            env_unlink(s->o.env, s->spills[i], NULL);
        free(s->spills[i]);
    }
    free(s->spills);
    free(s->block);
    free(s->sorted);
    free(s->slots);
    free((char *)(uintptr_t)s->o.dir);
    free(s);
}

uint64_t sorter_spilled_records(const struct sorter *s)
{
    return s->spilled_records;
}

/* ---- sorting ---- */

/* Entries grow downwards from the end of the block: entry i of the order of arrival. */
static struct entry *entry_of(const struct sorter *s, size_t i)
{
    return (struct entry *)(void *)(s->block + s->cap) - 1 - i;
}

/* Whether @a comes before @b or is equal; the prefixes are of the bytes from @depth on. */
static bool in_order(const struct sorter *s, const struct entry *a, const struct entry *b,
                     size_t depth)
{
    const struct stored *x, *y;

    if (a->prefix != b->prefix || key_prefix_is_whole(a->prefix))
        return a->prefix <= b->prefix;
    x = at(s, a->at);
    y = at(s, b->at);
    return key_compare(x->bytes + depth, x->key_n - depth, y->bytes + depth, y->key_n - depth) <= 0;
}

static void insertion_sort(const struct sorter *s, struct entry *e, size_t n, size_t depth)
{
    for (size_t i = 1; i < n; i++) {
        struct entry x = e[i];
        size_t j = i;

        for (; j > 0 && !in_order(s, &e[j - 1], &x, depth); j--)
            e[j] = e[j - 1];
        e[j] = x;
    }
}

/* Sorts by the prefix alone, least byte first; bytes that are the same everywhere are passed. */
static void radix_sort(struct entry *e, struct entry *spare, size_t n)
{
    static _Thread_local uint32_t counts[8][RADIX];
    struct entry *from = e, *to = spare;

    memset(counts, 0, sizeof counts);
    for (size_t i = 0; i < n; i++)
        for (int b = 0; b < 8; b++)
            counts[b][(e[i].prefix >> (8 * b)) & 0xff]++;
    for (int b = 0; b < 8; b++) {
        uint32_t *c = counts[b], sum = 0;
        struct entry *t;

        if (c[(e[0].prefix >> (8 * b)) & 0xff] == n)
            continue;
        for (int d = 0; d < RADIX; d++) {
            uint32_t k = c[d];

            c[d] = sum;
            sum += k;
        }
        for (size_t i = 0; i < n; i++)
            to[c[(from[i].prefix >> (8 * b)) & 0xff]++] = from[i];
        t = from;
        from = to;
        to = t;
    }
    if (from != e)
        memcpy(e, from, n * sizeof *e);
}

static size_t run_of_equals(const struct entry *e, size_t n)
{
    size_t k = 1;

    while (k < n && e[k].prefix == e[0].prefix)
        k++;
    return k;
}

static void sort_keys(const struct sorter *s, struct entry *e, struct entry *spare, size_t n,
                      size_t depth);

/* Keys that agree in the seven bytes at @depth and go on: sorts them by what follows. */
static void sort_deeper(const struct sorter *s, struct entry *e, struct entry *spare, size_t n,
                        size_t depth)
{
    uint64_t prefix = e[0].prefix;

    for (size_t i = 0; i < n; i++) {
        const struct stored *r = at(s, e[i].at);

        e[i].prefix = key_prefix(r->bytes + depth, r->key_n - depth);
    }
    sort_keys(s, e, spare, n, depth);
    for (size_t i = 0; i < n; i++)
        e[i].prefix = prefix;
}

/* All prefixes are of the key's bytes from @depth on. */
static void sort_keys(const struct sorter *s, struct entry *e, struct entry *spare, size_t n,
                      size_t depth)
{
    if (n <= SMALL || depth > 64 * KEY_PREFIX_BYTES) {
        insertion_sort(s, e, n, depth);
        return;
    }
    radix_sort(e, spare, n);
    for (size_t i = 0, k; i < n; i += k) {
        k = run_of_equals(e + i, n - i);
        if (k > 1 && !key_prefix_is_whole(e[i].prefix))
            sort_deeper(s, e + i, spare, k, depth + KEY_PREFIX_BYTES);
    }
}

static int sort_block(struct sorter *s, size_t *starts, struct err *err)
{
    struct entry *spare;

    free(s->sorted);
    s->sorted = malloc((s->count + 1) * sizeof *s->sorted);
    if (!s->sorted)
        return err_set(err, ERR_NOMEM, "no memory to sort %zu records", s->count);
    memset(starts, 0, (s->o.partitions + 1) * sizeof *starts);
    for (size_t i = 0; i < s->count; i++)
        starts[partition_of(entry_of(s, i)) + 1]++;
    for (uint32_t p = 0; p < s->o.partitions; p++)
        starts[p + 1] += starts[p];
    for (size_t i = 0; i < s->count; i++)
        s->sorted[starts[partition_of(entry_of(s, i))]++] = *entry_of(s, i);
    for (uint32_t p = s->o.partitions; p > 0; p--)
        starts[p] = starts[p - 1];
    starts[0] = 0;
    spare =
        s->count ? entry_of(s, s->count - 1) : NULL; /* the unsorted entries are of no more use */
    for (uint32_t p = 0; p < s->o.partitions; p++)
        sort_keys(s, s->sorted + starts[p], spare, starts[p + 1] - starts[p], 0);
    return 0;
}

/* ---- spilling ---- */

struct block_stream {
    struct record_stream stream;
    const struct sorter *s;
    const struct entry *e;
    size_t i, n;
    uint8_t key[8], value[4]; /* of a record that lies in its entry */
};

static bool equal_keys(const struct sorter *s, const struct entry *a, const struct entry *b)
{
    const struct stored *x, *y;

    if (a->prefix != b->prefix || key_prefix_is_whole(a->prefix))
        return a->prefix == b->prefix;
    x = at(s, a->at);
    y = at(s, b->at);
    return x->key_n == y->key_n && memcmp(x->bytes, y->bytes, x->key_n) == 0;
}

static void from_entry(struct block_stream *b, const struct entry *e, struct record *out)
{
    uint64_t key = __builtin_bswap64(e->prefix);

    memcpy(b->key, &key, 8);
    for (int i = 0; i < INLINE_VALUE_MAX; i++)
        b->value[i] = (uint8_t)(e->at >> (16 - 8 * i));
    out->key = b->key;
    out->key_n = e->prefix & 0xff;
    out->value = b->value;
    out->value_n = (e->at >> 24) & 3;
}

static int block_next(struct record_stream *stream, struct record *out, struct err *err)
{
    struct block_stream *b = (struct block_stream *)stream;
    const struct entry *e = &b->e[b->i];

    (void)err;
    if (b->i == b->n)
        return 0;
    if (e->at & IN_ENTRY) {
        from_entry(b, e, out);
    } else {
        const struct stored *r = at(b->s, e->at);

        out->key = r->bytes;
        out->key_n = r->key_n;
        out->value = r->bytes + r->key_n;
        out->value_n = r->value_n;
    }
    out->same = b->i && equal_keys(b->s, e, e - 1);
    out->count = count_of(e);
    b->i++;
    return 1;
}

static int copy_records(struct record_stream *in, struct spill_writer *w, struct err *err)
{
    struct record r = {0};
    int rc;

    while ((rc = in->next(in, &r, err)) > 0)
        if ((rc = spill_add(w, &r, err)) < 0)
            return rc;
    return rc;
}

static int write_partitions(struct sorter *s, const size_t *starts, struct spill_writer *w,
                            struct err *err)
{
    int rc = 0;

    for (uint32_t p = 0; p < s->o.partitions && rc == 0; p++) {
        struct block_stream b = {
            {block_next}, s, s->sorted + starts[p], 0, starts[p + 1] - starts[p], {0}, {0}};

        rc = spill_begin(w, p, err);
        if (rc == 0 && s->combiner.combine && b.n)
            rc = s->combiner.combine(s->combiner.ctx, p, &b.stream, w, err);
        else if (rc == 0)
            rc = copy_records(&b.stream, w, err);
    }
    return rc;
}

static int spill_to(struct sorter *s, const char *path, struct err *err)
{
    struct spill_writer *w = NULL;
    size_t *starts = malloc((s->o.partitions + 1) * sizeof *starts);
    int rc;

    if (!starts)
        return err_set(err, ERR_NOMEM, "no memory to sort");
    rc = sort_block(s, starts, err);
    if (rc == 0)
        rc = spill_writer_new(s->o.env, path, s->o.partitions, &w, err);
    if (rc == 0)
        spill_writer_pack(w, s->o.codec);
    if (rc == 0)
        rc = write_partitions(s, starts, w, err);
    if (rc == 0)
        rc = spill_writer_finish(w, NULL, err);
    if (rc == 0)
        s->spilled_records += spill_writer_records(w);
    spill_writer_free(w);
    free(starts);
    s->used = s->count = 0;
    if (s->slots)
        memset(s->slots, 0, ((size_t)1 << s->slot_bits) * sizeof *s->slots);
    return rc;
}

static int spill(struct sorter *s, struct err *err)
{
    char path[4096], **list;
    int rc;

    snprintf(path, sizeof path, "%s/spill-%d", s->o.dir, s->spill_count);
    list = realloc(s->spills, (size_t)(s->spill_count + 1) * sizeof *list);
    if (!list)
        return err_set(err, ERR_NOMEM, "no memory for spill %d", s->spill_count);
    s->spills = list;
    rc = spill_to(s, path, err);
    if (rc < 0)
        return rc;
    list[s->spill_count] = strdup(path);
    if (!list[s->spill_count])
        return err_set(err, ERR_NOMEM, "no memory for spill %d", s->spill_count);
    s->spill_count++;
    return 0;
}

/* ---- adding ---- */

static size_t stored_size(size_t key_n, size_t value_n)
{
    return (sizeof(struct stored) + key_n + value_n + UNIT - 1) / UNIT * UNIT;
}

/* The second entry is for the copy that sorting makes. */
static bool fits(const struct sorter *s, size_t n)
{
    return s->used + n + (s->count + 1) * 2 * sizeof(struct entry) <= s->cap;
}

static int make_room(struct sorter *s, size_t n, struct err *err)
{
    size_t need = n + 4 * sizeof(struct entry);
    uint8_t *p;
    int rc = s->count ? spill(s, err) : 0;

    if (rc < 0 || fits(s, n))
        return rc;
    need = (need + 15) / 16 * 16;
    p = realloc(s->block, need);
    if (!p)
        return err_set(err, ERR_NOMEM, "no memory for a record of %zu bytes", n);
    s->block = p;
    s->cap = need;
    return 0;
}

static uint32_t slot_of(const struct sorter *s, uint32_t hash)
{
    return hash * 0x9e3779b9u >> (32 - s->slot_bits);
}

static uint32_t value_in_entry(const uint8_t *value, size_t n)
{
    uint32_t v = IN_ENTRY | (uint32_t)n << 24;

    for (size_t i = 0; i < n; i++)
        v |= (uint32_t)value[i] << (16 - 8 * i);
    return v;
}

/* @place: IN_ENTRY and the value, or 0. */
static inline bool same_record(const struct sorter *s, const struct slot *last,
                               const struct sort_record *r, uint32_t place)
{
    const struct stored *x;

    if (last->prefix != r->prefix)
        return false;
    if ((last->at | place) & IN_ENTRY)
        return last->at == place;
    x = at(s, last->at);
    return x->key_n == r->key_n && x->value_n == r->value_n &&
           memcmp(x->bytes, r->key, r->key_n) == 0 &&
           memcmp(x->bytes + r->key_n, r->value, r->value_n) == 0;
}

/* Whether the latest record with this key was this very one: then it only counts once more.
 * Only the latest may, so that equal keys keep the order of their values. */
static inline bool repeats(struct sorter *s, const struct sort_record *r, uint32_t place,
                           const struct slot *last)
{
    struct entry *e;

    if (!last->entry || !same_record(s, last, r, place))
        return false;
    e = entry_of(s, last->entry - 1);
    if (count_of(e) == COUNT_MAX || partition_of(e) != r->partition)
        return false;
    e->tally += TALLY_ONE;
    s->repeated++;
    return true;
}

/* A table that finds next to nothing costs more than it brings; so does a large one for few records. */
static void judge_table(struct sorter *s)
{
    ++s->tried;
    if (s->slot_bits == FEW_BITS && s->tried == 1 << FEW_BITS)
        new_table(s, SLOT_BITS);
    if (s->tried < TRIAL)
        return;
    if (s->repeated < TRIAL / 8) {
        free(s->slots);
        s->slots = NULL;
    }
    s->tried = s->repeated = 0;
}

/* Makes an entry of it; where it lies is put into *place. */
static int store(struct sorter *s, const struct sort_record *r, uint32_t *place, struct err *err)
{
    size_t n = *place & IN_ENTRY ? 0 : stored_size(r->key_n, r->value_n);
    struct stored *x;
    int rc;

    if (!fits(s, n) && (rc = make_room(s, n, err)) < 0)
        return rc;
    if (n) {
        x = (struct stored *)(void *)(s->block + s->used);
        x->key_n = (uint32_t)r->key_n;
        x->value_n = (uint32_t)r->value_n;
        if (r->key_n)
            memcpy(x->bytes, r->key, r->key_n);
        if (r->value_n)
            memcpy(x->bytes + r->key_n, r->value, r->value_n);
        *place = (uint32_t)(s->used / UNIT);
    }
    *entry_of(s, s->count++) =
        (struct entry){.prefix = r->prefix, .tally = r->partition | TALLY_ONE, .at = *place};
    s->used += n;
    return 0;
}

int sorter_put(struct sorter *s, const struct sort_record *r, struct err *err)
{
    struct slot *slot = s->slots ? &s->slots[slot_of(s, r->hash)] : NULL;
    uint32_t place = 0;
    int rc;

    if (r->key_n + r->value_n > RECORD_MAX)
        return err_set(err, ERR_LIMIT, "a record of %zu bytes, %zu are allowed",
                       r->key_n + r->value_n, RECORD_MAX);
    if (r->key_n <= KEY_PREFIX_BYTES && r->value_n <= INLINE_VALUE_MAX)
        place = value_in_entry(r->value, r->value_n);
    if (slot && repeats(s, r, place, slot)) {
        judge_table(s);
        return 0;
    }
    rc = store(s, r, &place, err);
    if (rc == 0 && slot) {
        *slot = (struct slot){.prefix = r->prefix, .at = place, .entry = (uint32_t)s->count};
        judge_table(s);
    }
    return rc;
}

int sorter_add(struct sorter *s, uint32_t partition, const uint8_t *key, size_t key_n,
               const uint8_t *value, size_t value_n, struct err *err)
{
    const struct sort_record r = {.key = key,
                                  .key_n = key_n,
                                  .value = value,
                                  .value_n = value_n,
                                  .prefix = key_prefix(key, key_n),
                                  .hash = key_hash(key, key_n),
                                  .partition = partition};

    return sorter_put(s, &r, err);
}

/* ---- the end ---- */

static int merge_partition(struct sorter *s, struct spill_run **runs, int first, int count,
                           uint32_t p, struct spill_writer *w, struct err *err)
{
    struct spill_reader *readers = calloc((size_t)count, sizeof *readers);
    struct record_stream **streams = calloc((size_t)count, sizeof *streams);
    struct merge *m = NULL;
    int rc = 0, opened = 0;

    if (!readers || !streams)
        rc = err_set(err, ERR_NOMEM, "no memory to merge %d spills", count);
    for (; rc == 0 && opened < count; opened += rc == 0) {
        rc = spill_reader_open(&readers[opened], s->o.env, s->spills[first + opened],
                               &runs[opened][p], err);
        streams[opened] = &readers[opened].stream;
    }
    if (rc == 0)
        rc = merge_new(streams, (size_t)count, &m, err);
    if (rc == 0)
        rc = copy_records(merge_stream(m), w, err);
    merge_free(m);
    for (int i = 0; i < opened; i++)
        spill_reader_done(&readers[i]);
    free(readers);
    free(streams);
    return rc;
}

static int merge_spills(struct sorter *s, int first, int count, const char *path, struct err *err)
{
    struct spill_run **runs = calloc((size_t)count, sizeof *runs);
    struct spill_writer *w = NULL;
    uint32_t n;
    int rc = runs ? 0 : err_set(err, ERR_NOMEM, "no memory to merge %d spills", count);

    for (int i = 0; rc == 0 && i < count; i++)
        rc = spill_read_index(s->o.env, s->spills[first + i], &runs[i], &n, err);
    if (rc == 0)
        rc = spill_writer_new(s->o.env, path, s->o.partitions, &w, err);
    if (rc == 0)
        spill_writer_pack(w, s->o.codec);
    for (uint32_t p = 0; rc == 0 && p < s->o.partitions; p++) {
        rc = spill_begin(w, p, err);
        if (rc == 0)
            rc = merge_partition(s, runs, first, count, p, w, err);
    }
    if (rc == 0)
        rc = spill_writer_finish(w, NULL, err);
    if (rc == 0)
        s->spilled_records += spill_writer_records(w);
    spill_writer_free(w);
    for (int i = 0; runs && i < count; i++)
        free(runs[i]);
    free(runs);
    return rc;
}

/* Too many spills for one merge: merges neighbours first, so that the order of equal keys stays. */
static int merge_neighbours(struct sorter *s, struct err *err)
{
    int factor = s->o.merge_factor < 2 ? 2 : s->o.merge_factor, kept = 0, rc = 0;

    for (int i = 0, n; i < s->spill_count && rc == 0; i += n) {
        char path[4200];

        n = s->spill_count - i < factor ? s->spill_count - i : factor;
        snprintf(path, sizeof path, "%s+", s->spills[i]);
        rc = merge_spills(s, i, n, path, err);
        for (int k = 0; rc == 0 && k < n; k++) {
            env_unlink(s->o.env, s->spills[i + k], NULL);
            free(s->spills[i + k]);
            s->spills[i + k] = NULL;
        }
        if (rc == 0 && !(s->spills[kept++] = strdup(path)))
            rc = err_set(err, ERR_NOMEM, "no memory to merge");
    }
    if (rc == 0)
        s->spill_count = kept;
    return rc;
}

int sorter_finish(struct sorter *s, const char *path, struct err *err)
{
    int factor = s->o.merge_factor < 2 ? 2 : s->o.merge_factor, rc;

    if (s->spill_count == 0)
        return spill_to(s, path, err);
    rc = s->count ? spill(s, err) : 0;
    while (rc == 0 && s->spill_count > factor)
        rc = merge_neighbours(s, err);
    if (rc == 0)
        rc = merge_spills(s, 0, s->spill_count, path, err);
    return rc;
}
