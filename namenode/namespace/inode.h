/* inode.h -- the record of a file, a directory or a symlink: 34 bytes, packed.
 *
 * The record holds neither its own id (idmap.h) nor pointers. What many inodes have in common is
 * a number of attr.h's table; what few have is in feature.h's, and a flag says so. What @data
 * means depends on the kind:
 *
 *   file        no blocks: 0; one block: its number (block.h); more: INODE_LIST is set and it is
 *               a reference to a block list
 *   directory   reference to its children (dir.h), 0: none
 *   symlink     reference to its target, with two bytes of length in front, among the names
 *
 * A name longer than 254 bytes has name_n 255 and its length in two bytes in front of it.
 *
 * Thread:  namespace lock.
 */
#ifndef DFS_NAMENODE_INODE_H
#define DFS_NAMENODE_INODE_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum inode_flag {
    INODE_KIND_MASK = 3, /* enum inode_kind */
    INODE_LIST = 4,      /* @data is a block list */
    INODE_OPEN = 8,      /* under construction: lease.h knows by whom */
    INODE_FEATURE = 16,  /* feature.h has more */
    INODE_GONE = 32,     /* in a deleted tree that is still being taken apart */
    INODE_PAST = 64,     /* has left the present: only snapshots see it; history.h */
    INODE_HISTORY = 128, /* history.h has what it was like in snapshots */
};

struct __attribute__((packed)) inode {
    uint8_t parent[6];
    uint8_t mtime[6], atime[6]; /* milliseconds since 1970; all ones: see feature.h */
    uint8_t data[6];
    uint32_t name; /* reference into the names */
    uint32_t attr;
    uint8_t name_n, flags;
};

static inline uint64_t get48(const uint8_t *p)
{
    uint64_t v = 0;

    memcpy(&v, p, 6);
    return v;
}
static inline void put48(uint8_t *p, uint64_t v)
{
    memcpy(p, &v, 6);
}

enum { U48_BITS = 48 };
static const uint64_t U48_MAX = ((uint64_t)1 << U48_BITS) - 1;

/* The order of names: Hadoop's, whose bytes have a sign, so that what is not ASCII comes first. */
static inline int name_order(const char *a, unsigned a_n, const char *b, unsigned b_n)
{
    unsigned n = a_n < b_n ? a_n : b_n, at = 0;

    if (memcmp(a, b, n) == 0)
        return (a_n > b_n) - (a_n < b_n);
    while (a[at] == b[at])
        at++;
    return (int8_t)a[at] - (int8_t)b[at];
}

static inline unsigned inode_kind_of(const struct inode *i)
{
    return i->flags & INODE_KIND_MASK;
}

#endif
