/* sorted.h -- where something stands in a sorted list, or would stand.
 *
 * Thread:  any.
 */
#ifndef DFS_NAMENODE_SORTED_H
#define DFS_NAMENODE_SORTED_H

#include <stdbool.h>
#include <stdint.h>

/* A name as a key. */
struct sorted_name {
    const char *text;
    unsigned n;
};

/* How the @at-th of @list stands to @key: below 0, 0 or above 0. */
typedef int (*sorted_order)(const void *list, uint32_t at, const void *key);

/* The first of @n places that does not stand below @key; *@found: it is @key's own. */
static inline uint32_t sorted_place(const void *list, uint32_t n, const void *key,
                                    sorted_order order, bool *found)
{
    uint32_t from = 0, to = n;

    *found = false;
    while (from < to) {
        uint32_t mid = from + (to - from) / 2;
        int way = order(list, mid, key);

        if (way == 0)
            *found = true; /* nothing stands there twice */
        if (way < 0)
            from = mid + 1;
        else
            to = mid;
    }
    return from;
}

#endif
