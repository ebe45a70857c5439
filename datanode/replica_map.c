#include "datanode/replica_map.h"

#include <stdlib.h>

enum { CHUNK = 4096, BUCKETS_FIRST = 1024 };

/* Entry 0 does not exist: 0 ends a chain. */
struct replica_map {
    struct replica **chunks;
    uint32_t chunk_count, used; /* entries ever taken, the absent first included */
    uint32_t free;              /* chain of entries given back */
    uint32_t *buckets;
    uint32_t bucket_count; /* a power of two */
    uint32_t count;
};

static struct replica *at(const struct replica_map *map, uint32_t i)
{
    return &map->chunks[i / CHUNK][i % CHUNK];
}

/* Ids count up, or up in sixteens: any good mixing does. */
static uint32_t bucket_of(const struct replica_map *map, uint64_t id)
{
    return (uint32_t)((id * 0x9e3779b97f4a7c15u) >> 32) & (map->bucket_count - 1);
}

struct replica_map *replica_map_new(void)
{
    struct replica_map *map = calloc(1, sizeof *map);

    if (!map)
        return NULL;
    map->used = 1;
    map->bucket_count = BUCKETS_FIRST;
    map->buckets = calloc(map->bucket_count, sizeof *map->buckets);
    if (!map->buckets) {
        free(map);
        return NULL;
    }
    return map;
}

void replica_map_free(struct replica_map *map)
{
    if (!map)
        return;
    for (uint32_t i = 0; i < map->chunk_count; i++)
        free(map->chunks[i]);
    free(map->chunks);
    free(map->buckets);
    free(map);
}

struct replica *replica_map_find(const struct replica_map *map, uint64_t id)
{
    for (uint32_t i = map->buckets[bucket_of(map, id)]; i; i = at(map, i)->next)
        if (at(map, i)->id == id)
            return at(map, i);
    return NULL;
}

static void link_in(struct replica_map *map, uint32_t i)
{
    uint32_t *head = &map->buckets[bucket_of(map, at(map, i)->id)];

    at(map, i)->next = *head;
    *head = i;
}

/* Doubles the buckets; when there is no memory the chains just grow longer. */
static void spread(struct replica_map *map)
{
    uint32_t *old = map->buckets, old_count = map->bucket_count;
    uint32_t *wider = calloc((size_t)old_count * 2, sizeof *wider);

    if (!wider)
        return;
    map->buckets = wider;
    map->bucket_count = old_count * 2;
    for (uint32_t b = 0; b < old_count; b++) {
        for (uint32_t i = old[b], next; i; i = next) {
            next = at(map, i)->next;
            link_in(map, i);
        }
    }
    free(old);
}

static uint32_t take_entry(struct replica_map *map)
{
    uint32_t i = map->free;

    if (i) {
        map->free = at(map, i)->next;
        return i;
    }
    if (map->used / CHUNK >= map->chunk_count) {
        struct replica **more = realloc(map->chunks, (map->chunk_count + 1) * sizeof *map->chunks);

        if (!more)
            return 0;
        map->chunks = more;
        more[map->chunk_count] = calloc(CHUNK, sizeof **more);
        if (!more[map->chunk_count])
            return 0;
        map->chunk_count++;
    }
    return map->used++;
}

struct replica *replica_map_add(struct replica_map *map, uint64_t id)
{
    uint32_t i = take_entry(map);

    if (!i)
        return NULL;
    *at(map, i) = (struct replica){.id = id, .state = REPLICA_NONE};
    if (map->count >= map->bucket_count)
        spread(map);
    link_in(map, i);
    map->count++;
    return at(map, i);
}

/* An entry given back keeps volume 255, which no replica has: the walk skips it by that. */
void replica_map_remove(struct replica_map *map, struct replica *r)
{
    uint32_t *link = &map->buckets[bucket_of(map, r->id)];
    uint32_t i;

    while (at(map, *link) != r) {
        MUST(*link);
        link = &at(map, *link)->next;
    }
    i = *link;
    *link = r->next;
    *r = (struct replica){.volume = VOLUMES_MAX, .state = REPLICA_NONE, .next = map->free};
    map->free = i;
    map->count--;
}

size_t replica_map_count(const struct replica_map *map)
{
    return map->count;
}

struct replica *replica_map_next(const struct replica_map *map, size_t *cursor)
{
    if (*cursor == 0)
        *cursor = 1;
    while (*cursor < map->used) {
        struct replica *r = at(map, (uint32_t)(*cursor)++);

        if (r->volume != VOLUMES_MAX)
            return r;
    }
    return NULL;
}
