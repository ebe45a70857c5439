#include "common/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK_BYTES = 16 << 10 };

struct arena_chunk {
    struct arena_chunk *next;
    size_t cap;
    _Alignas(16) uint8_t bytes[];
};

static void *pb_alloc(void *a, size_t n)
{
    return arena_alloc(a, n);
}

static void pb_free(void *a, void *p)
{
    (void)a;
    (void)p;
}

void arena_init(struct arena *a, size_t max_bytes)
{
    *a = (struct arena){.max = max_bytes,
                        .pb = {.alloc = pb_alloc, .free = pb_free, .allocator_data = a}};
}

void arena_done(struct arena *a)
{
    struct arena_chunk *c = a->first;

    while (c) {
        struct arena_chunk *next = c->next;

        free(c);
        c = next;
    }
    arena_init(a, a->max);
}

void arena_reset(struct arena *a)
{
    struct arena_chunk *c = a->first ? a->first->next : NULL;

    while (c) {
        struct arena_chunk *next = c->next;

        free(c);
        c = next;
    }
    if (a->first)
        a->first->next = NULL;
    a->current = a->first;
    a->used = 0;
    a->total = a->first ? a->first->cap : 0;
}

static struct arena_chunk *add_chunk(struct arena *a, size_t n)
{
    size_t cap = n > CHUNK_BYTES ? n : CHUNK_BYTES;
    struct arena_chunk *c;

    if (a->total + cap > a->max) {
        cap = n;
        if (cap > a->max || a->total > a->max - cap)
            return NULL;
    }
    c = malloc(sizeof *c + cap);
    if (!c)
        return NULL;
    *c = (struct arena_chunk){.cap = cap};
    if (a->current)
        a->current->next = c;
    else
        a->first = c;
    a->current = c;
    a->used = 0;
    a->total += cap;
    return c;
}

void *arena_alloc(struct arena *a, size_t n)
{
    void *p;

    if (n > a->max)
        return NULL;
    n = (n + 15) & ~(size_t)15;
    if (!a->current || a->current->cap - a->used < n)
        if (!add_chunk(a, n))
            return NULL;
    p = a->current->bytes + a->used;
    a->used += n;
    return p;
}

void *arena_zalloc(struct arena *a, size_t n)
{
    void *p = arena_alloc(a, n);

    if (p)
        memset(p, 0, n);
    return p;
}

char *arena_strndup(struct arena *a, const char *s, size_t n)
{
    char *p = arena_alloc(a, n + 1);

    if (p) {
        if (n) /* nothing may be at NULL */
            memcpy(p, s, n);
        p[n] = 0;
    }
    return p;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
    va_list ap;
    char *p = NULL;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n >= 0)
        p = arena_alloc(a, (size_t)n + 1);
    if (p) {
        va_start(ap, fmt);
        vsnprintf(p, (size_t)n + 1, fmt, ap);
        va_end(ap);
    }
    return p;
}
