#include "namenode/http/web_blocks.h"

#include <stdbool.h>
#include <stdio.h>

#include "namenode/http/web_policy.h"
#include "namenode/http/web_token.h"

enum { NAME_MAX_BYTES = 512 };

static void put_name(const Pb__DatanodeIDProto *id, char out[NAME_MAX_BYTES])
{
    snprintf(out, NAME_MAX_BYTES, "%s:%u", id->ipaddr, id->xferport);
}

static const char *admin_state(const Pb__DatanodeInfoProto *d)
{
    const ProtobufCEnumValue *v = protobuf_c_enum_descriptor_get_value(
        &pb__datanode_info_proto__admin_state__descriptor, (int)d->adminstate);

    return v ? v->name : "NORMAL";
}

static json_t *datanode_json(const Pb__DatanodeInfoProto *d)
{
    const Pb__DatanodeIDProto *id = d->id;
    char name[NAME_MAX_BYTES];
    json_t *json;

    put_name(id, name);
    json = json_pack(
        "{s:s, s:I, s:I, s:I, s:I, s:I, s:s, s:i, s:i, s:s, s:i, s:I, s:I, s:I, s:I, s:s, s:s, "
        "s:I, s:s, s:i, s:i}",
        "adminState", admin_state(d), "blockPoolUsed", (json_int_t)d->blockpoolused,
        "cacheCapacity", (json_int_t)d->cachecapacity, "cacheUsed", (json_int_t)d->cacheused,
        "capacity", (json_int_t)d->capacity, "dfsUsed", (json_int_t)d->dfsused, "hostName",
        id->hostname, "infoPort", (int)id->infoport, "infoSecurePort", (int)id->infosecureport,
        "ipAddr", id->ipaddr, "ipcPort", (int)id->ipcport, "lastBlockReportMonotonic",
        (json_int_t)d->lastblockreportmonotonic, "lastBlockReportTime",
        (json_int_t)d->lastblockreporttime, "lastUpdate", (json_int_t)d->lastupdate,
        "lastUpdateMonotonic", (json_int_t)d->lastupdatemonotonic, "name", name, "networkLocation",
        d->location ? d->location : "/default-rack", "remaining", (json_int_t)d->remaining,
        "storageID", id->datanodeuuid, "xceiverCount", (int)d->xceivercount, "xferPort",
        (int)id->xferport);
    if (json && d->upgradedomain)
        json_object_set_new(json, "upgradeDomain", json_string(d->upgradedomain));
    return json;
}

static json_t *datanodes_json(const Pb__LocatedBlockProto *b, bool cached_only)
{
    json_t *list = json_array();

    for (size_t i = 0; i < b->n_locs; i++)
        if (!cached_only || (i < b->n_iscached && b->iscached[i]))
            json_array_append_new(list, datanode_json(b->locs[i]));
    return list;
}

static json_t *block_json(const Pb__LocatedBlockProto *b)
{
    const Pb__ExtendedBlockProto *e = b->b;

    return json_pack("{s:{s:I, s:s, s:I, s:I}, s:o, s:o, s:b, s:o, s:I, s:o}", "block", "blockId",
                     (json_int_t)e->blockid, "blockPoolId", e->poolid, "generationStamp",
                     (json_int_t)e->generationstamp, "numBytes", (json_int_t)e->numbytes,
                     "blockToken", web_token_json(b->blocktoken), "cachedLocations",
                     datanodes_json(b, true), "isCorrupt", (int)b->corrupt, "locations",
                     datanodes_json(b, false), "startOffset", (json_int_t)b->offset, "storageTypes",
                     web_storage_types_json(b->storagetypes, b->n_storagetypes));
}

json_t *web_located_blocks_json(const Pb__LocatedBlocksProto *l)
{
    json_t *blocks = json_array();

    for (size_t i = 0; i < l->n_blocks; i++)
        json_array_append_new(blocks, block_json(l->blocks[i]));
    return json_pack("{s:I, s:b, s:b, s:o, s:o}", "fileLength", (json_int_t)l->filelength,
                     "isLastBlockComplete", (int)l->islastblockcomplete, "isUnderConstruction",
                     (int)l->underconstruction, "lastLocatedBlock",
                     l->lastblock ? block_json(l->lastblock) : json_null(), "locatedBlocks",
                     blocks);
}

static json_t *location_json(const Pb__LocatedBlockProto *b)
{
    json_t *paths = json_array(), *cached = json_array(), *names = json_array(),
           *hosts = json_array();
    char name[NAME_MAX_BYTES], path[2 * NAME_MAX_BYTES];

    for (size_t i = 0; i < b->n_locs; i++) {
        const Pb__DatanodeInfoProto *d = b->locs[i];

        put_name(d->id, name);
        snprintf(path, sizeof path, "%s/%s", d->location ? d->location : "/default-rack", name);
        json_array_append_new(paths, json_string(path));
        json_array_append_new(names, json_string(name));
        json_array_append_new(hosts, json_string(d->id->hostname));
        if (i < b->n_iscached && b->iscached[i])
            json_array_append_new(cached, json_string(d->id->hostname));
    }
    return json_pack("{s:o, s:b, s:o, s:o, s:I, s:o, s:I, s:o}", "topologyPaths", paths, "corrupt",
                     (int)b->corrupt, "cachedHosts", cached, "names", names, "offset",
                     (json_int_t)b->offset, "hosts", hosts, "length", (json_int_t)b->b->numbytes,
                     "storageTypes", web_storage_types_json(b->storagetypes, b->n_storagetypes));
}

json_t *web_block_locations_json(const Pb__LocatedBlocksProto *l)
{
    json_t *list = json_array();

    for (size_t i = 0; i < l->n_blocks; i++)
        json_array_append_new(list, location_json(l->blocks[i]));
    return list;
}
