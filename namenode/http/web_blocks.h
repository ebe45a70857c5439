/* web_blocks.h -- where a file's blocks are, as WebHDFS' JSON.
 *
 * Thread:  any.
 * Errors:  NULL for want of memory.
 */
#ifndef DFS_NAMENODE_WEB_BLOCKS_H
#define DFS_NAMENODE_WEB_BLOCKS_H

#include <jansson.h>

#include "client_namenode.pb-c.h"

/* Everything: LocatedBlocks. */
json_t *web_located_blocks_json(const Pb__LocatedBlocksProto *l);
/* Hosts and offsets: a list of BlockLocation. */
json_t *web_block_locations_json(const Pb__LocatedBlocksProto *l);

#endif
