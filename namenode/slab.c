#include "namenode/slab.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static unsigned log2_of(unsigned v)
{
    return 31 - (unsigned)__builtin_clz(v);
}

int slab_init(struct slab *s, unsigned grain_bytes, uint64_t reserve, uint64_t limit,
              struct err *err)
{
    unsigned shift = log2_of(grain_bytes);
    uint64_t most = (uint64_t)1 << (32 + shift);
    void *base;

    *s = (struct slab){.grain_shift = shift};
    if (reserve > most)
        reserve = most;
    s->exact = calloc((SLAB_EXACT_MAX >> shift) + 1, sizeof *s->exact);
    if (!s->exact)
        return err_set(err, ERR_NOMEM, "slab");
    base = mmap(NULL, reserve, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                -1, 0);
    if (base == MAP_FAILED) {
        free(s->exact);
        return err_sys(err, errno, "reserve %llu bytes of addresses", (unsigned long long)reserve);
    }
    s->base = base;
    s->next = SLAB_EXACT_MAX; /* so that no reference is 0 */
    s->end = reserve;
    s->limit = limit && limit < reserve ? limit : reserve;
    return 0;
}

void slab_done(struct slab *s)
{
    if (s->base)
        munmap(s->base, s->end);
    free(s->exact);
    *s = (struct slab){0};
}

/* Sizes above SLAB_EXACT_MAX come in four steps for each power of two. */
static unsigned large_class(size_t bytes, size_t *rounded)
{
    unsigned k = 0;
    size_t size = SLAB_EXACT_MAX;

    for (;; k++) {
        size_t step = size / 4;

        for (unsigned q = 1; q <= 4; q++)
            if (bytes <= size + q * step) {
                *rounded = size + q * step;
                return k * 4 + q - 1;
            }
        size *= 2;
    }
}

size_t slab_rounded(const struct slab *s, size_t bytes)
{
    size_t grain = (size_t)1 << s->grain_shift, rounded;

    if (bytes <= SLAB_EXACT_MAX)
        return (bytes + grain - 1) & ~(grain - 1);
    large_class(bytes, &rounded);
    return rounded;
}

/* The list of freed objects of this size, and the size as rounded. */
static uint32_t *list_for(struct slab *s, size_t bytes, size_t *rounded)
{
    unsigned k;

    if (bytes <= SLAB_EXACT_MAX) {
        *rounded = slab_rounded(s, bytes);
        return &s->exact[*rounded >> s->grain_shift];
    }
    k = large_class(bytes, rounded);
    return k < SLAB_LARGE_CLASSES ? &s->large[k] : NULL;
}

uint32_t slab_alloc(struct slab *s, size_t bytes)
{
    size_t size;
    uint32_t *list, ref;

    if (bytes > s->end)
        return 0;
    list = list_for(s, bytes, &size);
    if (!list)
        return 0;
    if (*list) {
        ref = *list;
        memcpy(list, slab_at(s, ref), sizeof *list);
    } else {
        if (size > s->limit || s->next > s->limit - size)
            return 0;
        ref = (uint32_t)(s->next >> s->grain_shift);
        s->next += size;
    }
    s->used += size;
    return ref;
}

void slab_free(struct slab *s, uint32_t ref, size_t bytes)
{
    size_t size;
    uint32_t *list;

    if (!ref)
        return;
    list = list_for(s, bytes, &size);
    memcpy(slab_at(s, ref), list, sizeof *list);
    *list = ref;
    s->used -= size;
}
