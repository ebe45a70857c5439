/* partition.h -- which reducer a key goes to: the same as in Hadoop.
 *
 * Hadoop hashes the key's bytes as a Text (h = 31 h + byte, the byte signed, from 1, in 32 bits)
 * and takes the hash without its sign modulo the number of reducers.
 *
 * Thread:  any.
 */
#ifndef DFS_COMPUTE_PARTITION_H
#define DFS_COMPUTE_PARTITION_H

#include <stddef.h>
#include <stdint.h>

enum { KEY_HASH_START = 1 };

static inline uint32_t key_hash_step(uint32_t h, uint8_t byte)
{
    return 31 * h + (uint32_t)(int32_t)(int8_t)byte;
}

static inline uint32_t key_hash(const uint8_t *key, size_t n)
{
    uint32_t h = KEY_HASH_START;

    for (size_t i = 0; i < n; i++)
        h = key_hash_step(h, key[i]);
    return h;
}

static inline uint32_t key_partition(uint32_t hash, uint32_t partitions)
{
    return (hash & 0x7fffffff) % partitions;
}

#endif
