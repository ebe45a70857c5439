#include "compute/kv_lines.h"

#include <stdlib.h>

#include "compute/partition.h"

enum { ROOM = 256 << 10 };

int kv_lines_init(struct kv_lines *k, int (*each)(void *, const struct kv_line *, struct err *),
                  void *ctx, struct err *err)
{
    *k = (struct kv_lines){.each = each, .ctx = ctx, .cap = 2 * ROOM};
    k->buf = malloc(k->cap);
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
            return err_set(err, ERR_LIMIT, "a line of more than %zu bytes", RECORD_MAX);
        p = realloc(k->buf, cap);
        if (!p)
            return err_set(err, ERR_NOMEM, "no memory for a line of %zu bytes", k->n);
        k->buf = p;
        k->cap = cap;
    }
    *at = k->buf + k->n;
    *room = k->cap - k->n;
    return 0;
}

static int give(struct kv_lines *k, const uint8_t *from, const uint8_t *tab, const uint8_t *end,
                uint32_t hash, struct err *err)
{
    const uint8_t *value = tab ? tab + 1 : end;
    struct kv_line line = {.key = from,
                           .key_n = (size_t)((tab ? tab : end) - from),
                           .value = value,
                           .value_n = (size_t)(end - value),
                           .hash = hash};

    k->lines++;
    return k->each(k->ctx, &line, err);
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

    if (k->n == 0)
        return 0;
    scan(k->buf, end, &tab, &hash);
    k->n = 0;
    return give(k, k->buf, tab, end, hash, err);
}
