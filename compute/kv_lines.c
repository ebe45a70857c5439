#include "compute/kv_lines.h"

#include <stdlib.h>
#include <string.h>

#include "compute/partition.h"

enum { ROOM = 256 << 10, BEHIND = 8 }; /* bytes that may be read behind the last line */

int kv_lines_init(struct kv_lines *k, int (*each)(void *, const struct kv_line *, struct err *),
                  void *ctx, struct err *err)
{
    *k = (struct kv_lines){.each = each, .ctx = ctx, .cap = 2 * ROOM};
    k->buf = malloc(k->cap + BEHIND);
    return k->buf ? 0 : err_set(err, ERR_NOMEM, "no memory to read lines");
}

void kv_lines_done(struct kv_lines *k)
{
    free(k->buf);
    k->buf = NULL;
}

int kv_lines_room(struct kv_lines *k, uint8_t **at, size_t *room, struct err *err)
{
    if (k->cap - k->n < ROOM) {
        size_t cap = k->cap * 2;
        uint8_t *p;

        if (k->n > RECORD_MAX)
            return err_set(err, ERR_LIMIT,
                           "line %llu of what the program printed has more than %zu bytes: does it "
                           "end its lines?",
                           (unsigned long long)k->lines + 1, RECORD_MAX);
        p = realloc(k->buf, cap + BEHIND);
        if (!p)
            return err_set(err, ERR_NOMEM, "no memory for a line of %zu bytes", k->n);
        k->buf = p;
        k->cap = cap;
    }
    *at = k->buf + k->n;
    *room = k->cap - k->n;
    return 0;
}

void kv_lines_set_rule(struct kv_lines *k, const struct io_rule *rule)
{
    bool is_tab = rule->io == IO_TEXT && rule->key_fields == 1 && rule->separator_n == 1 &&
                  *rule->separator == '\t';

    k->rule = is_tab ? NULL : rule;
}

int kv_give(struct kv_lines *k, const uint8_t *key, size_t key_n, const uint8_t *value,
            size_t value_n, uint32_t hash, struct err *err)
{
    struct kv_line line = {
        .key = key, .key_n = key_n, .value = value, .value_n = value_n, .hash = hash};

    line.prefix = key_prefix_of_eight(key, key_n);
    k->lines++;
    return k->each(k->ctx, &line, err);
}

/* A line by a rule of its own: the key goes up to the key_fields'th separator. */
static int give_by_rule(struct kv_lines *k, const uint8_t *from, const uint8_t *end,
                        struct err *err)
{
    const struct io_rule *r = k->rule;
    const uint8_t *p = from, *sep = NULL;

    for (uint32_t i = 0; r->io == IO_TEXT && r->separator_n && (i == 0 || i < r->key_fields); i++) {
        sep = memmem(p, (size_t)(end - p), r->separator, r->separator_n);
        if (!sep)
            break;
        p = sep + r->separator_n;
    }
    if (!sep)
        p = sep = end;
    return kv_give(k, from, (size_t)(sep - from), p, (size_t)(end - p),
                   key_hash(from, (size_t)(sep - from)), err);
}

static int give(struct kv_lines *k, const uint8_t *from, const uint8_t *tab, const uint8_t *end,
                uint32_t hash, struct err *err)
{
    const uint8_t *value = tab ? tab + 1 : end;

    if (k->rule)
        return give_by_rule(k, from, end, err);
    return kv_give(k, from, (size_t)((tab ? tab : end) - from), value, (size_t)(end - value), hash,
                   err);
}

/* One line from @p on.  Returns where it ends (at its "\n" or "\r"), or NULL when it is cut. */
static const uint8_t *scan(const uint8_t *p, const uint8_t *end, const uint8_t **tab,
                           uint32_t *hash)
{
    uint32_t h = KEY_HASH_START;

    *tab = NULL;
    for (; p < end && *p != '\t'; p++) {
        if (*p == '\n' || *p == '\r') {
            *hash = h;
            return p;
        }
        h = key_hash_step(h, *p);
    }
    *hash = h;
    if (p == end)
        return NULL;
    *tab = p;
    while (p < end && *p != '\n' && *p != '\r')
        p++;
    return p < end ? p : NULL;
}

static bool has_line_end(const uint8_t *p, size_t n)
{
    return memchr(p, '\n', n) || memchr(p, '\r', n);
}

int kv_lines_took(struct kv_lines *k, size_t n, struct err *err)
{
    const uint8_t *p = k->buf, *end, *tab, *stop;
    uint32_t hash;
    int rc;

    if (k->rule && (k->rule->io == IO_TYPED || k->rule->io == IO_RAW))
        return kv_frames_took(k, n, err);
    /* A line far longer than what came is not read again and again from its start. */
    if (k->searched && !has_line_end(k->buf + k->searched, k->n + n - k->searched)) {
        k->n += n;
        k->searched = k->n;
        return 0;
    }
    k->n += n;
    k->searched = 0;
    for (end = k->buf + k->n; p < end; p = stop + 1) {
        if (k->cr_open && *p == '\n')
            p++;
        k->cr_open = false;
        if (p == end || !(stop = scan(p, end, &tab, &hash)))
            break;
        k->cr_open = *stop == '\r';
        if ((rc = give(k, p, tab, stop, hash, err)) < 0)
            return rc;
    }
    k->n = (size_t)(end - p);
    memmove(k->buf, p, k->n);
    k->searched = k->n;
    return 0;
}

int kv_lines_end(struct kv_lines *k, struct err *err)
{
    const uint8_t *end = k->buf + k->n, *tab;
    uint32_t hash;

    if (k->rule && (k->rule->io == IO_TYPED || k->rule->io == IO_RAW))
        return kv_frames_end(k, err);
    if (k->n == 0)
        return 0;
    scan(k->buf, end, &tab, &hash);
    k->n = 0;
    return give(k, k->buf, tab, end, hash, err);
}
