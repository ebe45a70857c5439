/* locate.c -- where a block is, told to readers and writers: nearest first. */
#include "namenode/blocks/group.h"

#include <string.h>

/* A token that says nothing: what every answer carries while security is off. */
static Pb__TokenProto no_token = {PROTOBUF_C_MESSAGE_INIT(&pb__token_proto__descriptor), .kind = "",
                                  .service = ""};

/* The places of what makes a replica come later, in the 64-bit key that replicas are sorted by:
 * more weighs more. */
enum { LEAVES_AT = 62, STALE_AT = 61, SLOW_AT = 60, PROVIDED_AT = 59, FAR_AT = 48, BUSY_AT = 32 };
enum { FAR_MAX = (1 << 11) - 1, BUSY_MAX = (1 << 16) - 1 };

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

/* Who leaves is asked last: the one that is leaving before the one that has left. */
static uint64_t leaves(const struct datanode *n)
{
    switch (n->admin) {
    case ADMIN_ENTERING: return 1;
    case ADMIN_LEAVING: return 2;
    case ADMIN_LEFT: return 3;
    default: return 0;
    }
}

static uint64_t far(const struct reader *r, const struct datanode *n)
{
    uint64_t steps;

    if (r->host && n->host == r->host)
        return 0;
    steps = r->place ? 1 + (uint64_t)topology_distance(r->place, n->place) : 1;
    return steps < FAR_MAX ? steps : FAR_MAX;
}

/* The faster the storage, the less. */
static uint64_t slowness(Pb__StorageTypeProto type)
{
    static const uint8_t of[] = {
        [PB__STORAGE_TYPE_PROTO__RAM_DISK] = 0, [PB__STORAGE_TYPE_PROTO__NVDIMM] = 1,
        [PB__STORAGE_TYPE_PROTO__SSD] = 2,      [PB__STORAGE_TYPE_PROTO__DISK] = 3,
        [PB__STORAGE_TYPE_PROTO__ARCHIVE] = 4,  [PB__STORAGE_TYPE_PROTO__PROVIDED] = 5};

    return (size_t)type < sizeof of ? of[type] : sizeof of;
}

static uint64_t busy(struct block_manager *bm, const struct storage *st)
{
    if (bm->read_by_load)
        return st->node->xceivers < BUSY_MAX ? st->node->xceivers : BUSY_MAX;
    return bm->read_by_type ? slowness(st->type) : 0;
}

static uint64_t weight(struct block_manager *bm, const struct reader *r, const struct storage *st)
{
    const struct datanode *n = st->node;
    uint64_t w = leaves(n) << LEAVES_AT | far(r, n) << FAR_AT | busy(bm, st) << BUSY_AT;

    w |= (uint64_t)(bm->avoid_stale_read && datanode_is_stale(bm, n)) << STALE_AT;
    w |= (uint64_t)(bm->avoid_slow_read && n->slow) << SLOW_AT;
    return w | (uint64_t)(st->type == PB__STORAGE_TYPE_PROTO__PROVIDED) << PROVIDED_AT;
}

/* Insertion sort with a random word below the weight: equals come in any order, each time another, as
 * Hadoop's do: a reader that a sick replica has met comes to the others. */
static void sort_for(struct block_manager *bm, const char *host, uint16_t *storages, int n)
{
    uint64_t keys[REPLICAS_MAX];
    struct reader r;

    if (n < 2)
        return;
    who_reads(bm, host, &r);
    for (int i = 0; i < n; i++) {
        uint16_t number = storages[i];
        uint64_t key = weight(bm, &r, storage_at(bm, number)) | bm_random(bm, UINT32_MAX);
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

        if (!st || st->gone || !st->node || !st->node->alive || st->node->admin == ADMIN_AWAY)
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

static int alive_expected(struct block_manager *bm, uint64_t block, uint16_t *out, uint8_t *units)
{
    int n = writing_expected(bm, block, out, units, REPLICAS_MAX), alive = 0;

    for (int i = 0; i < n; i++) {
        const struct storage *st = storage_at(bm, out[i]);

        if (!st || !st->node || st->gone)
            continue;
        units[alive] = units[i];
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
        out->iscached[i] = cache_holds(bm, out->b ? out->b->blockid : 0, st->node);
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

/* Which unit each location has, and a token for each. */
static void fill_units(const uint8_t *units, int n, struct arena *arena, Pb__LocatedBlockProto *out)
{
    uint8_t *copy = arena_alloc(arena, (size_t)n + 1);
    Pb__TokenProto **tokens = arena_alloc(arena, (size_t)n * sizeof *tokens + 1);

    if (!copy || !tokens)
        return;
    memcpy(copy, units, (size_t)n);
    for (int i = 0; i < n; i++)
        tokens[i] = &no_token;
    out->has_blockindices = 1;
    out->blockindices = (ProtobufCBinaryData){.len = (size_t)n, .data = copy};
    out->blocktokens = tokens;
    out->n_blocktokens = (size_t)n;
}

/* By unit; those on nodes that left or were not heard of for a while come last. */
static void sort_units(struct block_manager *bm, uint16_t *storages, uint8_t *units, int n)
{
    const struct reader nobody = {0};

    for (int i = 1; i < n; i++)
        for (int k = i; k > 0; k--) {
            uint64_t late[2];
            uint16_t s = storages[k];
            uint8_t u = units[k];

            for (int j = 0; j < 2; j++)
                late[j] = weight(bm, &nobody, storage_at(bm, storages[k - 1 + j]));
            if (late[0] < late[1] || (late[0] == late[1] && units[k - 1] <= u))
                break;
            storages[k] = storages[k - 1];
            units[k] = units[k - 1];
            storages[k - 1] = s;
            units[k - 1] = u;
        }
}

/* Units that a reader may try: not the corrupt ones, unless the rest is too few. */
static int readable_units(struct block_manager *bm, const struct block_info *b, uint16_t *out,
                          uint8_t *units, bool *corrupt)
{
    uint16_t storages[REPLICAS_MAX];
    uint8_t of[REPLICAS_MAX];
    unsigned n = units_on(bm, b->id, storages, of);
    struct group g;
    int count = 0;

    if (!group_look(bm, b, &g))
        return 0;
    *corrupt = g.replicas.corrupt > 0 && g.count[UNIT_LIVE] < g.data_used;
    for (unsigned i = 0; i < n; i++) {
        const struct storage *st = storage_at(bm, storages[i]);

        if (!st || st->gone || !st->node || !st->node->alive ||
            (!*corrupt && mark_has(&bm->corrupt, b->id + of[i], storages[i])))
            continue;
        units[count] = of[i];
        out[count++] = storages[i];
    }
    return count;
}

static void locate_group(struct block_manager *bm, const struct block_info *b, uint64_t offset,
                         bool packed, struct arena *arena, Pb__LocatedBlockProto *out)
{
    uint16_t storages[REPLICAS_MAX];
    uint8_t units[REPLICAS_MAX];
    bool corrupt = false;
    int n = 0;

    fill_block(bm, b, offset, arena, out);
    if (b->state != BLOCK_COMPLETE)
        n = alive_expected(bm, b->id, storages, units);
    if (n == 0)
        n = readable_units(bm, b, storages, units, &corrupt);
    sort_units(bm, storages, units, n);
    out->corrupt = corrupt;
    fill_locations(bm, storages, n, packed, arena, out);
    fill_units(units, n, arena, out);
}

static void locate(struct block_manager *bm, const struct block_info *b, uint64_t offset,
                   const char *reader_host, bool packed, struct arena *arena,
                   Pb__LocatedBlockProto *out)
{
    uint16_t storages[REPLICAS_MAX];
    uint8_t units[REPLICAS_MAX];
    bool corrupt = false;
    int n = 0;

    if (id_is_striped(b->id)) {
        locate_group(bm, b, offset, packed, arena, out);
        return;
    }
    fill_block(bm, b, offset, arena, out);
    if (b->state != BLOCK_COMPLETE)
        n = alive_expected(bm, b->id, storages, units);
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

void locate_targets(struct block_manager *bm, const struct block_info *block, uint64_t offset,
                    const uint16_t *storages, const uint8_t *units, int count, struct arena *arena,
                    Pb__LocatedBlockProto *out)
{
    uint16_t known[REPLICAS_MAX];
    uint8_t of[REPLICAS_MAX];
    int n = 0;

    fill_block(bm, block, offset, arena, out);
    for (int i = 0; i < count && n < REPLICAS_MAX; i++) {
        const struct storage *st = storage_at(bm, storages[i]);

        if (!st || !st->node)
            continue;
        of[n] = units ? units[i] : (uint8_t)i;
        known[n++] = storages[i];
    }
    fill_locations(bm, known, n, false, arena, out);
    if (id_is_striped(block->id))
        fill_units(of, n, arena, out);
}

void bm_located_targets(struct block_manager *bm, const struct block_info *block, uint64_t offset,
                        const uint16_t *storages, int count, struct arena *arena,
                        Pb__LocatedBlockProto *out)
{
    locate_targets(bm, block, offset, storages, NULL, count, arena, out);
}

void bm_located_expected(struct block_manager *bm, const struct block_info *block, uint64_t offset,
                         struct arena *arena, Pb__LocatedBlockProto *out)
{
    uint16_t storages[REPLICAS_MAX];
    uint8_t units[REPLICAS_MAX];
    int n = writing_expected(bm, block->id, storages, units, REPLICAS_MAX);

    locate_targets(bm, block, offset, storages, units, n, arena, out);
}

void bm_located_stamp(struct block_manager *bm, const struct block_info *block, struct arena *arena,
                      Pb__LocatedBlockProto *out)
{
    uint16_t storages[REPLICAS_MAX];
    uint8_t units[REPLICAS_MAX];
    int n = writing_expected(bm, block->id, storages, units, REPLICAS_MAX);

    locate_targets(bm, block, UINT64_MAX, NULL, NULL, 0, arena, out);
    if (id_is_striped(block->id))
        fill_units(units, n, arena, out);
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
