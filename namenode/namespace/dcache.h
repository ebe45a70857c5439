/* dcache.h -- a cache (directory, name) -> child that never has to be told of changes.
 *
 * A fixed table of 8-byte entries, one place for each hash. An entry is only a guess: whoever
 * asks looks whether the inode still has that parent and that name. Ids are never used twice, so
 * a stale guess can't come true by accident.
 *
 * Thread:  namespace lock.
 */
#ifndef DFS_NAMENODE_DCACHE_H
#define DFS_NAMENODE_DCACHE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { DCACHE_BITS = 19 };

struct dcache {
    uint64_t *entries; /* id in the upper 48 bits, 16 bits of the hash below */
};

int dcache_init(struct dcache *c); /* 0, or -1 when memory is short */
void dcache_done(struct dcache *c);

static inline uint64_t dcache_mix(uint64_t a, uint64_t b)
{
    __uint128_t m = (__uint128_t)(a ^ 0x9e3779b97f4a7c15u) * (b ^ 0xd6e8feb86659fd93u);

    return (uint64_t)m ^ (uint64_t)(m >> 64);
}

/* Of all but the last character; that one is mixed into the lowest bits only, so that names which
 * are counted up to one another (part-17, part-18) share a line of the processor's cache. */
static inline uint64_t dcache_hash(uint64_t dir, const char *name, unsigned n)
{
    uint64_t h = dir + ((uint64_t)n << 48), w = 0;
    uint8_t last = n ? (uint8_t)name[--n] : 0;

    for (; n >= 8; n -= 8, name += 8) {
        memcpy(&w, name, 8);
        h = dcache_mix(h, w);
    }
    w = 0;
    memcpy(&w, name, n);
    return dcache_mix(h, w) ^ last;
}

static inline uint64_t *dcache_entry(const struct dcache *c, uint64_t hash)
{
    uint64_t line = hash >> (64 - DCACHE_BITS + 3);

    return &c->entries[line << 3 | (hash & 7)];
}

static inline uint64_t dcache_guess(const struct dcache *c, uint64_t hash) /* 0: no idea */
{
    uint64_t e = *dcache_entry(c, hash);

    return (uint16_t)e == (uint16_t)hash ? e >> 16 : 0;
}

static inline void dcache_learn(const struct dcache *c, uint64_t hash, uint64_t id)
{
    *dcache_entry(c, hash) = id << 16 | (uint16_t)hash;
}

#endif
