#include "compute/merge.h"

#include <stdlib.h>

struct head {
    struct record_stream *from;
    uint64_t prefix;
    struct record r;
    size_t order;
};

struct merge {
    struct record_stream stream;
    struct head *heads; /* storage */
    struct head **heap; /* least first */
    size_t n;
    bool started;
    uint8_t *key; /* the last key given out */
    size_t key_n, key_cap;
    bool have_key;
};

static bool before(const struct head *a, const struct head *b)
{
    int c;

    if (a->prefix != b->prefix)
        return a->prefix < b->prefix;
    if (key_prefix_is_whole(a->prefix))
        return a->order < b->order;
    c = key_compare(a->r.key, a->r.key_n, b->r.key, b->r.key_n);
    return c ? c < 0 : a->order < b->order;
}

static void sift_down(struct merge *m, size_t i)
{
    struct head *moving = m->heap[i];

    for (size_t child = 2 * i + 1; child < m->n; child = 2 * i + 1) {
        if (child + 1 < m->n && before(m->heap[child + 1], m->heap[child]))
            child++;
        if (!before(m->heap[child], moving))
            break;
        m->heap[i] = m->heap[child];
        i = child;
    }
    m->heap[i] = moving;
}

/* 1 when the head has a record, 0 when its stream has ended. */
static int advance(struct head *h, struct err *err)
{
    int rc = h->from->next(h->from, &h->r, err);

    if (rc > 0 && !h->r.same)
        h->prefix = key_prefix(h->r.key, h->r.key_n);
    return rc;
}

static int start(struct merge *m, struct err *err)
{
    size_t kept = 0;

    for (size_t i = 0; i < m->n; i++) {
        int rc = advance(m->heap[i], err);

        if (rc < 0)
            return rc;
        if (rc)
            m->heap[kept++] = m->heap[i];
    }
    m->n = kept;
    for (size_t i = kept / 2; i-- > 0;)
        sift_down(m, i);
    m->started = true;
    return 0;
}

/* The record given out before came from the top: moves that stream on. */
static int move_on(struct merge *m, struct err *err)
{
    struct head *top = m->heap[0];
    int rc = advance(top, err);

    if (rc < 0)
        return rc;
    if (rc && top->r.same)
        return 0; /* still the least: equal keys of later streams wait */
    if (rc == 0)
        m->heap[0] = m->heap[--m->n];
    if (m->n)
        sift_down(m, 0);
    return 0;
}

static int remember(struct merge *m, const struct record *r, struct err *err)
{
    if (r->key_n >= m->key_cap) {
        uint8_t *p = realloc(m->key, r->key_n * 2 + 64);

        if (!p)
            return err_set(err, ERR_NOMEM, "no memory for a key of %zu bytes", r->key_n);
        m->key = p;
        m->key_cap = r->key_n * 2 + 64;
    }
    if (r->key_n)
        memcpy(m->key, r->key, r->key_n);
    m->key_n = r->key_n;
    m->have_key = true;
    return 0;
}

static int merge_next(struct record_stream *s, struct record *out, struct err *err)
{
    struct merge *m = (struct merge *)s;
    int rc = m->started ? (m->n ? move_on(m, err) : 0) : start(m, err);

    if (rc < 0 || m->n == 0)
        return rc;
    *out = m->heap[0]->r;
    if (out->same)
        return 1;
    out->same = m->have_key && out->key_n == m->key_n && memcmp(out->key, m->key, m->key_n) == 0;
    if (!out->same)
        rc = remember(m, out, err);
    return rc < 0 ? rc : 1;
}

int merge_new(struct record_stream **streams, size_t count, struct merge **out, struct err *err)
{
    struct merge *m = calloc(1, sizeof *m);

    if (m) {
        m->stream.next = merge_next;
        m->heads = calloc(count + 1, sizeof *m->heads);
        m->heap = calloc(count + 1, sizeof *m->heap);
    }
    if (!m || !m->heads || !m->heap) {
        merge_free(m);
        return err_set(err, ERR_NOMEM, "no memory to merge %zu runs", count);
    }
    for (size_t i = 0; i < count; i++) {
        m->heads[i] = (struct head){.from = streams[i], .order = i};
        m->heap[i] = &m->heads[i];
    }
    m->n = count;
    *out = m;
    return 0;
}

struct record_stream *merge_stream(struct merge *m)
{
    return &m->stream;
}

void merge_free(struct merge *m)
{
    if (!m)
        return;
    free(m->heads);
    free(m->heap);
    free(m->key);
    free(m);
}
