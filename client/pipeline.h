/* pipeline.h -- the datanodes that one block is being written to, in a row.
 *
 * The client sends packets to the first datanode, which passes them on; acknowledgements come
 * back the same way and name who failed.  When one fails, the pipeline is built again without
 * it, from the bytes that all others have, under a new generation stamp that the namenode gives:
 * a replica left behind by the old pipeline is then recognised as stale.
 *
 * Always true: acked <= sent; block.numbytes is acked; without a connection conn is NULL.
 *
 * Thread:  one at a time (the writer's lock).
 * Memory:  nodes and block live in the pipeline's arena until the next block.
 * Design:  docs/design/client.md, "Writing"
 */
#ifndef DFS_CLIENT_PIPELINE_H
#define DFS_CLIENT_PIPELINE_H

#include "client/fs.h"
#include "client/packet.h"
#include "proto/xfer.h"

enum {
    PIPELINE_NODES_MAX = 64,
    PIPELINE_REPLACE_TRIES = 3,
    ACK_BYTES_MAX = 8192,
    WHOLE_PACKETS_MAX = 16,
};

/* What was going on when the pipeline was built, or failed. */
enum pipeline_stage { STAGE_CREATE, STAGE_APPEND, STAGE_STREAMING, STAGE_CLOSE };

struct pipeline_node {
    Pb__DatanodeInfoProto *info;
    Pb__StorageTypeProto storage_type;
    char *storage_id;
};

struct pipeline {
    struct dfs *fs;
    const char *path;
    uint64_t file_id, block_size;
    uint32_t replication;
    struct checksum checksum;
    bool has_block, hflushed, appending;
    Pb__ExtendedBlockProto block; /* numbytes: acknowledged */
    Pb__TokenProto *token;
    Pb__LocatedBlockProto
        *offered;  /* in arena: the first block, which came with the file; not used yet */
    uint64_t sent; /* bytes of the block that were sent at most */
    struct pipeline_node nodes[PIPELINE_NODES_MAX];
    int count, bad; /* bad: index of the node that failed, -1 when none is known */
    struct dn_conn *conn;
    bool ended; /* the packet that ends the block is acknowledged: nothing is under way on conn */
    uint64_t last_send_ms;
    uint8_t acks[ACK_BYTES_MAX];
    size_t acks_n;
    struct arena arena;                                  /* of this block */
    struct arena kept;                                   /* of the whole file: excluded nodes */
    Pb__DatanodeInfoProto *excluded[PIPELINE_NODES_MAX]; /* could not be set up, or failed */
    int excluded_count;
};

void pipeline_init(struct pipeline *p, struct dfs *fs, const char *path);
void pipeline_done(struct pipeline *p);

/* Asks for the next block and builds a pipeline to it; datanodes that can't be reached are left
 * out of the next try. */
int pipeline_add_block(struct pipeline *p, struct err *err);

/* Writes the next block as a whole: the packets of @q, which are all of it, WHOLE_PACKETS_MAX at
 * most, go out together with the request for the pipeline, and again, as another block, when that
 * one fails.  What is acknowledged, in the end all, moves to @done. */
int pipeline_write_block(struct pipeline *p, struct packet_queue *q, struct packet **done,
                         struct err *err);

/* Nothing was written: the block that was offered, if any, goes back. */
int pipeline_decline(struct pipeline *p, struct err *err);

/* Takes the last block of a file that is appended to; pipeline_rebuild(STAGE_APPEND) comes next. */
int pipeline_adopt(struct pipeline *p, const Pb__LocatedBlockProto *b, struct err *err);

/* What is written next begins a block behind @last, which stays as it is. */
int pipeline_follow(struct pipeline *p, const Pb__ExtendedBlockProto *last, struct err *err);

/* Builds the pipeline again without p->bad. */
int pipeline_rebuild(struct pipeline *p, enum pipeline_stage stage, struct err *err);

/* For one unit of a block group, whose writer asks the namenode itself: builds the pipeline to a new
 * internal block, and builds it again under the stamp @gs, which counts once the namenode knows.
 * Everything that was sent is acknowledged then.  @b must live until the block is ended. */
int pipeline_start(struct pipeline *p, const Pb__LocatedBlockProto *b, struct err *err);
int pipeline_restart(struct pipeline *p, uint64_t gs, struct err *err);

/* addBlock, asked again while the block before it has too few replicas. */
int pipeline_ask_block(struct dfs *fs, const Pb__AddBlockRequestProto *req, struct arena *arena,
                       Pb__LocatedBlockProto **out, struct err *err);

/* Sends what is unsent.  A failure marks the bad node, if it is known. */
int pipeline_send(struct pipeline *p, struct packet_queue *q, struct err *err);
int pipeline_send_heartbeat(struct pipeline *p, struct err *err);

/* Takes acknowledgements that have come, waiting for one when @wait: packets that are
 * acknowledged move to @done.  Returns how many, or -ERR_X with the bad node marked. */
int pipeline_acks(struct pipeline *p, struct packet_queue *q, struct packet **done, bool wait,
                  struct err *err);

void pipeline_disconnect(struct pipeline *p);
/* The block is whole: what remains is its name, and the connection for another block. */
void pipeline_end_block(struct pipeline *p);

#endif
