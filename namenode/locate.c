/* locate.c -- where a block is, told to readers and writers: nearest first. */
#include "namenode/bm_parts.h"

#include <string.h>

/* A token that says nothing: what every answer carries while security is off. */
static Pb__TokenProto no_token = {PROTOBUF_C_MESSAGE_INIT(&pb__token_proto__descriptor), .kind = "",
                                  .service = ""};

enum { LOCAL = 0, SAME_RACK = 1, DECOMMISSIONED = 1 << 20, STALE = 1 << 19 };

struct reader {
    const struct host *host;
    const char *place;
};

static void who_reads(struct block_manager *bm, const char *host, struct reader *out)
{
    *out = (struct reader){0};
    if (!host)
        return;
    HASH_FIND_STR(bm->by_ip, host, *(struct host **)&out->host);
    if (out->host && out->host->first)
        out->place = out->host->first->place;
    else
        out->place = topology_known(bm->topology, host);
}

static uint32_t weight(struct block_manager *bm, const struct reader *r, const struct datanode *n)
{
    uint32_t w = LOCAL;

    if (!r->host || n->host != r->host)
        w = r->place ? SAME_RACK + (uint32_t)topology_distance(r->place, n->place) : SAME_RACK;
    if (n->admin == ADMIN_LEFT)
        w |= DECOMMISSIONED;
    if (bm->avoid_stale_read && datanode_is_stale(bm, n))
        w |= STALE;
    return w;
}

/* Insertion sort with a random word below the weight: equals come in any order. */
static void sort_for(struct block_manager *bm, const char *host, uint16_t *storages, int n)
{
    uint64_t keys[REPLICAS_MAX];
    struct reader r;

    if (n < 2)
        return;
    who_reads(bm, host, &r);
    for (int i = 0; i < n; i++) {
        uint16_t number = storages[i];
        uint64_t key = (uint64_t)weight(bm, &r, storage_at(bm, number)->node) << 32 |
                       bm_random(bm, UINT32_MAX);
        int at = i;

        for (; at > 0 && keys[at - 1] > key; at--) {
            keys[at] = keys[at - 1];
            storages[at] = storages[at - 1];
        }
        keys[at] = key;
        storages[at] = number;
    }
}

/* Replicas a reader may try: not the corrupt ones, unless there are no others. */
static int readable(struct block_manager *bm, uint64_t block, uint16_t *out, bool *corrupt)
{
    uint16_t storages[REPLICAS_MAX];
    int n = (int)listed_on(bm, block, storages), good = 0, alive = 0;
    const void *marks = bm->corrupt.count ? block_table_find(&bm->corrupt, block) : NULL;

    for (int i = 0; i < n; i++) {
        const struct storage *st = storage_at(bm, storages[i]);

        if (!st || st->gone || !st->node || !st->node->alive)
            continue;
        storages[alive++] = storages[i];
        if (!marks || !mark_has(&bm->corrupt, block, storages[alive - 1]))
            out[good++] = storages[alive - 1];
    }
    *corrupt = alive > 0 && good == 0;
    if (*corrupt)
        memcpy(out, storages, (size_t)alive * sizeof *out);
    return *corrupt ? alive : good;
}

static int alive_expected(struct block_manager *bm, uint64_t block, uint16_t *out)
{
    int n = bm_expected(bm, block, out, REPLICAS_MAX), alive = 0;

    for (int i = 0; i < n; i++) {
        const struct storage *st = storage_at(bm, out[i]);

        if (st && st->node && !st->gone)
            out[alive++] = out[i];
    }
    return alive;
}

static bool fill_locations(struct block_manager *bm, const uint16_t *storages, int n, bool packed,
                           struct arena *arena, Pb__LocatedBlockProto *out)
{
    size_t each = sizeof *out->locs + sizeof *out->storageids + sizeof *out->storagetypes +
                  sizeof *out->iscached + (packed ? sizeof *out->base.unknown_fields : 0);
    uint8_t *memory = arena_alloc(arena, (size_t)n * each + 1);

    if (!memory)
        return false;
    out->locs = (void *)memory; /* pointers first, for their alignment */
    out->storageids = (void *)(out->locs + n);
    if (packed)
        out->base.unknown_fields = (void *)(out->storageids + n);
    out->storagetypes =
        packed ? (void *)(out->base.unknown_fields + n) : (void *)(out->storageids + n);
    out->iscached = (void *)(out->storagetypes + n);
    for (int i = 0; i < n; i++) {
        struct storage *st = storage_at(bm, storages[i]);
        const struct node_card *card = datanode_card(bm, st->node);

        if (packed)
            out->base.unknown_fields[i] =
                (ProtobufCMessageUnknownField){.tag = 3,
                                               .wire_type = PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED,
                                               .len = card->packed_n,
                                               .data = card->packed};
        else
            out->locs[i] = (Pb__DatanodeInfoProto *)&card->info;
        out->storageids[i] = st->uuid;
        out->storagetypes[i] = st->type;
        out->iscached[i] = false;
    }
    out->n_locs = packed ? 0 : (size_t)n;
    out->base.n_unknown_fields = packed ? (unsigned)n : 0;
    out->n_storageids = out->n_storagetypes = out->n_iscached = (size_t)n;
    return true;
}

static void fill_block(struct block_manager *bm, const struct block_info *b, uint64_t offset,
                       struct arena *arena, Pb__LocatedBlockProto *out)
{
    Pb__ExtendedBlockProto *eb = arena_alloc(arena, sizeof *eb);

    pb__located_block_proto__init(out);
    out->b = eb;
    out->blocktoken = &no_token;
    out->offset = offset;
    if (!eb)
        return;
    pb__extended_block_proto__init(eb);
    eb->poolid = bm->pool_id;
    eb->blockid = b->id;
    eb->generationstamp = b->gs;
    eb->has_numbytes = true;
    eb->numbytes = b->length;
}

static void locate(struct block_manager *bm, const struct block_info *b, uint64_t offset,
                   const char *reader_host, bool packed, struct arena *arena,
                   Pb__LocatedBlockProto *out)
{
    uint16_t storages[REPLICAS_MAX];
    bool corrupt = false;
    int n = 0;

    fill_block(bm, b, offset, arena, out);
    if (b->state != BLOCK_COMPLETE)
        n = alive_expected(bm, b->id, storages);
    if (n == 0)
        n = readable(bm, b->id, storages, &corrupt);
    sort_for(bm, reader_host, storages, n);
    out->corrupt = corrupt;
    fill_locations(bm, storages, n, packed, arena, out);
}

void bm_locate(struct block_manager *bm, const struct block_info *block, uint64_t offset,
               const char *reader_host, struct arena *arena, Pb__LocatedBlockProto *out)
{
    locate(bm, block, offset, reader_host, false, arena, out);
}

void bm_locate_packed(struct block_manager *bm, const struct block_info *block, uint64_t offset,
                      const char *reader_host, struct arena *arena, Pb__LocatedBlockProto *out)
{
    locate(bm, block, offset, reader_host, true, arena, out);
}

void bm_located_targets(struct block_manager *bm, const struct block_info *block, uint64_t offset,
                        const uint16_t *storages, int count, struct arena *arena,
                        Pb__LocatedBlockProto *out)
{
    uint16_t known[REPLICAS_MAX];
    int n = 0;

    fill_block(bm, block, offset, arena, out);
    for (int i = 0; i < count && n < REPLICAS_MAX; i++) {
        const struct storage *st = storage_at(bm, storages[i]);

        if (st && st->node)
            known[n++] = storages[i];
    }
    fill_locations(bm, known, n, false, arena, out);
}

const Pb__DatanodeInfoProto *bm_storage_datanode(struct block_manager *bm, uint16_t storage)
{
    struct storage *st = storage_at(bm, storage);

    return st && st->node ? &datanode_card(bm, st->node)->info : NULL;
}

const char *bm_storage_id(struct block_manager *bm, uint16_t storage)
{
    const struct storage *st = storage_at(bm, storage);

    return st ? st->uuid : NULL;
}

int bm_storage_number(struct block_manager *bm, const char *datanode_uuid, const char *storage_id)
{
    struct datanode *node = datanode_find(bm, datanode_uuid);
    const struct storage *st = node ? storage_find(node, storage_id) : NULL;

    return st ? st->number : -1;
}
