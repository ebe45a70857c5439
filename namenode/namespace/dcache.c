#include "namenode/namespace/dcache.h"

#include <sys/mman.h>

static size_t bytes(void)
{
    return sizeof(uint64_t) << DCACHE_BITS;
}

int dcache_init(struct dcache *c)
{
    void *p = mmap(NULL, bytes(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    c->entries = p == MAP_FAILED ? NULL : p;
    if (c->entries)
        madvise(p, bytes(), MADV_HUGEPAGE);
    return c->entries ? 0 : -1;
}

void dcache_done(struct dcache *c)
{
    if (c->entries)
        munmap(c->entries, bytes());
    c->entries = NULL;
}
